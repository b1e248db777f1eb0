"""From the octets of a message to the octets that were signed and the CMS that signs them.

Accepts the one shape of a sealed message: `multipart/signed` of exactly one entity and one signature part, nothing
after it; and, for verification only, the opaque `application/pkcs7-mime`. Signature wrapping ends here: what is
handed on is what stands between the boundaries, whole. Nothing is decoded but the signature, nothing is verified
(`trust.verifier`), and a large entity is never copied: it is a view of the message.

Clauses: GE-5, IP-6, TO-1 to TO-4, SE-7.
"""

import binascii
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from ceralacca.base.errors import PeerError, UnreadableMessage
from ceralacca.core.model.reason import Reason
from ceralacca.formats.kept import kept
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.mime.parameters import ContentValue, read_content_value
from ceralacca.formats.splice import Octets
from ceralacca.formats.views import find, is_blank

_DETACHED_TYPES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})  # TO-2
_OPAQUE_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_VERBATIM = frozenset({"", "7bit", "8bit", "binary"})
_SPACE = b" \t\r\n"
_QUOTED_BOUNDARY = re.compile(rb'boundary="([0-9A-Za-z_=.-]{1,70})"', re.IGNORECASE)
_PLACEHOLDER = b"in-its-place"
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_CHUNK = 1 << 18
_MOST_NEAR_MISSES = 64

MOST_DETACHED_OCTETS: Final = 1 << 20
"""Of a detached CMS: real ones have 2 to 10 KB."""
MOST_OPAQUE_OCTETS: Final = 64 << 20
"""Of a CMS that holds its content."""


class NotSigned(PeerError):
    """The message has no S/MIME seal at all; `reason` says why."""

    def __init__(self, what: str, reason: Reason) -> None:
        super().__init__(what)
        self.reason = reason


class MalformedSignature(PeerError):
    """The message claims an S/MIME seal and does not have the shape of one; `reason` says why."""

    def __init__(self, what: str, reason: Reason) -> None:
        super().__init__(what)
        self.reason = reason


class SealForm(StrEnum):
    """How content and signature are put together."""

    DETACHED = "detached"
    """`multipart/signed`: the only form of a PEC message (GE-1)."""
    OPAQUE = "opaque"
    """`application/pkcs7-mime`: the content is inside the CMS (IP-6)."""


class SignedMessage(NamedTuple):
    """A message taken apart at its seal."""

    head: Head
    """Of the message: not covered by the seal (GE-8)."""
    form: SealForm
    entity: memoryview
    """The signed octets, exactly (GE-5); empty when the form is opaque."""
    entity_start: int
    """Where the entity begins in the message."""
    cms: bytes
    """BER or DER."""
    micalg: str
    """As the message says it, lower case; never believed, the CMS says which digest it is (TO-1)."""
    tolerated: tuple[Reason, ...]
    """What leaves the usual shape and is borne (section 11)."""


class _Delimiter(NamedTuple):
    """A boundary line."""

    start: int
    """Of its first hyphen."""
    end: int
    """Of whatever follows its line."""
    closes: bool


def split_signed(data: Octets, *, head: Head | None = None) -> SignedMessage:
    """Take a message apart at its seal; `head` is its header, when it has been read already.

    The data are looked at in place, and the entity is a view of them. Raises NotSigned and MalformedSignature.
    """
    try:
        head = head or read_head(data)
    except UnreadableMessage as fault:
        raise MalformedSignature(str(fault), Reason.MALFORMED_MESSAGE) from None
    boundary, kind = _boundary_and_kind(head)
    if kind.value == "multipart/signed":
        return _detached(data, head, kind, boundary)
    if kind.value in _OPAQUE_TYPES and kind.params.get("smime-type", "signed-data").lower() == "signed-data":
        return _opaque(data, head)
    raise NotSigned("the message is not signed", Reason.NOT_SIGNED)


def canonical_lines(data: Octets) -> bytes:
    """Return the data with every LF line end made CRLF, and those that are CRLF kept (TO-4)."""
    return b"".join(canonical_pieces(data))


