"""Months go whole but for what is held, the same on every store; on PostgreSQL without a writer that waits for long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text

from ceralacca.base.errors import WorldError
from ceralacca.core.log_chain import Ledger
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.retention import Holds, LegalHold, Month, SealedFile
from ceralacca.ports.log_retention import Purge
from ceralacca.ports.log_search import LogQuery
from ceralacca.ports.store import Commit
from ceralacca.store.engine import Database
from ceralacca.store.tables import LOG_ADDRESS, LOG_BLOCK, LOG_FILE
from ceralacca.testing import store_samples as some
from ceralacca.testing.memory_retention import MemoryRetention
from ceralacca.testing.memory_store import MemoryStore

pytestmark = pytest.mark.requirement("LO-5")

MARCH, APRIL, MAY = Month(2024, 3), Month(2024, 4), Month(2024, 5)
NONE = Holds([])
EDGES = [
    MARCH.start, MARCH.end - timedelta(microseconds=1), APRIL.start, APRIL.start + timedelta(days=3),
    APRIL.end - timedelta(microseconds=1), MAY.start,
]  # fmt: skip


def row(number, instant):
    whole = some.log_row(f"id-{number}", LogEvent.DELIVERY)
    return whole._replace(instant=instant, concerned=(some.BRUNO,) if number % 2 else (some.ANNA,), recipients=())


ROWS = [row(number, instant) for number, instant in enumerate(EDGES)]
PURGE = Purge(month=APRIL, at=datetime(2026, 11, 1, tzinfo=UTC), rows=3, held=0, holds=(), record=b"{}", seal=b"CMS")


@pytest.fixture
def retention(store):
    store.commit([Commit(log=(one,)) for one in ROWS])
    return MemoryRetention(store=store) if isinstance(store, MemoryStore) else store.retention


def left(store):
    return [entry.row for entry in store.stream_log(LogQuery(newest_first=False))]


def set_hold(retention, **what):
    hold = LegalHold(**{"number": 0, "reason": "claim", "set_at": PURGE.at, "set_by": "lucia"} | what)
    return retention.set_hold(hold)


def test_a_month_is_counted_from_its_first_instant_to_its_last(retention):
    assert retention.months() == [MARCH, APRIL, MAY]
    figures = retention.month_figures(APRIL, NONE)
    assert (figures.rows, figures.held, figures.first_seq, figures.last_seq) == (3, 0, 3, 5)
    assert (figures.first_instant, figures.last_instant) == (EDGES[2], EDGES[4])
    assert retention.month_figures(Month(2024, 6), NONE) is None


def test_a_month_goes_whole_and_its_neighbours_stay(store, retention):
    assert retention.delete_month(PURGE) == 3
    assert left(store) == [*ROWS[:2], ROWS[5]]
    assert retention.months() == [MARCH, MAY]
    assert retention.delete_month(PURGE) == 0

    assert [entry.row for entry in store.search_log(LogQuery(mailbox=some.ANNA))] == [ROWS[0]]
    assert store.search_log(LogQuery(identifier="id-3")) == []


def test_what_is_held_outlives_its_month_and_is_found_as_before(store, retention):
    set_hold(retention, mailbox=some.BRUNO)
    holds = Holds(retention.holds())
    assert retention.month_figures(APRIL, holds).held == 1
    assert retention.delete_month(replace(PURGE, holds=(1,))) == 2

    assert left(store) == [*ROWS[:2], ROWS[3], ROWS[5]]
    assert store.search_log(LogQuery(mailbox=some.BRUNO))[1].seq == 4
    assert retention.month_figures(APRIL, holds).goes == 0


def test_a_hold_that_is_set_or_lifted_while_a_month_goes_keeps(store, retention):
    retention.record_purge(PURGE, row(9, PURGE.at))
    set_hold(retention, identifier="id-2")
    certified = set_hold(retention, identifier="id-3")
    retention.lift_hold(certified.number, now=PURGE.at, by="lucia", reason="settled")

    assert retention.delete_month(replace(PURGE, holds=(certified.number,))) == 1
    assert retention.delete_month(PURGE) == 1  # by the next certificate, which does not name the lifted one
    assert [one.identifier for one in left(store)] == ["id-0", "id-1", "id-2", "id-5", "id-9"]


def test_a_row_that_comes_after_its_month_has_gone_is_taken(store, retention):
    retention.delete_month(PURGE)
    late = row(7, EDGES[3])
    store.commit([Commit(log=(late,))])

    assert left(store) == [*ROWS[:2], late, ROWS[5]]
    assert store.search_log(LogQuery(identifier="id-7"))[0].seq > 6


def test_certificates_stand_with_their_row_until_they_are_carried_out(store, retention):
    said = LogRow(instant=PURGE.at, event=LogEvent.PURGE, detail="2024-04: 3 rows")
    retention.record_purge(PURGE, said)
    assert retention.purges() == [PURGE]
    assert [entry.row for entry in store.search_log(LogQuery(events=frozenset({LogEvent.PURGE})))] == [said]
    retention.purged(PURGE)
    assert retention.purges() == [replace(PURGE, done=True)]


def test_holds_are_kept_with_who_why_and_when(retention):
    one = set_hold(retention, mailbox=some.ANNA, ticket="12")
    two = set_hold(retention, identifier="id \x00")
    assert (one.number, two.number) == (1, 2)
    lifted = retention.lift_hold(1, now=PURGE.at, by="piero", reason="settled")
    assert (lifted.lifted_by, lifted.lift_reason, lifted.ticket) == ("piero", "settled", "12")
    assert retention.holds() == [lifted, two]
    assert retention.lift_hold(1, now=PURGE.at, by="piero", reason="again") is None
    assert retention.lift_hold(9, now=PURGE.at, by="piero", reason="none") is None


# -- on a database ----------------------------------------------------------------------------------


def database_of(store):
    if isinstance(store, MemoryStore):
        pytest.skip("there is no database")
    return store._database


def seal(database, blocks, files):
    """Enter blocks by their last places, and files by their blocks."""
    common = {"node": "n", "root": "", "row_hash": "", "marks_hash": "", "prev_hash": "", "record": b"", "seal": b""}
    with database.transaction() as connection:
        for number, last in enumerate(blocks, 1):
            values = {"ledger": Ledger.MESSAGES, "number": number, "sealed": PURGE.at, "first": 1, "rows": 1}
            connection.execute(insert(LOG_BLOCK), [{**common, **values, "last_seq": last}])
        for number, (first, last, digest) in enumerate(files, 1):
            values = {
                "ledger": Ledger.MESSAGES, "number": number, "name": f"day-{number}", "node": "n", "start": PURGE.at,
                "until": PURGE.at, "sealed": PURGE.at, "first_block": first, "last_block": last, "first": 1, "rows": 1,
                "digest": digest, "octets": 1, "altered": "",
            }  # fmt: skip
            connection.execute(insert(LOG_FILE), [values])


def test_the_files_that_have_a_month_are_those_of_its_blocks(store, retention):
    # Rows 3 to 5 are April's: block 2 ends with row 3, block 3 with 4, block 4 with 6.
    seal(database_of(store), [2, 3, 4, 6], [(1, 1, "a"), (2, 2, "b"), (3, 2, "none"), (3, 3, "c"), (4, 4, "")])
    assert retention.unsealed(APRIL) == 1  # the last file is planned only
    assert [file.name for file in retention.sealed_files(APRIL)] == ["day-2", "day-4"]
    assert retention.sealed_files(MARCH) == [SealedFile(name="day-1", digest="a", stamped=None)]
    assert retention.unsealed(MARCH) == 0
    assert retention.unsealed(MAY) == 1


def test_places_go_with_their_rows(store, retention):
    database = database_of(store)
    count = select(func.count()).select_from(LOG_ADDRESS)
    with database.reading() as connection:
        before = connection.scalar(count)
    set_hold(retention, identifier="id-3")
    retention.delete_month(PURGE)
    with database.reading() as connection:
        assert connection.scalar(count) == before - 4  # of two rows sender and recipient


def test_more_than_a_portion_goes(store, retention):
    database_of(store)
    store.commit([Commit(log=tuple(row(number, EDGES[3]) for number in range(100, 1300)))])
    set_hold(retention, mailbox=some.BRUNO)
    assert retention.delete_month(PURGE) == 602
    assert retention.month_figures(APRIL, Holds(retention.holds())).rows == 601


@pytest.mark.system
def test_who_reads_the_month_puts_it_off_and_stops_no_writer(store, retention):
    database = database_of(store)
    if database.is_sqlite:
        pytest.skip("SQLite deletes in portions")
    other = Database(database.engine.url.render_as_string(hide_password=False))
    with other.reading() as reader:
        reader.execute(text("SELECT count(*) FROM log_row")).scalar_one()  # as a backup does
        with pytest.raises(WorldError, match="LockNotAvailable"):
            retention.delete_month(PURGE)
        store.commit([Commit(log=(row(50, datetime(2031, 1, 1, tzinfo=UTC)),))])  # a month that is not there yet
    other.close()

    assert left(store) == [*ROWS, row(50, datetime(2031, 1, 1, tzinfo=UTC))]
    assert retention.delete_month(PURGE) == 3
