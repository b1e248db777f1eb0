"""Many rows into one table at a time, at the price of the driver.

SQLAlchemy makes the statement and the conversions of each column once for a table and dialect; the
rows then go to the driver as they are. Measured on batches of 16 steps: an eighth less processor time.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table

from ceralacca.store.rows import Values

_Convert = Callable[[Any], Any]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Values], *, or_leave: bool = False) -> None:
    """Insert rows that all have the same columns; `or_leave`: those whose key is there are left as they are.

    Raises SQLAlchemyError.
    """
    statement, converters = _plan(table, connection.dialect, tuple(rows[0]))
    if or_leave:
        statement += " ON CONFLICT DO NOTHING"
    connection.exec_driver_sql(statement, [tuple(convert(row[name]) for name, convert in converters) for row in rows])


@lru_cache(maxsize=256)  # a process has one dialect, a test run has many
def _plan(table: Table, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, tuple[tuple[str, _Convert], ...]]:
    mark = "%s" if dialect.paramstyle in {"format", "pyformat"} else "?"
    quote = dialect.identifier_preparer.quote
    columns, marks = ", ".join(map(quote, names)), ", ".join([mark] * len(names))
    converters = tuple((name, _converter(table, dialect, name)) for name in names)
    return f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})", converters  # noqa: S608 our own names


def _converter(table: Table, dialect: Dialect, name: str) -> _Convert:
    return table.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
