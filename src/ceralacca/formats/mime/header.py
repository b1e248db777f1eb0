"""Header fields with their exact octets: a scanner, not a parser of meanings.

The fields of a `Head`, put one after the other and followed by the separator, are the octets that were read. What
leaves the letter of RFC 5322 is noted as a defect and kept as it is. LF line ends are read like CRLF (TO-4).

Clauses: AP-5, GE-31, SE-7, TO-4, TO-5.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate
from typing import NamedTuple

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.kept import kept
from ceralacca.formats.lines import outside_pairs
from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.limits import LIMITS, LimitExceeded, Limits
from ceralacca.formats.splice import Octets

__all__ = ["Defect", "Field", "Head", "HeadLines", "flat", "head_lines", "read_head"]

MOST_OF_PART = 512
"""Octets of a header that is remembered for as long as others do not push it out."""

_EMPTY_LINE = re.compile(rb"\n\r?\n")
# A line and its continuations; the second group is the name, when it is one by RFC 5322, 2.2.
_FIELD = re.compile(rb"((?:([!-9;-~]++):)?[^\n]*+(?:\n[ \t][^\n]*+)*\n?+)")
_FOLD = re.compile(rb"\r?\n")
_NAME = re.compile(rb"[!-9;-~]+")
_BLANK_FOLD = re.compile(rb"\n[ \t]++\r?(?:\n|\Z)")
_LONG_LINE = 998  # RFC 5322, 2.1.1


class Field(NamedTuple):
    """One header field as it stands in the message."""

    name: str
    """In its exact spelling, without white space before the colon; empty for a line that is no field."""
    raw: bytes
    """Every octet of the field, with folding and line end."""
    start: int
    """Offset of the field in the data that was read."""

    @property
    def end(self) -> int:
        """Offset of the octet after the field."""
        return self.start + len(self.raw)

    @property
    def key(self) -> str:
        """The name in lower case: names compare without case (TO-5)."""
        return self.name.lower()

    @property
    def body(self) -> bytes:
        """What follows the colon, unfolded and without white space around it; for a line that is no field, all of it.

        May hold octets above 127, NUL and bare CR: decode before showing, `words.decode_words` is safe.
        """
        octets = (self.raw.partition(b":")[2] if self.name else self.raw).strip(b" \t\r\n")
        return _FOLD.sub(b"", octets) if b"\n" in octets else octets


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLines:
    """The fields of a header, apart from where it stands: equal octets are read once."""

    octets: bytes
    fields: tuple[Field, ...]
    """With offsets from the beginning of the header."""
    index: Mapping[str, tuple[Field, ...]]
    """By name in lower case."""
    defects: tuple[Defect, ...]


class Head(NamedTuple):
    """The header of one entity: `[start, fields_end)` are its fields, `[fields_end, end)` is the empty line."""

    lines: HeadLines
    start: int
    fields_end: int
    end: int
    """Offset at which the body begins."""
    defects: tuple[Defect, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field, in order."""
        return self._placed(self.lines.fields)

    @property
    def names(self) -> Collection[str]:
        """The names that occur, in lower case; empty for lines that are no field."""
        return self.lines.index.keys()

    def all(self, name: str) -> tuple[Field, ...]:
        """Return every field of that name, in order; the name is compared without case (TO-5)."""
        return self._placed(self.lines.index.get(name.lower(), ()))

    def count_of(self, name: str) -> int:
        """Return how many fields of that name there are."""
        return len(self.lines.index.get(name.lower(), ()))

    def first(self, name: str) -> Field | None:
        """Return the first field of that name. Whether there are more is for the caller to ask."""
        found = self.lines.index.get(name.lower())
        if not found:
            return None
        first = found[0]
        return Field(first.name, first.raw, self.start + first.start) if self.start else first

    def bodies(self, name: str) -> list[bytes]:
        """Return the bodies of all fields of that name, in order."""
        found = self.lines.index.get(name.lower())
        return [field.body for field in found] if found else []

    def text(self, name: str) -> str | None:
        """Return the body of the first field of that name, one character an octet (latin-1)."""
        found = self.lines.index.get(name.lower())
        return found[0].body.decode("latin-1") if found else None

    def _placed(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        start = self.start
        if not start or not fields:
            return fields
        return tuple([Field(name, raw, start + offset) for name, raw, offset in fields])


_field: Callable[[tuple[str, bytes, int]], Field] = partial(tuple.__new__, Field)
"""What Field(...) does, without the call between."""


def flat(data: Octets) -> Octets:
    """Return the data as octets in a row; UnreadableMessage for a memoryview that is anything else."""
    if isinstance(data, memoryview) and not (data.c_contiguous and data.ndim == 1 and data.itemsize == 1):
        raise UnreadableMessage("the data are not octets in a row")
    return data


def read_head(data: Octets, start: int = 0, end: int | None = None, limits: Limits = LIMITS) -> Head:
    """Read the header that begins at `start`; it ends at the first empty line, or else at `end`.

    Copies the header, never what follows it. Raises LimitExceeded (SE-7).
    """
    if not isinstance(data, bytes):
        data = flat(data)
    end = len(data) if end is None else end
    fields_end, body = _extent(data, start, end, limits)
    lines = head_lines(bytes(data[start:fields_end]))
    if len(lines.fields) > limits.fields:
        raise LimitExceeded("fields", limits.fields, offset=start)
    defects = lines.defects if body > fields_end else (*lines.defects, Defect.NO_EMPTY_LINE)
    return Head(lines, start, fields_end, body, defects)


def head_lines(octets: bytes) -> HeadLines:
    """Read the fields of a header, without the empty line; those of parts are mostly the same, and remembered."""
    return _kept_of_part(octets) if len(octets) <= MOST_OF_PART else _kept_of_message(octets)


@kept(entries=8, most_octets=16_384)
def _kept_of_message(octets: bytes) -> HeadLines:
    return _read_lines(octets)  # one message is looked at from several sides


def _read_lines(octets: bytes) -> HeadLines:
    pieces = _FIELD.findall(octets)
    pieces.pop()  # the last match is always the empty one at the end
    defects = _line_defects(octets)
    lines = [line for line, _ in pieces]
    names = b"\n".join([name or _odd_name(line, defects) for line, name in pieces])  # none has a line end
    starts = accumulate(map(len, lines), initial=0)
    fields = tuple(map(_field, zip(names.decode("latin-1").split("\n"), lines, starts, strict=False)))
    distinct = tuple(dict.fromkeys(defects)) if defects else ()
    return HeadLines(octets=octets, fields=fields, index=_index(fields), defects=distinct)


def _index(fields: Sequence[Field]) -> Mapping[str, tuple[Field, ...]]:
    index = {field[0].lower(): (field,) for field in fields}
    if len(index) == len(fields):
        return index  # mostly no two have one name
    several: dict[str, list[Field]] = {}
    for field in fields:
        several.setdefault(field[0].lower(), []).append(field)
    return {key: tuple(each) for key, each in several.items()}


_kept_of_part = lru_cache(maxsize=256)(_read_lines)


def _extent(data: Octets, start: int, end: int, limits: Limits) -> tuple[int, int]:
    """Find where the fields end and where the body begins."""
    if start < end and data[start] in b"\r\n":  # else no empty line can stand first
        opening = bytes(data[start : min(start + 2, end)])
        if opening == b"\r\n" or opening[:1] == b"\n":
            return start, start + (2 if opening[0] == 0x0D else 1)
    bound = start + limits.header_octets
    found = _EMPTY_LINE.search(data, start, min(bound + 2, end))
    if found is None:
        if end > bound:
            raise LimitExceeded("header_octets", limits.header_octets, offset=start)  # SE-7
        return end, end
    last, body = found.span()
    if last + 1 > bound:
        raise LimitExceeded("header_octets", limits.header_octets, offset=start)  # SE-7
    return last + 1, body


def _odd_name(piece: bytes, defects: list[Defect]) -> bytes:
    """Look again at a line that does not begin with a name and its colon."""
    name, colon, _ = piece.partition(b":")
    if not colon or b"\n" in name:
        defects.append(Defect.LINE_WITHOUT_COLON)
        return b""
    bare = name.rstrip(b" \t")
    defects.append(Defect.SPACE_BEFORE_COLON if _NAME.fullmatch(bare) else Defect.BAD_FIELD_NAME)
    return bare


def _line_defects(block: bytes) -> list[Defect]:
    defects: list[Defect] = []
    if not block.isascii():
        defects.append(Defect.EIGHT_BIT)  # AP-5
    if b"\0" in block:
        defects.append(Defect.NUL)
    alone = outside_pairs(block)
    if b"\r" in alone:
        defects.append(Defect.BARE_CR)
    if b"\n" in alone:
        defects.append(Defect.BARE_LF)
    if len(block) > _LONG_LINE and max(len(line.rstrip(b"\r")) for line in block.split(b"\n")) > _LONG_LINE:
        defects.append(Defect.LONG_LINE)
    if _BLANK_FOLD.search(block):
        defects.append(Defect.BLANK_FOLD)
    return defects
