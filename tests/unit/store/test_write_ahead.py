"""What is taken in, and what a worker goes on with, is committed in one's turn and synced after it.

Nobody is told before, and nothing leaves the house.
"""

import os
import sqlite3
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Commit, JobKind, Keep
from ceralacca.store import database as module
from ceralacca.store import write_ahead
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.store.write_ahead import WriteAhead
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url


@pytest.fixture
def synced(monkeypatch):
    """Inodes of files and folders in the order in which they are synced by us."""
    files = []
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)

        def watched(handle, real=real):
            files.append(os.fstat(handle).st_ino)
            real(handle)

        monkeypatch.setattr(write_ahead.os, name, watched)
    return files


@pytest.fixture
def written(tmp_path):
    """A database in a folder of its own, and a connection that keeps it open."""
    folder = tmp_path / "real"
    folder.mkdir()
    connection = sqlite3.connect(folder / "pec.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE one (it)")
    yield folder, connection
    connection.close()


@pytest.fixture
def unheeded_store(tmp_path):
    """A store of one who acts on nothing that is read before a claim or a commit of its own."""
    opened = open_store(sqlite_url(tmp_path), tmp_path, StoreSettings(reads_are_durable=False))
    yield opened
    opened.close()


@pytest.fixture
def synced_apart(database_store):
    """A store whose commits can be synced after their turn."""
    if database_store._database.write_ahead is None:
        pytest.skip("this engine syncs in its commit")
    return database_store


def no_checkpoint():
    raise AssertionError("nobody is in doubt")


def refuse(handle):
    raise OSError(5, "Input/output error")


def test_the_file_is_synced_and_its_name_once(written, synced):
    folder, _ = written
    log = WriteAhead(str(folder / "pec.db"), no_checkpoint)
    log.sync()
    log.sync()
    log.close()
    file = (folder / "pec.db-wal").stat().st_ino
    assert synced == [folder.stat().st_ino, file, file]


def test_a_log_that_was_begun_anew_is_another_file(written, synced):
    folder, connection = written
    log = WriteAhead(str(folder / "pec.db"), no_checkpoint)
    log.sync()
    connection.close()  # the last one: SQLite moves all into the database, synced, and removes the log
    synced.clear()
    log.sync()
    assert synced == []
    again = sqlite3.connect(folder / "pec.db", isolation_level=None)
    again.execute("INSERT INTO one VALUES (1)")
    log.sync()
    assert synced[-1] == (folder / "pec.db-wal").stat().st_ino
    log.close()
    again.close()


def test_a_link_to_the_database_leads_to_its_log(written, synced, tmp_path):
    folder, _ = written
    (tmp_path / "link.db").symlink_to(folder / "pec.db")
    log = WriteAhead(str(tmp_path / "link.db"), no_checkpoint)
    log.sync()
    log.close()
    assert synced[-1] == (folder / "pec.db-wal").stat().st_ino


def test_a_sync_in_the_background_is_waited_for(written, synced, by_threads):
    folder, connection = written
    log = WriteAhead(str(folder / "pec.db"), no_checkpoint)
    settle = log.begin()
    settle()
    settle()
    assert synced == [folder.stat().st_ino, (folder / "pec.db-wal").stat().st_ino]
    connection.close()
    log.begin()()  # all of it is in the database
    assert len(synced) == 2
    log.close()


@pytest.mark.parametrize("begins", [False, True])
def test_after_a_sync_that_failed_nothing_is_certain_before_a_checkpoint(written, monkeypatch, by_threads, begins):
    folder, _ = written
    moved, real = [], os.fdatasync

    def checkpoint():
        moved.append(len(moved))
        if len(moved) == 1:
            raise WorldError("others read")

    log = WriteAhead(str(folder / "pec.db"), checkpoint)
    monkeypatch.setattr(write_ahead.os, "fdatasync", refuse)
    with pytest.raises(WorldError, match="Input/output error"):
        log.begin()() if begins else log.sync()
    monkeypatch.setattr(write_ahead.os, "fdatasync", real)  # a kernel tells of an error once
    with pytest.raises(WorldError, match="others read"):
        log.begin()() if begins else log.sync()
    log.begin()()
    log.sync()
    assert moved == [0, 1]
    log.close()


def test_what_was_under_way_when_another_sync_failed_is_in_doubt_as_well(written, monkeypatch, by_threads):
    folder, _ = written
    moved = []
    log = WriteAhead(str(folder / "pec.db"), lambda: moved.append("all"))
    settle = log.begin()
    with monkeypatch.context() as patched:
        patched.setattr(log, "_opened", lambda: refuse(None))
        with pytest.raises(WorldError, match="Input/output error"):
            log.sync()
    settle()
    assert moved == ["all"]
    log.close()


