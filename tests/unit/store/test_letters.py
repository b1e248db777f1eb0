from pathlib import Path

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Splice
from ceralacca.ports.store import Commit, CommitOutcome, Store
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

LARGE = 200_000


@pytest.fixture
def file_store(tmp_path: Path):
    """All octets in files."""
    opened = open_store(sqlite_url(tmp_path), tmp_path, StoreSettings(row_limit=0))
    yield opened
    opened.close()


@pytest.mark.requirement("GE-31")
@pytest.mark.parametrize("size", [1, 4096, 65_536, 65_537, LARGE])
def test_octets_come_back_as_they_were(store: Store, size: int):
    octets = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    store.receive([some.inbound("a", octets=octets)], now=NOON)
    message = store.inbound("a")

    assert message is not None
    assert message.size == size
    assert bytes(store.octets(message.digest)) == octets


@pytest.mark.requirement("GE-31")
def test_pieces_are_read_back_as_one(store: Store):
    original = memoryview(bytes(LARGE))
    splice = Splice.of(b"head\r\n", original, b"tail\r\n")
    store.commit([Commit(letters=(some.letter("a", octets=splice), some.letter("b", octets=b"head\r\ntail\r\n")))])
    large, small = store.letter("a"), store.letter("b")

    assert large is not None
    assert small is not None
    assert large.size == LARGE + 12
    assert bytes(store.octets(large.digest)) == bytes(splice)
    assert bytes(store.octets(small.digest)) == b"head\r\ntail\r\n"


def test_a_letter_is_what_it_was(store: Store):
    store.commit([Commit(letters=(some.letter("id-1/-/acceptance"),))])
    given, stored = some.letter("id-1/-/acceptance"), store.letter("id-1/-/acceptance")

    assert stored is not None
    for name in ("key", "reverse_path", "forward_paths", "message_id", "instant", "row", "identifier"):
        assert getattr(stored, name) == getattr(given, name)


def test_a_received_message_is_what_it_was(store: Store):
    given = some.inbound("a")
    store.receive([given], now=NOON)
    stored = store.inbound("a")

    assert stored is not None
    for name in ("key", "point", "reverse_path", "forward_paths", "received", "peer", "tls", "authenticated", "trace"):
        assert getattr(stored, name) == getattr(given, name)
    assert stored.reverse_path is not None
    assert stored.reverse_path.text == "Mario.Rossi@alfa.example"


def test_the_same_octets_are_kept_once(file_store, tmp_path):
    file_store.receive([some.inbound(key, octets=b"the same") for key in "abc"], now=NOON)
    file_store.receive([some.inbound("d", octets=b"the same")], now=NOON)

    assert len([path for path in tmp_path.glob("blobs/??/*") if path.is_file()]) == 1
    assert {file_store.inbound(key).digest for key in "abcd"} == {file_store.inbound("a").digest}


def test_octets_that_nobody_stored(store: Store):
    with pytest.raises(WorldError):
        store.octets("0" * 64)


def test_octets_that_were_lost_or_cut_are_never_given_out(file_store, tmp_path):
    file_store.receive([some.inbound("a", octets=b"some octets")], now=NOON)
    digest = file_store.inbound("a").digest
    path = tmp_path / "blobs" / digest[:2] / digest[2:]
    path.write_bytes(b"some")
    with pytest.raises(WorldError, match="not whole"):
        file_store.octets(digest)
    path.unlink()
    with pytest.raises(WorldError, match="missing"):
        file_store.octets(digest)


def test_when_the_disk_refuses_octets_nothing_is_received(file_store, tmp_path):
    octets = b"will not be stored"
    for path in tmp_path.glob("blobs/*"):
        path.rmdir()
    (tmp_path / "blobs").rmdir()
    (tmp_path / "blobs").write_bytes(b"a file in the way")
    with pytest.raises(WorldError):
        file_store.receive([some.inbound("a", octets=octets)], now=NOON)

    assert file_store.inbound("a") is None
    assert file_store.jobs() == []


def test_many_large_letters_of_a_batch(file_store):
    commits = [Commit(letters=(some.letter(f"{n}", octets=b"%d" % n * 1000),)) for n in range(20)]

    assert set(file_store.commit(commits)) == {CommitOutcome.DONE}
    for n in range(20):
        assert bytes(file_store.octets(file_store.letter(f"{n}").digest)) == b"%d" % n * 1000
