"""LDIF content files (RFC 2849): octets to entries and back, and nothing of what PEC puts into them.

Our own reader because the file is the root of who is a provider: it must say the line of every
fault, hold to limits before it allocates, and never fetch (`attribute:< url` is refused, and so
are change records). It is strict about structure, tolerant of what exporters do: LF or CRLF,
plain UTF-8 where base64 was due, a byte order mark, no `version`, any case of names and options.

The schema of the providers directory: `formats.directory_ldif`. Clause: DI-2.
"""

import base64
import binascii
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ceralacca.base.errors import PeerError

_DESCRIPTION = re.compile(rb"([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)((?:;[A-Za-z0-9-]+)*)")
_SAFE = re.compile(rb"(?![ :<])[\x01-\x09\x0b\x0c\x0e-\x7f]*(?<! )")
_CHANGE_WORDS = frozenset({"changetype", "control"})
_NO_OPTIONS: frozenset[str] = frozenset()
_LINE_OCTETS = 76  # RFC 2849, note 10: a length that every reader bears


@dataclass(frozen=True, slots=True, kw_only=True)
class LdifLimits:
    """What a file may ask of us; far above the whole Italian directory."""

    octets: int = 64 * 2**20
    lines: int = 300_000
    line_octets: int = 2**20
    """Of one unfolded line."""


LDIF_LIMITS = LdifLimits()


class MalformedDirectory(PeerError):
    """The file cannot be taken as a directory; `line` counts from 1 where the trouble begins."""

    def __init__(self, what: str, *, line: int, remedy: str = "") -> None:
        super().__init__(f"line {line}: {what}", remedy=remedy or "ask the file's publisher for a sound one")
        self.line = line


@dataclass(frozen=True, slots=True)
class Attribute:
    """One value of one attribute."""

    name: str
    """In lower case, without options."""
    options: frozenset[str]
    """In lower case: `binary` of RFC 4522."""
    value: bytes
    line: int
    """Where it begins in the file, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the file: where it stands in the tree and its values in file order."""

    dn: str
    line: int
    attributes: tuple[Attribute, ...]


def read_ldif(data: bytes, limits: LdifLimits = LDIF_LIMITS) -> Iterator[Entry]:
    """Read a content file entry by entry.

    Raises MalformedDirectory at the first fault; entries already given are sound as such.
    """
    if len(data) > limits.octets:
        raise MalformedDirectory(f"the file has more than {limits.octets} octets", line=1)
    block: list[Attribute] = []
    at_start = True
    for number, line in _logical_lines(data, limits):
        if line.startswith(b"#"):
            continue
        if line:
            attribute = _attribute(line, number)
            if at_start and attribute.name == "version":
                _check_version(attribute)
            else:
                block.append(attribute)
            at_start = False
        elif block:
            yield _entry(block)
            block = []
    if block:
        yield _entry(block)


def write_ldif(entries: Iterable[tuple[str, Iterable[tuple[str, bytes]]]]) -> bytes:
    """Write entries, each a DN with (attribute description, value) pairs, in the order given.

    The result is ASCII with LF line ends, folded at 76 octets, in base64 where RFC 2849 asks
    for it and for every `;binary` value, whatever its octets.
    """
    blocks = []
    for dn, values in entries:
        lines = [_value_line("dn", dn.encode()), *(_value_line(name, value) for name, value in values)]
        blocks.append(b"".join(lines))
    return b"version: 1\n\n" + b"\n".join(blocks)


def _logical_lines(data: bytes, limits: LdifLimits) -> Iterator[tuple[int, bytes]]:
    """Unfold: give each logical line, empty ones too, with the number of its first line."""
    pieces: list[bytes] = []
    size, began = 0, 1
    for number, line in _physical_lines(data, limits):
        if line.startswith(b" "):
            if not pieces or not pieces[0]:
                raise MalformedDirectory("a continuation line with nothing before it", line=number)
            pieces.append(line[1:])
            size += len(line)
        else:
            if pieces:
                yield began, b"".join(pieces)
            pieces, size, began = [line], len(line), number
        if size > limits.line_octets:
            raise MalformedDirectory(f"a value has more than {limits.line_octets} octets", line=began)
    if pieces:
        yield began, b"".join(pieces)


def _physical_lines(data: bytes, limits: LdifLimits) -> Iterator[tuple[int, bytes]]:
    position = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    number = 0
    while position < len(data):
        number += 1
        if number > limits.lines:
            raise MalformedDirectory(f"the file has more than {limits.lines} lines", line=number)
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        line = data[position:end].removesuffix(b"\r")
        if b"\r" in line or b"\0" in line:
            raise MalformedDirectory("a carriage return or NUL inside a line", line=number)
        yield number, line
        position = end + 1


def _attribute(line: bytes, number: int) -> Attribute:
    description, colon, rest = line.partition(b":")
    match = _DESCRIPTION.fullmatch(description)
    if not colon or match is None:
        raise MalformedDirectory("neither an attribute with its value, nor a comment", line=number)
    name = match[1].decode("ascii").lower()
    if name in _CHANGE_WORDS:
        raise MalformedDirectory("a record of changes, not of content", line=number)
    options = frozenset(match[2].decode("ascii").lower().split(";")[1:]) if match[2] else _NO_OPTIONS
    return Attribute(sys.intern(name), options, _value(rest, number), number)


def _value(rest: bytes, number: int) -> bytes:
    if rest.startswith(b"<"):
        raise MalformedDirectory("a value given by URL: nothing is fetched", line=number)
    if not rest.startswith(b":"):
        return rest.lstrip(b" ")
    try:
        return base64.b64decode(rest[1:].strip(b" "), validate=True)
    except binascii.Error:
        raise MalformedDirectory("the value is not base64", line=number) from None


def _check_version(attribute: Attribute) -> None:
    if attribute.value != b"1" or attribute.options:
        raise MalformedDirectory("only LDIF version 1 is known", line=attribute.line)


def _entry(block: list[Attribute]) -> Entry:
    first, *rest = block
    if first.name != "dn" or first.options:
        raise MalformedDirectory("an entry that does not begin with its dn", line=first.line)
    if not rest:
        raise MalformedDirectory("an entry without attributes", line=first.line)
    for attribute in rest:
        if attribute.name in ("dn", "version"):
            raise MalformedDirectory(f"{attribute.name} inside an entry", line=attribute.line)
    return Entry(dn=decode_text(first), line=first.line, attributes=tuple(rest))


def decode_text(attribute: Attribute) -> str:
    """Read the value as UTF-8 text. Raises MalformedDirectory."""
    try:
        return attribute.value.decode()
    except UnicodeDecodeError:
        raise MalformedDirectory(f"{attribute.name} is not UTF-8", line=attribute.line) from None


def _value_line(description: str, value: bytes) -> bytes:
    head = description.encode("ascii")
    if not value:
        return head + b":\n"
    plain = _SAFE.fullmatch(value) and not description.endswith(";binary")
    line = head + b": " + value if plain else head + b":: " + base64.b64encode(value)
    return _fold(line)


def _fold(line: bytes) -> bytes:
    """Break after 76 octets; each further line spends one on its leading space."""
    step = _LINE_OCTETS - 1
    rest = (b" " + line[start : start + step] for start in range(_LINE_OCTETS, len(line), step))
    return b"\n".join((line[:_LINE_OCTETS], *rest)) + b"\n"
