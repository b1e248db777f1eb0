"""Where the letters of a large batch lie, what takes them away again and puts them back."""

from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import select

from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Commit
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.store.engine import Database
from ceralacca.store.packs import Packs
from ceralacca.store.tables import BLOB
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

SMALL, LARGE = b"octets of a letter", b"octets of a large letter " * 100
PACKED = StoreSettings(row_limit=1000, pack_from=2 * len(SMALL))
EVERYBODY = {"before": NOON + timedelta(days=1), "of": lambda identifier, holder: True}


def opened(folder, settings=PACKED):
    return closing(open_store(sqlite_url(folder), folder, settings))


def commit(store, *octets):
    """Commit steps of one letter each; return their digests."""
    made = [some.letter(f"id-{at}/{len(each)}/answer", octets=each) for at, each in enumerate(octets)]
    store.commit([Commit(letters=(letter,)) for letter in made])
    return [store.letter(letter.key).digest for letter in made]


def places(folder):
    """Return what the rows say, by digest: whether the octets are in them, and whether in a pack."""
    with closing(Database(sqlite_url(folder))) as database, database.reading() as connection:
        rows = connection.execute(select(BLOB)).all()
    return {row.digest: (row.octets is not None, row.place is not None) for row in rows}


@pytest.mark.requirement("AP-25")
def test_small_letters_share_a_pack_from_so_many_octets_on(tmp_path):
    with opened(tmp_path) as store:
        (alone,) = commit(store, SMALL)
        store.receive([some.inbound("in-1"), some.inbound("in-2")], now=NOON)
        first, second, large = commit(store, b"1" + SMALL, b"2" + SMALL, LARGE)
        found = places(tmp_path)
        assert found.pop(alone) == (True, False)
        assert [found.pop(digest) for digest in (first, second)] == [(False, True)] * 2
        assert found.pop(large) == (False, False)
        assert set(found.values()) == {(True, False)}, "what came in stays in its row, from where it can be purged"
    with opened(tmp_path) as store:
        assert [bytes(store.octets(digest)) for digest in (first, second, large)] == [b"1" + SMALL, b"2" + SMALL, LARGE]


@pytest.mark.requirement("LO-8")
def test_the_place_of_a_forgotten_receipt_is_given_back(tmp_path):
    with opened(tmp_path) as store:
        first, second = commit(store, SMALL + b"1", SMALL + b"2")
        assert store.forget_receipts(before=EVERYBODY["before"], of=lambda identifier, _: identifier == "id-0") == 1
        assert [store.size_of(digest)[1] for digest in (first, second)] == [False, True]
        assert bytes(store.octets(second)) == SMALL + b"2"
        assert places(tmp_path) == {first: (True, False), second: (False, True)}
    assert next((tmp_path / "packs").iterdir()).read_bytes().count(SMALL) == 1


def test_a_cut_between_the_row_and_the_hole_is_made_good_by_the_next_time(tmp_path, monkeypatch):
    with opened(tmp_path) as store:
        first, _ = commit(store, SMALL + b"1", SMALL + b"2")
        with monkeypatch.context() as patch:
            patch.setattr(Packs, "let_go", lambda *_: pytest.fail("cut"))
            with pytest.raises(pytest.fail.Exception):
                store.forget_receipts(**EVERYBODY)
        with pytest.raises(WorldError, match="kept no more"):
            store.octets(first)
        assert SMALL in next((tmp_path / "packs").iterdir()).read_bytes()
        store.forget_receipts(**EVERYBODY)
        assert SMALL not in next((tmp_path / "packs").iterdir()).read_bytes()
        assert set(places(tmp_path).values()) == {(True, False)}
        assert store.forget_receipts(**EVERYBODY) == 0


@pytest.mark.requirement("LO-8", "AP-25")
def test_what_was_forgotten_and_comes_again_has_a_place_again(tmp_path):
    with opened(tmp_path) as store:
        commit(store, SMALL + b"1", SMALL + b"2")
        assert store.forget_receipts(**EVERYBODY) == 2
        again = [some.letter(f"id-{at}/-/again", octets=SMALL + at) for at in (b"1", b"2")]
        store.commit([Commit(letters=tuple(again))])
        digests = [store.letter(letter.key).digest for letter in again]
        assert [bytes(store.octets(digest)) for digest in digests] == [SMALL + b"1", SMALL + b"2"]
