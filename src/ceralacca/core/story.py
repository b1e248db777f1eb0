"""The story of a transaction as its messages tell it: who was told what, and when, per recipient.

Pure: takes what was read from any number of PEC messages (an archive, a mailbox, a proof) and
matches them by `identificativo`. Only messages whose seal holds move the story; the others are
counted beside it. This is a reader's view of the states in 1.3, built from evidence alone; the
provider's own state machine is another thing.

Clauses: TO-7, TO-13, TO-15, TO-16 (identifiers and spellings of others), AM-8, TI-9.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ceralacca.core.delivery_point import Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.timeout_notice import received_timeout


class RecipientOutcome(StrEnum):
    """What the messages at hand prove for one recipient, the strongest statement first."""

    DELIVERED = "delivered"
    NOT_DELIVERED = "not-delivered"
    VIRUS = "virus"
    EXPIRED = "expired"
    """The final timeout notice: nothing was heard in 24 hours."""
    WARNED = "warned"
    """The 12 hour notice: delivery may still happen."""
    TAKEN = "taken-in-charge"
    SENT = "sent"
    """The envelope is at hand, nothing from the other side."""
    ACCEPTED = "accepted"
    ACCEPTED_EXTERNAL = "accepted-external"
    """Accepted and sent to an address outside PEC: no receipt will come."""
    REFUSED = "refused"
    UNKNOWN = "unknown"


_STRENGTH = {outcome: position for position, outcome in enumerate(RecipientOutcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One message that was read, and whether its seal holds."""

    name: str
    """Where it came from: a file name."""
    certification: CertificationData
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One statement of one message about one recipient."""

    instant: datetime
    outcome: RecipientOutcome
    issuer: str
    detail: str
    """`errore-esteso`, empty when there is none."""
    witness: str
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientStory:
    """What happened for one recipient."""

    address: Address
    kind: RecipientKind
    outcome: RecipientOutcome
    """The strongest proven statement; UNKNOWN when nothing is proven."""
    events: tuple[Event, ...]
    """By instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One transaction: the messages that share an `identificativo`."""

    identifier: str
    client_message_id: str | None
    sender: Address
    subject: str | None
    recipients: tuple[RecipientStory, ...]
    witnesses: tuple[str, ...]
    inconsistent: tuple[str, ...]
    """Names of the messages whose sender, subject or recipients differ from the first proven one (LO-10)."""


def tell(witnesses: Iterable[Witness]) -> tuple[Story, ...]:
    """Match messages into transactions and tell the story of each, in order of first instant."""
    groups: dict[str, list[Witness]] = {}
    for witness in witnesses:
        groups.setdefault(witness.certification.original.identifier, []).append(witness)
    stories = [_story(group) for group in groups.values()]
    first = {story.identifier: min(w.certification.instant for w in groups[story.identifier]) for story in stories}
    return tuple(sorted(stories, key=lambda story: (first[story.identifier], story.identifier)))


def _story(group: list[Witness]) -> Story:
    ordered = sorted(group, key=lambda witness: (not witness.proven, witness.certification.instant, witness.name))
    leader = ordered[0].certification.original
    events: dict[Address, list[Event]] = {recipient.address: [] for recipient in leader.recipients}
    accepted = _acceptance_instant(ordered)
    for witness in ordered:
        for address, event in _events(witness, accepted):
            if address in events:
                events[address].append(event)
    return Story(
        identifier=leader.identifier,
        client_message_id=leader.client_message_id,
        sender=leader.sender,
        subject=leader.subject,
        recipients=tuple(
            _recipient(recipient.address, recipient.kind, events[recipient.address]) for recipient in leader.recipients
        ),
        witnesses=tuple(witness.name for witness in ordered),
        inconsistent=tuple(witness.name for witness in ordered if not _agrees(witness, ordered[0])),
    )


def _acceptance_instant(witnesses: list[Witness]) -> datetime | None:
    """T0, when a proven message tells it: a timeout notice without a code is read by the time elapsed."""
    kinds = (NotificationKind.ACCEPTANCE, NotificationKind.TRANSPORT_ENVELOPE)
    told = [w.certification.instant for w in witnesses if w.proven and w.certification.kind in kinds]
    return min(told, default=None)


def _recipient(address: Address, kind: RecipientKind, events: list[Event]) -> RecipientStory:
    proven = [event.outcome for event in events if event.proven]
    return RecipientStory(
        address=address,
        kind=kind,
        outcome=min(proven, key=_STRENGTH.__getitem__, default=RecipientOutcome.UNKNOWN),
        events=tuple(sorted(events, key=lambda event: (event.instant, _STRENGTH[event.outcome]))),
    )


def _agrees(witness: Witness, leader: Witness) -> bool:
    one, other = witness.certification.original, leader.certification.original
    return (
        one.sender == other.sender
        and one.subject == other.subject
        and {recipient.address for recipient in one.recipients} == {recipient.address for recipient in other.recipients}
    )


def _events(witness: Witness, accepted: datetime | None) -> Iterable[tuple[Address, Event]]:
    data = witness.certification
    for address, outcome in _statements(data, accepted):
        yield (
            address,
            Event(
                instant=data.instant,
                outcome=outcome,
                issuer=data.issuer,
                detail=data.error_detail or "",
                witness=witness.name,
                proven=witness.proven,
            ),
        )


def _statements(data: CertificationData, accepted: datetime | None) -> Iterable[tuple[Address, RecipientOutcome]]:
    """What one message says, and about whom."""
    match data.kind:
        case NotificationKind.ACCEPTANCE:
            yield from _to_everybody(data, RecipientOutcome.ACCEPTED)
        case NotificationKind.NON_ACCEPTANCE:
            yield from ((recipient.address, RecipientOutcome.REFUSED) for recipient in data.original.recipients)
        case NotificationKind.TRANSPORT_ENVELOPE:
            yield from _to_everybody(data, RecipientOutcome.SENT)
        case NotificationKind.TAKING_IN_CHARGE:
            yield from ((address, RecipientOutcome.TAKEN) for address in data.taken_recipients)
        case _:
            yield from ((address, _outcome_of(data, accepted)) for address in _concerned(data))


def _to_everybody(data: CertificationData, certified: RecipientOutcome) -> Iterable[tuple[Address, RecipientOutcome]]:
    for recipient in data.original.recipients:
        external = recipient.kind is RecipientKind.EXTERNAL
        yield recipient.address, RecipientOutcome.ACCEPTED_EXTERNAL if external else certified


def _concerned(data: CertificationData) -> Iterable[Address]:
    if data.delivery_recipient is not None:
        return (data.delivery_recipient,)
    return data.taken_recipients  # TO-13: older platforms name the recipient of a virus notice here


def _outcome_of(data: CertificationData, accepted: datetime | None) -> RecipientOutcome:
    if data.kind is NotificationKind.DELIVERY:
        return RecipientOutcome.DELIVERED
    if data.kind is NotificationKind.DELIVERY_TIMEOUT:
        final = received_timeout(data, accepted=accepted) is Timeout.TWENTY_FOUR_HOURS  # TO-15
        return RecipientOutcome.EXPIRED if final else RecipientOutcome.WARNED
    if data.kind is NotificationKind.VIRUS_DETECTION or data.error is ErrorKind.VIRUS:
        return RecipientOutcome.VIRUS
    return RecipientOutcome.NOT_DELIVERED
