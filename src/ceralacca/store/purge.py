"""Takes the clear octets of infected messages out of the store, once the virus storage has them (VI-2).

The row of the blob stays, because rows that tell what arrived refer to it; its octets become empty, which no message
is. Octets that something still needs are left: a job that is not finished names their message, or a letter has them.
Who stores the same octets meanwhile locks their row first, and so either keeps them from being purged or
finds them gone and stores them again, into the row.

What a database writes over may lie on its disk for a while: SQLite is told to overwrite it with zeroes,
PostgreSQL frees it at the next vacuum.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Select, Text, cast, exists, func, or_, select, type_coerce, update

from ceralacca.ports.store import JobKind
from ceralacca.store.blobs import BlobFolder
from ceralacca.store.engine import Database
from ceralacca.store.tables import BLOB, INBOUND, INFECTED, JOB, LETTER

_READERS: Final = (JobKind.SUBMISSION, JobKind.ARRIVAL, JobKind.DELIVERY)
"""Kinds of jobs that name a received message."""

_PURGED: Final = (func.length(BLOB.c.octets) == 0) & (BLOB.c.size > 0)


def stored_digests(connection: Connection, portions: Iterable[Sequence[str]]) -> tuple[set[str], set[str]]:
    """Return which octets are stored and which are purged; none is purged before the transaction ends."""
    stored: set[str] = set()
    purged: set[str] = set()
    for some in portions:
        query = select(BLOB.c.digest, _PURGED.label("purged")).where(BLOB.c.digest.in_(some))
        for row in connection.execute(query.with_for_update(read=True, key_share=True)):
            (purged if row.purged else stored).add(row.digest)
    return stored, purged


def purge_infected(database: Database, blobs: BlobFolder) -> int:
    """Purge all that is infected and needed no more; return how many octet strings went. Raises WorldError."""
    with database.reading() as connection:
        candidates = list(connection.scalars(_infected()))
    return sum(_purge(database, blobs, digest) for digest in candidates)


def _infected() -> Select[str]:
    """Select what the virus storage has and the store has still; asked without reading the octets."""
    there = or_(BLOB.c.octets.is_(None), func.length(BLOB.c.octets) > 0) & (BLOB.c.size > 0)
    return select(INFECTED.c.digest).distinct().join(BLOB, BLOB.c.digest == INFECTED.c.digest).where(there)


def _purge(database: Database, blobs: BlobFolder, digest: str) -> bool:
    with database.transaction() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.execute(select(BLOB.c.digest).where(BLOB.c.digest == digest).with_for_update())
        if _needed(connection, digest):
            return False
        blobs.remove(digest)
        connection.execute(update(BLOB).where(BLOB.c.digest == digest).values(octets=b""))
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
    return True


def _needed(connection: Connection, digest: str) -> bool:
    """Ask, after the row was locked, whether anything will read the octets again."""
    if connection.scalar(select(exists().where(LETTER.c.digest == digest))):
        return True
    payload = cast(type_coerce(JOB.c.payload, Text), Text)
    keys = connection.scalars(select(INBOUND.c.key).where(INBOUND.c.digest == digest)).all()
    return any(
        connection.scalar(
            select(exists().where(JOB.c.kind.in_(_READERS), payload.contains(json.dumps(key), autoescape=True)))
        )
        for key in keys
    )
