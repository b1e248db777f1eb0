"""Errands as the pages hand them in: what is refused, what is kept, and what becomes of a process that dies."""

import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.apps.errands.child import Ended, do
from ceralacca.apps.errands.desk import Elsewhere, ErrandDesk, NotNow
from ceralacca.apps.errands.exporting import SafeNames
from ceralacca.apps.errands.launcher import Launcher
from ceralacca.apps.errands.progress import Reporter
from ceralacca.apps.errands.task import Server, Task
from ceralacca.apps.errands.tidy import tidy_errands
from ceralacca.core.model.address import Address
from ceralacca.net.public_address import NotPublic
from ceralacca.ports.errand import KEPT_FOR, Errand, ErrandKind, ErrandState, UnderWay
from ceralacca.store import schema
from ceralacca.store.database import open_store
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock
from ceralacca.testing.databases import sqlite_url

ANNA = Address("anna@pec.beta.example")
OURS = Server(address="127.0.0.1", port=1, name="localhost")


@pytest.fixture
def store(tmp_path):
    schema.upgrade(sqlite_url(tmp_path))
    opened = open_store(sqlite_url(tmp_path), tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock():
    return FixedClock(NOON)


@pytest.fixture
def desk(store, clock, tmp_path):
    (tmp_path / "handouts").mkdir()
    made = ErrandDesk(
        store.errands(),
        handouts=tmp_path / "handouts",
        database=sqlite_url(tmp_path),
        ours=lambda: OURS,
        elsewhere=Elsewhere(size=1000),
        extracts=True,
        now=clock.now,
        entropy=CountingEntropy(),
    )
    yield made
    made.close()


def task(number="a", kind=ErrandKind.EXPORT, **more):
    return Task(
        number=number, kind=kind, mailbox=ANNA.text, database="", handouts="", ours=OURS, ticket="segreto", **more
    )


def ended(store, number, *, kind=ErrandKind.IMPORT, state=ErrandState.FAILED, at=NOON, **more):
    one = Errand(number=number, mailbox=ANNA, kind=kind, asked={}, created=at, seen=at)
    store.errands().add(one)
    store.errands().finish(replace(one, state=state, **more), now=at)
    return replace(one, state=state, **more)


def test_a_task_is_read_back_with_its_secrets():
    one = task(kind=ErrandKind.IMPORT, other=OURS, user="u", password="è")
    assert Task.read(one.octets()) == one


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("", "host"),
        ("localhost", "host"),
        ("imap.x.example:143", "host"),
        ("127.0.0.1:993", "host"),
        ("è.example", "host"),
    ],
)
def test_no_server_no_errand(desk, host, reason):
    with pytest.raises(NotNow) as refused:
        desk.bring(ANNA, "t", host=host, user="u", password="p")
    assert refused.value.reason == "host"
    assert desk.errands.of_mailbox(ANNA) == []


def test_addresses_of_our_own_networks_are_no_servers(desk):
    with pytest.raises(NotPublic):
        desk.bring(ANNA, "t", host="127.0.0.1", user="u", password="p")
    with pytest.raises(NotPublic):
        desk.bring(ANNA, "t", host="169.254.169.254", user="u", password="p")


@pytest.mark.parametrize(
    ("user", "password"), [("", "p"), ("u", ""), ("u\r\nX LOGOUT", "p"), ("u", "p\n"), ("u" * 601, "p")]
)
def test_an_account_has_a_name_and_a_password_on_one_line(desk, user, password):
    with pytest.raises(NotNow, match="account"):
        desk.bring(ANNA, "t", host="8.8.8.8", user=user, password=password)


def test_nobody_tries_passwords_out_through_us(desk, store, clock):
    for number in range(10):
        ended(store, f"n{number}", outcome={"reason": "refused"})
    with pytest.raises(NotNow, match="guesses"):
        desk.bring(ANNA, "t", host="8.8.8.8", user="u", password="p")
    clock.advance(timedelta(days=1))
    with pytest.raises(NotPublic):  # the day is over: the next question is asked
        desk.bring(ANNA, "t", host="10.0.0.1", user="u", password="p")


