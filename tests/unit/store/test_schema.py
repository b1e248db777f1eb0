import re
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from ceralacca.base.errors import UserError
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.log_search import LogQuery
from ceralacca.ports.store import Commit
from ceralacca.store import schema
from ceralacca.store.database import open_store
from ceralacca.store.engine import Database, Raced
from ceralacca.store.tables import METADATA, RECIPIENT_STATE
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request, tmp_path):
    if request.param == "sqlite":
        schema.upgrade(sqlite_url(tmp_path))
        return sqlite_url(tmp_path)
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def database(url):
    opened = Database(url)
    yield opened
    opened.close()


def test_the_migrations_make_the_tables_that_the_program_knows(database):
    with database.reading() as connection:
        opts = {"compare_type": True, "compare_server_default": False, "include_name": is_no_month}
        context = MigrationContext.configure(connection, opts=opts)

        assert compare_metadata(context, METADATA) == []


def is_no_month(name, kind, parents):
    return not (kind == "table" and re.fullmatch(r"log_(row|address)_[0-9]{6}", name or ""))


def test_upgrading_again_changes_nothing(url, tmp_path):
    store = open_store(url, tmp_path)
    store.receive([some.inbound("a")], now=NOON)
    schema.upgrade(url)

    assert store.inbound("a") is not None
    store.close()


def test_the_newest_migration_is_the_version():
    names = sorted(path.name for path in Path(schema.__file__).parent.glob("migrations/versions/[0-9]*.py"))

    assert names[-1].startswith(schema.VERSION + "_")


def test_processes_that_find_an_empty_database_make_the_tables_once(tmp_path):
    code = "import sys; from ceralacca.store.schema import upgrade; upgrade(sys.argv[1])"
    children = [
        subprocess.Popen([sys.executable, "-c", code, sqlite_url(tmp_path)], stderr=subprocess.PIPE) for _ in range(3)
    ]
    for child in children:
        _, error = child.communicate(timeout=60)
        assert child.returncode == 0, error


def set_version(database, version):
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def test_an_older_schema_is_the_operators_to_upgrade(url, database, tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "VERSION", "9998")
    with pytest.raises(UserError, match="older release"):
        open_store(url, tmp_path)


def test_a_newer_schema_is_run_on(url, database, tmp_path):
    set_version(database, "9999")

    open_store(url, tmp_path).close()
    schema.upgrade(url)


def test_states_belong_to_messages(database):
    """The database itself refuses a row that refers to nothing."""
    state = RecipientState.TAKEN
    row = {"identifier": "x", "recipient_key": "y", "recipient": some.ANNA, "position": 0, "state": state}
    with pytest.raises(Raced), database.transaction() as connection:
        connection.execute(RECIPIENT_STATE.insert(), [row])


@pytest.mark.requirement("AP-25")
def test_what_is_committed_is_synced_and_a_lost_claim_is_harmless(database):
    ask = "PRAGMA synchronous" if database.is_sqlite else "SHOW synchronous_commit"
    full, lazy = (2, 1) if database.is_sqlite else ("on", "off")
    for _ in range(2):
        with database.transaction() as connection:
            assert connection.scalar(text(ask)) == full
        with database.transaction(synced=False) as connection:
            assert connection.scalar(text(ask)) == lazy


def test_sqlite_keeps_a_write_ahead_log_and_begins_with_the_lock(tmp_path):
    schema.upgrade(sqlite_url(tmp_path))
    first, second = Database(sqlite_url(tmp_path)), Database(sqlite_url(tmp_path))
    with first.transaction() as connection, second.reading() as reader:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert reader.scalar(text("SELECT count(*) FROM job")) == 0
        reader.execute(text("PRAGMA busy_timeout=0"))
        with pytest.raises(Exception, match="locked"):
            reader.execute(text("DELETE FROM job"))
    first.close()
    second.close()


@pytest.mark.requirement("LO-5", "LO-8")
def test_rows_of_the_release_before_are_found_by_mailbox(url, tmp_path):
    rows = [some.log_row(f"id-{month}")._replace(instant=NOON + timedelta(days=31 * month)) for month in range(3)]
    rows.append(LogRow(instant=NOON + timedelta(days=93), event=LogEvent.CONFIGURATION))
    with closing(open_store(url, tmp_path)) as store:
        store.commit([Commit(log=tuple(rows))])
    with closing(Database(url)) as database, database.transaction() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        assert not inspect(connection).has_table("log_address")
        command.upgrade(config, "head")

    with closing(open_store(url, tmp_path)) as store:
        assert [entry.row for entry in store.stream_log(LogQuery(newest_first=False))] == rows
        assert [entry.row for entry in store.search_log(LogQuery(mailbox=some.ANNA, newest_first=False))] == rows[:3]
        store.commit([Commit(log=(some.log_row("id-9"),))])
        assert [entry.seq for entry in store.search_log(LogQuery(identifier="id-9"))] == [5]
