"""Takes the clear octets of infected messages out of the store, once the virus storage has them (VI-2).

The row of the blob stays, because rows that tell what arrived refer to it; its octets become empty, which no message
is. Octets that something still needs are left: a job that is not finished names their message, or a letter has them.

    1. the row says that the octets are gone: committed
    2. the file goes, under the lock of the row, and only while the row does not lean on it

In this order, because a row that leans on a file that is gone would be a `250` for nothing (AP-25). Whoever stores
the same octets meanwhile locks their row first: it either keeps them from being purged, or finds them gone and stores
them again, into the row and never into a file. A file that a cut between 1 and 2 leaves behind goes with the next
purge of everything, which every worker and the timekeeper do at their start.

What a database writes over may lie on its disk for a while: SQLite is told to overwrite it with zeroes,
PostgreSQL frees it at the next vacuum.
"""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, exists, func, or_, select, type_coerce, update

from ceralacca.base.failpoints import reach
from ceralacca.ports.store import JobKind
from ceralacca.ports.vault import Purged
from ceralacca.store.blobs import BlobFolder
from ceralacca.store.driver import Open
from ceralacca.store.engine import Database
from ceralacca.store.packs import Packs
from ceralacca.store.prepared import Prepared, among
from ceralacca.store.tables import BLOB, INBOUND, INFECTED, JOB, LETTER

_READERS: Final = (JobKind.SUBMISSION, JobKind.ARRIVAL, JobKind.DELIVERY)
"""Kinds of jobs that name a received message."""

_PURGED: Final = (func.length(BLOB.c.octets) == 0) & (BLOB.c.size > 0)


_STORED: Final = Prepared(
    select(BLOB.c.digest, _PURGED.label("purged"))
    .where(among(BLOB.c.digest, "wanted"))
    .with_for_update(read=True, key_share=True)
)


def stored_digests(connection: Open, digests: Collection[str]) -> tuple[set[str], set[str]]:
    """Return which octets are stored and which are purged; none is purged before the transaction ends."""
    stored: set[str] = set()
    purged: set[str] = set()
    if digests:
        for row in _STORED.all(connection, wanted=sorted(digests)):
            (purged if row.purged else stored).add(row.digest)
    return stored, purged


def purge_infected(database: Database, blobs: BlobFolder, digests: Collection[str] | None = None) -> Purged:
    """Purge what is infected and needed no more: of these, or of all. Raises WorldError."""
    said = {digest: say_gone(database, digest, _needed) for digest in _read(database, _in_clear(digests))}
    for digest in _read(database, _in_no_file(digests)):
        if blobs.has(digest):
            remove_file(database, blobs, digest)
    left = frozenset(digest for digest, gone in said.items() if not gone)
    return Purged(gone=len(said) - len(left), left=left)


def _in_clear(digests: Collection[str] | None) -> Select[str]:
    """Select what the virus storage has and the store has still; asked without reading the octets."""
    return _infected(digests, or_(BLOB.c.octets.is_(None), func.length(BLOB.c.octets) > 0))


def _in_no_file(digests: Collection[str] | None) -> Select[str]:
    """Select what is infected and leans on no file: one that is there was left behind."""
    return _infected(digests, BLOB.c.octets.is_not(None))


def _infected(digests: Collection[str] | None, where: ColumnElement[bool]) -> Select[str]:
    wanted = select(INFECTED.c.digest).distinct().join(BLOB, BLOB.c.digest == INFECTED.c.digest)
    wanted = wanted.where(where, BLOB.c.size > 0)
    return wanted if digests is None else wanted.where(INFECTED.c.digest.in_(list(digests)))


def _read(database: Database, wanted: Select[str]) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(wanted))


def say_gone(database: Database, digest: str, is_needed: Callable[[Connection, str], bool]) -> bool:
    """Say in the row of octets that they are gone, unless they are needed; whether they are. Raises WorldError."""
    with database.transaction() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.execute(select(BLOB.c.digest).where(BLOB.c.digest == digest).with_for_update())
        needed = is_needed(connection, digest)
        if not needed:
            connection.execute(update(BLOB).where(BLOB.c.digest == digest).values(octets=b""))
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        reach("purge.sync.before")
    reach("purge.sync.after")
    return not needed


def remove_file(database: Database, blobs: BlobFolder, digest: str) -> None:
    """Remove a file that no row leans on any more. Raises WorldError."""
    with database.transaction(synced=False) as connection:  # writes nothing
        row = select(BLOB.c.octets.is_(None)).where(BLOB.c.digest == digest).with_for_update()
        if connection.scalar(row) is False:
            blobs.remove(digest)


def clear_place(database: Database, packs: Packs, digest: str) -> None:
    """Give back the place in a pack of octets that are gone. Raises WorldError."""
    with database.transaction(synced=False) as connection:  # a place that is cleared twice is as clear
        wanted = select(BLOB.c.size, BLOB.c.octets, BLOB.c.place).where(BLOB.c.digest == digest).with_for_update()
        row = connection.execute(wanted).one()
        if row.place and row.octets == b"":
            packs.let_go(row.place, row.size)
            connection.execute(update(BLOB).where(BLOB.c.digest == digest).values(place=None))


def _needed(connection: Connection, digest: str) -> bool:
    """Ask, after the row was locked, whether anything will read the octets again."""
    if connection.scalar(select(exists().where(LETTER.c.digest == digest))):
        return True
    return named_by_a_job(connection, connection.scalars(select(INBOUND.c.key).where(INBOUND.c.digest == digest)))


def named_by_a_job(connection: Connection, keys: Iterable[str], kinds: Collection[JobKind] = _READERS) -> bool:
    """Ask whether a job that is not finished names one of these messages or letters."""
    payload = cast(type_coerce(JOB.c.payload, Text), Text)
    return any(
        connection.scalar(
            select(exists().where(JOB.c.kind.in_(kinds), payload.contains(json.dumps(key), autoescape=True)))
        )
        for key in list(keys)
    )
