"""Octets above 127 in a submitted message: which parts become 7-bit, how, and which must not be touched (AP-15).

`message/rfc822` of an envelope can only be 7bit, so the original must be (GE-14). Only the leaf parts that hold
such octets are encoded anew, with quoted-printable or base64, whichever is shorter; their header gets the one
field that says so, and the multiparts and messages around them lose an 8bit label that is no longer true.

Not converted, but named as obstacles: anything inside a `multipart/signed` of the user, and whatever has no
encoding of its own (header fields, text between parts, parts already in base64).

Clauses: AP-5, AP-15, GE-14, GE-31.
"""

import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ceralacca.core.access_point import FormDefect
from ceralacca.formats.edit import Edit
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.transfer import IDENTITY
from ceralacca.formats.splice import Octets

_CHUNK = 1 << 16
_HIGH = bytes(range(0x80, 0x100))
_BASE64_INPUT = 57  # octets that make a line of 76 characters (RFC 2045, 6.8)
_NOT_ENCODABLE = ("multipart/", "message/")  # RFC 2045, 6.4; RFC 2046, 5.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SevenBitPlan:
    """What has to change for a message to be 7-bit."""

    edits: tuple[Edit, ...]
    """In the order of the input; complete only without obstacles."""
    obstacles: frozenset[FormDefect]
    """Why some octets above 127 cannot be converted; empty when all can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One entity and what stands around it, outermost first."""

    entity: Entity
    around: tuple[Entity, ...]

    @property
    def signed(self) -> bool:
        return any(entity.media_type == "multipart/signed" for entity in self.around)

    @property
    def begins_message(self) -> bool:
        """Whether the entity is a message of its own, to which `MIME-Version` belongs (RFC 2045, 4)."""
        return not self.around or self.around[-1].media_type == "message/rfc822"


def is_seven_bit(data: Octets) -> bool:
    """Tell whether no octet is above 127; copies no more than 64 KB at a time."""
    return all(chunk.isascii() for chunk in _chunks(data, 0, len(data)))


def make_seven_bit(data: Octets, entity: Entity | None = None) -> SevenBitPlan:
    """Find the edits that make a message 7-bit; `entity` is its look, when the caller has it.

    Raises UnreadableMessage when there is none and the octets cannot be looked at within SE-7.
    """
    if is_seven_bit(data):
        return SevenBitPlan(edits=(), obstacles=frozenset())
    edits: list[Edit] = []
    obstacles: set[FormDefect] = set()
    answered: list[tuple[int, int]] = []
    relabelled: dict[int, Entity] = {}
    for place in _places(entity or look(data)):
        one = place.entity
        if not _ascii(data, one.start, one.body_start):
            obstacles.add(FormDefect.EIGHT_BIT_HEADER)  # AP-5
            answered.append((one.start, one.body_start))
        if one.children or _ascii(data, one.body_start, one.end):
            continue
        obstacle = _obstacle(place)
        if obstacle:
            obstacles.add(obstacle)
        else:
            edits += _encoded(data, place)
            relabelled |= {around.start: around for around in place.around}
        answered.append((one.body_start, one.end))
    if not _ascii_but(data, answered):
        obstacles.add(FormDefect.EIGHT_BIT_ELSEWHERE)
    edits += [edit for around in relabelled.values() for edit in _relabel(around)]
    return SevenBitPlan(edits=tuple(sorted(edits)), obstacles=frozenset(obstacles))


def _places(entity: Entity) -> Iterator[_Place]:
    """Every entity in the order of the input, without recursion."""
    waiting = [_Place(entity=entity, around=())]
    while waiting:
        place = waiting.pop()
        yield place
        around = (*place.around, place.entity)
        waiting += [_Place(entity=child, around=around) for child in reversed(place.entity.children)]


