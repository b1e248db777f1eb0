"""A process is killed at every durable act: what it was told is there, and what is there is whole."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ceralacca.base.failpoints import VARIABLE
from ceralacca.ports.store import JobKind
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.store.tables import BLOB, INBOUND, LETTER, RECIPIENT_STATE
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

COMMITTER = Path(__file__).with_name("committer.py")
LATER = NOON + timedelta(days=1)

POINTS = [
    "blobs.put.before:3",
    "blobs.rename.before:3",
    "blobs.rename.after:3",
    "blobs.put.after:3",
    "packs.write.before:2",
    "packs.sync.before:2",
    "packs.put.after:2",
    "database.receive.before:2",
    "database.receive.after:2",
    "database.claim.before:2",
    "database.claim.after:2",
    "database.commit.before:2",
    "database.sync.before:3",
    "database.sync.before:4",
    "database.sync.after:3",
    "database.sync.after:4",
    "database.commit.after:2",
]

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.system)]


@pytest.fixture(params=ENGINES)
def url(request, tmp_path):
    return sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()


def run(url, folder, name, failpoint=""):
    """Run a child; return the names it said were received, and those it said were committed."""
    child = subprocess.run(
        [sys.executable, COMMITTER, url, folder, name],
        env={**os.environ, VARIABLE: failpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == (-9 if failpoint else 0), child.stderr
    said = {"received": [], "committed": [], "finished": []}
    for line in child.stdout.splitlines():
        act, *names = line.split()
        said[act] += names
    return said["received"], said["committed"]


def opened(url, folder):
    return open_store(url, folder, StoreSettings(row_limit=200))


def check_whole(store):
    """Nothing half: each step is there with all it has or not at all, and every row has its octets."""
    with store._database.reading() as connection:
        for table in (INBOUND, LETTER):
            for row in connection.execute(select(table.c.digest, BLOB.c.size).join(BLOB)):
                assert len(store.octets(row.digest)) == row.size
        received = set(connection.scalars(select(INBOUND.c.key)))
        accepted = {key.partition("/")[0] for key in connection.scalars(select(LETTER.c.key))}
        states = list(connection.scalars(select(RECIPIENT_STATE.c.identifier)))
    jobs = {job.key for job in store.jobs(limit=1000)}
    for name in received:
        assert (f"submission:{name}" in jobs) is (name not in accepted)
    for name in accepted:
        assert f"relay:{name}" in jobs
        assert len(store.log_of(name)) == 1
        assert states.count(name) == 2
        assert store.sent(name) is not None
    assert accepted <= received
    return received, accepted


@pytest.mark.requirement("AP-25", "IP-21", "LO-3")
@pytest.mark.parametrize("failpoint", POINTS)
def test_what_was_answered_survives_a_kill_and_the_rest_is_done_again(url, tmp_path, failpoint):
    told_received, told_committed = run(url, tmp_path, "one", failpoint)
    store = opened(url, tmp_path)
    received, accepted = check_whole(store)
    assert set(told_received) <= received
    assert set(told_committed) <= accepted

    waiting = store.claim([JobKind.SUBMISSION], now=LATER, limit=100, lease=some.LEASE)
    assert {job.payload["inbound"] for job in waiting} == received - accepted
    store.close()


@pytest.mark.requirement("AP-25")
@pytest.mark.parametrize("failpoint", ["blobs.rename.after:3", "database.sync.before:4"])
def test_a_killed_run_can_be_repeated(url, tmp_path, failpoint):
    """The second run takes up everything that the first left, and each thing is there once."""
    run(url, tmp_path, "one", failpoint)
    store = opened(url, tmp_path)
    for job in store.jobs(kind=JobKind.SUBMISSION):
        store.release(job.id, now=LATER)
    store.close()
    run(url, tmp_path, "one")

    again = opened(url, tmp_path)
    received, _ = check_whole(again)
    assert len(received) == 24
    again.close()


@pytest.mark.requirement("AP-25")
@pytest.mark.system
def test_what_was_answered_survives_the_death_of_the_database_server(postgresql, tmp_path):
    url = postgresql.new_database()
    told_received, told_committed = run(url, tmp_path, "one")
    postgresql.kill()
    postgresql.start()
    store = opened(url, tmp_path)

    received, accepted = check_whole(store)
    assert set(told_received) == received
    assert set(told_committed) == accepted
    store.close()


@pytest.mark.system
def test_a_store_outlives_its_server(postgresql, tmp_path):
    """The call that meets the dead connection fails as the world's; the next ones work."""
    store = opened(postgresql.new_database(), tmp_path)
    store.receive([some.inbound("a")], now=NOON)
    postgresql.kill()
    postgresql.start()
    attempts = 0
    while store_is_away(store):
        attempts += 1
        assert attempts < 5

    assert store.inbound("a") is not None
    store.close()


def store_is_away(store):
    from ceralacca.base.errors import WorldError

    try:
        store.receive([some.inbound("b")], now=NOON)
    except WorldError:
        return True
    return False


def test_processes_share_a_store(url, tmp_path):
    """Three children at once: every message is received and accepted once, whoever had it."""
    opened(url, tmp_path).close()
    children = [
        subprocess.Popen(
            [sys.executable, COMMITTER, url, tmp_path, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in ("one", "two", "three")
    ]
    for child in children:
        _, error = child.communicate(timeout=120)
        assert child.returncode == 0, error
    store = opened(url, tmp_path)
    received, accepted = check_whole(store)

    assert len(received) == 72
    assert received == accepted
    store.close()
