"""A draft read as a stranger would: own small reader, no code shared with the composers.

The draft is a run of pieces that may hold a 30 MB original; it is walked window by window and never
joined (GE-31). The embedded original is an opaque run of octets: its head is read, its body is only
counted. What cannot be read is left empty here, and the rules say so.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lxml import etree

from ceralacca.formats.draft import Draft
from ceralacca.lint.certified import Certified, read_certified
from ceralacca.lint.windows import Census, stretch, take_census, windows

_ROME = ZoneInfo("Europe/Rome")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CHARSETS = frozenset({"iso-8859-1", "utf-8", "us-ascii"})
"""What a readable text may be written in (GE-12, GE-19)."""
_HEAD_LIMIT = 256 * 1024  # SE-7
_WHOLE = 1 << 20
"""Up to so many octets a draft is joined to be read."""
_USUAL_NAME = 80
"""Names of fields up to that length are remembered: a stranger's long ones are not to fill the memory."""
_NAME = re.compile(r"[!-9;-~]+[ \t]*")
_ESCAPE = re.compile(r"\\(.)")
_ONE_BOUNDARY = re.compile(rb'(Content-Type: multipart/[a-z]+; boundary=")([!#-\[\]-~]+)("\r\n)')
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
    disposition: str
    filename: str
    encoding: str


class ReadPart(NamedTuple):
    """One part of the signed entity: its labels and the span of its body."""

    labels: Labels
    start: int
    end: int
    body: bytes | None
    """The octets of the body; None for the embedded original, which stays where it is."""

    @property
    def type(self) -> str:
        """Media type in lower case."""
        return self.labels.type


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
        return _local(instant.astimezone(UTC))  # where equal is the same instant


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


