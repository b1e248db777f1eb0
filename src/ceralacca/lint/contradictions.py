"""What the unsealed header and the text say otherwise than the sealed certification data (TO-20).

Not a check that passes or fails: a list of what does not agree, with both values, for the reader of a
message that may have been tampered with. Anybody on the way can write the outer header; the text is
sealed, but by a provider that may have made a mistake, or lies. Nobody decides from the other side (GE-8, GE-18).

Clauses: TO-20, GE-8, GE-18, GE-23, DR-5, TO-5, TO-12, TO-16, XM-6, AM-14.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from ceralacca.base.errors import UnreadableMessage
from ceralacca.base.instants import LegalTime, read_legal_time
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow, NotificationKind, ReceiptKind, TransportKind
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.received import Received
from ceralacca.lint.form import bare_identifier

CLOCKS_APART = timedelta(minutes=1)
"""A Date that differs by more than this from the certified instant is reported; GE-23 knows no difference at all."""

_LONGEST_VALUE = 200
_ADDRESS = re.compile(r"[^\s<>\"':;,]+@[^\s<>\"':;,]+")
_TEXT_INSTANT = re.compile(
    r"Il giorno (\d{2}/\d{2}/\d{4}) alle ore (\d{2}:\d{2}:\d{2})(?: \(([+-]\d{4})\))?", re.IGNORECASE
)
_TEXT_IDENTIFIER = re.compile(r"Identificativo(?: del)? messaggio:\s*(\S+)", re.IGNORECASE)
_TO_SERVICE_MAILBOX = frozenset({NotificationKind.TAKING_IN_CHARGE, NotificationKind.VIRUS_DETECTION})
_PREFIXES = {
    kind: tuple(row.facts.subject_prefix for row in MessageRow if row.facts.kind is kind) for kind in NotificationKind
}


class Subject(StrEnum):
    """What does not agree; the first word says where the other value stands."""

    OUTER_KIND = "outer-kind"
    OUTER_SUBJECT_PREFIX = "outer-subject-prefix"
    OUTER_SUBJECT = "outer-subject"
    OUTER_FROM = "outer-from"
    OUTER_TO = "outer-to"
    OUTER_DATE = "outer-date"
    OUTER_MESSAGE_ID = "outer-message-id"
    OUTER_REFERENCE = "outer-reference"
    OUTER_RECEIPT_KIND = "outer-receipt-kind"
    OUTER_SENDER = "outer-x-mittente"
    TEXT_IDENTIFIER = "text-identifier"
    TEXT_INSTANT = "text-instant"
    ORIGINAL_MESSAGE_ID = "original-message-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """One disagreement. Values are cut to 200 characters and hold no control characters."""

    subject: Subject
    certified: str
    """What the sealed certification data say."""
    other: str
    """What the header, the text or the original says; empty when it says nothing."""


def contradictions(received: Received) -> tuple[Contradiction, ...]:
    """List everything in which a message disagrees with its own certification data; empty without such data."""
    facts = received.facts
    if facts is None:
        return ()
    pairs = (*_kind(received, facts), *_names(received, facts), *_identifiers(received, facts), *_text(received, facts))
    return tuple(
        Contradiction(subject=subject, certified=_shown(certified), other=_shown(other))
        for subject, certified, other in pairs
    )


_Pair = tuple[Subject, str, str]


def _kind(received: Received, facts: CertificationData) -> Iterator[_Pair]:
    outer = received.outer
    is_envelope = facts.kind is NotificationKind.TRANSPORT_ENVELOPE
    marks = [f"X-Trasporto: {mark.lower()}" for mark in outer.transport_marks]
    marks += [f"X-Ricevuta: {mark.lower()}" for mark in outer.receipt_marks]
    expected = f"X-Trasporto: {TransportKind.CERTIFIED_MAIL}" if is_envelope else f"X-Ricevuta: {facts.kind}"
    if marks != [expected]:
        yield Subject.OUTER_KIND, expected, ", ".join(marks)
    if is_envelope and outer.receipt_kind is not None and facts.requested_receipt is not None:
        outer_kind = ReceiptKind.requested_by(outer.receipt_kind)
        if outer_kind is not facts.requested_receipt:  # DR-5: the certification data win
            yield Subject.OUTER_RECEIPT_KIND, facts.requested_receipt, outer.receipt_kind
    yield from _subject(outer.subject or "", facts)


def _subject(subject: str, facts: CertificationData) -> Iterator[_Pair]:
    """Compare prefix and subject; of several prefixes the first is the message's own (TO-16)."""
    prefixes = _PREFIXES[facts.kind]
    prefix = next((one for one in prefixes if subject.upper().startswith(one)), None)
    if prefix is None:
        yield Subject.OUTER_SUBJECT_PREFIX, " / ".join(prefixes), subject
        return
    rest, certified = subject[len(prefix) :], facts.original.subject or ""
    # Where somebody's charset was lost, only what every charset writes alike can be compared.
    comparable = _skeleton if "\ufffd" in rest + certified else _plain
    if comparable(rest) != comparable(certified):
        yield Subject.OUTER_SUBJECT, certified, rest.strip()


