"""A draft read as a stranger would: own small reader, no code shared with the composers.

The draft is a run of pieces that may hold a 30 MB original; it is walked window by window and never
joined (GE-31). The embedded original is an opaque run of octets: its head is read, its body is only
counted. What cannot be read is left empty here, and the rules say so.
"""

import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import methodcaller
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lxml import etree

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.lint.certified import Certified, Markup, Texts, read_certified
from ceralacca.lint.windows import stretch, windows

_ROME = ZoneInfo("Europe/Rome")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CHARSETS = frozenset({"iso-8859-1", "utf-8", "us-ascii"})
"""What a readable text may be written in (GE-12, GE-19)."""
_HEAD_LIMIT = 256 * 1024  # SE-7
_BEGINS_A_LINE = methodcaller("startswith", b"\r\n")
_ORIGINAL = "message/rfc822"
_WHOLE = 1 << 20
"""Up to so many octets a draft is joined to be read."""
_USUAL_NAME = 80
"""Names of fields up to that length are remembered: a stranger's long ones are not to fill the memory."""
_NAME = re.compile(r"[!-9;-~]+[ \t]*")
_ESCAPE = re.compile(r"\\(.)")
_BEFORE_BOUNDARY = frozenset(
    {b'Content-Type: multipart/mixed; boundary="', b'Content-Type: multipart/alternative; boundary="'}
)
_MULTIPART = b"Content-Type: multipart/"
_OPENING = slice(len(_MULTIPART))
_PLAIN = bytes(octet for octet in range(0x21, 0x7F) if octet not in b'"\\')
_PARAMETER = re.compile(r';\s*([a-z0-9*-]+)\s*=\s*(?:"((?:[^"\\]++|\\.)*)"|([^\s;"]+))', re.IGNORECASE)


ReadField = tuple[str, str, list[str]]
"""One header field: its name in lower case, all that stands before the colon, and what follows it without line ends,
in more than one line where it is folded."""


class ReadHead:
    """Header fields of a message or a part, as text of one character an octet (latin-1)."""

    __slots__ = ("keys", "octets", "single", "whole")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        fields, self.whole = read_fields(octets.decode("latin-1"))
        self.keys: tuple[str, ...] = tuple([key for key, _, _ in fields])
        """Names in lower case, in order."""
        self.single = {key: "".join(lines).strip(" \t") for key, _, lines in fields}
        """What follows the colon, unfolded, without the white space around it: of the names that occur once."""
        if len(self.single) < len(self.keys):
            for key in {key for key in self.keys if self.keys.count(key) > 1}:
                del self.single[key]

    def value(self, key: str) -> tuple[str, dict[str, str]]:
        """Return main value (lower case) and parameters of a MIME field; an absent one reads as empty."""
        body = self.single.get(key, "")
        if not body:
            return "", {}
        main, _, _ = body.partition(";")
        parameters = {
            name.lower(): (_ESCAPE.sub(r"\1", quoted) if quoted else plain)
            for name, quoted, plain in _PARAMETER.findall(body)
        }
        return main.strip().lower(), parameters


class Labels(NamedTuple):
    """What the head of a part says of it."""

    head: ReadHead
    type: str
    """Media type in lower case."""
    name: str
    charset: str
    boundary: bytes
    """`x` for any where the head says nothing else: it differs from message to message."""
    disposition: str
    filename: str
    encoding: str


class ReadPart(NamedTuple):
    """One part of the signed entity: its labels and the span of its body."""

    labels: Labels
    boundary: bytes
    start: int
    end: int
    body: bytes | None
    """The octets of the body; None for the embedded original, which stays where it is."""

    @property
    def type(self) -> str:
        """Media type in lower case."""
        return self.labels.type


class Shape(NamedTuple):
    """What a message has in common with thousands of others, so that it is judged once for all of them."""

    row: MessageRow
    entity: Labels
    parts: tuple[Labels, ...]
    texts: tuple[Labels, ...]
    """Of the readable part, or of those inside it when it is an alternative."""
    closed: bool
    """Whether the closing delimiter is the last and the only one."""
    stray: bool
    """Whether octets stand before or behind the parts."""
    collides: bool
    """Whether the boundary occurs inside a part."""
    decoded: bool
    """Whether there is a plain text that can be read."""
    markup: Markup | None
    """Of well-formed certification data."""
    blank: frozenset[str]
    """Names of elements with nothing but white space for text."""


