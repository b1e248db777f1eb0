"""One sandbox for the tests that change nothing in it: making its keys takes a while."""

import shutil
from pathlib import Path

import pytest

from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.testing.clock import FixedClock


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox.create(tmp_path_factory.mktemp("authority") / "sandbox", clock=FixedClock())


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def sandbox(tmp_path: Path, shared: Sandbox, clock: FixedClock) -> Sandbox:
    """A copy that the test may change."""
    shutil.copytree(shared.folder, tmp_path / "sandbox")
    (tmp_path / "sandbox").chmod(0o700)
    return Sandbox.open(tmp_path / "sandbox", clock=clock)
