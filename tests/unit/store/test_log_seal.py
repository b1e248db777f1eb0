"""What is settled: a row that becomes visible late is never passed over; blocks and files are kept once."""

import threading
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.log_chain import BlockHead, Ledger
from ceralacca.ports.log_seal import SealedBlock
from ceralacca.store.database import open_store
from ceralacca.store.engine import Database
from ceralacca.store.log_months import LogMonths
from ceralacca.store.log_seal import DatabaseLogSeal
from ceralacca.store.log_writing import write_log
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

SOON = 0.05


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").new_database()
    open_store(sqlite_url(tmp_path), tmp_path).close()
    return sqlite_url(tmp_path)


@pytest.fixture
def database(url):
    opened = Database(url)
    LogMonths(opened).prepare([NOON])
    yield opened
    opened.close()


@pytest.fixture
def seals(database):
    return DatabaseLogSeal(database)


@pytest.fixture
def on_postgresql(postgresql):
    opened = Database(postgresql.new_database())
    LogMonths(opened).prepare([NOON])
    yield opened
    opened.close()


def write(connection, identifier):
    write_log(connection, [some.log_row(identifier)])


def identifiers(seals, until, after=0):
    return [placed.row.identifier for placed in seals.rows(Ledger.MESSAGES, after=after, until=until)]


def test_nothing_is_settled_where_nothing_is(seals):
    assert [seals.settled(ledger, patience=SOON) for ledger in Ledger] == [0, 0]
    assert list(seals.rows(Ledger.MESSAGES, after=0, until=0)) == []


def test_rows_come_in_their_order_over_several_reads(seals, database, monkeypatch):
    monkeypatch.setattr("ceralacca.store.log_seal._ROWS_AT_ONCE", 3)
    with database.transaction() as connection:
        for number in range(10):
            write(connection, f"id-{number}")
    until = seals.settled(Ledger.MESSAGES, patience=SOON)

    assert identifiers(seals, until) == [f"id-{number}" for number in range(10)]
    assert identifiers(seals, until - 1, after=5) == [f"id-{number}" for number in range(5, 9)]


@pytest.mark.system
@pytest.mark.requirement("LO-4")
def test_a_row_whose_transaction_is_open_is_waited_for_and_nobody_is_locked_out(on_postgresql):
    seals = DatabaseLogSeal(on_postgresql)
    with on_postgresql.transaction() as slow:
        write(slow, "first-place-last-commit")
        with on_postgresql.transaction() as quick:
            write(quick, "second-place-first-commit")
        with pytest.raises(WorldError, match="too long"):
            seals.settled(Ledger.MESSAGES, patience=SOON)
        with on_postgresql.transaction() as another:
            write(another, "written-while-the-sealer-waited")
        found = []
        waiting = threading.Thread(target=lambda: found.append(seals.settled(Ledger.MESSAGES, patience=30)))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(30)

    assert identifiers(seals, found[0])[:2] == ["first-place-last-commit", "second-place-first-commit"]


@pytest.mark.system
@pytest.mark.requirement("LO-4")
def test_two_open_transactions_of_which_one_is_undone_leave_a_gap_that_is_none(on_postgresql):
    seals = DatabaseLogSeal(on_postgresql)
    with on_postgresql.engine.connect() as undone, on_postgresql.engine.connect() as kept:
        begun = undone.begin(), kept.begin()
        write(undone, "undone")
        write(kept, "kept")
        begun[1].commit()
        with pytest.raises(WorldError):
            seals.settled(Ledger.MESSAGES, patience=SOON)
        begun[0].rollback()
    until = seals.settled(Ledger.MESSAGES, patience=SOON)
    placed = list(seals.rows(Ledger.MESSAGES, after=0, until=until))

    assert [one.row.identifier for one in placed] == ["kept"]
    assert placed[0].seq == 2


@pytest.mark.system
def test_those_who_begin_to_write_later_are_not_waited_for(on_postgresql):
    seals = DatabaseLogSeal(on_postgresql)
    with on_postgresql.transaction() as connection:
        write(connection, "id-1")
    with on_postgresql.transaction() as early:
        write(early, "id-2")
        found = []
        waiting = threading.Thread(target=lambda: found.append(seals.settled(Ledger.MESSAGES, patience=30)))
        waiting.start()
        waiting.join(0.2)
        late = on_postgresql.engine.connect()
        late.begin()
        write(late, "id-3")
    waiting.join(30)
    late.rollback()
    late.close()

    assert found == [1]


def block(number=1, **changes):
    head = {
        "ledger": Ledger.MESSAGES,
        "number": number,
        "node": "alfa",
        "sealed": NOON + timedelta(minutes=number),
        "first": number,
        "rows": 1,
        "root": "a" * 64,
        "row_hash": "b" * 64,
        "marks": "c" * 64,
        "prev_hash": "0" * 64,
    }
    return SealedBlock(
        head=BlockHead(**head | changes), record=b"record", seal=b"seal", last_seq=number * 2, marks=b"marks"
    )


@pytest.mark.requirement("LO-5")
def test_a_number_is_taken_once(seals):
    assert seals.add_block(block())
    assert not seals.add_block(block(root="f" * 64))
    assert seals.last_block(Ledger.MESSAGES) == block()
    assert seals.last_block(Ledger.AUDIT) is None


def test_blocks_are_given_by_number_in_pieces(seals):
    for number in range(1, 41):
        seals.add_block(block(number))

    assert [one.head.number for one in seals.blocks(Ledger.MESSAGES, first=3, last=40)] == list(range(3, 41))
    assert seals.last_block_before(Ledger.MESSAGES, NOON + timedelta(minutes=5)).number == 4


def test_a_witness_gets_each_block_once(seals):
    for number in (1, 2, 3):
        seals.add_block(block(number))
    seals.witnessed(Ledger.MESSAGES, [1, 3])

    assert [one.head.number for one in seals.without_witness(Ledger.MESSAGES, limit=9)] == [2]
    assert seals.status(Ledger.MESSAGES).blocks_without_witness == 1
