"""Reading back what steps have stored.

A step may read some thirty things, each by its key: their statements are prepared, here.
"""

from sqlalchemy import Table, bindparam, or_, select

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogRow
from ceralacca.ports.letters import StoredInbound, StoredLetter
from ceralacca.ports.store import InfectedMessage, RecipientFate, SentMessage, Taken
from ceralacca.store.engine import Database
from ceralacca.store.log_rows import read_log
from ceralacca.store.log_search import bare, client_named, named
from ceralacca.store.prepared import Prepared, Record
from ceralacca.store.rows import (
    read_fate,
    read_inbound,
    read_infected,
    read_letter,
    read_sent,
    read_taken,
    recipients_key,
)
from ceralacca.store.tables import BLOB, FATE, INBOUND, INFECTED, LETTER, LOG_ROW, RECIPIENT_STATE, SENT_MESSAGE, TAKEN


def _with_size(table: Table) -> Prepared:
    return Prepared(select(table, BLOB.c.size).join(BLOB).where(table.c.key == bindparam("wanted")))


_INBOUND = _with_size(INBOUND)
_LETTER = _with_size(LETTER)
_SENT = Prepared(select(SENT_MESSAGE).where(SENT_MESSAGE.c.identifier == bindparam("identifier")))
_STATES = Prepared(
    select(RECIPIENT_STATE.c.recipient, RECIPIENT_STATE.c.state)
    .where(RECIPIENT_STATE.c.identifier == bindparam("identifier"))
    .order_by(RECIPIENT_STATE.c.position)
)
_TAKEN = Prepared(
    select(TAKEN).where(
        TAKEN.c.identifier == bindparam("identifier"),
        TAKEN.c.provider == bindparam("provider"),
        TAKEN.c.recipients_key == bindparam("recipients"),
    )
)
_FATE = Prepared(
    select(FATE).where(
        FATE.c.identifier == bindparam("identifier"),
        FATE.c.provider == bindparam("provider"),
        FATE.c.recipient_key == bindparam("recipient"),
    )
)
_OCTETS = Prepared(select(BLOB).where(BLOB.c.digest == bindparam("wanted")))


def inbound(database: Database, key: str) -> StoredInbound | None:
    """Return a received message."""
    with database.direct_reading() as connection:
        row = _INBOUND.first(connection, wanted=key)
    return None if row is None else read_inbound(key, row)


def letter(database: Database, key: str) -> StoredLetter | None:
    """Return a letter."""
    with database.direct_reading() as connection:
        row = _LETTER.first(connection, wanted=key)
    return None if row is None else read_letter(key, row)


def octets(database: Database, digest: str) -> Record | None:
    """Return the row of some octets."""
    with database.direct_reading() as connection:
        return _OCTETS.first(connection, wanted=digest)


def sent(database: Database, identifier: str) -> SentMessage | None:
    """Return a message that we accepted, with its states in the order of its recipients."""
    with database.direct_reading() as connection:
        row = _SENT.first(connection, identifier=identifier)
        if row is None:
            return None
        return read_sent(row, {each.recipient: each.state for each in _STATES.all(connection, identifier=identifier)})


def taken(database: Database, provider: str, identifier: str, recipients: frozenset[Address]) -> Taken | None:
    """Return a taking in charge (IP-21)."""
    whose = recipients_key(recipients)
    with database.direct_reading() as connection:
        row = _TAKEN.first(connection, identifier=identifier, provider=provider, recipients=whose)
    return None if row is None else read_taken(provider, identifier, row)


def fate(database: Database, provider: str, identifier: str, recipient: Address) -> RecipientFate | None:
    """Return what became of an envelope for one recipient."""
    with database.direct_reading() as connection:
        row = _FATE.first(connection, identifier=identifier, provider=provider, recipient=recipient.key)
    return None if row is None else read_fate(provider, identifier, row)


def infected(database: Database, identifier: str) -> list[InfectedMessage]:
    """Return the infected messages of one transaction."""
    query = select(INFECTED).where(INFECTED.c.identifier == identifier)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(INFECTED.c.found, INFECTED.c.key)).all()
    return [read_infected(row) for row in rows]


def log_of(database: Database, identifier: str) -> list[LogRow]:
    """Return the log rows of a transaction, or of all that a client's Message-ID names."""
    name = bare(identifier)
    by_client = client_named(name)
    with database.reading() as connection:
        found = connection.scalars(select(LOG_ROW.c.identifier).where(by_client).distinct())
        wanted = [name, *(each for each in found if each is not None)]
        rows = connection.execute(select(LOG_ROW).where(or_(named(wanted), by_client)).order_by(LOG_ROW.c.seq)).all()
    return [read_log(row) for row in rows]
