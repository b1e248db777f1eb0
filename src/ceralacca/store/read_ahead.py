"""What the steps of one batch are going to ask for, read in a few statements instead of a few for each step.

A payload names what its job is about: the message with its octets, the transaction, the mailbox; a message that arrives
says itself which transaction it is about. Each kind of thing is read once for the whole batch; what a step asks for
beyond that it gets from the database as ever. The values may be a moment old, as any value read before a decision: the
commit judges by what is stored then.

Clauses: AP-25, IP-21; invariants 1 to 5 of ARCHITECTURE.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import StoredInbound, StoredLetter
from ceralacca.ports.store import Job, JobKind, MailboxRecord, RecipientFate, SentMessage, Taken
from ceralacca.store.columns import shortened
from ceralacca.store.delivery_rules import NEWEST_RULES
from ceralacca.store.engine import Database
from ceralacca.store.mailboxes import read_domains
from ceralacca.store.prepared import Prepared, Record, among
from ceralacca.store.rows import (
    read_fate,
    read_inbound,
    read_letter,
    read_mailbox,
    read_sent,
    read_taken,
    recipients_key,
)
from ceralacca.store.tables import BLOB, FATE, INBOUND, LETTER, MAILBOX, RECIPIENT_STATE, SENT_MESSAGE, TAKEN


def _with_octets(table: Table) -> Prepared:
    return Prepared(select(table, BLOB.c.size, BLOB.c.octets).join(BLOB).where(among(table.c.key, "wanted")))


_INBOUND = _with_octets(INBOUND)
_LETTER = _with_octets(LETTER)
_SENT = Prepared(select(SENT_MESSAGE).where(among(SENT_MESSAGE.c.identifier, "wanted")))
_STATES = Prepared(
    select(RECIPIENT_STATE.c.identifier, RECIPIENT_STATE.c.recipient, RECIPIENT_STATE.c.state)
    .where(among(RECIPIENT_STATE.c.identifier, "wanted"))
    .order_by(RECIPIENT_STATE.c.position)
)
_TAKEN = Prepared(select(TAKEN).where(among(TAKEN.c.identifier, "wanted")))
_FATE = Prepared(select(FATE).where(among(FATE.c.identifier, "wanted")))
_MAILBOX = Prepared(select(MAILBOX).where(among(MAILBOX.c.address_key, "wanted")))


@dataclass(slots=True)
class ReadAhead:
    """Things by their keys. What is asked for by a key that is not `known` here has to be looked up."""

    inbound: dict[str, StoredInbound] = field(default_factory=dict)
    letters: dict[str, StoredLetter] = field(default_factory=dict)
    octets: dict[str, bytes] = field(default_factory=dict)
    """Those that lie in their rows."""
    identifiers: frozenset[str] = frozenset()
    """Transactions of which everything below is here, or is nowhere."""
    sent: dict[str, SentMessage] = field(default_factory=dict)
    taken: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    fates: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    mailboxes: dict[str, MailboxRecord | None] = field(default_factory=dict)
    rules: dict[str, list[Record]] = field(default_factory=dict)
    """Of the same mailboxes, as rows: what is wrong with one is the matter of its own delivery (DP-8)."""
    domains: frozenset[str] | None = None
    """The mail domains that are served; None when they were not read."""

    def knows(self, identifier: str) -> bool:
        """Say whether all that is stored of a transaction is here."""
        return shortened(identifier) in self.identifiers

    def taken_of(self, provider: str, identifier: str, recipients: frozenset[Address]) -> Taken | None:
        """Return the taking in charge of a known transaction (IP-21)."""
        row = self.taken.get((shortened(identifier), shortened(provider), recipients_key(recipients)))
        return None if row is None else read_taken(provider, identifier, row)

    def fate_of(self, provider: str, identifier: str, recipient: Address) -> RecipientFate | None:
        """Return what became of the envelope of a known transaction for one recipient."""
        row = self.fates.get((shortened(identifier), shortened(provider), shortened(recipient.key)))
        return None if row is None else read_fate(provider, identifier, row)


def read_ahead(
    database: Database, jobs: Sequence[Job], about: Callable[[Octets], str | None] | None = None
) -> ReadAhead:
    """Read what the payloads of these jobs name, and the transactions that arrived messages are `about`.

    Raises WorldError.
    """
    ahead = ReadAhead()
    with database.reading() as connection:
        ahead.domains = read_domains(connection)
        _read_messages(connection, ahead, jobs)
    identifiers = _named(jobs, "identifier")
    if about is not None:  # outside of a transaction, for it takes its time
        arrived = _named([job for job in jobs if job.kind is JobKind.ARRIVAL], "inbound")
        octets = (ahead.octets.get(ahead.inbound[key].digest) for key in arrived if key in ahead.inbound)
        identifiers |= {found for each in octets if each is not None and (found := about(each))}
    ahead.identifiers = frozenset(map(shortened, identifiers))
    recipients = {Address(one).key for one in _named(jobs, "recipient")}
    if not ahead.identifiers and not recipients:
        return ahead
    with database.reading() as connection:
        _read_transactions(connection, ahead, ahead.identifiers)
        records = {row.address_key: read_mailbox(row) for row in _rows(connection, _MAILBOX, recipients)}
        ahead.mailboxes = {key: records.get(shortened(key)) for key in recipients}
        ahead.rules = {key: [] for key, one in ahead.mailboxes.items() if one is not None}
        for row in _rows(connection, NEWEST_RULES, ahead.rules):
            ahead.rules[row.mailbox_key].append(row)
    return ahead


def _read_messages(connection: Connection, ahead: ReadAhead, jobs: Sequence[Job]) -> None:
    for row in _rows(connection, _INBOUND, _named(jobs, "inbound")):
        ahead.inbound[row.key] = read_inbound(row.key, row)
        _keep_octets(ahead, row)
    for row in _rows(connection, _LETTER, _named(jobs, "letter")):
        ahead.letters[row.key] = read_letter(row.key, row)
        _keep_octets(ahead, row)


def _read_transactions(connection: Connection, ahead: ReadAhead, identifiers: Iterable[str]) -> None:
    states: dict[str, dict[Address, Any]] = {}
    for row in _rows(connection, _STATES, identifiers):
        states.setdefault(row.identifier, {})[row.recipient] = row.state
    for row in _rows(connection, _SENT, identifiers):
        ahead.sent[row.identifier] = read_sent(row, states.get(row.identifier, {}))
    for row in _rows(connection, _TAKEN, identifiers):
        ahead.taken[row.identifier, row.provider, row.recipients_key] = row
    for row in _rows(connection, _FATE, identifiers):
        ahead.fates[row.identifier, row.provider, row.recipient_key] = row


def _rows(connection: Connection, statement: Prepared, wanted: Iterable[str]) -> Iterable[Record]:
    keys = sorted(wanted)
    return statement.all(connection, wanted=keys) if keys else ()


def _keep_octets(ahead: ReadAhead, row: Record) -> None:
    if row.octets or (row.octets is not None and not row.size):  # neither in a file nor purged (VI-2)
        ahead.octets[row.digest] = row.octets


def _named(jobs: Sequence[Job], name: str) -> set[str]:
    payloads: Iterable[Mapping[str, Any]] = (job.payload for job in jobs)
    return {str(value) for payload in payloads if (value := payload.get(name))}
