"""One suite for every store: the memory twin, SQLite, PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ceralacca.ports.store import Store
from ceralacca.store.database import open_store
from ceralacca.testing.databases import PostgresCluster, postgresql_programs, private_postgresql, sqlite_url
from ceralacca.testing.memory_store import MemoryStore


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresCluster]:
    if postgresql_programs() is None:
        pytest.skip("the Debian package postgresql is missing")
    with private_postgresql() as cluster:
        yield cluster


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = sqlite_url(tmp_path)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()
