"""A message that arrived or was kept, seen as a PEC message: the parts we look for, found tolerantly.

A view, not a judgement: it says what is there and what is not, with a reason; whether that makes a
sound envelope or receipt is `lint.form`, what the seal is worth is `trust.verifier`. Nothing found
here is true because it is written there: outer fields are not covered by the seal (GE-8), and the
text is never read for decisions (GE-18).

Clauses: IP-6, IP-16, GE-17, GE-18, TO-2, TO-3, TO-5, TO-6, TO-11, TO-12, TO-16 to TO-18, AM-1, AM-20, SE-7.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.reason import Reason
from ceralacca.formats.certification_xml import MalformedCertification, ReadCertification, read_certification
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.mime.parameters import read_main_value
from ceralacca.formats.mime.transfer import IDENTITY, decode_transfer
from ceralacca.formats.mime.words import decode_octets, decode_words
from ceralacca.formats.smime import MalformedSignature, NotSigned, SealForm, SignedMessage, split_signed
from ceralacca.formats.splice import Octets

DEEPEST_NESTING = 50
"""How many originals inside originals are followed (SE-7)."""

_CERTIFICATION_NAME = "daticert.xml"
_ORIGINAL_NAME = "postacert.eml"
_XML_TYPES = frozenset({"application/xml", "text/xml"})
_SIGNED_TYPES = frozenset({"multipart/signed"})
_OPAQUE_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_LARGEST_CERTIFICATION = 2 << 20
"""Encoded octets of a part that is worth reading as certification data: XM-4 allows 1 MiB decoded."""
_XML_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|postacert)")
_HEADER_OPENING = re.compile(rb"(?:[!-9;-~]+[ \t]*:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2}")
_SPACES = re.compile(r"\s+")


class Absence(StrEnum):
    """Why a part that we look for is not there as one."""

    MISSING = "missing"
    SEVERAL = "several"


class PartDeviation(StrEnum):
    """How a part was found although it is not labelled as section 2.2 says (TO-17)."""

    TYPE = "part-type"
    """The right name, another media type."""
    NAME = "part-name"
    """The right media type, another name or none."""
    CONTENT = "part-by-content"
    """Neither: found by what it holds."""


class Found(NamedTuple):
    """Where a part is, or why it is not."""

    entity: Entity | None = None
    absence: Absence | None = None
    deviation: PartDeviation | None = None


class OuterFacts(NamedTuple):
    """What the outer header says: not covered by the seal, so never believed alone (GE-8, TO-20).

    What every message is asked for is read; what few are asked for, when it is asked for.
    """

    head: Head
    receipt_marks: tuple[str, ...]
    """Every `X-Ricevuta`, trimmed, as written."""
    transport_marks: tuple[str, ...]
    """Every `X-Trasporto`."""
    sender: tuple[Address, ...]
    """Every mailbox of every `From`."""
    sender_display: str
    """Display name of the first mailbox of `From`."""
    to: tuple[Address, ...]
    message_id: str | None
    """As written, brackets included; None when absent."""

    @property
    def receipt_kind(self) -> str | None:
        """`X-TipoRicevuta` as written; `ReceiptKind.requested_by` reads it (TO-12)."""
        return _one(self.head, "X-TipoRicevuta")

    @property
    def security(self) -> str | None:
        """`X-VerificaSicurezza`."""
        return _one(self.head, "X-VerificaSicurezza")

    @property
    def original_sender(self) -> str | None:
        """`X-Mittente`."""
        return _one(self.head, "X-Mittente")

    @property
    def cc(self) -> tuple[Address, ...]:
        """Every mailbox of every `Cc`."""
        return _addresses(self.head, "Cc")

    @property
    def subject(self) -> str | None:
        """`Subject`, decoded, on one line."""
        found = self.head.first("Subject")
        return None if found is None else _line(decode_words(found.body))

    @property
    def date(self) -> str | None:
        """`Date` as written."""
        return _one(self.head, "Date")

    @property
    def reference(self) -> str | None:
        """`X-Riferimento-Message-ID` as written."""
        return _one(self.head, "X-Riferimento-Message-ID")


class Received(NamedTuple):
    """One message seen as a PEC message."""

    data: Octets
    head: Head
    outer: OuterFacts
    signed: SignedMessage | None
    """How it comes apart at its seal; None when it does not."""
    seal_fault: Reason | None
    """Why it does not."""
    entity: Entity | None
    """The certified content, or what stands in its place in a message without seal; offsets into `data`.
    None for opaque content, and for content that passes a limit of SE-7."""
    limit_passed: bool
    """The content passes a limit of SE-7."""
    readable: Entity | None
    """The first part, when it is text."""
    certification_part: Found
    certification: ReadCertification | None
    certification_fault: str
    """Why there are no certification data: a member of `Absence`, or the reason of MalformedCertification."""
    original_part: Found

    @property
    def facts(self) -> CertificationData | None:
        """What is certified, when it can be read."""
        return None if self.certification is None else self.certification.data

    @property
    def original(self) -> memoryview | None:
        """The octets of postacert.eml: a view, or a copy when somebody encoded the part (TO-17)."""
        part = self.original_part.entity
        return None if part is None else _content(self.data, part)

    @property
    def row(self) -> MessageRow | None:
        """Which row of table 1.1 the message says it is: by its certification data, never by its header (TO-20).

        Without certification data only the anomaly envelope is told, by its marker and its two parts;
        None is everything else.
        """
        if self.facts is not None:
            return MessageRow.of(self.facts.kind, self.facts.error)
        marked = [mark.lower() for mark in self.outer.transport_marks] == ["errore"]
        whole = self.readable is not None and self.original_part.entity is not None
        bare = self.certification_part.absence is Absence.MISSING
        return MessageRow.ANOMALY_ENVELOPE if marked and whole and bare else None

    def plain_text(self) -> str | None:
        """Return the readable text, for people and for comparison only (GE-18); None when there is none."""
        return self._text("text/plain")

    def html_text(self) -> str | None:
        """Return the HTML alternative; None when there is none."""
        return self._text("text/html")

    def _text(self, media_type: str) -> str | None:
        if self.readable is None:
            return None
        part = next((one for one in self.readable.walk() if one.media_type == media_type), None)
        if part is None:
            return None
        charset = part.content_type.params.get("charset", "iso-8859-1")
        octets = decode_transfer(part.body(self.data), part.encoding)
        return decode_octets(octets, charset).replace("\r\n", "\n")

    def nested(self) -> "Iterator[Received]":
        """Yield the PEC messages inside, from the outside in: a forwarded envelope holds another (TO-16).

        The innermost original, which is no PEC message, is not among them. What cannot be read ends it.
        """
        inside = self.original
        for _ in range(DEEPEST_NESTING):
            if inside is None:
                return
            try:
                message = read_received(inside)
            except UnreadableMessage:
                return
            if message.signed is None and message.row is None:
                return
            yield message
            inside = message.original


def read_received(data: Octets) -> Received:
    """Look at a message and find what makes it a PEC message.

    Raises UnreadableMessage when the octets are not looked at as a message at all (no header within
    SE-7); everything else is a finding.
    """
    head = read_head(data)
    signed, fault = _seal(data, head)
    entity, limit_passed = _content_entity(data, signed)
    parts = _parts(entity)
    certification_part = _find_certification(data, parts)
    certification, certification_fault = _certification(data, certification_part)
    return Received(
        data=data,
        head=head,
        outer=_outer(head),
        signed=signed,
        seal_fault=fault,
        entity=entity,
        limit_passed=limit_passed,
        readable=_readable(parts),
        certification_part=certification_part,
        certification=certification,
        certification_fault=certification_fault,
        original_part=_find_original(data, parts),
    )


def _seal(data: Octets, head: Head) -> tuple[SignedMessage | None, Reason | None]:
    kinds = [read_main_value(body) for body in head.bodies("Content-Type")]
    if not kinds or (len(kinds) == 1 and kinds[0] not in _SIGNED_TYPES | _OPAQUE_TYPES):
        return None, Reason.NOT_SIGNED
    try:
        return split_signed(data, head=head), None
    except (NotSigned, MalformedSignature) as fault:
        return None, fault.reason


def _content_entity(data: Octets, signed: SignedMessage | None) -> tuple[Entity | None, bool]:
    """Look at what the seal covers; without one, at what would stand there."""
    try:
        if signed is not None and signed.form is SealForm.OPAQUE:
            return None, False
        if signed is not None:
            start = signed.entity_start
            return look(data, into_messages=False, start=start, end=start + len(signed.entity)), False
        top = look(data, into_messages=False)
    except UnreadableMessage:
        return None, True
    return (top.children[0] if top.media_type in _SIGNED_TYPES and top.children else top), False


def _parts(entity: Entity | None) -> tuple[Entity, ...]:
    if entity is None:
        return ()
    return entity.children if entity.is_multipart else (entity,)


def _name(part: Entity) -> str:
    return (part.filename or "").strip().lower()


def _readable(parts: tuple[Entity, ...]) -> Entity | None:
    """Return the first part if it is text to read: plain, HTML, or both as an alternative (TO-6)."""
    if not parts or _name(parts[0]) in {_CERTIFICATION_NAME, _ORIGINAL_NAME}:
        return None
    first = parts[0]
    texts = {one.media_type for one in first.walk()} & {"text/plain", "text/html"}
    is_text = first.media_type in {"text/plain", "text/html"} or (first.is_multipart and bool(texts))
    return first if is_text else None


def _find_certification(data: Octets, parts: tuple[Entity, ...]) -> Found:
    """Find daticert.xml by type and name, then by one of them, then by content (TO-17)."""
    leaves = [part for part in parts if not part.children and part.media_type != "message/rfc822"]
    named = [part for part in leaves if _name(part) == _CERTIFICATION_NAME]
    typed = [part for part in leaves if part.media_type in _XML_TYPES]
    both = [part for part in named if part.media_type == "application/xml"]
    content = [part for part in leaves if _holds_certification(data, part)] if not (named or typed) else []
    return _choose(named, both, typed, content)


def _find_original(data: Octets, parts: tuple[Entity, ...]) -> Found:
    """Find postacert.eml by type and name, then by one of them, then by content (TO-17, AM-20)."""
    typed = [part for part in parts if part.media_type == "message/rfc822"]
    named = [part for part in parts if _name(part) == _ORIGINAL_NAME]
    both = [part for part in typed if part in named]
    content = [part for part in parts[1:] if _holds_message(data, part)] if not (named or typed) else []
    if len(typed) > 1 and len(both) == 1:
        return Found(absence=Absence.SEVERAL)  # IP-12: exactly one message/rfc822
    return _choose(named, both, typed, content)


def _choose(named: list[Entity], both: list[Entity], typed: list[Entity], content: list[Entity]) -> Found:
    ranks = ((both, None), (named, PartDeviation.TYPE), (typed, PartDeviation.NAME), (content, PartDeviation.CONTENT))
    for candidates, deviation in ranks:
        if len(candidates) > 1 or (candidates is both and both and len(named) > 1):
            return Found(absence=Absence.SEVERAL)
        if candidates:
            return Found(entity=candidates[0], deviation=deviation)
    return Found(absence=Absence.MISSING)


def _holds_certification(data: Octets, part: Entity) -> bool:
    if part.end - part.body_start > _LARGEST_CERTIFICATION:
        return False
    octets = bytes(_content(data, part))
    return bool(_XML_OPENING.match(octets)) and b"<postacert" in octets


def _holds_message(data: Octets, part: Entity) -> bool:
    if part.is_multipart or part.media_type.startswith(("text/", *_XML_TYPES)):
        return False
    opening = part.body(data)[:4096] if part.encoding in IDENTITY else _content(data, part)[:4096]
    return bool(_HEADER_OPENING.match(opening))


def _content(data: Octets, part: Entity) -> memoryview:
    body = part.body(data)
    return body if part.encoding in IDENTITY else memoryview(decode_transfer(body, part.encoding))


def _certification(data: Octets, found: Found) -> tuple[ReadCertification | None, str]:
    if found.entity is None:
        return None, found.absence or Absence.MISSING
    if found.entity.end - found.entity.body_start > _LARGEST_CERTIFICATION:
        return None, "too-large"
    try:
        return read_certification(bytes(_content(data, found.entity))), ""
    except MalformedCertification as fault:
        return None, fault.reason


def _outer(head: Head) -> OuterFacts:
    """Read the header of the message itself; X- fields of the original inside are user data (TO-18, AP-14)."""
    senders = [mailbox for body in head.bodies("From") for mailbox in read_addresses(body).mailboxes]
    return OuterFacts(
        head=head,
        receipt_marks=_all(head, "X-Ricevuta"),
        transport_marks=_all(head, "X-Trasporto"),
        sender=tuple([mailbox.address for mailbox in senders]),
        sender_display=senders[0].display if senders else "",
        to=_addresses(head, "To"),
        message_id=_one(head, "Message-ID"),
    )


def _all(head: Head, name: str) -> tuple[str, ...]:
    return tuple([_line(decode_words(body)) for body in head.bodies(name)])


def _one(head: Head, name: str) -> str | None:
    found = head.text(name)
    return None if found is None else _line(found)


def _line(text: str) -> str:
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # as nearly always
    return _SPACES.sub(" ", text).strip()


def _addresses(head: Head, name: str) -> tuple[Address, ...]:
    return tuple([mailbox.address for body in head.bodies(name) for mailbox in read_addresses(body).mailboxes])
