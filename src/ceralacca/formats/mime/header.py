"""Header fields with their exact octets: a scanner, not a parser of meanings.

The fields of a `Head`, put one after the other and followed by the separator, are the octets that were read. What
leaves the letter of RFC 5322 is noted as a defect and kept as it is. LF line ends are read like CRLF (TO-4).

Clauses: AP-5, GE-31, SE-7, TO-4, TO-5.
"""

import re
from dataclasses import dataclass, field

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.limits import LIMITS, LimitExceeded, Limits
from ceralacca.formats.splice import Octets

__all__ = ["Defect", "Field", "Head", "flat", "read_head"]

_EMPTY_LINE = re.compile(rb"\n\r?\n")
# A line and its continuations; the second group is the name, when it is one by RFC 5322, 2.2.
_FIELD = re.compile(rb"((?:([!-9;-~]++):)?+[^\n]*+(?:\n[ \t][^\n]*+)*+\n?+)")
_FOLD = re.compile(rb"\r?\n")
_NAME = re.compile(rb"[!-9;-~]+")
_BLANK_FOLD = re.compile(rb"\n[ \t]++\r?(?:\n|\Z)")
_LONG_LINE = 998  # RFC 5322, 2.1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
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
        octets = self.raw.partition(b":")[2] if self.name else self.raw
        if b"\n" in octets:
            octets = _FOLD.sub(b"", octets)
        return octets.strip(b" \t\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The header of one entity: `[start, fields_end)` are its fields, `[fields_end, end)` is the empty line."""

    fields: tuple[Field, ...]
    start: int
    fields_end: int
    end: int
    """Offset at which the body begins."""
    defects: tuple[Defect, ...]
    _index: dict[str, list[Field]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, list[Field]] = {}
        for one in self.fields:
            index.setdefault(one.key, []).append(one)
        object.__setattr__(self, "_index", index)

    def all(self, name: str) -> tuple[Field, ...]:
        """Return every field of that name, in order; the name is compared without case (TO-5)."""
        return tuple(self._index.get(name.lower(), ()))

    def first(self, name: str) -> Field | None:
        """Return the first field of that name. Whether there are more is for the caller to ask."""
        found = self._index.get(name.lower())
        return found[0] if found else None

    def text(self, name: str) -> str | None:
        """Return the body of the first field of that name, one character an octet (latin-1)."""
        found = self.first(name)
        return None if found is None else found.body.decode("latin-1")


def flat(data: Octets) -> Octets:
    """Return the data as octets in a row; UnreadableMessage for a memoryview that is anything else."""
    if isinstance(data, memoryview) and not (data.c_contiguous and data.ndim == 1 and data.itemsize == 1):
        raise UnreadableMessage("the data are not octets in a row")
    return data


def read_head(data: Octets, start: int = 0, end: int | None = None, limits: Limits = LIMITS) -> Head:
    """Read the header that begins at `start`; it ends at the first empty line, or else at `end`.

    Copies the header, never what follows it. Raises LimitExceeded (SE-7).
    """
    data = flat(data)
    end = len(data) if end is None else end
    fields_end, body = _extent(data, start, end, limits)
    block = bytes(data[start:fields_end])
    pieces = _FIELD.findall(block)
    pieces.pop()  # the last match is always the empty one at the end
    if len(pieces) > limits.fields:
        raise LimitExceeded("fields", limits.fields, offset=start)
    defects = _line_defects(block)
    if body == fields_end:
        defects.append(Defect.NO_EMPTY_LINE)
    fields = _fields(pieces, start, defects)
    return Head(fields=fields, start=start, fields_end=fields_end, end=body, defects=tuple(dict.fromkeys(defects)))


def _extent(data: Octets, start: int, end: int, limits: Limits) -> tuple[int, int]:
    """Find where the fields end and where the body begins."""
    opening = bytes(data[start : min(start + 2, end)])
    if opening == b"\r\n" or opening[:1] == b"\n":
        return start, start + (2 if opening[0] == 0x0D else 1)
    bound = start + limits.header_octets
    found = _EMPTY_LINE.search(data, start, min(end, bound + 2))
    if found is None:
        if end > bound:
            raise LimitExceeded("header_octets", limits.header_octets, offset=start)  # SE-7
        return end, end
    if found.start() + 1 > bound:
        raise LimitExceeded("header_octets", limits.header_octets, offset=start)  # SE-7
    return found.start() + 1, found.end()


def _fields(pieces: list[tuple[bytes, bytes]], offset: int, defects: list[Defect]) -> tuple[Field, ...]:
    fields: list[Field] = []
    for piece, found in pieces:
        name = found or _odd_name(piece, defects)
        fields.append(Field(name=name.decode("latin-1"), raw=piece, start=offset))
        offset += len(piece)
    return tuple(fields)


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
    pairs = block.count(b"\r\n")
    if block.count(b"\r") > pairs:
        defects.append(Defect.BARE_CR)
    if block.count(b"\n") > pairs:
        defects.append(Defect.BARE_LF)
    if len(block) > _LONG_LINE and max(len(line.rstrip(b"\r")) for line in block.split(b"\n")) > _LONG_LINE:
        defects.append(Defect.LONG_LINE)
    if _BLANK_FOLD.search(block):
        defects.append(Defect.BLANK_FOLD)
    return defects
