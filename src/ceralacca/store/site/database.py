"""What two sites ask of PostgreSQL: the row that says which epoch a database is of, its standby, its promotion.

Every connection of a site checks once that it has come to the primary of its own pair and epoch, and that the server
waits for a standby: a commit is acknowledged when it is durable in both sites. A wait that somebody cancels leaves the
commit on one site only: then the call fails, and nothing is answered. Claims wait as well, so that nothing leaves this
site on the word of a row that the other one has not.

Clauses: SL-6.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert, select, text, update

from ceralacca.base.errors import UserError, WorldError
from ceralacca.store.engine import Database
from ceralacca.store.site.state import SiteState
from ceralacca.store.tables import JOB, SITE

_SILENT: Final = timedelta(seconds=30)
"""A standby that has said nothing for so long counts as away; it speaks every 10 s (`wal_receiver_status_interval`)."""
_PROMOTION: Final = 120
"""Seconds that a promotion may take: the standby replays what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A standby as the primary sees it."""

    name: str
    synchronous: bool
    """It streams, is waited for, and has spoken of late."""
    behind: int
    """Octets of the write-ahead log that it has not made durable."""


def standbys(database: Database) -> list[Standby]:
    """Return the standbys of this primary. Raises WorldError, UserError when we may not see them."""
    with database.reading() as connection:
        rows = connection.execute(_STANDBYS).all()
    if any(row.state is None for row in rows):
        raise UserError("the database does not show us its standbys", remedy="GRANT pg_monitor TO the provider's user")
    return [
        Standby(
            name=row.application_name,
            synchronous=row.state == "streaming" and row.sync_state in {"sync", "quorum"} and row.silent < _SILENT,
            behind=int(row.behind or 0),
        )
        for row in rows
    ]


_STANDBYS: Final = text(
    "SELECT application_name, state, sync_state, pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) AS behind,"
    " coalesce(clock_timestamp() - reply_time, interval '0') AS silent FROM pg_stat_replication"
)


def keep_row(database: Database, state: SiteState, now: datetime) -> None:
    """Say in the database of which pair and epoch it is; this waits for nobody. Raises WorldError."""
    values = {"pair": state.pair, "epoch": state.epoch, "name": state.name, "changed": now, "alone": bool(state.alone)}
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL synchronous_commit=local"))
        if connection.execute(update(SITE).values(**values)).rowcount == 0:
            connection.execute(insert(SITE).values(**values))


def epoch_of(database: Database, pair: str) -> int:
    """Return the epoch that the database is of. Raises UserError when it is of another pair, WorldError."""
    with database.reading() as connection:
        epoch = connection.scalar(select(SITE.c.epoch).where(SITE.c.pair == pair))
    if epoch is None:
        raise UserError("the database is not of this pair of sites", remedy="look at data.database and data.folder")
    return int(epoch)


def await_standby(database: Database) -> None:
    """Return when the standby has made durable all that was committed so far. Raises WorldError."""
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL synchronous_commit=on"))
        connection.execute(update(SITE).values(alone=SITE.c.alone))


def row_says_alone(database: Database) -> bool:
    """Whether the primary was alone when it was last heard of. Raises WorldError."""
    with database.reading() as connection:
        return bool(connection.scalar(select(SITE.c.alone)))


def give_back_leases(database: Database, now: datetime) -> int:
    """Make due what the workers of the other site had in hand: none of them works any more. Returns how much."""
    held = update(JOB).where(JOB.c.leased, JOB.c.ready > now).values(ready=now, leased=False)
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL synchronous_commit=local"))
        return connection.execute(held).rowcount


def row_of(database: Database) -> tuple[str, int] | None:
    """Return of which pair and epoch the database is; None of no pair. Raises WorldError."""
    with database.reading() as connection:
        if connection.scalar(text("SELECT to_regclass('site')")) is None:
            return None
        row = connection.execute(select(SITE.c.pair, SITE.c.epoch)).first()
    return None if row is None else (row.pair, row.epoch)


def waits(database: Database) -> bool:
    """Whether the server lets commits wait for a standby. Raises WorldError."""
    return bool(_one(database, "SELECT current_setting('synchronous_standby_names') <> ''"))


def is_waited_for(database: Database) -> bool:
    """Whether a commit made now would be durable in both sites at once. Raises WorldError, UserError."""
    return any(one.synchronous for one in standbys(database))


def is_standby(database: Database) -> bool:
    """Whether the server follows another one. Raises WorldError."""
    return bool(_one(database, "SELECT pg_is_in_recovery()"))


def hears_primary(database: Database) -> bool:
    """Whether a standby is connected to its primary at this moment. Raises WorldError."""
    return bool(_one(database, "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"))


def promote_server(database: Database) -> None:
    """Make a standby the primary, once it has replayed all it received. Raises UserError, WorldError."""
    with database.reading() as connection:
        may = connection.scalar(text("SELECT has_function_privilege('pg_promote(boolean, integer)', 'execute')"))
    if not may:
        raise UserError(
            "the provider's user may not promote the standby",
            remedy="GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer), or pg_ctl promote first",
        )
    if not _one(database, f"SELECT pg_promote(true, {_PROMOTION})") or is_standby(database):
        raise WorldError("PostgreSQL has not become the primary in time", remedy="look at its log, then try again")


def _one(database: Database, statement: str) -> Any:
    with database.reading() as connection:
        return connection.scalar(text(statement))
