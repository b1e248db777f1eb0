"""Every fuzz target over its kept corpus: what was once found stays found.

A target is a module of this folder with `test_one_input(data)`; its corpus is the folder `corpus/<name of the module>`.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
TARGETS = sorted(
    path for path in HERE.glob("*.py") if "def test_one_input(" in path.read_text() and path.name != Path(__file__).name
)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=TARGETS, ids=lambda path: path.stem)
def target(request) -> tuple[str, Callable[[bytes], None]]:
    return request.param.stem, load(request.param).test_one_input


@pytest.mark.requirement("SE-7")
def test_the_target_survives_its_kept_corpus(target):
    name, test_one_input = target
    kept = sorted(path for path in (HERE / "corpus" / name).iterdir() if path.is_file())
    assert kept, f"no corpus for {name}"
    for path in kept:
        test_one_input(path.read_bytes())


@pytest.mark.requirement("SE-7")
def test_the_target_survives_octets_without_form(target):
    from hypothesis import given, settings
    from hypothesis import strategies as st

    _, test_one_input = target
    given(st.binary(max_size=2000))(settings(max_examples=50)(test_one_input))()
