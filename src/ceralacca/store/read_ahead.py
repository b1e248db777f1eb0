"""What the steps of one batch are going to ask for, read in a few statements instead of a few for each step.

A payload names what its job is about: the message with its octets, the transaction, the mailbox of a delivery. What
arrives says itself which transaction it is about, and with any message that came in the mailboxes are read that its
letters may be for. Each kind of thing is read once for the whole batch; what a step asks for beyond that it gets from
the database as ever. The values may be a moment old, as any value read before a decision: the commit judges by what is
stored then.

Clauses: AP-25, IP-21; invariants 1 to 5 of ARCHITECTURE.md.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Table, exists, select

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.letters import Point, StoredInbound, StoredLetter
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.store import About, Commit, Job, JobKind, Kept, RecipientFate, SentMessage, Taken
from ceralacca.store.columns import read_address, shortened
from ceralacca.store.delivery_rules import NEWEST_RULES
from ceralacca.store.driver import Open
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
from ceralacca.store.tables import (
    BLOB,
    DELIVERY_RULES,
    FATE,
    INBOUND,
    LETTER,
    MAILBOX,
    RECIPIENT_STATE,
    SENT_MESSAGE,
    TAKEN,
)


def _with_octets(table: Table) -> Prepared:
    return Prepared(
        select(table, BLOB.c.size, BLOB.c.octets, BLOB.c.place).join(BLOB).where(among(table.c.key, "wanted"))
    )


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
_MAILBOX = Prepared(
    select(MAILBOX, exists().where(DELIVERY_RULES.c.mailbox_key == MAILBOX.c.address_key).label("has_rules")).where(
        among(MAILBOX.c.address_key, "wanted")
    )
)


@dataclass(slots=True)
class ReadAhead:
    """Things by their keys. What is asked for by a key that is not `known` here has to be looked up."""

    inbound: dict[str, StoredInbound] = field(default_factory=dict)
    letters: dict[str, StoredLetter] = field(default_factory=dict)
    octets: dict[str, bytes] = field(default_factory=dict)
    """Those that lie in their rows."""
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of those that lie in a pack: where, and how many."""
    identifiers: frozenset[str] = frozenset()
    """Transactions of which everything below is here, or is nowhere."""
    sent: dict[str, SentMessage] = field(default_factory=dict)
    taken: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    """Each as its row or as itself, and so are fates."""
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
    database: Database,
    jobs: Sequence[Job],
    about: About | None,
    *,
    before: ReadAhead,
    after: Kept | None,
    service: Address | None,
) -> ReadAhead:
    """Read what the payloads of these jobs name, and the transactions that arrived messages are `about`.

    The mailbox `service` is read with any message that came in. `before` was read for the batch whose commit, `after`
    it, kept these jobs. Raises WorldError.
    """
    inbound, letters, identifiers, recipients = _named(jobs)
    ahead = ReadAhead()
    if after is not None:
        ahead = _handed_on(before, after, inbound, letters)
        if after.made is not None:
            _hand_on_transactions(ahead, before, after.made, identifiers)
    inbound, letters = inbound - ahead.inbound.keys(), letters - ahead.letters.keys()
    unread, recipients = _unread(ahead, identifiers), recipients - ahead.mailboxes.keys()
    if ahead.domains is None or inbound or letters or unread or recipients:
        with database.direct_reading() as connection:
            if ahead.domains is None:
                ahead.domains = read_domains(connection)
            _read_messages(connection, ahead, inbound, letters)
            if inbound:
                recipients |= _parties(ahead, inbound, service) - ahead.mailboxes.keys()
            _read_mailboxes(connection, ahead, recipients)
            _read_transactions(connection, ahead, unread)
    if about is not None:  # outside of a transaction, for it takes its time
        arrived = {job.payload.get("inbound") for job in jobs if job.kind is JobKind.ARRIVAL}
        octets = (ahead.octets.get(ahead.inbound[key].digest) for key in arrived if key in ahead.inbound)
        if unread := _unread(ahead, (found for each in octets if each is not None and (found := about(each)))):
            with database.direct_reading() as connection:
                _read_transactions(connection, ahead, unread)
    return ahead


def _unread(ahead: ReadAhead, identifiers: Iterable[str]) -> set[str]:
    return set(map(shortened, identifiers)) - ahead.identifiers


def _parties(ahead: ReadAhead, inbound: Iterable[str], service: Address | None) -> set[str]:
    """Return whose mailboxes the letters may be for that come of these messages: whom they go to, who submits."""
    found = [ahead.inbound[key] for key in inbound if key in ahead.inbound]
    parties = {path for message in found for path in message.forward_paths}
    parties.update(one.reverse_path for one in found if one.reverse_path and one.point is Point.ACCESS)
    own = ahead.domains or ()
    return {address.key for address in parties if address.domain in own} | ({service.key} if service else set())