def _obstacle(place: _Place) -> FormDefect | None:
    entity = place.entity
    if place.signed or entity.media_type == "multipart/signed":
        return FormDefect.EIGHT_BIT_SIGNED
    if entity.media_type.startswith(_NOT_ENCODABLE):
        return FormDefect.EIGHT_BIT_ELSEWHERE
    return None if entity.encoding in IDENTITY else FormDefect.BAD_ENCODING


def _encoded(data: Octets, place: _Place) -> Iterator[Edit]:
    """Yield the edits of one leaf part: its encoding field and its body."""
    entity = place.entity
    body = bytes(memoryview(data)[entity.body_start : entity.end])
    encoding, octets = _shorter(body, place)
    yield _label(place, encoding)
    ending = b"\r\n" if encoding == b"base64" and entity.end == len(data) else b""
    yield Edit(entity.body_start, entity.end, octets + ending)


def _shorter(body: bytes, place: _Place) -> tuple[bytes, bytes]:
    """Encode with whichever is shorter; quoted-printable only while it makes no line look like a delimiter.

    An encoded line may begin where none began before, at a soft line break, and so bring about the boundary of
    a multipart around it: the recipient would see other parts than those that were scanned.
    """
    lines = -(-len(body) // _BASE64_INPUT)
    base64_octets = -(-len(body) // 3) * 4 + 2 * (lines - 1)
    high = len(body) - len(body.translate(None, _HIGH))
    if len(body) + 2 * high <= base64_octets:
        quoted = _quoted_printable(body, text=place.entity.media_type.startswith("text/"))
        if len(quoted) <= base64_octets and not _makes_delimiter(quoted, place):
            return b"quoted-printable", quoted
    return b"base64", _base64(body)


def _quoted_printable(body: bytes, *, text: bool) -> bytes:
    """Encode; in text the line ends stay line ends, in anything else they are octets like others (RFC 2045, 6.7).

    The CRLF that is added and taken off makes the encoder use CRLF for soft line breaks and treat the last line
    like the others.
    """
    if text and body.count(b"\n") == body.count(b"\r\n") == body.count(b"\r"):
        return binascii.b2a_qp(body + b"\r\n", istext=True)[:-2]
    encoded = binascii.b2a_qp(body, istext=False)
    return encoded.replace(b"=\n", b"=\r\n")


def _makes_delimiter(encoded: bytes, place: _Place) -> bool:
    delimiters = [b"--" + around.boundary for around in place.around if around.boundary]
    return any(encoded.startswith(delimiter) or b"\n" + delimiter in encoded for delimiter in delimiters)


def _base64(body: bytes) -> bytes:
    lines = range(0, len(body), _BASE64_INPUT)
    return b"\r\n".join(binascii.b2a_base64(body[at : at + _BASE64_INPUT], newline=False) for at in lines)


def _label(place: _Place, encoding: bytes) -> Edit:
    """Say the new encoding: in the place of the old field, or after the last one."""
    head = place.entity.head
    field = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    if place.begins_message and not head.all("MIME-Version"):
        field = b"MIME-Version: 1.0\r\n" + field
    old = head.first("Content-Transfer-Encoding")
    if old:
        return Edit(old.start, old.end, field)
    return Edit(head.fields_end, head.fields_end, field)


def _relabel(around: Entity) -> Iterator[Edit]:
    """Take back the 8bit or binary label of a multipart or message whose inside is now 7-bit."""
    field = around.head.first("Content-Transfer-Encoding")
    if field and around.encoding in ("8bit", "binary"):
        yield Edit(field.start, field.end, b"Content-Transfer-Encoding: 7bit\r\n")


def _ascii(data: Octets, start: int, end: int) -> bool:
    return all(chunk.isascii() for chunk in _chunks(data, start, end))


def _ascii_but(data: Octets, spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether octets above 127 stand only in the spans, which are in order of the input."""
    position = 0
    for start, end in spans:
        if not _ascii(data, position, start):
            return False
        position = max(position, end)
    return _ascii(data, position, len(data))


def _chunks(data: Octets, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _CHUNK):
        yield bytes(data[at : min(at + _CHUNK, end)])
