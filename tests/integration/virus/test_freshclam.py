"""A real freshclam, started by us, fetches signatures over HTTP; a real clamd finds with them what it missed before."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ceralacca.apps.virus_scan import update_if_due
from ceralacca.base.errors import UserError
from ceralacca.net.clamd import Clamd
from ceralacca.net.clamd_child import ClamdChild
from ceralacca.net.freshclam import PROGRAM, Freshclam, UpdateState, read_update_state
from ceralacca.testing.clock import NOON

pytestmark = [pytest.mark.system, pytest.mark.requirement("VI-3")]

NEW = b"a virus that is known since today"
EVERY = timedelta(hours=1)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/own.ndb"
        server.shutdown()


def publish(folder: Path, *known: bytes) -> None:
    lines = [f"Own.Virus-{number}:0:*:{octets.hex()}\n" for number, octets in enumerate(known)]
    (folder / "own.ndb").write_text("".join(lines))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    publish(folder, b"a virus that is known for years")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of clamd inside one that nobody else may enter."""
    return tmp_path / "data" / "clamd"


def run(updates: Freshclam, now=NOON) -> bool:
    updates.start(now)
    pause = threading.Event()
    for _ in range(600):
        changed = updates.poll(now)
        if not updates.running:
            return changed
        pause.wait(0.1)
    pytest.fail("freshclam does not end")


def test_signatures_come_and_are_in_use_at_once(published: Path, home: Path) -> None:
    with mirror(published) as address:
        updates = Freshclam(home, home / "signatures", more=[address], official=False)
        assert run(updates)
        child = ClamdChild(home, database=home / "signatures")
        child.start()
        try:
            client = Clamd(child.settings)
            assert client._stream(NEW).clean
            publish(published, b"a virus that is known for years", NEW)
            os.utime(published / "own.ndb", (2_000_000_000, 2_000_000_000))
            later = NOON + EVERY
            update_if_due(updates, later, every=EVERY, clamd=client)
            pause = threading.Event()
            for _ in range(600):
                update_if_due(updates, later, every=EVERY, clamd=client)
                if not client._stream(NEW).clean:
                    break
                pause.wait(0.1)
            assert "Own.Virus-1" in client._stream(NEW).virus
        finally:
            child.stop()
        assert updates.state == UpdateState(attempted=later, succeeded=later, changed=later)


def test_what_came_of_a_run_outlives_the_process(published: Path, home: Path) -> None:
    with mirror(published) as address:
        assert run(Freshclam(home, home / "signatures", more=[address], official=False))
        again = Freshclam(home, home / "signatures", more=[address], official=False)
        assert again.state == read_update_state(home) == UpdateState(attempted=NOON, succeeded=NOON, changed=NOON)
        later = NOON + EVERY
        assert not run(again, later), "nothing new"
    assert read_update_state(home) == UpdateState(attempted=later, succeeded=later, changed=NOON)


def test_a_mirror_that_is_away_is_told_and_the_old_signatures_stay(published: Path, home: Path) -> None:
    with mirror(published) as address:
        run(Freshclam(home, home / "signatures", more=[address], official=False))
    updates = Freshclam(home, home / "signatures", more=[address], official=False)
    assert not run(updates, NOON + EVERY)

    assert updates.state.succeeded == NOON
    assert updates.state.said
    assert (home / "signatures" / "own.ndb").exists()


def test_spoilt_signatures_are_not_taken(published: Path, home: Path) -> None:
    (published / "own.ndb").write_text("nonsense\n")
    with mirror(published) as address:
        updates = Freshclam(home, home / "signatures", more=[address], official=False)
        assert not run(updates)
    assert updates.state.succeeded is None
    assert not (home / "signatures" / "own.ndb").exists()


def test_it_runs_once_an_hour(home: Path) -> None:
    class Counted(Freshclam):
        begun = 0

        def start(self, now):
            self.begun += 1
            self.state = UpdateState(attempted=now)

        def poll(self, now):
            return False

    updates = Counted(home, home / "signatures")
    for minutes in (0, 1, 59, 60, 61, 120):
        update_if_due(updates, NOON + timedelta(minutes=minutes), every=EVERY, clamd=None)
    assert updates.begun == 3


def test_without_freshclam_the_remedy_is_named(home: Path) -> None:
    with pytest.raises(UserError) as caught:
        Freshclam(home, home / "signatures", program=home / "nowhere")
    assert "clamav-freshclam" in caught.value.remedy
    assert PROGRAM.name == "freshclam"
