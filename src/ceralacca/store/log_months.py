"""The message log on PostgreSQL, cut by months: each month of UTC has a table for rows and one for addresses.

An old month then goes as a whole (`store.log_purge`), and what is written today never touches the indexes of the past.
Whoever is about to write makes the months that are missing, the timekeeper some ahead; a month that was purged is made
again for a row that comes that late. SQLite keeps the log in one table, where nothing of this is needed.

Clauses: LO-5.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from ceralacca.store.columns import microseconds
from ceralacca.store.engine import Database
from ceralacca.store.tables import LOG_ADDRESS, LOG_ROW

_LOCK: Final = 0x70656333  # any number, the same in every process
CUT: Final = (LOG_ROW.name, LOG_ADDRESS.name)
"""Tables that are cut by months."""


class Month(NamedTuple):
    """A month of UTC: how the log is cut."""

    year: int
    number: int

    @classmethod
    def of(cls, instant: datetime) -> "Month":
        """Return the month of an instant."""
        there = instant.astimezone(UTC)
        return cls(there.year, there.month)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    def later(self, months: int) -> "Month":
        """Return the month so many months later, or earlier."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    def table(self, parent: str) -> str:
        """Return the name of its table."""
        return f"{parent}_{self.year:04d}{self.number:02d}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


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
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    there = {parent: set(_attached(connection, parent)) for parent in CUT}
    for month in sorted(months):
        for parent in CUT:
            if month not in there[parent]:
                create(connection, parent, month.table(parent))
                attach(connection, parent, month)


def create(connection: Connection, parent: str, name: str) -> None:
    """Make an empty table like the one that is cut, not yet part of it."""
    connection.exec_driver_sql(f'CREATE TABLE "{name}" (LIKE "{parent}" INCLUDING DEFAULTS)')


def attach(connection: Connection, parent: str, month: Month) -> None:
    """Make the table of a month part of the one that is cut."""
    first, last = (microseconds(each.start) for each in (month, month.later(1)))
    connection.exec_driver_sql(
        f'ALTER TABLE "{parent}" ATTACH PARTITION "{month.table(parent)}" FOR VALUES FROM ({first}) TO ({last})'
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