class Reading:
    """The draft with everything that rules want to look at, read once."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.local = LocalInstant.of(draft.instant)
        self.head = ReadHead(bytes(draft.header))
        self.size = len(draft.entity)
        self._whole = bytes(draft.entity) if self.size <= _WHOLE else None
        self._read_entity()
        self._read_text()
        self._read_certification()

    @classmethod
    def of(cls, draft: Draft) -> "Reading":
        """Read a draft. Never raises for its content."""
        return cls(draft)

    # -- the parts -------------------------------------------------------------------------

    def _stretch(self, start: int, stop: int) -> bytes:
        return stretch(self.draft.entity, start, stop) if self._whole is None else self._whole[start:stop]

    def _read_entity(self) -> None:
        opening = self._stretch(0, 4096)
        end = opening.find(b"\r\n\r\n")
        self.labels, self.boundary = labels_of_entity(opening[: end + 2] if end >= 0 else b"")
        self.parts: tuple[ReadPart, ...] = ()
        self.closed = False
        self.collisions = 0
        self.preamble = self.epilogue = b""
        self.original_ids: Mapping[bytes, list[bytes]] = {}
        if end < 0 or not self.boundary:
            return
        # The empty line's CRLF may be the one that belongs to the first delimiter.
        delimiters = list(self._delimiters(end + 2))
        if not delimiters:
            return
        self.preamble = self._stretch(end + 4, delimiters[0][0])
        self.parts = tuple(
            self._read_part(start, stop) for (_, start, last), (stop, _, _) in pairwise(delimiters) if not last
        )
        self.closed = delimiters[-1][2] and sum(last for *_, last in delimiters) == 1
        self.epilogue = self._stretch(delimiters[-1][1], delimiters[-1][1] + 4096) if self.closed else b""

    def _delimiters(self, start: int) -> Iterator[tuple[int, int, bool]]:
        """Yield (where the CRLF before it begins, where the next line begins, whether it closes)."""
        needle = b"\r\n--" + self.boundary
        for base, window in self._windows():
            at = window.find(needle, max(0, start - base))
            while at >= 0:
                after = at + len(needle)
                tail = window[after : after + 4] if after + 4 <= len(window) else self._tail(base + after)
                last = tail[:2] == b"--"
                if last or tail[:2] == b"\r\n" or not tail:
                    yield base + at, base + after + 2, last
                else:
                    self.collisions += 1
                at = window.find(needle, after)

    def _tail(self, start: int) -> bytes:
        return self._stretch(start, start + 4)

    def _read_part(self, start: int, stop: int) -> ReadPart:
        opening = self._stretch(start, min(stop, start + 4096))
        end = opening.find(b"\r\n\r\n")
        labels = read_labels(opening[: end + 2] if end >= 0 else b"")
        body_start = start + end + 4 if end >= 0 else stop
        opaque = labels.type == "message/rfc822"
        if opaque:
            self.original_ids = identity_of(self._head_at(body_start, stop))
        body = None if opaque else self._stretch(body_start, stop)
        return ReadPart(labels=labels, start=min(body_start, stop), end=stop, body=body)

    def _head_at(self, start: int, stop: int) -> bytes:
        """Return the octets up to the first empty line, as many as a head may have."""
        most = min(stop, start + _HEAD_LIMIT)
        if self._whole is None:
            return self._stretch(start, most).partition(b"\r\n\r\n")[0]
        end = self._whole.find(b"\r\n\r\n", start, most)
        return self._whole[start : end if end >= 0 else most]

    def census(self, start: int, stop: int) -> Census:
        """Look for what transport can damage between two offsets of the entity that do not cut a line end."""
        return take_census(self._chunks(start, stop) if self._whole is None else (self._whole[start:stop],))

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        for base, window in self._windows():
            low, high = max(start - base, 0), min(stop - base, len(window))
            if low < high:
                yield window[low:high]

    def _windows(self) -> Iterator[tuple[int, bytes]]:
        return windows(self.draft.entity) if self._whole is None else iter(((0, self._whole),))

    # -- the readable text -----------------------------------------------------------------

    def _read_text(self) -> None:
        self.plain: str | None = None
        self.html: str | None = None
        if not self.parts or self.parts[0].body is None:
            return
        first = self.parts[0]
        if first.type == "multipart/alternative":
            for inner in inner_parts(first):
                decoded = decoded_text(inner)
                if inner.type == "text/plain" and self.plain is None:
                    self.plain = decoded
                elif inner.type == "text/html" and self.html is None:
                    self.html = decoded
        elif first.type == "text/plain":
            self.plain = decoded_text(first)

    # -- the certification data --------------------------------------------------------------

    def _read_certification(self) -> None:
        self.xml: bytes | None = None
        self.certified: Certified | None = None
        self.xml_defect = ""
        self._texts: dict[str, list[str]] = {}
        found = next((part for part in self.parts if part.type == "application/xml" and part.body is not None), None)
        if found is None:
            return
        self.xml = decoded_body(found)
        if self.xml is None:
            self.xml_defect = "the transfer encoding is broken"
            return
        try:
            self.certified = read_certified(self.xml)
        except (etree.XMLSyntaxError, ValueError) as error:
            self.xml_defect = f"not well-formed ({type(error).__name__})"
            return
        self._texts = self.certified.texts

    def xml_texts(self, name: str) -> list[str]:
        """Return the texts of all elements of that name in the certification data, in order."""
        return self._texts.get(name, [])

    def xml_text(self, name: str) -> str | None:
        """Return the text of the first element of that name, or None."""
        found = self._texts.get(name)
        return found[0] if found else None


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


def labels_of_entity(octets: bytes) -> tuple[Labels, bytes]:
    """Read the head of the entity, and its boundary; heads that differ in the boundary alone are read as one."""
    found = _ONE_BOUNDARY.fullmatch(octets)
    if found is None:
        labels = read_labels(octets)
        return labels, labels.boundary
    before, boundary, after = found.groups()
    return read_labels(b"%bx%b" % (before, after)), boundary


def identity_of(head: bytes) -> dict[bytes, list[bytes]]:
    """Return the bodies of the identifier fields in the head of an original, which is not judged otherwise."""
    found: dict[bytes, list[bytes]] = {b"message-id": [], b"x-riferimento-message-id": []}
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        name, _, body = line.partition(b":")
        if (key := name.rstrip().lower()) in found:
            found[key].append(body.strip())
    return found


def inner_parts(part: ReadPart) -> list[ReadPart]:
    """Split a small multipart part; what is not between two delimiters is left out."""
    boundary = part.labels.boundary
    if not boundary or part.body is None:
        return []
    pieces = (b"\r\n" + part.body).split(b"\r\n--" + boundary)
    if len(pieces) < 3 or pieces[-1][:2] != b"--":
        return []
    inner = []
    for piece in pieces[1:-1]:
        opening, blank, body = piece[2:].partition(b"\r\n\r\n")
        labels = read_labels(opening + b"\r\n" if blank else b"")
        inner.append(ReadPart(labels=labels, start=0, end=len(body), body=body))
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
