"""Making and upgrading the tables, by the migrations beside this module.

Migrations come in two steps: one release adds, a later one takes away, so that the previous release
still runs on the new schema while hosts are upgraded one after the other. A program therefore
refuses a schema that is older than itself, and runs on one that it does not know: that is newer.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ceralacca.base.errors import UserError
from ceralacca.store.engine import Database

VERSION = "0021"
"""The newest migration of this release."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x70656331  # any number, the same in every process


def upgrade(url: str) -> None:
    """Bring the tables of a database to this release; harmless when they are there. Raises WorldError, UserError."""
    database = Database(url, connections=1)
    try:
        with database.transaction() as connection:
            if connection.dialect.name == "postgresql":  # SQLite's transaction holds the lock already
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if _version(connection) in _older():
                _run_migrations(connection)
    finally:
        database.close()


def require(database: Database, url: str) -> None:
    """See that the tables are there, and make them in an empty database.

    Raises UserError when an older release made them: upgrading is a decision of the operator.
    """
    with database.reading() as connection:
        version = _version(connection)
    if version is None:
        upgrade(url)
    elif version in _older():
        raise UserError("the database was made by an older release", remedy="make a backup, then run the upgrade")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _older() -> set[str | None]:
    """Return every version that this release can upgrade from: none at all, and all known ones but the newest."""
    known = {path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")}
    return {None, *known} - {VERSION}


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 costs more than the rest of a start
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