def canonical_pieces(data: Octets) -> Iterator[bytes]:
    """Give the octets of `canonical_lines` piece by piece, so that 30 MB need no second copy."""
    carried = b""
    for position in range(0, len(data), _CHUNK):
        piece = carried + bytes(data[position : position + _CHUNK])
        carried = b"\r" if piece.endswith(b"\r") else b""  # it may belong to a LF of the next piece
        if carried:
            piece = piece[:-1]
        yield piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield carried


def _content_type(head: Head, whose: str) -> ContentValue:
    """Read Content-Type; twice is never read as the first, nor as the last."""
    fields = head.all("Content-Type")
    if len(fields) > 1 or len(head.all("Content-Transfer-Encoding")) > 1:
        raise MalformedSignature(f"{whose} says twice how it is to be read", Reason.AMBIGUOUS_HEADER)
    return _read_kept(fields[0].body if fields else b"text/plain")


@kept(entries=256, most_octets=1024)
def _read_kept(body: bytes) -> ContentValue:
    return read_content_value(body)


def _boundary_and_kind(head: Head) -> tuple[bytes, ContentValue]:
    """Return the boundary and the value of Content-Type, of which everything but the boundary is always the same.

    A quoted boundary of plain characters is put aside while the value is read, so that the reading can be kept; it
    counts only if what was put in its place comes out as the boundary.
    """
    fields = head.all("Content-Type")
    found = _QUOTED_BOUNDARY.search(fields[0].body) if len(fields) == 1 else None
    if found is not None and _PLACEHOLDER not in found.string and len(head.all("Content-Transfer-Encoding")) < 2:
        body = found.string
        kind = _read_kept(body[: found.start(1)] + _PLACEHOLDER + body[found.end(1) :])
        if kind.octets.get("boundary") == _PLACEHOLDER:
            return found[1], kind
    kind = _content_type(head, "the message")
    return kind.octets.get("boundary", b"").rstrip(b" "), kind


def _detached(data: Octets, head: Head, kind: ContentValue, boundary: bytes) -> SignedMessage:
    if kind.params.get("protocol", "").lower() not in _DETACHED_TYPES:  # IP-6, TO-2
        raise NotSigned("the message is signed by another method than S/MIME", Reason.UNEXPECTED_PROTOCOL)
    if not boundary:
        raise MalformedSignature("the signed message has no boundary", Reason.NO_BOUNDARY)
    first, second, last = _three_delimiters(data, head.end, b"--" + boundary)
    if not is_blank(
        data, _SPACE, last.end, len(data)
    ):  # what follows would look like part of the message, and no seal covers it
        raise MalformedSignature("text follows the sealed message", Reason.CONTENT_AFTER_SEAL)
    entity_end = _before_line_end(data, first.end, second.start)
    return SignedMessage(
        head=head,
        form=SealForm.DETACHED,
        entity=memoryview(data)[first.end : entity_end],
        entity_start=first.end,
        cms=_signature(data, second.end, _before_line_end(data, second.end, last.start)),
        micalg=kind.params.get("micalg", "").lower(),
        tolerated=() if is_blank(data, _SPACE, head.end, first.start) else (Reason.PREAMBLE,),  # TO-3
    )


def _three_delimiters(data: Octets, start: int, mark: bytes) -> tuple[_Delimiter, _Delimiter, _Delimiter]:
    """Find the boundary lines around exactly two parts."""
    found: list[_Delimiter] = []
    position = start
    while (delimiter := _delimiter(data, start, position, mark)) is not None:
        found.append(delimiter)
        if delimiter.closes or len(found) > 2:
            break
        position = delimiter.end
    if len(found) == 3 and found[2].closes:
        return found[0], found[1], found[2]
    if len(found) < 3 and not (found and found[-1].closes):
        raise MalformedSignature("the signed message is cut short", Reason.TRUNCATED)
    raise MalformedSignature("a signed message has exactly two parts", Reason.NOT_TWO_PARTS)


