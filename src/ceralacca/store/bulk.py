"""Many rows into one table at a time, at the price of the driver: lines of `store.rows` go to it as they are."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table

from ceralacca.store.driver import Open, driven_many
from ceralacca.store.notice_tables import NOTICE
from ceralacca.store.rows import Line
from ceralacca.store.tables import (
    BLOB,
    FATE,
    INBOUND,
    INFECTED,
    JOB,
    LETTER,
    LOG_ROW,
    RECEIVED_RECEIPT,
    RECIPIENT_STATE,
    SENT_MESSAGE,
    TAKEN,
)

_OF_JOB: Final = ["key", "kind", "due", "created", "payload", "ready", "leased", "attempts", "claimed_by"]


class Insert:
    """Inserts lines into a table; safe between threads."""

    def __init__(self, table: Table, names: Sequence[str] | None = None, *, otherwise: str = "") -> None:
        """Name the columns that a line has, or (None) all of them; `otherwise`: what becomes of a key that is there."""
        self._table = table
        self._names = [column.name for column in table.columns] if names is None else names
        self._after = f" ON CONFLICT {otherwise}" if otherwise else ""
        self._texts: dict[str, str] = {}

    def lines(self, connection: Open, lines: Sequence[Line]) -> None:
        """Insert them all, in the open transaction. Raises SQLAlchemyError."""
        dialect = connection.dialect
        text = self._texts.get(dialect.name)
        if text is None:
            mark = "?" if dialect.paramstyle == "qmark" else "%s"
            table, *columns = map(dialect.identifier_preparer.quote, (self._table.name, *self._names))
            marks = ", ".join([mark] * len(columns))
            text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}){self._after}"  # noqa: S608 our names
            self._texts[dialect.name] = text
        driven_many(connection, text, lines)


INSERTS: Final = {
    table: Insert(table)
    for table in (BLOB, SENT_MESSAGE, RECIPIENT_STATE, INBOUND, LETTER, TAKEN, FATE, INFECTED, NOTICE, LOG_ROW)
}
INSERT_JOBS: Final = Insert(JOB, _OF_JOB)
INSERT_OCTETS: Final = Insert(
    BLOB,
    otherwise="(digest) DO UPDATE SET octets = excluded.octets WHERE blob.size > 0 AND length(blob.octets) = 0",
)
"""Octets into their rows, also where they were purged (VI-2); where they are they stay, until the transaction ends."""
INSERT_RECEIPTS: Final = Insert(RECEIVED_RECEIPT, otherwise="DO NOTHING")
