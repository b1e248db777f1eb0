"""One act of issuing: what all generated messages have in common, in one place (section 2).

`Issuance` is what the composing of any message takes: who issues it, when, about which original.
From it come the readable text, the certification data, the MIME structure of 2.2 and the header
of a receipt or notice; `formats.receipt` and `formats.envelope` add what distinguishes each row.

Clauses: GE-9 to GE-12, GE-20 to GE-23, GE-28, GE-30, GE-31, MO-10, MO-12, XM-7.
"""

from dataclasses import dataclass
from datetime import datetime

from ceralacca.base.identifiers import Entropy, new_boundary, new_identifier
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.notification import ErrorKind, MessageRow, ReceiptKind
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.certification_writer import write_certification
from ceralacca.formats.draft import Draft
from ceralacca.formats.mime.compose import (
    certification_part,
    header_field,
    message_part_head,
    multipart_mixed,
    text_part,
)
from ceralacca.formats.outer_header import OuterHeader, address_field, bracketed, marks, reference
from ceralacca.formats.seven_bit import is_seven_bit
from ceralacca.formats.splice import Octets, Splice, pieces_of
from ceralacca.formats.subject import prefixed_subject
from ceralacca.formats.texts.html import html_text
from ceralacca.formats.texts.plain import plain_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """Who issues a message, at which instant, about which original."""

    provider: IssuingProvider
    instant: datetime
    """The one clock reading of the step: Date, text and certification data show it (GE-23)."""
    entropy: Entropy
    """Source of boundaries and of the Message-IDs of receipts (GE-30)."""
    original: OriginalData
    """At the recipient's provider: as the envelope's certification data have it, never computed anew (XM-7)."""
    subject_body: bytes | None = None
    """Octets of the original's Subject field after the colon, to be kept as they are (GE-28).

    None when there is no such field, or when only the certification data are at hand (row 9): then
    the subject that they give is written.
    """
    with_html: bool = False
    """Whether the readable text has an HTML alternative (GE-12)."""

    def subject_field(self, row: MessageRow) -> bytes:
        """Write the Subject of a message of this row."""
        body = self.subject_body
        if body is None and self.original.subject is not None:
            body = self.original.subject.encode("utf-8", "replace")
        return prefixed_subject(row.facts.subject_prefix, body)

    def certification(
        self,
        row: MessageRow,
        *,
        error: ErrorKind = ErrorKind.NONE,
        error_detail: str | None = None,
        requested_receipt: ReceiptKind | None = None,
        delivery_recipient: Address | None = None,
        taken_recipients: tuple[Address, ...] = (),
    ) -> CertificationData:
        """Return the certification data of a message of this row."""
        assert row.facts.kind is not None, "the anomaly envelope certifies nothing (GE-16)"
        return CertificationData(
            kind=row.facts.kind,
            error=error,
            original=self.original,
            issuer=self.provider.name,
            instant=self.instant,
            requested_receipt=requested_receipt,
            delivery_recipient=delivery_recipient,
            taken_recipients=taken_recipients,
            error_detail=error_detail,
        )


def certified_entity(
    issuance: Issuance,
    row: MessageRow,
    data: CertificationData,
    *,
    issued: ReceiptKind | None = None,
    original: Octets | Splice | None = None,
) -> Splice:
    """Return the entity to be signed: text, certification data, original if any (GE-9).

    `issued` is the kind of delivery receipt where it is not the one requested (AM-4).
    """
    plain = plain_text(row, data, receipt=issued)
    html = html_text(row, data, receipt=issued) if issuance.with_html else None
    parts: list[Octets | Splice] = [
        text_part(plain, html, new_boundary(issuance.entropy)),
        certification_part(write_certification(data)),
    ]
    if original is not None:
        parts.append(message_part(original))
    return multipart_mixed(new_boundary(issuance.entropy), parts)


def message_part(original: Octets | Splice) -> Splice:
    """Return the part that embeds a message, its octets untouched and not copied (GE-10, GE-31).

    It is labelled 8bit when it truly is, which only rows 7 and 10 may meet (BA-5).
    """
    pieces = pieces_of(original)
    return Splice.of(message_part_head("7bit" if all(map(is_seven_bit, pieces)) else "8bit"), *pieces)


def notification(
    issuance: Issuance,
    row: MessageRow,
    data: CertificationData,
    entity: Splice,
    *,
    to: Address | None = None,
    more_marks: tuple[tuple[str, str], ...] = (),
) -> Draft:
    """Return the draft of a receipt or notice, addressed to the original sender unless `to` says otherwise.

    Header of GE-20 and GE-21; it goes to the reverse path of the original whatever its Reply-To
    says (MO-10), from the provider address (MO-12), under an identifier of its own (GE-30).
    """
    provider, addressee = issuance.provider, to or issuance.original.sender
    message_id = bracketed(new_identifier(issuance.instant, issuance.entropy, domain=provider.domain))
    header = OuterHeader(
        marks=marks([("X-Ricevuta", data.kind), *more_marks, reference(issuance.original)]),
        instant=issuance.instant,
        subject=issuance.subject_field(row),
        sender=address_field("From", provider.address),
        to=address_field("To", addressee),
        message_id=header_field("Message-ID", message_id),
    )
    return Draft(
        row=row,
        instant=issuance.instant,
        header=header.splice(),
        entity=entity,
        message_id=message_id,
        reverse_path=provider.address,
        forward_paths=(addressee,),
        certification=data,
    )
