"""Statements straight to the driver of a database, and a connection that has nothing else.

What runs for every message pays nothing for what it does not use: no result objects, no events, no pool. A `Direct`
connection is SQLite's; PostgreSQL is reached over SQLAlchemy's connections, whose loss and settings are its matter.
Errors are the ones SQLAlchemy would have raised.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError


class Direct:
    """A connection to SQLite that was opened as SQLAlchemy's are, and is then driven without it; for one thread."""

    def __init__(self, engine: Engine) -> None:
        """Open it. Raises SQLAlchemyError."""
        self._opened = engine.connect()
        self._opened.detach()
        self.dialect = engine.dialect
        self.driver: Any = self._opened.connection.dbapi_connection
        self._synced: bool | None = None

    def begin(self, *, synced: bool | None) -> None:
        """Begin to write, synced or not, or (None) to read. Raises SQLAlchemyError."""
        if synced is None:
            driven(self, "BEGIN")
            return
        if synced is not self._synced:  # only outside a transaction; a later FULL commit syncs what this one wrote, too
            self._synced = None
            driven(self, "PRAGMA synchronous=" + ("FULL" if synced else "NORMAL"))
            self._synced = synced
        driven(self, "BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make durable what was begun. Raises SQLAlchemyError."""
        driven(self, "COMMIT")

    def is_clear_again(self) -> bool:
        """Undo what was begun, if it is still open; say whether the connection can be used again."""
        try:
            if self.driver.in_transaction:
                self.driver.rollback()
        except self.dialect.loaded_dbapi.Error:
            return False
        return True

    def close(self) -> None:
        """Give it up, and what was begun on it."""
        self._opened.close()


Open: TypeAlias = Connection | Direct
"""A connection with an open transaction."""


def driven(connection: Open, text: str, values: Any = ()) -> Any:
    """Give one statement to the driver; return its cursor. Raises SQLAlchemyError."""
    driver: Any = connection.driver if isinstance(connection, Direct) else connection.connection.dbapi_connection
    try:
        return driver.execute(text, values)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _ours(connection, error) from error


def driven_many(connection: Open, text: str, rows: Sequence[Any]) -> int:
    """Give one statement to the driver for each of many rows of values; return how many rows these have changed.

    Raises SQLAlchemyError.
    """
    driver: Any = connection.driver if isinstance(connection, Direct) else connection.connection
    try:
        cursor = driver.cursor()
        cursor.executemany(text, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _ours(connection, error) from error
    changed: int = cursor.rowcount
    return changed


def _ours(connection: Open, error: Any) -> BaseException:
    """Return the error that SQLAlchemy would have raised; a connection that is lost is given up as it would have."""
    dialect = connection.dialect
    family: Any = dialect.loaded_dbapi.Error
    driver = connection.driver if isinstance(connection, Direct) else connection.connection.dbapi_connection
    lost = dialect.is_disconnect(error, driver, None)
    raised: BaseException = DBAPIError.instance(
        None, None, error, family, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    if lost and not isinstance(connection, Direct):
        connection.invalidate(error)
    return raised
