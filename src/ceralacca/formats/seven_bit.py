"""Octets above 127 in a submitted message: which parts become 7-bit, how, and which must not be touched (AP-15).

`message/rfc822` of an envelope can only be 7bit, so the original must be (GE-14). Only the leaf parts that hold
such octets are encoded anew, with quoted-printable or base64, whichever is shorter; their header gets the one
field that says so, and the multiparts and messages around them lose an 8bit label that is no longer true. Only
text is put into quoted-printable, where its lines stay lines.

Not converted, but named as obstacles: anything inside a `multipart/signed` of the user, and whatever has no
encoding of its own (header fields, text between parts, parts already in base64).

Clauses: AP-5, AP-15, GE-14, GE-31.
"""

import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ceralacca.core.access_point import FormDefect
from ceralacca.formats.edit import Edit
from ceralacca.formats.lines import has_bare_end
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.transfer import IDENTITY
from ceralacca.formats.splice import Octets

_CHUNK = 1 << 16
_BASE64_INPUT = 57  # octets that make a line of 76 characters (RFC 2045, 6.8)
_NOT_ENCODABLE = ("multipart/", "message/")  # RFC 2045, 6.4; RFC 2046, 5.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SevenBitPlan:
    """What has to change for a message to be 7-bit."""

    edits: tuple[Edit, ...]
    """In the order of the input; none when there are obstacles."""
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
    if isinstance(data, bytes) or len(data) <= _CHUNK:
        return bytes(data).isascii()
    return all(chunk.isascii() for chunk in _chunks(data, 0, len(data)))


def eight_bit_obstacles(data: Octets, entity: Entity) -> frozenset[FormDefect]:
    """Say why octets above 127 cannot be converted, without converting; `entity` is the look at `data`."""
    return frozenset() if is_seven_bit(data) else frozenset(_survey(data, entity)[1])


def make_seven_bit(data: Octets) -> SevenBitPlan:
    """Find the edits that make a message 7-bit.

    Raises UnreadableMessage when there are octets above 127 and the message cannot be looked at within SE-7.
    """
    if is_seven_bit(data):
        return SevenBitPlan(edits=(), obstacles=frozenset())
    places, obstacles = _survey(data, look(data))
    if obstacles:
        return SevenBitPlan(edits=(), obstacles=frozenset(obstacles))
    edits = [edit for place in places for edit in _encoded(data, place)]
    around = {one.start: one for place in places for one in place.around}
    edits += [edit for one in around.values() for edit in _relabel(one)]
    return SevenBitPlan(edits=tuple(sorted(edits, key=Edit.span)), obstacles=frozenset())


def _survey(data: Octets, entity: Entity) -> tuple[list[_Place], set[FormDefect]]:
    """Find the leaf parts to convert, and what forbids it."""
    convertible: list[_Place] = []
    obstacles: set[FormDefect] = set()
    answered: list[tuple[int, int]] = []
    for place in _places(entity):
        one = place.entity
        if not _ascii(data, one.start, one.body_start):
            obstacles.add(FormDefect.EIGHT_BIT_HEADER)  # AP-5
            answered.append((one.start, one.body_start))
        if one.children or _ascii(data, one.body_start, one.end):
            continue
        answered.append((one.body_start, one.end))
        obstacle = _obstacle(place)
        if obstacle:
            obstacles.add(obstacle)
        else:
            convertible.append(place)
    if not _ascii_but(data, answered):  # preamble, delimiter lines, epilogue
        obstacles.add(FormDefect.EIGHT_BIT_ELSEWHERE)
    return convertible, obstacles


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
    body = entity.body(data)
    quoted = _shorter_quoted_printable(body) if entity.media_type.startswith("text/") else None
    if quoted is not None and not _makes_delimiter(quoted, place):
        yield _label(place, b"quoted-printable")
        yield Edit(entity.body_start, entity.end, memoryview(quoted).toreadonly())
    else:
        encoded = _base64(body)
        if entity.end == len(data):
            encoded += b"\r\n"
        yield _label(place, b"base64")
        yield Edit(entity.body_start, entity.end, memoryview(encoded).toreadonly())


def _shorter_quoted_printable(body: memoryview) -> bytearray | None:
    """Encode text; None as soon as base64 would be shorter, and for line ends that are not CRLF (RFC 2045, 6.7).

    The CRLF that is added to each piece and taken off makes the encoder use CRLF for soft line breaks and encode
    the white space at the end of the last line.
    """
    if has_bare_end(body):
        return None
    bound = -(-len(body) // 3) * 4 + 2 * max(-(-len(body) // _BASE64_INPUT) - 1, 0)
    encoded = bytearray()
    for piece in _whole_lines(body):
        encoded += binascii.b2a_qp(piece + b"\r\n", istext=True)[:-2]
        if len(encoded) > bound:
            return None
    return encoded


def _whole_lines(body: memoryview) -> Iterator[bytes]:
    """Cut the body at line ends into pieces of about 64 KB, so that it is never held twice."""
    rest = b""
    for chunk in _chunks(body, 0, len(body)):
        lines, end, begun = (rest + chunk).rpartition(b"\r\n")
        if end:
            yield lines + end
        rest = begun
    yield rest


def _makes_delimiter(encoded: bytearray, place: _Place) -> bool:
    """Tell whether a line of the encoded text looks like a delimiter of a multipart around it.

    A soft line break begins a line where none began, and an escape spells what was not there: the recipient would
    see other parts than those that were scanned.
    """
    delimiters = [b"--" + around.boundary for around in place.around if around.boundary]
    return any(encoded.startswith(delimiter) or b"\n" + delimiter in encoded for delimiter in delimiters)


def _base64(body: memoryview) -> bytearray:
    encoded = bytearray()
    for at in range(0, len(body), _BASE64_INPUT):
        encoded += binascii.b2a_base64(body[at : at + _BASE64_INPUT], newline=False) + b"\r\n"
    del encoded[-2:]
    return encoded


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
