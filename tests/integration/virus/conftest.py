"""One real clamd with the demonstration's signatures for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ceralacca.net.clamd_child import ClamdChild


@pytest.fixture(scope="session")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClamdChild]:
    child = ClamdChild(tmp_path_factory.mktemp("virus") / "clamd")
    child.start()
    yield child
    child.stop()


@pytest.fixture
def own_clamd(tmp_path: Path) -> Iterator[ClamdChild]:
    """One that the test may kill."""
    child = ClamdChild(tmp_path / ("long-" * 20) / "clamd")
    child.start()
    yield child
    child.stop()
