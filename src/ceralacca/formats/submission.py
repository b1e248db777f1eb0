"""A submitted message looked at: the facts that the formal checks of the access point ask for (3.2).

Reads octets and the SMTP transaction into `core.access_point.SubmissionFacts` and the values that notices,
receipts and envelope repeat of the original. Whatever cannot be read is a fact too: nothing but a defect of
the caller raises. Not here: the decision (`core.access_point`), the changes to the message (`formats.original`).

A doubled field, an ambiguous MIME structure or a line over 998 octets is never settled by taking the first or
by cutting: the holder is asked to send the message anew, for each reader downstream might settle it otherwise.

Clauses: AP-5 to AP-11, AP-14 to AP-16, AP-22, NA-3, GE-22, SE-7, SE-8, AM-6, AM-14, AM-15, AM-30.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ceralacca.base.errors import OurError, UnreadableMessage
from ceralacca.core.access_point import FormDefect, PecDomains, SubmissionFacts, classify_recipients
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.formats.lines import line_defects
from ceralacca.formats.message_id import ClientMessageId, read_message_id
from ceralacca.formats.mime.addresses import AddressList, read_addresses
from ceralacca.formats.mime.defects import AMBIGUOUS, Defect
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.mime.limits import LIMITS, LimitExceeded, Limits
from ceralacca.formats.mime.transfer import transfer_defect
from ceralacca.formats.seven_bit import eight_bit_obstacles
from ceralacca.formats.splice import Octets
from ceralacca.formats.subject import decoded_subject

_ONCE = ("From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Sender")  # AP-5

_ROOM = 4096
"""Octets of header that our own fields may take: Received, Message-ID, its reference, encoding (AP-21)."""

_WITH_ROOM = Limits(header_octets=LIMITS.header_octets - _ROOM, fields=LIMITS.fields - _ROOM // 64)
"""Limits of a submission, so that the message made of it is still within those that every reader keeps (SE-7)."""

_FORM = {
    Defect.EIGHT_BIT: FormDefect.EIGHT_BIT_HEADER,
    Defect.NUL: FormDefect.NUL,
    Defect.BARE_CR: FormDefect.LINE_END,
    Defect.BARE_LF: FormDefect.LINE_END,
    Defect.LONG_LINE: FormDefect.LONG_LINE,
    Defect.LINE_WITHOUT_COLON: FormDefect.UNREADABLE_HEADER,
    Defect.BAD_FIELD_NAME: FormDefect.UNREADABLE_HEADER,
    Defect.BLANK_FOLD: FormDefect.UNREADABLE_HEADER,
    Defect.BAD_BASE64: FormDefect.BAD_ENCODING,
}
"""What a defect of the look is called to the holder; all other ambiguous ones are `AMBIGUOUS_MIME`."""

_FORGIVEN = frozenset({Defect.EMPTY_ELEMENT})
"""Defects of an address list that leave no doubt who is meant: a comma too many."""


class Submission(NamedTuple):
    """One submission, read."""

    facts: SubmissionFacts
    head: Head | None
    """None when the header could not be read."""
    entity: Entity | None
    """The MIME look; None when it could not be taken."""
    subject_body: bytes | None
    """Body of the Subject field, unfolded; None without one."""
    client_message_id: str | None
    """What the client had put in Message-ID, with brackets and neutralised (GE-22); None as of AP-22."""
    requested_receipt: ReceiptKind
    """AP-16."""
    reply_to: str
    """`risposte`: addresses of Reply-To, else of From, else the reverse path (8.2, NA-3)."""

    @property
    def recipients(self) -> tuple[Address, ...]:
        """`destinatari`: To before Cc, as routed."""
        return self.facts.recipients

    def original_data(self, identifier: str, domains: PecDomains) -> OriginalData:
        """Return what every message of this transaction says about the original, under its PEC msgid (AP-20).

        Raises OurError for the null reverse path: it is refused in SMTP and nothing is ever said to it (MO-13).
        """
        if self.facts.reverse_path is None:
            raise OurError("a submission with the null reverse path has no sender to name")
        return OriginalData(
            sender=self.facts.reverse_path,  # MO-6, NA-3
            recipients=classify_recipients(self.recipients, domains),
            reply_to=self.reply_to,
            subject=decoded_subject(self.subject_body),
            identifier=identifier,
            client_message_id=self.client_message_id,
        )


class _Fields(NamedTuple):
    """The header fields that the checks look at."""

    senders: AddressList
    to: AddressList
    cc: AddressList
    reply_to: AddressList
    message_id: ClientMessageId


def read_submission(
    data: Octets,
    *,
    reverse_path: Address | None,
    forward_paths: tuple[Address, ...],
    channel_protected: bool = True,
    sender_owned: bool = True,
) -> Submission:
    """Read a submission: the DATA content as received and what SMTP said around it.

    `channel_protected` and `sender_owned` are the edge's findings on AP-1 and AP-2. Raises OurError without a
    forward path; any octets are answered.
    """
    defects = set(line_defects(data))
    head, entity = _looked_at(data, defects)
    fields = _fields(head)
    defects |= _defects(data, head, entity, fields)
    facts = SubmissionFacts(
        reverse_path=reverse_path,
        forward_paths=forward_paths,
        octets=len(data),
        header_read=head is not None,
        senders=_addresses(fields.senders),
        to=_addresses(fields.to),
        cc=_addresses(fields.cc),
        bcc_filled=head is not None and any(head.bodies("Bcc")),  # AP-11
        defects=frozenset(defects),
        channel_protected=channel_protected,
        sender_owned=sender_owned,
    )
    subject = head.first("Subject") if head else None
    return Submission(
        facts=facts,
        head=head,
        entity=entity,
        subject_body=subject.body if subject else None,
        client_message_id=fields.message_id.value,
        requested_receipt=_requested_receipt(head),
        reply_to=_reply_to(fields, reverse_path),
    )


def _looked_at(data: Octets, defects: set[FormDefect]) -> tuple[Head | None, Entity | None]:
    """Take the MIME look, or else the header alone, or neither, within the limits (SE-7)."""
    try:
        entity = look(data, limits=_WITH_ROOM)
    except UnreadableMessage as trouble:
        defects.add(FormDefect.LIMITS if isinstance(trouble, LimitExceeded) else FormDefect.UNREADABLE_HEADER)
    else:
        return entity.head, entity
    try:
        return read_head(data, limits=_WITH_ROOM), None
    except UnreadableMessage:
        return None, None


def _fields(head: Head | None) -> _Fields:
    message_id = head.first("Message-ID") if head else None
    return _Fields(
        senders=_address_list(head, "From"),
        to=_address_list(head, "To"),
        cc=_address_list(head, "Cc"),
        reply_to=_address_list(head, "Reply-To"),
        message_id=read_message_id(message_id.body if message_id else b""),
    )


def _address_list(head: Head | None, name: str) -> AddressList:
    """Read all fields of the name as one list: a doubled field hides nobody (AP-5 fails it all the same)."""
    return read_addresses(b", ".join(head.bodies(name)) if head else b"")


def _addresses(found: AddressList) -> tuple[Address, ...]:
    return tuple([mailbox.address for mailbox in found.mailboxes])


def _requested_receipt(head: Head | None) -> ReceiptKind:
    """Read X-TipoRicevuta; fields that contradict each other ask for nothing known, which is complete (AP-16)."""
    asked = (
        {ReceiptKind.requested_by(body.decode("latin-1")) for body in head.bodies("X-TipoRicevuta")} if head else set()
    )
    return asked.pop() if len(asked) == 1 else ReceiptKind.COMPLETE


def _reply_to(fields: _Fields, reverse_path: Address | None) -> str:
    found = _addresses(fields.reply_to) or _addresses(fields.senders)
    if not found and reverse_path is not None:
        found = (reverse_path,)  # NA-3
    return ", ".join(dict.fromkeys([one.text for one in found]))


def _defects(data: Octets, head: Head | None, entity: Entity | None, fields: _Fields) -> set[FormDefect]:
    found = set(_header_defects(head, fields)) if head else set()
    if entity:
        found.update(_structure_defects(data, entity))
        found |= eight_bit_obstacles(data, entity)  # AP-15, GE-14
    return found


def _header_defects(head: Head, fields: _Fields) -> Iterator[FormDefect]:
    if len(head.names) < len(head.lines.fields) and any(head.count_of(name) > 1 for name in _ONCE):  # AP-5
        yield FormDefect.REPEATED_FIELD
    if not any(head.bodies("Date")):  # RFC 5322, 3.6
        yield FormDefect.NO_DATE
    if not fields.message_id.sound:
        yield FormDefect.MESSAGE_ID
    if Defect.SPACE_BEFORE_COLON in head.defects:  # another reader may not see the field (RFC 5322, 4.5.8)
        yield FormDefect.UNREADABLE_HEADER
    required = [one for one in (fields.senders, fields.to) if one.mailboxes]  # without any: AP-6, AP-7
    if not _FORGIVEN.issuperset(defect for one in (*required, fields.cc) for defect in one.defects):
        yield FormDefect.ADDRESS_SYNTAX


def _structure_defects(data: Octets, entity: Entity) -> Iterator[FormDefect]:
    """Say why two programs might read different messages out of these octets."""
    view = memoryview(data)
    for one in entity.walk():
        found = AMBIGUOUS & {*one.defects, *one.head.defects}
        if one.media_type == "message/rfc822":
            found -= {Defect.ENCODED_COMPOSITE}  # many programs attach a message in base64: it is scanned decoded
        if not one.children and transfer_defect(one.body(view), one.encoding) is Defect.BAD_BASE64:
            yield FormDefect.BAD_ENCODING
        for defect in found:
            yield _FORM.get(defect, FormDefect.AMBIGUOUS_MIME)
