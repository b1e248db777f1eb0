"""One running nation for a module: real processes, real sockets, clients that know nothing of us."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ceralacca.apps import diagnostics
from ceralacca.apps.demo.cast import MARIO
from ceralacca.apps.demo.checks import Checker
from ceralacca.apps.demo.messages import letter
from ceralacca.apps.demo.nation import set_up
from ceralacca.apps.demo.ports import HOST, SPAN, Ports
from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.demo.stage import Stage
from ceralacca.apps.demo.watch import Lookout
from ceralacca.apps.settings.sections import LogSection
from ceralacca.base.errors import UserError

from .recipes import Desk

_NEEDED = ("/usr/sbin/clamd", "/usr/sbin/dovecot")


def free_ports() -> Ports:
    """Find a stretch of ports that nobody listens on; each test process begins its search elsewhere."""
    for start in range(20000 + os.getpid() % 97 * 100, 31000, SPAN):
        ports = Ports(base=start)
        try:
            ports.check_free()
        except UserError:
            continue
        return ports
    raise AssertionError("no free ports")


@contextmanager
def passable_folder():
    """Give a folder that Dovecot's user can come to when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="pec-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sized(octets: int, **options) -> bytes:
    """Write a message of exactly so many octets."""
    head = letter(body="\r\n", **options)
    lines, rest = divmod(octets - len(head), 72)
    body = ("x" * 70 + "\r\n") * (lines - 1) + "y" * (70 + rest) + "\r\n"
    return head + body.encode()


@pytest.fixture(scope="module")
def running():
    missing = [program for program in _NEEDED if not Path(program).exists()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    with passable_folder() as folder:
        diagnostics.configure(LogSection(file=folder / "test.log", stderr=False), role="test")
        nation = set_up(folder / "nation", free_ports())
        with RunningNation(nation) as running:
            yield running


@pytest.fixture(scope="module")
def lookout(running):
    with Lookout(running) as lookout:
        yield lookout


@pytest.fixture
def stage(running, lookout):
    """A stage on which nothing is on its way."""
    lookout.rest()
    return Stage(running, lookout, Checker(running.nation, lookout.stores))


@pytest.fixture
def host():
    return HOST


@pytest.fixture
def desk(running):
    """The home folder of a holder who sets up mail programs by `docs/clients.md`."""
    with passable_folder() as folder:
        home = folder / "home"
        home.mkdir()
        yield Desk(home, running, MARIO)
