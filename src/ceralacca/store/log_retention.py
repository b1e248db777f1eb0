"""Letting the message log go by months, and what is kept of them: `ports.log_retention.LogRetention`.

On PostgreSQL the table of a month is taken out of the log as a whole; when something in it is held, a table of the held
rows takes its place in the same transaction. On SQLite a month is deleted in small portions, between which writers have
their turn. Nobody writes to a month that is thirty months old, so that what was counted is what goes.

Clauses: LO-5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, select, text, update

from ceralacca.base.failpoints import reach
from ceralacca.core.log_chain import Ledger
from ceralacca.core.model.log import LogRow
from ceralacca.core.retention import Holds, LegalHold, Month, MonthFigures, SealedFile
from ceralacca.ports.log_retention import Purge
from ceralacca.ports.log_search import LogEntry, LogQuery
from ceralacca.store import log_search
from ceralacca.store.columns import microseconds
from ceralacca.store.engine import Database, until_won
from ceralacca.store.log_months import (
    CUT,
    LogMonths,
    attach,
    attached_months,
    create,
    months_locked,
    table_of,
)
from ceralacca.store.log_rows import places_of
from ceralacca.store.log_writing import write_log
from ceralacca.store.rows import Values
from ceralacca.store.tables import LOG_BLOCK, LOG_FILE, LOG_HOLD, LOG_PURGE, LOG_ROW

_PORTION: Final = 500
"""Rows that one transaction deletes on SQLite: some milliseconds of its lock."""
_PATIENCE: Final = "2s"
"""How long a month waits for readers to leave it; writers wait behind it meanwhile."""
_DELETE_PLACE: Final = "DELETE FROM log_address WHERE hash = ? AND instant = ? AND seq = ?"
_FILE: Final = and_(LOG_FILE.c.ledger == Ledger.MESSAGES, LOG_FILE.c.digest != "")
_BLOCK: Final = LOG_BLOCK.c.ledger == Ledger.MESSAGES


class DatabaseLogRetention:
    """The log of a store. Safe between threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._months = LogMonths(database)

    def prepare_months(self, now: datetime) -> None:
        """Make the tables of this month and the next two, where the log is cut. Raises WorldError."""
        self._months.forget()
        self._months.prepare(Month.of(now).later(more).start for more in range(3))

    # -- counting -----------------------------------------------------------------------------------

    def months(self) -> list[Month]:
        """Return the months of which there are rows. Raises WorldError."""
        with self._database.reading() as connection:
            if not self._database.is_sqlite:
                return [month for month in attached_months(connection) if _has_rows(connection, month)]
            first, last = (connection.scalar(select(edge(LOG_ROW.c.instant))) for edge in (func.min, func.max))
            if first is None or last is None:
                return []
            between = (Month.of(last).year - Month.of(first).year) * 12 + Month.of(last).number - Month.of(first).number
            months = [Month.of(first).later(more) for more in range(between + 1)]
            return [month for month in months if _has_rows(connection, month)]

    def month_figures(self, month: Month, holds: Holds) -> MonthFigures | None:
        """Count a month. Raises WorldError."""
        column = LOG_ROW.c
        edges = (func.min(column.seq), func.max(column.seq), func.min(column.instant), func.max(column.instant))
        wanted = select(func.count(), *edges).where(_within(LOG_ROW, month))
        with self._database.reading() as connection:
            rows, first_seq, last_seq, first_instant, last_instant = connection.execute(wanted).one()
        if not rows:
            return None
        return MonthFigures(
            month=month,
            rows=rows,
            first_seq=first_seq,
            last_seq=last_seq,
            first_instant=first_instant,
            last_instant=last_instant,
            held=sum(1 for _ in self._held(month, holds)),
        )

    def _held(self, month: Month, holds: Holds) -> Iterator[LogEntry]:
        if holds:
            asked = LogQuery(since=month.start, until=month.end, newest_first=False)
            yield from (entry for entry in log_search.stream(self._database, asked) if holds.keep(entry.row))

    def unsealed(self, month: Month) -> int:
        """Return how many rows no written file has. Raises WorldError."""
        last_block = select(func.max(LOG_FILE.c.last_block)).where(_FILE).scalar_subquery()
        in_files = select(func.max(LOG_BLOCK.c.last_seq)).where(_BLOCK, LOG_BLOCK.c.number <= last_block)
        with self._database.reading() as connection:
            sealed = connection.scalar(in_files) or 0
            beyond = select(func.count()).where(_within(LOG_ROW, month), LOG_ROW.c.seq > sealed)
            return connection.scalar(beyond) or 0

    def sealed_files(self, month: Month) -> list[SealedFile]:
        """Return the files that have rows of a month. Raises WorldError."""
        edges = select(func.min(LOG_ROW.c.seq), func.max(LOG_ROW.c.seq)).where(_within(LOG_ROW, month))
        with self._database.reading() as connection:
            first_seq, last_seq = connection.execute(edges).one()
            if first_seq is None:
                return []
            first, last = (
                connection.scalar(select(func.min(LOG_BLOCK.c.number)).where(_BLOCK, LOG_BLOCK.c.last_seq >= seq))
                for seq in (first_seq, last_seq)
            )
            column = LOG_FILE.c
            wanted = select(column.name, column.digest, column.stamped).where(
                _FILE, column.last_block >= (first or 0), column.last_block >= column.first_block
            )
            if last is not None:
                wanted = wanted.where(column.first_block <= last)
            return [SealedFile(**row) for row in connection.execute(wanted.order_by(column.number)).mappings()]

    # -- deleting -----------------------------------------------------------------------------------

    def record_purge(self, purge: Purge, row: LogRow) -> None:
        """Make a certificate durable, with its row. Raises WorldError."""
        until_won(lambda: self._record(purge, row))

    def _record(self, purge: Purge, row: LogRow) -> None:
        self._months.prepare([row.instant])
        with self._database.transaction() as connection:
            connection.execute(insert(LOG_PURGE), [_purge_values(purge)])
            write_log(connection, [row])

    def delete_month(self, purge: Purge) -> int:
        """Delete a month but for what is held. Raises WorldError."""
        named = set(purge.holds)
        holds = Holds(
            replace(hold, lifted_at=None) for hold in self.holds() if hold.lifted_at is None or hold.number in named
        )
        reach("log_retention.delete.before")
        if self._database.is_sqlite:
            gone = self._delete_in_portions(purge.month, holds)
        else:
            gone = until_won(lambda: self._take_out(purge.month, holds))
        reach("log_retention.delete.after")
        return gone

    def _delete_in_portions(self, month: Month, holds: Holds) -> int:
        gone, asked = 0, LogQuery(since=month.start, until=month.end, newest_first=False, limit=_PORTION)
        while page := log_search.search(self._database, asked):
            going = [entry for entry in page if not holds.keep(entry.row)]
            if going:
                until_won(lambda: self._delete(going))  # noqa: B023 called at once
                reach("log_retention.portion.after")
            gone += len(going)
            asked = replace(asked, after=page[-1].place)
        return gone

    def _delete(self, entries: Sequence[LogEntry]) -> None:
        places = list(
            chain.from_iterable(places_of(entry.seq, microseconds(entry.row.instant), entry.row) for entry in entries)
        )
        with self._database.transaction(synced=False) as connection:  # what a power cut brings back goes again
            connection.execute(delete(LOG_ROW).where(LOG_ROW.c.seq.in_([entry.seq for entry in entries])))
            if places:
                connection.exec_driver_sql(_DELETE_PLACE, places)

    def _take_out(self, month: Month, holds: Holds) -> int:
        held = [entry.seq for entry in self._held(month, holds)]
        with self._database.transaction() as connection:
            months_locked(connection)
            if month not in attached_months(connection):
                return 0
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
            rows: int = connection.scalar(select(func.count()).where(_within(LOG_ROW, month))) or 0
            for parent in CUT:
                name = table_of(parent, month)
                if held:
                    create(connection, parent, f"{name}_held")
                    connection.execute(
                        text(f'INSERT INTO "{name}_held" SELECT * FROM "{name}" WHERE seq = ANY(:held)'),  # noqa: S608
                        {"held": held},
                    )
                connection.exec_driver_sql(f'ALTER TABLE "{parent}" DETACH PARTITION "{name}"')
                connection.exec_driver_sql(f'DROP TABLE "{name}"')
                if held:
                    connection.exec_driver_sql(f'ALTER TABLE "{name}_held" RENAME TO "{name}"')
                    attach(connection, parent, month)
        return rows - len(held)

    def purged(self, purge: Purge) -> None:
        """Record that a purge was carried out. Raises WorldError."""
        this = (LOG_PURGE.c.month == str(purge.month), LOG_PURGE.c.at == purge.at)
        with self._database.transaction() as connection:
            connection.execute(update(LOG_PURGE).where(*this).values(done=True))

    def purges(self) -> list[Purge]:
        """Return all certificates. Raises WorldError."""
        with self._database.reading() as connection:
            return [_read_purge(row) for row in connection.execute(select(LOG_PURGE).order_by(LOG_PURGE.c.number))]

    # -- legal holds --------------------------------------------------------------------------------

    def holds(self) -> list[LegalHold]:
        """Return all holds. Raises WorldError."""
        with self._database.reading() as connection:
            return [_read_hold(row) for row in connection.execute(select(LOG_HOLD).order_by(LOG_HOLD.c.number))]

    def set_hold(self, hold: LegalHold) -> LegalHold:
        """Set a hold. Raises WorldError."""
        values = {name: getattr(hold, name) for name in _HOLD}
        with self._database.transaction() as connection:
            number = connection.execute(insert(LOG_HOLD).returning(LOG_HOLD.c.number), [values]).scalar_one()
        return replace(hold, number=number)

    def lift_hold(self, number: int, *, now: datetime, by: str, reason: str) -> LegalHold | None:
        """Lift a hold; None when there is none in force. Raises WorldError."""
        this = (LOG_HOLD.c.number == number, LOG_HOLD.c.lifted_at.is_(None))
        lifted = update(LOG_HOLD).where(*this).values(lifted_at=now, lifted_by=by, lift_reason=reason)
        with self._database.transaction() as connection:
            row = connection.execute(lifted.returning(*LOG_HOLD.c)).first()
        return None if row is None else _read_hold(row)


