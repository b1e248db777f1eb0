"""Many rows into one table at a time, at the price of the driver: lines of `store.rows` go to it as they are."""

from collections.abc import Sequence
from itertools import chain
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
    LOG_ADDRESS,
    LOG_ROW,
    RECEIVED_RECEIPT,
    RECIPIENT_STATE,
    SENT_MESSAGE,
    TAKEN,
)

_TOGETHER: Final = 16
"""Rows that one statement of SQLite takes, where there are so many: each has its price beside that of its rows."""
_OF_JOB: Final = ["key", "kind", "due", "created", "payload", "ready", "leased", "attempts", "claimed_by"]


class Insert:
    """Inserts lines into a table; safe between threads."""

    def __init__(self, table: Table, names: Sequence[str] | None = None, *, otherwise: str = "") -> None:
        """Name the columns that a line has, or (None) all of them; `otherwise`: what becomes of a key that is there."""
        self._table = table
        self._names = [column.name for column in table.columns] if names is None else names
        self._after = f" ON CONFLICT {otherwise}" if otherwise else ""
        self._texts: dict[tuple[str, int], str] = {}

    def lines(self, connection: Open, lines: Sequence[Line]) -> None:
        """Insert them all, in the open transaction. Raises SQLAlchemyError."""
        if connection.dialect.name == "sqlite" and len(lines) >= _TOGETHER:
            alone = len(lines) % _TOGETHER
            groups = zip(*[iter(lines)] * _TOGETHER, strict=False)
            driven_many(connection, self._text(connection, _TOGETHER), [(*chain.from_iterable(one),) for one in groups])
            lines = lines[len(lines) - alone :]
        if lines:
            driven_many(connection, self._text(connection, 1), lines)

    def _text(self, connection: Open, rows: int) -> str:
        dialect = connection.dialect
        text = self._texts.get((dialect.name, rows))
        if text is None:
            mark = "?" if dialect.paramstyle == "qmark" else "%s"
            table, *columns = map(dialect.identifier_preparer.quote, (self._table.name, *self._names))
            marks = ", ".join([f"({', '.join([mark] * len(columns))})"] * rows)
            text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks}{self._after}"  # noqa: S608 our names
            self._texts[dialect.name, rows] = text
        return text


INSERTS: Final = {
    table: Insert(table)
    for table in (
        BLOB,
        SENT_MESSAGE,
        RECIPIENT_STATE,
        INBOUND,
        LETTER,
        TAKEN,
        FATE,
        INFECTED,
        NOTICE,
        LOG_ROW,
        LOG_ADDRESS,
    )
}
INSERT_JOBS: Final = Insert(JOB, _OF_JOB)
INSERT_OCTETS: Final = Insert(
    BLOB,
    otherwise="(digest) DO UPDATE SET octets = excluded.octets, place = excluded.place"
    " WHERE blob.size > 0 AND length(blob.octets) = 0",
)
"""Small octets, also where they were purged (VI-2); where they are they stay, until the transaction ends."""
INSERT_RECEIPTS: Final = Insert(RECEIVED_RECEIPT, otherwise="DO NOTHING")
