"""Many rows into one table at a time, at the price of the driver.

SQLAlchemy makes the statement and the conversions of each column once for a table and dialect; the
rows are converted column by column and go to the driver as they are.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

from sqlalchemy import Connection, Dialect, Table, TypeDecorator

from ceralacca.store.prepared import driven_many
from ceralacca.store.rows import Values

_Column = Sequence[Any]
_Convert = Callable[[_Column], Iterable[Any]]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Values], *, or_leave: bool = False) -> None:
    """Insert rows that all have the same columns; `or_leave`: those whose key is there are left as they are.

    Raises SQLAlchemyError.
    """
    names = tuple(rows[0])
    statement, converters = _plan(table, connection.dialect, names)
    if or_leave:
        statement += " ON CONFLICT DO NOTHING"
    columns = [convert([row[name] for row in rows]) for name, convert in zip(names, converters, strict=True)]
    driven_many(connection, statement, list(zip(*columns, strict=True)))


@lru_cache(maxsize=256)  # a process has one dialect, a test run has many
def _plan(table: Table, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, tuple[_Convert, ...]]:
    mark = "%s" if dialect.paramstyle in {"format", "pyformat"} else "?"
    quote = dialect.identifier_preparer.quote
    columns, marks = ", ".join(map(quote, names)), ", ".join([mark] * len(names))
    converters = tuple(_converter(table, dialect, name) for name in names)
    return f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})", converters  # noqa: S608 our own names


def _converter(table: Table, dialect: Dialect, name: str) -> _Convert:
    kind = table.c[name].type.dialect_impl(dialect)
    if isinstance(kind, TypeDecorator) and kind.impl_instance.bind_processor(dialect) is None:
        ours = kind.process_bind_param  # spares a call in between for every value
        return lambda column: map(ours, column, repeat(dialect))
    convert = kind.bind_processor(dialect)
    return iter if convert is None else lambda column: map(convert, column)