_HOLD: Final = (
    "mailbox", "identifier", "reason", "ticket", "set_at", "set_by", "lifted_at", "lifted_by", "lift_reason",
)  # fmt: skip


def _has_rows(connection: Connection, month: Month) -> bool:
    return connection.execute(select(LOG_ROW.c.seq).where(_within(LOG_ROW, month)).limit(1)).first() is not None


def _within(table: Table, month: Month) -> Any:
    return and_(table.c.instant >= month.start, table.c.instant < month.end)


def _purge_values(purge: Purge) -> Values:
    return {
        "month": str(purge.month),
        "at": purge.at,
        "rows": purge.rows,
        "held": purge.held,
        "holds": ",".join(map(str, purge.holds)),
        "record": purge.record,
        "seal": purge.seal,
        "done": purge.done,
    }


def _read_purge(row: Row[Any]) -> Purge:
    return Purge(
        month=Month.read(row.month),
        at=row.at,
        rows=row.rows,
        held=row.held,
        holds=tuple(map(int, filter(None, row.holds.split(",")))),
        record=row.record,
        seal=row.seal,
        done=row.done,
    )


def _read_hold(row: Row[Any]) -> LegalHold:
    return LegalHold(number=row.number, **{name: getattr(row, name) for name in _HOLD})
