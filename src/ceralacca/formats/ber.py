"""Tag, length, value: the skeleton of BER and DER, read in place and in linear time.

Only what CMS needs: single-octet tags, definite and indefinite lengths, octet strings in pieces.
Nothing is copied but what the caller asks for; nothing is believed about a length before it is
held against the enclosing element. This is not an ASN.1 library: certificates and CRLs are read
by asn1crypto and `cryptography`. It exists because verification must cost little more than its
RSA operation, and because it must not build a tree from what a stranger sent.

Serves: IP-6, TO-1 (BER and DER), SE-7.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ceralacca.base.errors import PeerError

INTEGER = 0x02
OCTET_STRING = 0x04
OCTET_STRING_IN_PIECES = 0x24
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
SET = 0x31

_INDEFINITE = 0x80
_MOST_ELEMENTS = 200_000
_new = tuple.__new__  # what Element(...) does, without the call between: this is the inner loop of verification
_DEEPEST = 32


class MalformedBer(PeerError):
    """The octets are not the BER that was expected there."""


class Element(NamedTuple):
    """One element: where it stands in the octets it was read from."""

    tag: int
    start: int
    """Of its tag."""
    body: int
    """Of its value."""
    end: int
    """Of its value."""
    after: int
    """Of whatever follows: `end`, plus two for the mark that ends an indefinite length."""


def read(data: bytes, start: int, limit: int) -> Element:
    """Read the element at `start` that must end at `limit` or before.

    Raises MalformedBer.
    """
    body = start + 2
    if body <= limit and (length := data[start + 1]) < _INDEFINITE and data[start] & 0x1F != 0x1F:
        end = body + length  # the short form, which most elements have
        if end <= limit:
            return _new(Element, (data[start], start, body, end, end))
    tag, body, length = _head(data, start, limit)
    if length >= 0:
        end = body + length
        return _new(Element, (tag, start, body, end, end))
    end = _end_of_contents(data, body, limit)
    return _new(Element, (tag, start, body, end, end + 2))


def expect(data: bytes, start: int, limit: int, tag: int) -> Element:
    """Read the element at `start` and insist on its tag. Raises MalformedBer."""
    if start >= limit or data[start] != tag:
        raise MalformedBer(f"the octet {tag:#04x} was expected at octet {start}")
    body = start + 2
    if body <= limit and (length := data[start + 1]) < _INDEFINITE and tag & 0x1F != 0x1F:
        end = body + length  # as in `read`, which is called for the long forms alone
        if end <= limit:
            return _new(Element, (tag, start, body, end, end))
    return read(data, start, limit)


def children(data: bytes, element: Element) -> Iterator[Element]:
    """Read the elements inside an element, one after the other. Raises MalformedBer."""
    position = element.body
    while position < element.end:
        child = read(data, position, element.end)
        yield child
        position = child.after


def whole(data: bytes, element: Element) -> bytes:
    """Return the octets of an element, tag and length included."""
    return data[element.start : element.after]


def octets(data: bytes, element: Element) -> bytes:
    """Return the value of an OCTET STRING, joined if it came in pieces (one level, as encoders write it)."""
    if element.tag & 0x20 == 0:
        return data[element.body : element.end]
    pieces = []
    for child in children(data, element):
        if child.tag != OCTET_STRING:
            raise MalformedBer(f"a piece of an octet string was expected at octet {child.start}")
        pieces.append(data[child.body : child.end])
    return b"".join(pieces)


def _head(data: bytes, start: int, limit: int) -> tuple[int, int, int]:
    """Return tag, position of the value and its length; -1 when it is indefinite."""
    body = start + 2
    if body > limit:
        raise MalformedBer(f"an element is cut short at octet {start}")
    tag, length = data[start], data[start + 1]
    if tag & 0x1F == 0x1F:
        raise MalformedBer(f"a tag of several octets stands at octet {start}")
    if length == _INDEFINITE:
        if tag & 0x20 == 0:
            raise MalformedBer(f"a primitive element has no length at octet {start}")
        return tag, body, -1
    if length > _INDEFINITE:
        size = length - _INDEFINITE
        if size > 4 or body + size > limit:
            raise MalformedBer(f"a length is out of bounds at octet {start}")
        length = int.from_bytes(data[body : body + size], "big")
        body += size
    if body + length > limit:
        raise MalformedBer(f"an element is longer than what holds it at octet {start}")
    return tag, body, length


def _end_of_contents(data: bytes, position: int, limit: int) -> int:
    """Find the two zero octets that end an element of indefinite length whose value begins at `position`."""
    depth = 1
    for _ in range(_MOST_ELEMENTS):
        if data[position : position + 2] == b"\0\0" and position + 2 <= limit:
            depth -= 1
            if depth == 0:
                return position
            position += 2
            continue
        _, body, length = _head(data, position, limit)
        position = body + max(length, 0)
        depth += length < 0
        if depth > _DEEPEST:
            break
    raise MalformedBer("an element of indefinite length is too deep or too long")
