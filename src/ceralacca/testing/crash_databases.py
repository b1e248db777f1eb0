"""The databases of a crash campaign: emptied, kept as they are at a moment, and put back to it, in milliseconds.

On SQLite the databases lie in the folder of the case and go with its copy; on PostgreSQL each moment
is a schema of copies in the same database, so that nothing is created and dropped for a case.

Serves: R1 on both engines.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg

from ceralacca.base.errors import UserError
from ceralacca.store.schema import upgrade
from ceralacca.testing.crash_evidence import TABLES
from ceralacca.testing.databases import PostgresCluster, postgresql_programs, sqlite_url

_PROVIDERS: Final = ("alfa", "beta")
_NUMBERED: Final = (("job", "id"), ("log_row", "seq"))


class Databases(Protocol):
    """Both providers' databases."""

    urls: Mapping[str, str]

    def empty(self) -> None:
        """Make them empty, with their tables."""
        ...

    def keep(self, name: str) -> None:
        """Keep this moment."""
        ...

    def go_back(self, name: str) -> None:
        """Put a kept moment back."""
        ...

    def settle(self) -> None:
        """Return when nobody but us is connected."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


class SqliteDatabases:
    """Files in the folder of the case."""

    def __init__(self, folder: Path) -> None:
        """Know where they lie."""
        self.urls: Mapping[str, str] = {name: sqlite_url(folder / "data" / name) for name in _PROVIDERS}
        self._tables = folder.with_name("tables.db")
        upgrade(f"sqlite:///{self._tables}")

    def empty(self) -> None:
        """Copy a file of empty tables into the folder, which is new."""
        for url in self.urls.values():
            shutil.copy(self._tables, url.removeprefix("sqlite:///"))

    def keep(self, name: str) -> None:
        """Nothing: the folder is copied."""
        del name

    def go_back(self, name: str) -> None:
        """Nothing: the copy was put back."""
        del name

    def settle(self) -> None:
        """Nothing: a dead process has no database open."""

    def close(self) -> None:
        """Nothing: the folder goes."""


class PostgresDatabases:
    """Two databases of a private server."""

    def __init__(self, folder: Path) -> None:
        """Start the server. Raises UserError when the package is missing."""
        del folder
        programs = postgresql_programs()
        if programs is None:
            raise UserError("PostgreSQL 15 or later is missing", remedy="apt-get install postgresql")
        self._cluster = PostgresCluster(programs)
        self.urls: Mapping[str, str] = {name: self._cluster.new_database() for name in _PROVIDERS}

    def empty(self) -> None:
        """Empty all tables."""
        self.settle()
        for server in self._servers():
            _run(server, "TRUNCATE " + ", ".join(f"public.{table}" for table in TABLES) + " RESTART IDENTITY")

    def keep(self, name: str) -> None:
        """Copy all tables aside."""
        self.settle()
        for server in self._servers():
            _run(server, f'CREATE SCHEMA "{name}"')
            for table in TABLES:
                _run(server, f'CREATE TABLE "{name}".{table} AS TABLE public.{table}')

    def go_back(self, name: str) -> None:
        """Fill all tables from the copies; numbers go on where they stood."""
        self.empty()
        for server in self._servers():
            for table in TABLES:
                _run(server, f'INSERT INTO public.{table} SELECT * FROM "{name}".{table}')  # noqa: S608 our own names
            for table, column in _NUMBERED:
                last = f"(SELECT coalesce(max({column}), 0) + 1 FROM public.{table})"  # noqa: S608 our own names
                _run(server, f"SELECT setval(pg_get_serial_sequence('public.{table}', '{column}'), {last}, false)")

    def settle(self) -> None:
        """Wait for the servers of dead clients to see that they are dead."""
        count = (
            b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            b" AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        for server in self._servers():
            for _ in range(2000):
                if server.execute(count).fetchone() == (0,):
                    break
                server.execute("SELECT pg_sleep(0.002)")

    def close(self) -> None:
        """Stop the server and delete everything."""
        self._cluster.close()

    def _servers(self) -> Iterator["psycopg.Connection[Any]"]:
        for url in self.urls.values():
            with _connected(url) as server:
                yield server


@contextmanager
def _connected(url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(url, autocommit=True) as server:
        yield server


def _run(server: "psycopg.Connection[Any]", statement: str) -> None:
    server.execute(statement.encode())


ENGINES: Final[Mapping[str, Callable[[Path], Databases]]] = {
    "sqlite": SqliteDatabases,
    "postgresql": PostgresDatabases,
}