def _names(received: Received, facts: CertificationData) -> Iterator[_Pair]:
    outer, sender = received.outer, facts.original.sender
    if facts.kind is NotificationKind.TRANSPORT_ENVELOPE:
        on_behalf = _ADDRESS.search(outer.sender_display)
        # A display name without any address says nothing that could be false.
        if on_behalf and on_behalf[0].lower() != sender.key and sender.key not in outer.sender_display.lower():
            yield Subject.OUTER_FROM, sender.text, outer.sender_display
    elif facts.kind not in _TO_SERVICE_MAILBOX and set(outer.to) != {sender}:
        yield Subject.OUTER_TO, sender.text, _listed(outer.to)
    if outer.original_sender is not None and outer.original_sender.strip("<>").lower() != sender.key:
        yield Subject.OUTER_SENDER, sender.text, outer.original_sender
    date = _read_date(outer.date)
    if date is None or abs(date - facts.instant) > CLOCKS_APART:
        yield Subject.OUTER_DATE, facts.instant.isoformat(), outer.date or ""


def _identifiers(received: Received, facts: CertificationData) -> Iterator[_Pair]:
    outer, identifier = received.outer, facts.original.identifier
    message_id = bare_identifier(outer.message_id)
    if facts.kind is NotificationKind.TRANSPORT_ENVELOPE and message_id != identifier:
        yield Subject.OUTER_MESSAGE_ID, identifier, message_id
    client_id, reference = facts.original.client_message_id, bare_identifier(outer.reference)
    # Certification data without `msgid` deny nothing: some providers leave it out (TO-8).
    if client_id and outer.reference is not None and reference != bare_identifier(client_id):
        yield Subject.OUTER_REFERENCE, client_id, outer.reference
    inside = _original_message_id(received)
    if inside is not None and inside != identifier:
        yield Subject.ORIGINAL_MESSAGE_ID, identifier, inside


def _original_message_id(received: Received) -> str | None:
    original = received.original
    if original is None:
        return None
    try:
        return bare_identifier(read_head(original).text("Message-ID"))
    except UnreadableMessage:
        return None


def _text(received: Received, facts: CertificationData) -> Iterator[_Pair]:
    """Compare what the text says where it says it in the usual words; other words are no contradiction (TO-6)."""
    text = received.plain_text() or ""
    found = _TEXT_IDENTIFIER.search(text)
    if found and bare_identifier(found[1]) != facts.original.identifier:
        yield Subject.TEXT_IDENTIFIER, facts.original.identifier, found[1]
    instant = _TEXT_INSTANT.search(text)
    if instant and _reads_otherwise(LegalTime(day=instant[1], time=instant[2], zone=instant[3] or ""), facts.instant):
        yield Subject.TEXT_INSTANT, facts.instant.isoformat(), instant[0]


def _reads_otherwise(shown: LegalTime, certified: datetime) -> bool:
    if not shown.zone:
        return False  # without an offset nothing sure can be said
    try:
        return read_legal_time(shown) != certified
    except (ValueError, OverflowError):
        return True


def _read_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _listed(addresses: tuple[Address, ...]) -> str:
    return ", ".join(address.text for address in addresses)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _skeleton(text: str) -> str:
    return "".join(one for one in _plain(text) if one.isascii())


def _shown(value: str) -> str:
    cut = value[:_LONGEST_VALUE]
    return cut if cut.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in cut)
