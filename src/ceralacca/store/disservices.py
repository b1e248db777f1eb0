"""The register of disservices on the database: `ports.disservices.Disservices`.

Clauses: SL-7.
"""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from ceralacca.base.errors import UserError
from ceralacca.core.model.disservice import Disservice
from ceralacca.store.engine import Database, until_won
from ceralacca.store.tables import DISSERVICE

_FIELDS = tuple(one.name for one in fields(Disservice))


class DatabaseDisservices:
    """The register in the database of a store. Safe between threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: Disservice) -> int:
        """Enter it. Raises WorldError."""
        values = {name: getattr(entry, name) for name in _FIELDS if name != "number"}
        return until_won(lambda: self._add(values))

    def _add(self, values: dict[str, Any]) -> int:
        with self._database.transaction() as connection:
            number: int = connection.execute(insert(DISSERVICE).values(**values)).inserted_primary_key[0]  # type: ignore[index]
        return number

    def close(self, number: int, *, ends: datetime, remedy: str, now: datetime) -> Disservice:
        """Close it. Raises UserError, WorldError."""
        return until_won(lambda: self._close(number, ends, remedy, now))

    def _close(self, number: int, ends: datetime, remedy: str, now: datetime) -> Disservice:
        with self._database.transaction() as connection:
            row = connection.execute(select(DISSERVICE).where(DISSERVICE.c.number == number)).first()
            if row is None:
                raise UserError(f"there is no entry {number}", remedy="pec incident list")
            if row.closed is not None:
                raise UserError(f"entry {number} is closed already", remedy="pec incident list")
            closed = replace(_entry(row), ends=ends, remedy=remedy, closed=now)
            connection.execute(
                update(DISSERVICE).where(DISSERVICE.c.number == number).values(ends=ends, remedy=remedy, closed=now)
            )
        return closed

    def entries(self, *, since: datetime, until: datetime) -> list[Disservice]:
        """Return what was in some part of a stretch of time. Raises WorldError."""
        column = DISSERVICE.c
        wanted = select(DISSERVICE).where(column.begins < until, or_(column.ends.is_(None), column.ends > since))
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(wanted.order_by(column.begins, column.number))]


def _entry(row: Row[Any]) -> Disservice:
    return Disservice(**{name: getattr(row, name) for name in _FIELDS})