class LocalInstant(NamedTuple):
    """The instant of the draft as Italian legal time shows it (TI-3 to TI-5), reckoned here once."""

    day: str
    time: str
    zone: str
    date: str
    """As the body of a Date field."""

    @classmethod
    def of(cls, instant: datetime) -> "LocalInstant":
        """Reckon the legal time of an instant."""
        return _local(instant if instant.tzinfo is UTC else instant.astimezone(UTC))  # where equal is the same instant


@lru_cache(maxsize=256)
def _local(instant: datetime) -> LocalInstant:
    local = instant.astimezone(_ROME)
    offset = local.utcoffset() or timedelta()
    hours, minutes = divmod(int(offset.total_seconds()) // 60, 60)
    time = f"{local.hour:02}:{local.minute:02}:{local.second:02}"
    zone = f"+{hours:02}{minutes:02}"
    month = _MONTHS[local.month - 1]
    return LocalInstant(
        day=f"{local.day:02}/{local.month:02}/{local.year:04}",
        time=time,
        zone=zone,
        date=f"{_DAYS[local.weekday()]}, {local.day:02} {month} {local.year:04} {time} {zone}",
    )


class _FirstTexts(dict[str, str | None]):
    """The text of the first element of each name; None where there is none."""

    def __missing__(self, _name: str) -> None:
        return None


class Reading:
    """The draft with everything that rules want to look at, read once."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.local = LocalInstant.of(draft.instant)
        self.header = bytes(draft.header)
        self.size = len(draft.entity)
        self._whole = bytes(draft.entity) if self.size <= _WHOLE else None
        self._read_entity()
        self._read_text()
        self._read_certification()
        self.shape = self._shape()

    @classmethod
    def of(cls, draft: Draft) -> "Reading":
        """Read a draft. Never raises for its content."""
        return cls(draft)

    @cached_property
    def head(self) -> ReadHead:
        """The outer header; most are judged without being read."""
        return ReadHead(self.header)

    # -- the parts -------------------------------------------------------------------------

    def _stretch(self, start: int, stop: int) -> bytes:
        return stretch(self.draft.entity, start, stop) if self._whole is None else self._whole[start:stop]

    def _read_entity(self) -> None:
        opening = self._stretch(0, 4096)
        end = opening.find(b"\r\n\r\n")
        self.labels, boundary = labels_of(opening[: end + 2] if end >= 0 else b"")
        self.parts: list[ReadPart] = []
        self.original: ReadPart | None = None
        self.closed = self.stray = self.collides = False
        if end >= 0 and boundary:
            # The empty line's CRLF may be the one that belongs to the first delimiter.
            self._read_parts(b"\r\n--" + boundary, end + 2)
        for part in self.parts:
            if part.body is None:
                self.original = part
                break
        self.ours = self._ours()

    def _read_parts(self, delimiter: bytes, start: int) -> None:
        pieces, between = self._pieces(delimiter), len(delimiter)
        if _in_place(pieces, start):
            self.closed = True
            for piece in pieces[1:-1]:
                start += between
                stop = start + len(piece)
                self.parts.append(_read_piece(piece, start, stop))
                start = stop
        elif delimiters := self._delimiters(delimiter, start):
            self._read_between(delimiters, start)

    def _pieces(self, delimiter: bytes) -> list[bytes]:
        """Return what stands between the delimiters of an entity that may be joined."""
        return [] if self._whole is None else self._whole.split(delimiter)

    def _read_between(self, delimiters: list[tuple[int, int, bool]], start: int) -> None:
        """Read an entity that is long, or in which something is out of place."""
        for (_, begin, last), (stop, _, _) in pairwise(delimiters):
            if not last:
                self.parts.append(self._read_part(begin, stop))
        self.stray = delimiters[0][0] > start + 2
        _, after, last = delimiters[-1]
        if last and [last for *_, last in delimiters].count(True) == 1:
            self.closed = True
            self.stray = self.stray or self._stretch(after, after + 3) not in (b"", b"\r\n")

    def _delimiters(self, needle: bytes, start: int) -> list[tuple[int, int, bool]]:
        """Return (where the CRLF before it begins, where the next line begins, whether it closes) of each."""
        found = []
        for base, window in self.windows():
            at = window.find(needle, max(0, start - base))
            while at >= 0:
                after = at + len(needle)
                tail = window[after : after + 2] if after + 2 <= len(window) else self._tail(base + after)
                if tail in (b"\r\n", b"--", b""):
                    found.append((base + at, base + after + 2, tail == b"--"))
                else:
                    self.collides = True
                at = window.find(needle, after)
        return found

    def _tail(self, start: int) -> bytes:
        return self._stretch(start, start + 2)

    def _read_part(self, start: int, stop: int) -> ReadPart:
        opening = self._stretch(start, min(stop, start + 4096))
        end = opening.find(b"\r\n\r\n")
        labels, boundary = labels_of(opening[: end + 2] if end >= 0 else b"")
        start = start + end + 4 if end >= 0 else stop
        body = None if labels.type == _ORIGINAL else self._stretch(start, stop)
        return ReadPart(labels, boundary, start, stop, body)

    def original_ids(self) -> dict[bytes, list[bytes]]:
        """Return the identifiers that the head of the embedded original has; there may be no original."""
        if self.original is None:
            return {}
        _, _, start, stop, _ = self.original
        most = min(stop, start + _HEAD_LIMIT)
        if self._whole is None:
            return identity_of(self._stretch(start, most).partition(b"\r\n\r\n")[0])
        end = self._whole.find(b"\r\n\r\n", start, most)
        return identity_of(self._whole[start : end if end >= 0 else most])

    def _ours(self) -> bytes:
        """Return the octets of the entity without the embedded original's, which ends where a line end begins."""
        if self.original is None:
            return self._stretch(0, self.size)
        return self._stretch(0, self.original.start) + self._stretch(self.original.end, self.size)

    def of_original(self) -> Iterator[bytes]:
        """Yield the octets of the embedded original in pieces that cut no line end."""
        if self.original is None:
            return
        for base, window in self.windows():
            low, high = max(self.original.start - base, 0), min(self.original.end - base, len(window))
            if low < high:
                yield window[low:high]

    def windows(self) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, octets) of the entity from first to last; no line end is cut."""
        return windows(self.draft.entity) if self._whole is None else iter(((0, self._whole),))

    # -- the readable text -----------------------------------------------------------------

    def _read_text(self) -> None:
        self.plain: str | None = None
        self.html: str | None = None
        self.texts = self.parts[:1]
        if not self.texts:
            return
        first = self.texts[0]
        if first.labels.type == "text/plain":
            self.plain = decoded_text(first)
        elif first.labels.type == "multipart/alternative":
            self.texts = inner_parts(first)
            for text in self.texts:
                if text.type == "text/plain" and self.plain is None:
                    self.plain = decoded_text(text)
                elif text.type == "text/html" and self.html is None:
                    self.html = decoded_text(text)

    # -- the certification data --------------------------------------------------------------

    def _read_certification(self) -> None:
        self.xml: bytes | None = None
        self.certified: Certified | None = None
        self.xml_defect = ""
        self.xml_texts = Texts()
        """Of all elements of a name in the certification data, in order."""
        self.xml_text = _FirstTexts()
        """Of the first element of a name; None where there is none."""
        self.answered_for: list[str] = []
        """The recipients that it says something of: those delivered to and those taken in charge."""
        for part in self.parts:
            if part.labels.type == "application/xml":
                break
        else:
            return
        self.xml = decoded_body(part)
        if self.xml is None:
            self.xml_defect = "the transfer encoding is broken"
            return
        try:
            self.certified = read_certified(self.xml)
        except (etree.XMLSyntaxError, ValueError) as error:
            self.xml_defect = f"not well-formed ({type(error).__name__})"
            return
        self.xml_texts = texts = self.certified.texts
        self.xml_text = _FirstTexts([(name, found[0]) for name, found in texts.items()])
        self.answered_for = texts["consegna"] + texts["ricezione"]

    def _shape(self) -> Shape:
        certified = self.certified
        return Shape(
            self.draft.row,
            self.labels,
            tuple([part.labels for part in self.parts]),
            tuple([part.labels for part in self.texts]),
            self.closed,
            self.stray,
            self.collides,
            self.plain is not None,
            certified.markup if certified else None,
            certified.blank if certified else frozenset(),
        )


def _in_place(pieces: list[bytes], start: int) -> bool:
    """Tell whether nothing is out of place between the delimiters, of which the first must stand at the start."""
    parts = pieces[1:-1]
    return (
        bool(parts) and len(pieces[0]) == start and pieces[-1] in (b"--\r\n", b"--") and all(map(_BEGINS_A_LINE, parts))
    )


def _read_piece(piece: bytes, start: int, stop: int) -> ReadPart:
    """Read the part that stands at that place, behind a delimiter and its line end."""
    end = piece.find(b"\r\n\r\n", 2, 4098)
    if end < 0:
        return ReadPart(read_labels(b""), b"", stop, stop, b"")
    labels, boundary = labels_of(piece[2 : end + 2])
    body = None if labels.type == _ORIGINAL else piece[end + 4 :]
    return ReadPart(labels, boundary, start + end + 4, stop, body)


def read_fields(text: str) -> tuple[list[ReadField], bool]:
    """Return the fields, and whether every character belongs to a well-formed field with CRLF.

    What stands behind a line that is not well-formed is not read.
    """
    *lines, rest = text.split("\r\n")
    fields: list[ReadField] = []
    for line in lines:
        name, colon, body = line.partition(":")
        key = (_kept_key if len(name) <= _USUAL_NAME else _key)(name)
        if "\r" in line or "\n" in line:
            return fields, False
        if colon and key:
            fields.append((key, name, [body]))
        elif fields and line.startswith((" ", "\t")):
            fields[-1][2].append(line)
        else:
            return fields, False
    return fields, bool(fields) and not rest


def _key(name: str) -> str:
    """Return the name in lower case; nothing for what cannot be one (RFC 5322, 2.2)."""
    return name.rstrip(" \t").lower() if _NAME.fullmatch(name) else ""


_kept_key = lru_cache(maxsize=256)(_key)


@lru_cache(maxsize=256)
def read_labels(octets: bytes) -> Labels:
    """Read the head of a part; the heads that we write are few, and remembered."""
    head = ReadHead(octets)
    media_type, parameters = head.value("content-type")
    disposition, more = head.value("content-disposition")
    return Labels(
        head=head,
        type=media_type,
        name=parameters.get("name", ""),
        charset=parameters.get("charset", "").lower(),
        boundary=parameters.get("boundary", "").encode("latin-1"),
        disposition=disposition,
        filename=more.get("filename", ""),
        encoding=(head.single.get("content-transfer-encoding") or "7bit").lower(),
    )


def labels_of(octets: bytes) -> tuple[Labels, bytes]:
    """Read the head of an entity, and its boundary; heads that differ in the boundary alone are read as one."""
    if octets[_OPENING] == _MULTIPART:
        at = octets.find(b'"') + 1
        before, boundary, after = octets[:at], octets[at:-3], octets[-3:]
        if before in _BEFORE_BOUNDARY and boundary and after == b'"\r\n' and not boundary.translate(None, _PLAIN):
            return read_labels(before + b"x" + after), boundary
    labels = read_labels(octets)
    return labels, labels.boundary


def identity_of(head: bytes) -> dict[bytes, list[bytes]]:
    """Return the bodies of the identifier fields in the head of an original, which is not judged otherwise."""
    found: dict[bytes, list[bytes]] = {b"message-id": [], b"x-riferimento-message-id": []}
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        if line[:1] in b"MmXx":  # of most fields the first letter says that it is none of these
            name, _, body = line.partition(b":")
            if (key := name.rstrip().lower()) in found:
                found[key].append(body.strip())
    return found


def inner_parts(part: ReadPart) -> list[ReadPart]:
    """Split a small multipart part; what is not between two delimiters is left out."""
    boundary = part.boundary
    if not boundary or part.body is None:
        return []
    pieces = (b"\r\n" + part.body).split(b"\r\n--" + boundary)
    if len(pieces) < 3 or pieces[-1][:2] != b"--":
        return []
    inner = []
    for piece in pieces[1:-1]:
        opening, blank, body = piece[2:].partition(b"\r\n\r\n")
        labels, own = labels_of(opening + b"\r\n" if blank else b"")
        inner.append(ReadPart(labels=labels, boundary=own, start=0, end=len(body), body=body))
    return inner


def decoded_body(part: ReadPart) -> bytes | None:
    """Undo the transfer encoding of a part strictly; None when it is broken or unknown."""
    encoding, body = part.labels.encoding, part.body or b""
    try:
        if encoding == "base64":
            return binascii.a2b_base64(body.replace(b"\r\n", b""), strict_mode=True)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(body)
    except ValueError:  # binascii.Error is one
        return None
    return body if encoding in {"7bit", "8bit"} else None


def decoded_text(part: ReadPart) -> str | None:
    """Return the text of a part with plain line ends; None when encoding or charset do not hold."""
    octets = decoded_body(part)
    if octets is None or part.labels.charset not in CHARSETS:
        return None
    try:
        return octets.decode(part.labels.charset).replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
