"""The two envelopes: of transport (row 4) around an accepted original, of anomaly (row 7) around any mail.

Both keep the routing of what they carry and inherit some of its header fields octet for octet;
the message inside is spliced in, never passed through. Who gets which is decided by
`core.access_point` and `core.incoming_point`.

Clauses: 4.4, 4.7; BT-1 to BT-5, BA-1 to BA-5, GE-16, GE-24 to GE-27, AP-23, MO-11, AM-10, AM-11.
"""

from dataclasses import dataclass
from datetime import datetime

from ceralacca.base.errors import UnreadableMessage
from ceralacca.base.identifiers import Entropy, new_boundary, new_identifier
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow, ReceiptKind, TransportKind
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance, certified_entity, message_part
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.compose import header_field, multipart_mixed, text_part
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.mime.limits import LIMITS
from ceralacca.formats.outer_header import (
    OuterHeader,
    address_field,
    as_outer_lines,
    bracketed,
    inherited,
    is_bare,
    marks,
    on_behalf_of,
    reference,
)
from ceralacca.formats.splice import Octets, Splice
from ceralacca.formats.subject import decoded_subject, prefixed_subject
from ceralacca.formats.texts.html import anomaly_html
from ceralacca.formats.texts.plain import anomaly_text

_TRACE = ("Received", "Return-Path")
_UNKNOWN_SENDER = "mittente sconosciuto"


def compose_transport_envelope(
    issuance: Issuance,
    *,
    original: Octets | Splice,
    head: Head,
    requested: ReceiptKind,
    forward_paths: tuple[Address, ...] | None = None,
    trace: bytes = b"",
) -> Draft:
    """Row 4: seal an accepted original for its recipients, PEC and not, in the same octets (BT-5).

    `original` is the prepared one (AP-21, `formats.original`) and becomes postacert.eml; `head` is its
    header, from which the envelope inherits, or that of the submission, since preparing changes nothing that is
    inherited but for the `trace` that it puts before all else. `requested` is what X-TipoRicevuta of the original
    means (BT-4). `forward_paths`, when not given, are the recipients of the certification data.
    The instant of the issuance is T0.
    """
    row, facts = MessageRow.TRANSPORT_ENVELOPE, issuance.original
    data = issuance.certification(row, requested_receipt=requested)
    message_id = bracketed(facts.identifier)
    header = OuterHeader(
        trace=trace + inherited(head, *_TRACE),  # GE-24
        marks=marks(
            [
                ("X-Trasporto", TransportKind.CERTIFIED_MAIL),
                ("X-TipoRicevuta", requested),
                reference(facts),
            ]
        ),
        instant=issuance.instant,
        subject=issuance.subject_field(row),
        sender=on_behalf_of(facts.sender.text, issuance.provider),
        to=inherited(head, "To"),
        cc=inherited(head, "Cc"),
        reply_to=inherited(head, "Reply-To") or address_field("Reply-To", facts.sender),  # BT-3
        message_id=header_field("Message-ID", message_id),
    )
    return Draft(
        row=row,
        instant=issuance.instant,
        header=header.splice(),
        entity=certified_entity(issuance, row, data, original=original),  # BT-1
        message_id=message_id,
        reverse_path=facts.sender,
        forward_paths=tuple(dict.fromkeys(forward_paths or (r.address for r in facts.recipients))),  # MO-11
        certification=data,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as it came to the incoming point, with its routing."""

    octets: Octets
    reverse_path: Address | None
    """None is the null reverse path, as a bounce has it."""
    forward_paths: tuple[Address, ...]


def compose_anomaly_envelope(
    arrival: Arrival,
    *,
    provider: IssuingProvider,
    instant: datetime,
    entropy: Entropy,
    error: str,
    with_html: bool = False,
) -> Draft:
    """Row 7: wrap ordinary or malformed mail so that its holder sees that it is not PEC (BA-1).

    `error` is a literal of `core.anomaly`. Whatever the octets are, an envelope comes out: what
    cannot be read of them is left out of the header and stands in the message inside.
    """
    row, head = MessageRow.ANOMALY_ENVELOPE, _readable_head(arrival.octets)
    sender = arrival.reverse_path or _author(head)  # BA-4
    message_id_field, message_id = _message_id(head, provider, instant, entropy)
    header = OuterHeader(
        trace=inherited(head, *_TRACE),  # GE-25
        marks=marks([("X-Trasporto", TransportKind.ERROR)]),
        instant=instant,
        subject=prefixed_subject(row.facts.subject_prefix, _subject_body(head)),
        sender=on_behalf_of(_shown(sender), provider),
        to=inherited(head, "To"),
        cc=inherited(head, "Cc"),
        reply_to=inherited(head, "Reply-To") or _reply_to(sender),
        message_id=message_id_field,
    )
    text = _anomaly_text_part(arrival, head, instant, error, new_boundary(entropy), with_html=with_html)
    return Draft(
        row=row,
        instant=instant,
        header=header.splice(),
        entity=multipart_mixed(new_boundary(entropy), (text, message_part(arrival.octets))),  # BA-1, GE-16
        message_id=message_id,
        reverse_path=arrival.reverse_path,  # BA-2
        forward_paths=arrival.forward_paths,
    )


def _anomaly_text_part(
    arrival: Arrival, head: Head, instant: datetime, error: str, boundary: str, *, with_html: bool
) -> bytes:
    subject, sender = decoded_subject(_subject_body(head)), _shown(arrival.reverse_path or _author(head))
    recipients = arrival.forward_paths
    plain = anomaly_text(instant=instant, subject=subject, sender=sender, recipients=recipients, error=error)
    html = anomaly_html(instant=instant, subject=subject, sender=sender, recipients=recipients, error=error)
    return text_part(plain, html if with_html else None, boundary)


def _readable_head(octets: Octets) -> Head:
    """Read the header; of one that passes SE-7, as many whole lines as leave room for our own fields."""
    try:
        return read_head(octets)
    except UnreadableMessage:
        start = bytes(memoryview(octets)[: LIMITS.header_octets // 4])
        return read_head(start[: start.rfind(b"\n") + 1])


def _author(head: Head) -> Address | None:
    field = head.first("From")
    mailboxes = read_addresses(field.body).mailboxes if field else ()
    return mailboxes[0].address if mailboxes else None


def _shown(sender: Address | None) -> str:
    return sender.text if sender else _UNKNOWN_SENDER


def _reply_to(sender: Address | None) -> bytes:
    """Offer the sender for answers, if the address can stand in a field at all (SE-8)."""
    return header_field("Reply-To", sender.text) if sender and is_bare(sender) else b""


def _message_id(head: Head, provider: IssuingProvider, instant: datetime, entropy: Entropy) -> tuple[bytes, str]:
    """Inherit the first Message-ID that says something, else make one (BA-3). Returns field and value.

    Of several only the first goes out: a message has one identity.
    """
    for field in head.all("Message-ID"):
        lines = as_outer_lines(field)
        value = read_head(lines).fields[0].body.decode("latin-1")
        if value:
            return lines, value
    made = bracketed(new_identifier(instant, entropy, domain=provider.domain))
    return header_field("Message-ID", made), made


def _subject_body(head: Head) -> bytes | None:
    field = head.first("Subject")
    return field.body if field else None