@pytest.mark.requirement("AP-25")
def test_nobody_is_told_before_what_was_taken_in_is_synced(database_store, synced, monkeypatch):
    told, reach = [], module.reach
    apart = database_store._database.write_ahead is not None

    def watched(name):
        told.append((name, len(synced)))
        if name == "database.receive.between":  # others can work on it, but whoever asked is not answered yet
            assert database_store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
        reach(name)

    monkeypatch.setattr(module, "reach", watched)
    database_store.receive([some.inbound()], now=NOON)
    of = dict(told)
    assert ("database.receive.between" in of) is apart
    if apart:
        assert of["database.receive.between"] == 0 < of["database.receive.after"]


@pytest.mark.requirement("AP-25")
def test_what_may_not_be_durable_is_not_said_to_be_received(synced_apart, monkeypatch):
    monkeypatch.setattr(write_ahead.os, "fdatasync", refuse)
    with pytest.raises(WorldError, match="Input/output error"):
        synced_apart.receive([some.inbound()], now=NOON)


@pytest.mark.requirement("AP-25")
def test_what_is_received_after_a_failure_is_in_the_database_itself(synced_apart, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(write_ahead.os, "fdatasync", refuse)
        with pytest.raises(WorldError):
            synced_apart.receive([some.inbound("first")], now=NOON)
    synced_apart.receive([some.inbound("second")], now=NOON)
    (log,) = tmp_path.glob("*-wal")
    assert log.stat().st_size == 0
    assert synced_apart.inbound("first") is not None


KEEP = Keep(kinds=frozenset({JobKind.DELIVERY}), now=NOON, lease=some.LEASE, limit=10, claimer="me")


@pytest.mark.requirement("DP-3")
@pytest.mark.usefixtures("by_threads")
def test_what_a_worker_goes_on_with_is_seen_at_once_and_durable_when_it_has_settled(database_store, synced):
    apart = database_store._database.write_ahead is not None
    works = Commit(jobs=(some.job("out", JobKind.RELAY), some.job("mine", JobKind.DELIVERY)), instant=NOON)
    kept = database_store.commit_and_keep([works], (), KEEP)
    assert [job.key for job in kept.jobs] == ["mine"]
    assert {job.key for job in database_store.jobs()} == {"out", "mine"}
    kept.settle()
    assert bool(synced) is apart
    synced.clear()
    kept = database_store.commit_and_keep([Commit(done=kept.jobs[0].id, repeatable=True)], (), KEEP)
    kept.settle()
    assert synced == [], "a power cut may take this back"


@pytest.mark.requirement("DP-3")
@pytest.mark.parametrize("kind", JobKind)
def test_a_job_that_leads_out_is_claimed_once_it_is_durable(unheeded_store, synced, kind):
    unheeded_store.commit([Commit(jobs=(some.job("one", kind),), instant=NOON)])
    synced.clear()
    (job,) = unheeded_store.claim([kind], now=NOON, limit=1, lease=some.LEASE)
    leads_out = kind in {JobKind.DELIVERY, JobKind.RELAY, JobKind.NOTICE, JobKind.WEBHOOK}
    assert bool(synced) is job.kind.leads_out is leads_out


@pytest.mark.requirement("LO-8")
def test_what_is_read_is_durable_unless_nobody_acts_on_it(database_store, unheeded_store, synced):
    of = {database_store: database_store._database.write_ahead is not None, unheeded_store: False}
    for store, told in of.items():
        for read in (store.sent, store.log_of):
            synced.clear()
            read("id")
            assert bool(synced) is told
        synced.clear()
        assert (store.next_due(JobKind), store.claim(JobKind, now=NOON, limit=1, lease=some.LEASE)) == (None, [])
        assert synced == [], "whoever looks at the queue acts on what is claimed"


@pytest.mark.requirement("DP-3")
@pytest.mark.usefixtures("by_threads")
def test_what_cannot_be_made_durable_is_told_by_what_settles(synced_apart, monkeypatch):
    monkeypatch.setattr(write_ahead.os, "fdatasync", refuse)
    kept = synced_apart.commit_and_keep([Commit(jobs=(some.job("mine", JobKind.DELIVERY),))], (), KEEP)
    with pytest.raises(WorldError, match="Input/output error"):
        kept.settle()
