"""What is taken in is committed in one's turn and synced after it: before anybody is told."""

import os
import sqlite3
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.ports.store import JobKind
from ceralacca.store import database as module
from ceralacca.store import write_ahead
from ceralacca.store.write_ahead import WriteAhead
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON


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


def test_the_file_is_synced_and_its_name_once(written, synced):
    folder, _ = written
    log = WriteAhead(str(folder / "pec.db"))
    log.sync()
    log.sync()
    log.close()
    file = (folder / "pec.db-wal").stat().st_ino
    assert synced == [folder.stat().st_ino, file, file]


def test_a_log_that_was_begun_anew_is_another_file(written, synced):
    folder, connection = written
    log = WriteAhead(str(folder / "pec.db"))
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
    log = WriteAhead(str(tmp_path / "link.db"))
    log.sync()
    log.close()
    assert synced[-1] == (folder / "pec.db-wal").stat().st_ino


@pytest.mark.requirement("AP-25")
def test_nobody_is_told_before_what_was_taken_in_is_synced(database_store, synced, monkeypatch):
    told, reach = [], module.reach
    apart = database_store._database.write_ahead is not None

    def watched(name):
        if name == "database.receive.between":  # others can work on it, but whoever asked is not answered yet
            assert database_store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
        told.append((name, len(synced)))
        reach(name)

    monkeypatch.setattr(module, "reach", watched)
    database_store.receive([some.inbound()], now=NOON)
    of = dict(told)
    assert ("database.receive.between" in of) is apart
    if apart:
        assert of["database.receive.between"] == 0 < of["database.receive.after"]


@pytest.mark.requirement("AP-25")
def test_what_may_not_be_durable_is_not_said_to_be_received(database_store, monkeypatch):
    if database_store._database.write_ahead is None:
        pytest.skip("this engine syncs in its commit")

    def refuse(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(write_ahead.os, "fdatasync", refuse)
    with pytest.raises(WorldError, match="Input/output error"):
        database_store.receive([some.inbound()], now=NOON)