def test_three_files_wait_and_no_more_and_go_when_their_day_is_over(desk, store, clock, tmp_path):
    made = []
    for number in range(3):
        more = {"file": "x.zip", "size": 1, "until": NOON + KEPT_FOR}
        made.append(ended(store, f"n{number}", kind=ErrandKind.EXPORT, state=ErrandState.DONE, **more))
        (tmp_path / "handouts" / f"n{number}").write_bytes(b"x")
    (tmp_path / "handouts" / "nobodys").write_bytes(b"x")
    with pytest.raises(NotNow, match="kept"):
        desk.extract(ANNA, {"purpose": "x"})
    desk.drop(made[0])
    assert desk.file(made[0]) is None
    assert desk.file(made[1]).read_bytes() == b"x"
    desk.extract(ANNA, {"purpose": "x"})
    with pytest.raises(UnderWay):
        desk.extract(ANNA, {"purpose": "x"})
    assert tidy_errands(store.errands(), tmp_path / "handouts", NOON) == 1
    clock.advance(KEPT_FOR)
    assert desk.file(made[1]) is None
    assert tidy_errands(store.errands(), tmp_path / "handouts", clock.now()) == 2


def test_without_the_logs_key_there_are_no_extracts(desk):
    desk.extracts = False
    with pytest.raises(NotNow, match="extracts"):
        desk.extract(ANNA, {"purpose": "x"})


def test_a_process_that_dies_is_told_and_the_next_has_its_turn():
    failed = []
    launcher = Launcher(
        failed.append, command=(sys.executable, "-c", "import sys; sys.exit(len(sys.stdin.read()) > 0)")
    )
    launcher.start(task("a"))
    launcher.start(task("b"))
    launcher._pool.shutdown(wait=True)
    assert sorted(one.number for one in failed) == ["a", "b"]


def test_what_runs_ends_with_the_role():
    failed = []
    code = "import sys, time; sys.stdin.read(); time.sleep(600)"
    launcher = Launcher(failed.append, command=(sys.executable, "-c", code))
    launcher.start(task("a"))
    while not launcher._running:
        pass
    launcher.close()
    assert [one.number for one in failed] == ["a"]


def test_a_failure_that_was_foreseen_is_told_with_its_reason(store, monkeypatch):
    one = Errand(number="a", mailbox=ANNA, kind=ErrandKind.IMPORT, asked={}, created=NOON, seen=NOON)
    store.errands().add(one)

    def full(*_args):
        raise Ended("full")

    monkeypatch.setattr("ceralacca.apps.errands.child._import", full)
    do(task("a", ErrandKind.IMPORT), store.errands())
    told = store.errands().find("a", ANNA)
    assert (told.state, told.outcome) == (ErrandState.FAILED, {"reason": "full"})


def test_progress_is_written_once_a_second(store):
    one = Errand(number="a", mailbox=ANNA, kind=ErrandKind.EXPORT, asked={}, created=NOON, seen=NOON)
    store.errands().add(one)
    passed = iter([0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.5])
    report = Reporter(store.errands(), "a", clock=FixedClock(NOON), elapsed=lambda: next(passed))
    written = []
    for done in range(1, 5):
        report(done, 9)
        written.append(store.errands().find("a", ANNA).done)
    assert written == [1, 1, 3, 3]
    assert report.done == 4


def test_names_of_folders_are_paths_that_every_file_system_takes():
    names = SafeNames()
    made = [names.of(name) for name in ("INBOX", "inbox", "a/b", "A/b", "a/../b", "cur", "con", "x:y", "x_y", "")]
    assert len({tuple(part.casefold() for part in one) for one in made}) == len(made)
    assert not {"..", "", "."} & {part for one in made for part in one}
    assert names.of("a/b") == ("a", "b")