def _handed_on(before: ReadAhead, after: Kept, inbound: Iterable[str], letters: Iterable[str]) -> ReadAhead:
    """Take over what these messages are, and what no step changes: domains, mailboxes, rules."""
    ahead = ReadAhead(domains=before.domains, mailboxes=dict(before.mailboxes), rules=dict(before.rules))
    ahead.inbound = {key: before.inbound[key] for key in inbound if key in before.inbound}
    ahead.letters = {key: made[key] for made in (before.letters, after.letters) for key in letters if key in made}
    digests = [one.digest for one in ahead.inbound.values()] + [one.digest for one in ahead.letters.values()]
    for digest in digests:
        octets = after.octets.get(digest, before.octets.get(digest))
        if octets is not None:
            ahead.octets[digest] = octets
        elif digest in before.places:
            ahead.places[digest] = before.places[digest]
    return ahead


def _hand_on_transactions(ahead: ReadAhead, before: ReadAhead, after: Commit, identifiers: Iterable[str]) -> None:
    """Take over the transactions that were read for the batch before or made by it, as it has left them."""
    made = {each.original.identifier: each for each in after.sent}
    known = {one for one in identifiers if one in before.identifiers or (one in made and shortened(one) == one)}
    ahead.identifiers = frozenset(known)
    ahead.sent = {one: sent for one in known if (sent := made.get(one) or before.sent.get(one))}
    states: dict[str, dict[Address, RecipientState]] = {}
    for change in after.states:
        if change.identifier in ahead.sent:
            states.setdefault(change.identifier, {})[change.recipient] = change.after
    for one, moved in states.items():
        sent = ahead.sent[one]
        ahead.sent[one] = replace(sent, states={who: moved.get(who, state) for who, state in sent.states.items()})
    ahead.taken = {key: row for key, row in before.taken.items() if key[0] in known}
    for taken in after.taken:
        if taken.identifier in known:
            key = taken.identifier, shortened(taken.provider), recipients_key(taken.recipients)
            ahead.taken[key] = taken
    ahead.fates = {key: row for key, row in before.fates.items() if key[0] in known}
    for fate in after.fates:
        if fate.identifier in known:
            ahead.fates[fate.identifier, shortened(fate.provider), shortened(fate.recipient.key)] = fate


def _read_messages(connection: Open, ahead: ReadAhead, inbound: Iterable[str], letters: Iterable[str]) -> None:
    for row in _rows(connection, _INBOUND, inbound):
        ahead.inbound[row.key] = read_inbound(row.key, row)
        _keep_octets(ahead, row)
    for row in _rows(connection, _LETTER, letters):
        ahead.letters[row.key] = read_letter(row.key, row)
        _keep_octets(ahead, row)


def _read_mailboxes(connection: Open, ahead: ReadAhead, keys: Collection[str]) -> None:
    records = {row.address_key: row for row in _rows(connection, _MAILBOX, keys)}
    for key in keys:
        row = records.get(shortened(key))
        ahead.mailboxes[key] = None if row is None else read_mailbox(row)
        if row is not None:
            ahead.rules[key] = []
    for rule in _rows(connection, NEWEST_RULES, [key for key, row in records.items() if row.has_rules]):
        ahead.rules[rule.mailbox_key].append(rule)


def _read_transactions(connection: Open, ahead: ReadAhead, identifiers: Collection[str]) -> None:
    states: dict[str, dict[Address, Any]] = {}
    for row in _rows(connection, _STATES, identifiers):
        states.setdefault(row.identifier, {})[row.recipient] = row.state
    for row in _rows(connection, _SENT, identifiers):
        ahead.sent[row.identifier] = read_sent(row, states.get(row.identifier, {}))
    for row in _rows(connection, _TAKEN, identifiers):
        ahead.taken[row.identifier, row.provider, row.recipients_key] = row
    for row in _rows(connection, _FATE, identifiers):
        ahead.fates[row.identifier, row.provider, row.recipient_key] = row
    ahead.identifiers |= set(identifiers)


def _rows(connection: Open, statement: Prepared, wanted: Iterable[str]) -> Iterable[Record]:
    keys = sorted(wanted)
    return statement.all(connection, wanted=keys) if keys else ()


def _keep_octets(ahead: ReadAhead, row: Record) -> None:
    if row.octets or (row.octets is not None and not row.size):  # neither in a file nor purged (VI-2)
        ahead.octets[row.digest] = row.octets
    elif row.place and row.octets is None:
        ahead.places[row.digest] = row.place, row.size


def _named(jobs: Sequence[Job]) -> tuple[set[str], set[str], set[str], set[str]]:
    """Return the messages, letters, transactions and mailboxes that payloads name, by their keys."""
    inbound, letters, identifiers, recipients = set[str](), set[str](), set[str](), set[str]()
    for job in jobs:
        payload = job.payload
        if value := payload.get("inbound"):
            inbound.add(str(value))
        if value := payload.get("letter"):
            letters.add(str(value))
        if value := payload.get("identifier"):
            identifiers.add(str(value))
        if job.kind is JobKind.DELIVERY and (value := payload.get("recipient")):
            recipients.add(read_address(str(value)).key)
    return inbound, letters, identifiers, recipients
