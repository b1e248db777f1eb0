"""The extract of the message log for one holder: which rows they may have, and what those tell (LO-8).

Pure. `seen_by` is the whole of the privacy rule, for one row: the sender of a message has the events of its
transaction on the sender's side, with all recipients; a recipient has the events of the recipient's side that are about
this mailbox, and of other recipients nothing, not even that there were any. What a provider notes for itself (engine
of the scanner, peers of others, reasons of suspicion) is nobody's.

`extract` puts the rows that are left into transactions, each recipient with what the log proves for it. Who asks, and
whether they may, is `services.extract_log`; how it looks is `formats.log_extract_json` and `formats.log_extract_pdf`.

Clauses: LO-8, MO-6, DPR 68/2005 art. 6 and 11 (10.4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from ceralacca.core.delivery_point import Timeout
from ceralacca.core.log_consistency import Numbered
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.story import RecipientOutcome
from ceralacca.core.timeout_notice import timeout_of


class KeptAs(StrEnum):
    """What is left of a receipt beside the log."""

    BYTES = "bytes"
    """The receipt itself: it can be given out again, octet for octet."""
    HASH = "hash"
    """Its SHA-256 alone: a copy that somebody still has can be told from any other."""
    LOG = "log"
    """Nothing: the log alone says that there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """One receipt or notice of a transaction, and what is left of it."""

    message_id: str
    """With angle brackets."""
    kept: KeptAs
    sha256: str = ""
    """Hexadecimal, of all its octets; empty when only the log is left."""
    size: int | None = None
    """Octets; None when only the log is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientResult:
    """What the log proves for one recipient: the strongest statement, and when it was written."""

    address: Address
    kind: RecipientKind
    outcome: RecipientOutcome
    instant: datetime | None
    """None when the rows say nothing of it."""
    detail: str = ""
    """`errore-esteso`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedTransaction:
    """One message as the log tells it to this holder."""

    identifier: str
    client_message_id: str | None
    sender: Address | None
    subject: str | None
    as_sender: bool
    as_recipient: bool
    recipients: tuple[RecipientResult, ...]
    events: tuple[Numbered, ...]
    """The rows as this holder may see them, in the order of writing."""
    receipts: tuple[KeptReceipt, ...] = ()
    """Of the sender's receipts and notices, in the order of the rows that name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for: a mailbox, and a period or one message."""

    mailbox: Address
    since: datetime | None = None
    until: datetime | None = None
    """The first instant after the period."""
    identifier: str | None = None
    """`identificativo` or `msgid`."""

    def holds(self, transaction: ExtractedTransaction) -> bool:
        """Whether an event of the transaction lies in the period."""
        return any(self.is_within(row.instant) for _, row in transaction.events)

    def is_within(self, instant: datetime) -> bool:
        """Whether an instant lies in the period."""
        return (self.since is None or instant >= self.since) and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What one holder gets."""

    reference: str
    """Names this extract: at the foot of its pages, in the audit trail."""
    provider: str
    made: datetime
    purpose: str
    selection: Selection
    transactions: tuple[ExtractedTransaction, ...]
    """By their first event."""
    ordinary: tuple[Numbered, ...] = field(default=())
    """Events of mail that is not PEC: of no transaction (GE-16)."""

    @property
    def rows(self) -> int:
        """How many rows of the log it holds."""
        return len(self.ordinary) + sum(len(one.events) for one in self.transactions)


_DELIVERED, _FAILED = NotificationKind.DELIVERY.value, NotificationKind.NON_DELIVERY.value
_ENVELOPE = NotificationKind.TRANSPORT_ENVELOPE.value

_OF_THE_SENDER = frozenset(
    {
        LogEvent.SUBMISSION,
        LogEvent.ACCEPTANCE,
        LogEvent.NON_ACCEPTANCE,
        LogEvent.ENVELOPE_SENT,
        LogEvent.TAKING_IN_CHARGE_RECEIVED,
        LogEvent.VIRUS_DETECTION_RECEIVED,
        LogEvent.NOTICE_ISSUED,
        LogEvent.RECEIPT_RECEIVED,
        LogEvent.TIMER,
    }
)
_RELAY = frozenset({LogEvent.RELAYED, LogEvent.RELAY_DEFERRED, LogEvent.RELAY_FAILED})
_OF_THE_RECIPIENT = frozenset(
    {
        LogEvent.ARRIVAL,
        LogEvent.TAKING_IN_CHARGE_ISSUED,
        LogEvent.ANOMALY,
        LogEvent.VIRUS_FOUND,
        LogEvent.VIRUS_DETECTION_ISSUED,
        LogEvent.DELIVERY,
        LogEvent.DELIVERY_FAILURE,
    }
)
HOLDERS_EVENTS = _OF_THE_SENDER | _RELAY | _OF_THE_RECIPIENT
"""What a holder may hear of at all."""
_OWN_WORDS = frozenset({LogEvent.RECEIPT_RECEIVED, LogEvent.TAKING_IN_CHARGE_RECEIVED, LogEvent.TIMER, *_RELAY})
"""Events whose `detail` is for the sender: what the other side answered, that something came late, which timer."""
RECEIPTS = frozenset({LogEvent.ACCEPTANCE, LogEvent.NON_ACCEPTANCE, LogEvent.NOTICE_ISSUED, LogEvent.RECEIPT_RECEIVED})


def seen_by(mailbox: Address, row: LogRow) -> LogRow | None:
    """Return what this holder may see of a row; None when it is nothing."""
    if row.sender == mailbox and _is_the_senders(row):
        own = row.event is LogEvent.SUBMISSION or row.event in _RELAY
        return row._replace(
            peer=row.peer if own else "",
            tls=row.tls if own else "",
            detail=row.detail if row.event in _OWN_WORDS else "",
        )
    if mailbox in row.concerned and row.event in _OF_THE_RECIPIENT:
        own = row.event is LogEvent.ARRIVAL
        return row._replace(
            recipients=tuple(one for one in row.recipients if one.address == mailbox),
            concerned=(mailbox,),
            peer=row.peer if own else "",
            tls=row.tls if own else "",
            detail="",
        )
    return None


def _is_the_senders(row: LogRow) -> bool:
    if row.event in _RELAY:
        return row.kind == _ENVELOPE
    if row.event is LogEvent.VIRUS_FOUND:  # the access point's is about nobody yet; the recipient's names whom it hit
        return not row.concerned
    if row.event in {LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE}:  # with a receipt that goes to this sender (F2, F11)
        return bool(row.kind)
    return row.event in _OF_THE_SENDER


def extract(
    selection: Selection,
    rows: Iterable[Numbered],
    *,
    reference: str,
    provider: str,
    made: datetime,
    purpose: str,
) -> Extract:
    """Put together what a holder may have of some rows.

    A transaction of which an event lies in the period is told whole, as far as the rows given go: a proof that stops
    at midnight proves nothing.
    """
    by_identifier: dict[str, list[Numbered]] = {}
    ordinary: list[Numbered] = []
    for number, row in rows:
        seen = seen_by(selection.mailbox, row)
        if seen is not None and row.identifier is not None:
            by_identifier.setdefault(row.identifier, []).append((number, seen))
        elif seen is not None and selection.identifier is None and selection.is_within(row.instant):
            ordinary.append((number, seen))
    told = (_transaction(selection.mailbox, identifier, found) for identifier, found in by_identifier.items())
    return Extract(
        reference=reference,
        provider=provider,
        made=made,
        purpose=purpose,
        selection=selection,
        transactions=tuple(one for one in told if selection.holds(one)),
        ordinary=tuple(ordinary),
    )


def with_receipts(extract: Extract, kept: Mapping[str, Mapping[str, KeptReceipt]]) -> Extract:
    """Say of every receipt of the sender's what is left of it.

    `kept` has, by `identificativo`, the receipts that are kept by their Message-ID; of all others only the log is left.
    """
    return replace(
        extract,
        transactions=tuple(
            replace(one, receipts=tuple(_receipts(one, kept.get(one.identifier, {})))) for one in extract.transactions
        ),
    )


def _receipts(one: ExtractedTransaction, kept: Mapping[str, KeptReceipt]) -> Iterable[KeptReceipt]:
    if not one.as_sender:
        return
    named = dict.fromkeys(row.message_id for _, row in one.events if row.event in RECEIPTS and row.message_id)
    for message_id in named:
        yield kept.get(message_id) or KeptReceipt(message_id=message_id, kept=KeptAs.LOG)


# -- one transaction --------------------------------------------------------------------------------------


def _transaction(mailbox: Address, identifier: str, events: list[Numbered]) -> ExtractedTransaction:
    rows = [row for _, row in events]
    first = next((row for row in rows if row.sender is not None), rows[0])
    as_sender = first.sender == mailbox
    named = (recipient for row in rows for recipient in row.recipients)
    recipients = dict.fromkeys(named) if not as_sender else dict.fromkeys(first.recipients)
    return ExtractedTransaction(
        identifier=identifier,
        client_message_id=first.client_message_id,
        sender=first.sender,
        subject=first.subject,
        as_sender=as_sender,
        as_recipient=any(mailbox in row.concerned and _came_here(row) for row in rows),
        recipients=tuple(_result(recipient, rows) for recipient in recipients),
        events=tuple(events),
    )


def _came_here(row: LogRow) -> bool:
    """Whether a row says that the envelope came in for whom it concerns; receipts come in for the sender."""
    return row.event is LogEvent.TAKING_IN_CHARGE_ISSUED or (row.event is LogEvent.ARRIVAL and row.kind == _ENVELOPE)


_BY_EVENT = {
    LogEvent.TAKING_IN_CHARGE_RECEIVED: RecipientOutcome.TAKEN,
    LogEvent.TAKING_IN_CHARGE_ISSUED: RecipientOutcome.TAKEN,
    LogEvent.VIRUS_DETECTION_ISSUED: RecipientOutcome.VIRUS,
}
_STRENGTH = {outcome: position for position, outcome in enumerate(RecipientOutcome)}


def _result(recipient: Recipient, rows: Iterable[LogRow]) -> RecipientResult:
    """Return the strongest statement about one recipient, as early as it was written."""
    said = [(outcome, row) for row in rows if (outcome := _statement(recipient, row)) is not None]
    if not said:
        return RecipientResult(
            address=recipient.address, kind=recipient.kind, outcome=RecipientOutcome.UNKNOWN, instant=None
        )
    outcome, row = min(said, key=lambda one: _STRENGTH[one[0]])
    return RecipientResult(
        address=recipient.address,
        kind=recipient.kind,
        outcome=outcome,
        instant=row.instant,
        detail=row.error_detail if outcome not in {RecipientOutcome.DELIVERED, RecipientOutcome.TAKEN} else "",
    )


def _statement(recipient: Recipient, row: LogRow) -> RecipientOutcome | None:
    """What one row says of a recipient; None when it says nothing of them."""
    if row.event is LogEvent.ACCEPTANCE:
        external = recipient.kind is RecipientKind.EXTERNAL
        return RecipientOutcome.ACCEPTED_EXTERNAL if external else RecipientOutcome.ACCEPTED
    if row.event is LogEvent.NON_ACCEPTANCE:
        return RecipientOutcome.REFUSED
    if recipient.address not in row.concerned or row.detail.startswith("ignored"):
        return None
    if row.event is LogEvent.NOTICE_ISSUED and row.kind == NotificationKind.DELIVERY_TIMEOUT:
        final = timeout_of(row.error_detail) is Timeout.TWENTY_FOUR_HOURS
        return RecipientOutcome.EXPIRED if final else RecipientOutcome.WARNED
    return _BY_EVENT.get(row.event) or {_DELIVERED: RecipientOutcome.DELIVERED, _FAILED: _failure(row)}.get(row.kind)


def _failure(row: LogRow) -> RecipientOutcome:
    return RecipientOutcome.VIRUS if row.error == ErrorKind.VIRUS else RecipientOutcome.NOT_DELIVERED
