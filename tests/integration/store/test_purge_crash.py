"""A purge of infected octets is killed at each of its acts while the same octets come again: nothing answered is lost.

The receiver has looked for the file and found it, and has not locked the row yet: there it stands while another
process purges and dies. Whatever the other has done by then, the octets are whole once the receiver has said `250`
(AP-25), and after the next purge of everything none of them lies in clear (VI-2).
"""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import VARIABLE
from ceralacca.ports.letters import Point
from ceralacca.ports.store import Commit, CommitOutcome, InfectedMessage, JobKind
from ceralacca.store import database
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

pytestmark = pytest.mark.requirement("AP-25", "VI-2")

ROW_LIMIT = 200
PURGER = """
import sys
from pathlib import Path
from ceralacca.store.database import StoreSettings, open_store
store = open_store(sys.argv[1], Path(sys.argv[2]), StoreSettings(row_limit=200))
print(store.purge_infected())
"""
POINTS = [
    "database.purge.before",
    "purge.sync.before",
    "purge.sync.after",
    "blobs.remove.before",
    "blobs.remove.after",
    "database.purge.after",
]
SIZES = {"file": b"infected-4711 " * 100, "row": b"infected-4711"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request, tmp_path):
    return sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def store(url, tmp_path):
    opened = open_store(url, tmp_path, StoreSettings(row_limit=ROW_LIMIT))
    yield opened
    opened.close()


def arrival(key, octets):
    return replace(some.inbound(key, point=Point.INCOMING), octets=octets)


def digest_of(octets):
    return hashlib.sha256(octets).hexdigest()


def find_infected(store, key):
    (job,) = store.claim([JobKind.ARRIVAL], now=NOON, limit=9, lease=timedelta(0))
    facts = InfectedMessage(
        key=key, digest=store.inbound(key).digest, identifier="id-1", found=NOON, sender=some.ANNA,
        recipients=(some.ANNA,), virus="Eicar", engine="test",
    )  # fmt: skip
    assert store.commit([Commit(done=job.id, infected=(facts,))]) == [CommitOutcome.DONE]


def purge_elsewhere(url, folder, failpoint):
    done = subprocess.run(
        [sys.executable, "-c", PURGER, url, folder],
        env={**os.environ, VARIABLE: failpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (-9 if failpoint else 0), done.stderr


def clear_files(folder):
    return [path.name for path in folder.rglob("*") if path.is_file() and b"infected-4711" in path.read_bytes()]


@pytest.mark.parametrize("octets", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("point", ["", *POINTS])
def test_octets_that_come_while_a_purge_dies_are_whole(url, store, tmp_path, monkeypatch, point, octets):
    if point.startswith("blobs.remove") and len(octets) <= ROW_LIMIT:
        pytest.skip("there is no file to remove")
    store.receive([arrival("a", octets)], now=NOON)
    find_infected(store, "a")

    def purge_now(name):
        if name == "database.receive.before":  # the receiver has seen to the file, and looks at the row next
            purge_elsewhere(url, tmp_path, point)

    with monkeypatch.context() as patched:
        patched.setattr(database, "reach", purge_now)
        store.receive([arrival("b", octets)], now=NOON)

    assert bytes(store.octets(digest_of(octets))) == octets
    assert store.purge_infected().gone == 0, "the second message waits for its step"
    assert bytes(store.octets(digest_of(octets))) == octets
    find_infected(store, "b")
    store.purge_infected()
    with pytest.raises(WorldError):
        store.octets(digest_of(octets))
    store.close()
    assert clear_files(tmp_path) == []


@pytest.mark.parametrize("point", POINTS)
def test_what_a_purge_that_died_has_left_goes_with_the_next(url, store, tmp_path, point):
    octets = SIZES["file"]
    store.receive([arrival("a", octets)], now=NOON)
    find_infected(store, "a")
    purge_elsewhere(url, tmp_path, point)
    store.purge_infected()
    store.close()

    assert clear_files(tmp_path) == []


def test_a_purge_of_some_leaves_the_others(store):
    for key, octets in SIZES.items():
        store.receive([arrival(key, octets)], now=NOON)
        find_infected(store, key)
    row, file = digest_of(SIZES["row"]), digest_of(SIZES["file"])

    assert store.purge_infected([row]).gone == 1
    assert bytes(store.octets(file)) == SIZES["file"]
    assert store.purge_infected([row, file]).gone == 1
    with pytest.raises(WorldError):
        store.octets(file)