def _delimiter(data: Octets, start: int, position: int, mark: bytes) -> _Delimiter | None:
    """Find the next boundary line from `position` on, in a body that begins at `start`."""
    for _ in range(_MOST_NEAR_MISSES):
        at = find(data, mark, position)
        if at < 0:
            return None
        position = at + 1
        if at != start and data[at - 1] != 0x0A:
            continue
        after = at + len(mark)
        closes = data[after : after + 2] == b"--"
        end = _line_end(data, after + 2 * closes)
        if end >= 0:
            return _Delimiter(start=at, end=end, closes=closes)
    return _delimiter_among_many(data, position, mark)


def _delimiter_among_many(data: Octets, position: int, mark: bytes) -> _Delimiter | None:
    """Find the same thing where a stranger has put millions of lines that almost are one.

    Compiling an expression for each boundary would cost more than all the rest of an ordinary message.
    """
    line = re.compile(rb"(?<=\n)" + re.escape(mark) + rb"(--)?[ \t]*+(?:\r?\n|\Z)")
    found = line.search(data, position)
    return None if found is None else _Delimiter(start=found.start(), end=found.end(), closes=found[1] is not None)


def _line_end(data: Octets, position: int) -> int:
    """Return where the next line begins if nothing but blanks stands before it, or else -1."""
    size = len(data)
    while position < size and data[position] in b" \t":
        position += 1
    if position == size:
        return position
    if data[position] == 0x0A:
        return position + 1
    return position + 2 if data[position : position + 2] == b"\r\n" else -1


def _before_line_end(data: Octets, start: int, end: int) -> int:
    """Step back over the line end that belongs to the boundary (GE-5)."""
    if end - 1 >= start and data[end - 1] == 0x0A:
        end -= 1
        if end - 1 >= start and data[end - 1] == 0x0D:
            end -= 1
        return end
    raise MalformedSignature("a part of the signed message is empty", Reason.NOT_TWO_PARTS)


def _signature(data: Octets, start: int, end: int) -> bytes:
    """Return the CMS of the signature part."""
    if end - start > 2 * MOST_DETACHED_OCTETS:
        raise MalformedSignature("the signature is larger than any seal", Reason.TOO_LARGE)
    empty_line = _EMPTY_LINE.search(data, start, end)
    body = empty_line.end() if empty_line else end
    encoding = _signature_encoding(bytes(data[start:body]))
    return _decoded(bytes(data[body:end]), encoding, MOST_DETACHED_OCTETS)


@kept(entries=256, most_octets=1024)
def _signature_encoding(header: bytes) -> str:
    """Check the header of a signature part and return its encoding; kept, since most are the same few lines."""
    try:
        head = read_head(header)
    except UnreadableMessage as fault:
        raise MalformedSignature(str(fault), Reason.MALFORMED_MESSAGE) from None
    if head.end != len(header) or _content_type(head, "the signature").value not in _DETACHED_TYPES:
        raise MalformedSignature("the second part is not a signature", Reason.NOT_A_SIGNATURE_PART)
    return _encoding(head)


def _opaque(data: Octets, head: Head) -> SignedMessage:
    return SignedMessage(
        head=head,
        form=SealForm.OPAQUE,
        entity=memoryview(b""),
        entity_start=head.end,
        cms=_decoded(bytes(data[head.end :]), _encoding(head), MOST_OPAQUE_OCTETS),
        micalg="",
        tolerated=(Reason.OPAQUE_FORM,),
    )


def _encoding(head: Head) -> str:
    return (head.text("Content-Transfer-Encoding") or "").lower()


def _decoded(body: bytes, encoding: str, most: int) -> bytes:
    if encoding == "base64":
        cms = strict_base64(body)
    elif encoding in _VERBATIM:
        cms = body
    else:
        raise MalformedSignature("the signature has an encoding of no use", Reason.SIGNATURE_ENCODING)
    if len(cms) > most:
        raise MalformedSignature("the signature is larger than any seal", Reason.TOO_LARGE)
    return cms


def strict_base64(text: bytes) -> bytes:
    """Decode base64: white space is free, everything else must be alphabet and right padding.

    Raises MalformedSignature: a signature that decodes in one program and not in another is none.
    """
    try:
        return binascii.a2b_base64(text.translate(None, _SPACE), strict_mode=True)
    except binascii.Error:
        raise MalformedSignature("the signature is not base64", Reason.SIGNATURE_ENCODING) from None
