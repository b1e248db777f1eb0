"""The holder's guide: every step of it works, in both languages, and its pictures are there and small."""

import importlib.util
import re
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
GUIDES = {"it": ROOT / "docs" / "how-to" / "guida-del-titolare.md", "en": ROOT / "docs" / "how-to" / "holder-guide.md"}
LARGEST = 80_000


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("guide_pictures", ROOT / "tools" / "guide_pictures.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def shown(guide):
    """Return the pictures of a guide that have a text in place of them, in their order."""
    return [(guide.parent / path).resolve() for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", guide.read_text("utf-8"))]


@pytest.mark.parametrize("language", GUIDES)
def test_the_guide_shows_every_step_in_its_order(tool, language):
    wanted = [tool.PICTURES / language / f"{step.name}.png" for step in tool.STEPS]
    assert shown(GUIDES[language]) == wanted
    assert sorted((tool.PICTURES / language).iterdir()) == wanted
    for path in wanted:
        assert path.stat().st_size < LARGEST
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.width) == ("PNG", "P", 1000)


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.parametrize("language", GUIDES)
def test_every_step_works(tool, running, browser, language, tmp_path):
    taken = dict(tool.play(browser, running, language))
    assert list(taken) == [step.name for step in tool.STEPS]
    for png in taken.values():
        with Image.open(BytesIO(png)) as picture:
            assert picture.width == 1000
            assert len(picture.convert("L").getcolors()) > 10
