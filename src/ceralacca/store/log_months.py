"""The message log on PostgreSQL, cut by months: each month of UTC has a table for rows and one for addresses.

An old month then goes as a whole (`store.log_purge`), and what is written today never touches the indexes of the past.
Whoever is about to write makes the months that are missing, the timekeeper some ahead; a month that was purged is made
again for a row that comes that late. SQLite keeps the log in one table, where nothing of this is needed.

Clauses: LO-5.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from ceralacca.core.retention import Month
from ceralacca.store.columns import microseconds
from ceralacca.store.engine import Database
from ceralacca.store.tables import LOG_ADDRESS, LOG_ROW

_LOCK: Final = 0x70656333  # any number, the same in every process
CUT: Final = (LOG_ROW.name, LOG_ADDRESS.name)
"""Tables that are cut by months."""


class LogMonths:
    """Knows which months have their tables, and makes the others. Safe between threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[Month] = set()

    def prepare(self, instants: Iterable[datetime]) -> None:
        """Make the tables of the months of some instants that are about to be written. Raises WorldError."""
        if self._database.is_sqlite:
            return
        missing = {Month.of(instant) for instant in instants} - self._known
        if missing:
            with self._database.transaction() as connection:
                make_months(connection, missing)
            self._known |= missing

    def forget(self) -> None:
        """Look again next time: a month may have been purged."""
        self._known.clear()


def make_months(connection: Connection, months: Iterable[Month]) -> None:
    """Make the tables of months that have none, in the open transaction on PostgreSQL. Raises SQLAlchemyError.

    Made apart and attached: that waits for no reader and for no writer.
    """
    months_locked(connection)
    there = {parent: set(_attached(connection, parent)) for parent in CUT}
    for month in sorted(months):
        for parent in CUT:
            if month not in there[parent]:
                create(connection, parent, table_of(parent, month))
                attach(connection, parent, month)


def months_locked(connection: Connection) -> None:
    """Let nobody else add or take away a month until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def table_of(parent: str, month: Month) -> str:
    """Return the name of the table of a month."""
    return f"{parent}_{month.year:04d}{month.number:02d}"


def create(connection: Connection, parent: str, name: str) -> None:
    """Make an empty table like the one that is cut, not yet part of it."""
    connection.exec_driver_sql(f'CREATE TABLE "{name}" (LIKE "{parent}" INCLUDING DEFAULTS)')


def attach(connection: Connection, parent: str, month: Month) -> None:
    """Make the table of a month part of the one that is cut."""
    first, last = (microseconds(each) for each in (month.start, month.end))
    connection.exec_driver_sql(
        f'ALTER TABLE "{parent}" ATTACH PARTITION "{table_of(parent, month)}" FOR VALUES FROM ({first}) TO ({last})'
    )


def attached_months(connection: Connection) -> list[Month]:
    """Return the months that have a table, the oldest first."""
    return sorted(_attached(connection, LOG_ROW.name))


def _attached(connection: Connection, parent: str) -> Iterator[Month]:
    names = connection.scalars(
        text("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = "
             "CAST(:parent AS regclass)"),
        {"parent": parent},
    )  # fmt: skip
    for name in names:
        digits = name.removeprefix(f"{parent}_")
        yield Month(int(digits[:-2]), int(digits[-2:]))
