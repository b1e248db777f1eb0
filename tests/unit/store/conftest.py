"""One suite for every store: the memory twin, SQLite, PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ceralacca.ports.app_password import AppPasswords
from ceralacca.ports.audit import AuditTrail
from ceralacca.ports.disservices import Disservices
from ceralacca.ports.safety_alarm import SafetyAlarms
from ceralacca.ports.second_factor import SecondFactors
from ceralacca.ports.store import Store
from ceralacca.store import syncing
from ceralacca.store.database import DatabaseStore, StoreSettings, open_store
from ceralacca.testing.databases import PostgresCluster, postgresql_programs, private_postgresql, sqlite_url
from ceralacca.testing.memory_app_passwords import MemoryAppPasswords
from ceralacca.testing.memory_audit import MemoryAuditTrail
from ceralacca.testing.memory_disservices import MemoryDisservices
from ceralacca.testing.memory_safety_alarms import MemorySafetyAlarms
from ceralacca.testing.memory_second_factors import MemorySecondFactors
from ceralacca.testing.memory_store import MemoryStore


@pytest.fixture
def by_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads sync, by what is in `os`; comes before a store."""
    monkeypatch.setattr(syncing, "_CAN_ASK", False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresCluster]:
    if postgresql_programs() is None:
        pytest.skip("the Debian package postgresql is missing")
    with private_postgresql() as cluster:
        yield cluster


_ENGINES = ["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.system)]


_STORES = [*_ENGINES, "packed"]


def _open(request: pytest.FixtureRequest, folder: Path) -> DatabaseStore:
    """Open a store on an engine; packed: on SQLite, and every letter lies in a pack."""
    if request.param == "packed":
        return open_store(sqlite_url(folder), folder, StoreSettings(pack_from=1))
    return open_store(_url(request, folder), folder)


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    return sqlite_url(folder) if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()


@pytest.fixture(params=_STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = _open(request, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=_STORES[1:])
def database_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseStore]:
    opened = _open(request, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=_ENGINES)
def trail(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditTrail]:
    if request.param == "memory":
        yield MemoryAuditTrail()
        return
    opened = open_store(_url(request, tmp_path), tmp_path)
    yield opened.audit
    opened.close()


@pytest.fixture(params=_ENGINES)
def register(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disservices]:
    if request.param == "memory":
        yield MemoryDisservices()
        return
    opened = open_store(_url(request, tmp_path), tmp_path)
    yield opened.disservices
    opened.close()


@pytest.fixture(params=_ENGINES)
def app_passwords(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AppPasswords]:
    if request.param == "memory":
        yield MemoryAppPasswords()
        return
    opened = open_store(_url(request, tmp_path), tmp_path)
    yield opened.app_passwords()
    opened.close()


@pytest.fixture(params=_ENGINES)
def factors(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecondFactors]:
    if request.param == "memory":
        yield MemorySecondFactors()
        return
    opened = open_store(_url(request, tmp_path), tmp_path)
    yield opened.second_factors()
    opened.close()


@pytest.fixture(params=_ENGINES)
def alarms(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SafetyAlarms]:
    if request.param == "memory":
        yield MemorySafetyAlarms()
        return
    opened = open_store(_url(request, tmp_path), tmp_path)
    yield opened.safety_alarms()
    opened.close()
