"""What of a database is durable at a power cut: all up to the last sync, by whomever, and nothing after it."""

import os
import sqlite3
from contextlib import closing

import pytest

from ceralacca.ports.store import Commit, JobKind, Keep
from ceralacca.store import engine
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.store.driver import Direct
from ceralacca.store.turn import Turn
from ceralacca.store.write_ahead import WriteAhead
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.crash_write_ahead import VolatileLog
from ceralacca.testing.databases import sqlite_url

KEEP = Keep(kinds=frozenset(), now=NOON, lease=some.LEASE, limit=0)


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """What is written down of a store's log; the calls that were replaced come back after the test."""
    for place, name in ((os, "fdatasync"), (Direct, "begin"), (engine, "_run"), (Turn, "give")):
        monkeypatch.setattr(place, name, getattr(place, name))
    heard = []
    VolatileLog(tmp_path, lambda *words: heard.append(words)).install()
    return heard


@pytest.fixture
def store(tmp_path, notes):
    with closing(open_store(sqlite_url(tmp_path), tmp_path, StoreSettings(reads_are_durable=False))) as opened:
        yield opened


def left(tmp_path, notes):
    """Return the jobs that are in a copy of the database whose log ends where it was durable last."""
    (database,) = (path for path in tmp_path.glob("*") if (path.with_name(f"{path.name}-wal")).exists())
    copy = tmp_path / "copy"
    copy.write_bytes(database.read_bytes())
    log = database.with_name(f"{database.name}-wal").read_bytes()
    (tmp_path / "copy-wal").write_bytes(log[: notes[-1][2]])
    with closing(sqlite3.connect(copy)) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM job")}


def works(name):
    return [Commit(jobs=(some.job(name, JobKind.RELAY),), instant=NOON)]


@pytest.mark.requirement("DP-3")
def test_a_commit_that_nobody_syncs_is_lost(tmp_path, notes, store, monkeypatch):
    monkeypatch.setattr(WriteAhead, "begin", lambda log: log.sync)  # not before it is waited for
    store.commit(works("synced"))
    kept = store.commit_and_keep(works("not yet"), (), KEEP)
    assert left(tmp_path, notes) == {"synced"}
    kept.settle()
    assert left(tmp_path, notes) == {"synced", "not yet"}


@pytest.mark.requirement("DP-3")
def test_a_synced_commit_of_anybody_makes_all_before_durable(tmp_path, notes, store, monkeypatch):
    monkeypatch.setattr(WriteAhead, "begin", lambda log: log.sync)
    store.commit_and_keep(works("not yet"), (), KEEP)
    store.add_domain("pec.alfa.example", now=NOON)  # over SQLAlchemy's connections
    assert left(tmp_path, notes) == {"not yet"}


def test_other_files_are_synced_as_before(tmp_path, notes):
    file = os.open(tmp_path / "claims", os.O_RDWR | os.O_CREAT, 0o600)
    os.fdatasync(file)
    os.close(file)
    assert notes == []
