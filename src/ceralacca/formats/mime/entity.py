"""MIME structure with exact spans: which octets are which part, and nothing more.

`look` finds every entity of a message as offsets into the data it was given. Outer delimiters go before inner ones:
the parts of a multipart are found first, and each is then looked at between its own two ends, so that an inner
multipart can never swallow the delimiter of an outer one. Work is at most the length of the data times the nesting
depth, in C; no body is copied; a list of entities yet to see takes the place of recursion.

The spans of a multipart tile its body: preamble, then delimiter and part in turn, last delimiter, epilogue. A part
ends before the line end that precedes the delimiter (GE-5).

Clauses: GE-5, GE-31, SE-7, TO-3, TO-4, TO-17; RFC 2046, 5.1.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ceralacca.formats.kept import kept
from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.header import MOST_OF_PART, Field, Head, flat, head_lines, read_head
from ceralacca.formats.mime.lexical import space_and_comments
from ceralacca.formats.mime.limits import LIMITS, LimitExceeded, Limits
from ceralacca.formats.mime.parameters import ContentValue, read_content_value
from ceralacca.formats.mime.transfer import IDENTITY
from ceralacca.formats.splice import Octets
from ceralacca.formats.views import places

_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|{}~0-9a-z-]+/[!#$%&'*+.^_`|{}~0-9a-z-]+")
_ENCODING = re.compile(r"[^\s;(]*+", re.ASCII)
_ENCODINGS = IDENTITY | {"base64", "quoted-printable"}
_DELIMITER_TAIL = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\r?\Z)")
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, 5.1.1
_LONGEST_BOUNDARY = 256
_new = tuple.__new__  # what Span(...) does, without the call between
_CONTENT_FIELDS = ("content-type", "content-disposition", "content-transfer-encoding")
_PLAIN_TEXT = "text/plain"
_MESSAGE = "message/rfc822"
_UNLABELLED, _IN_DIGEST = ContentValue(value=_PLAIN_TEXT), ContentValue(value=_MESSAGE)


class Span(NamedTuple):
    """Octets `[start, end)` of the data."""

    start: int
    end: int


class Entity(NamedTuple):
    """One MIME entity: a message, or a part of one."""

    head: Head
    start: int
    body_start: int
    end: int
    """For a part of a multipart: before the line end that precedes the delimiter (GE-5)."""
    media_type: str
    """Type and subtype in lower case: the value of `content_type`."""
    content_type: ContentValue
    """`text/plain` when absent or unreadable; in a multipart/digest `message/rfc822` when absent."""
    disposition: ContentValue | None
    encoding: str
    """Content-Transfer-Encoding in lower case; `7bit` when absent."""
    children: tuple["Entity", ...]
    """The parts of a multipart, or the one message inside a message/rfc822."""
    defects: tuple[Defect, ...]
    """Of content fields and structure; those of the header lines are in `head.defects`."""
    depth: int
    """0 for what was looked at."""
    boundary: bytes | None = None
    preamble: Span | None = None
    """What stands before the first delimiter, without the line end that belongs to it."""
    delimiters: tuple[Span, ...] = ()
    """Each with the line end before it and the one after it; the last one closes, unless UNTERMINATED."""
    epilogue: Span | None = None
    """What follows the closing delimiter's line; None when nothing closes."""

    @property
    def is_multipart(self) -> bool:
        """Whether the media type is `multipart/...`."""
        return self.media_type.startswith("multipart/")

    @property
    def filename(self) -> str | None:
        """The name given by Content-Disposition, else by Content-Type, decoded (TO-17); never to be used as a path."""
        if self.disposition is not None and "filename" in self.disposition.params:
            return self.disposition.params["filename"]
        return self.content_type.params.get("name")

    def walk(self) -> Iterator["Entity"]:
        """Give this entity and all below it, in the order in which they stand in the message."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            yield one
            waiting.extend(reversed(one.children))

    def all_defects(self) -> tuple[Defect, ...]:
        """Return the defects of this entity and all below it, headers included, each once."""
        return tuple(dict.fromkeys(d for one in self.walk() for d in (*one.head.defects, *one.defects)))

    def octets(self, data: Octets) -> memoryview:
        """Return header and body as they stand in `data`, which must be what was looked at."""
        return memoryview(data)[self.start : self.end]

    def body(self, data: Octets) -> memoryview:
        """Return the body, still encoded, as it stands in `data`."""
        return memoryview(data)[self.body_start : self.end]


class _Seen:
    """An entity while its children are still being found."""

    __slots__ = (
        "boundary",
        "children",
        "content_type",
        "defects",
        "delimiters",
        "depth",
        "disposition",
        "encoding",
        "end",
        "epilogue",
        "head",
        "parent",
        "preamble",
    )

    def __init__(
        self, head: Head, end: int, depth: int, labels: "_Labels", parent: "_Seen | None", *, in_digest: bool
    ) -> None:
        self.head, self.end, self.depth, self.parent = head, end, depth, parent
        self.content_type = labels.content_type or (_IN_DIGEST if in_digest else _UNLABELLED)
        self.disposition, self.encoding = labels.disposition, labels.encoding
        self.defects = list(labels.defects)
        self.boundary: bytes | None = None
        self.preamble: Span | None = None
        self.delimiters: list[Span] = []
        self.epilogue: Span | None = None
        self.children: list[Entity] = []
        """In reverse order while being filled."""

    def finished(self) -> Entity:
        head, defects = self.head, self.defects
        return Entity(
            head,
            head.start,
            head.end,
            self.end,
            self.content_type.value,
            self.content_type,
            self.disposition,
            self.encoding,
            tuple(self.children[::-1]),
            tuple(dict.fromkeys(defects)) if defects else (),
            self.depth,
            self.boundary,
            self.preamble,
            tuple(self.delimiters),
            self.epilogue,
        )


def look(
    data: Octets, *, limits: Limits = LIMITS, into_messages: bool = True, start: int = 0, end: int | None = None
) -> Entity:
    """Find every entity of the message in `data[start:end]`; offsets are into `data`.

    With `into_messages` the message inside a message/rfc822 is looked at as well, unless it is encoded. A received
    envelope is looked at without, and the original inside on its own: its limits are its own (SE-7), and an original
    that uses them up may still be put into an envelope. Raises LimitExceeded, and UnreadableMessage for a memoryview
    that is not octets in a row.
    """
    data = flat(data)
    return _Look(data, limits, into_messages=into_messages).run(Span(start, len(data) if end is None else end))


class _Look:
    """One look in progress: what is left to see and what has been seen."""

    def __init__(self, data: Octets, limits: Limits, *, into_messages: bool) -> None:
        self.data = data
        self.limits = limits
        self.into_messages = into_messages
        self.entities = 0
        self.fields = 0
        self.waiting: list[tuple[Span, _Seen | None]] = []

    def run(self, whole: Span) -> Entity:
        seen: list[_Seen] = []
        self.waiting.append((whole, None))
        while self.waiting:
            span, parent = self.waiting.pop()
            one = self._enter(span, parent)
            seen.append(one)
            # Taken from the end, so the first part is entered first: `seen` is in document order.
            if inside := self._inside(one):
                self.waiting.extend([(each, one) for each in reversed(inside)])
        while True:  # every child stands after its parent
            one = seen.pop()
            entity = one.finished()
            if one.parent is None:
                return entity
            one.parent.children.append(entity)

    def _enter(self, span: Span, parent: _Seen | None) -> _Seen:
        """Read the header of the entity that fills the span."""
        start, end = span
        head = read_head(self.data, start, end, self.limits)
        self.fields += len(head.lines.fields)
        if self.fields > self.limits.fields:
            raise LimitExceeded("fields", self.limits.fields, offset=start)
        labels = _labels(head.lines.index)
        in_digest = parent is not None and parent.content_type.value == "multipart/digest"  # RFC 2046, 5.1.5
        return _Seen(head, end, 0 if parent is None else parent.depth + 1, labels, parent, in_digest=in_digest)

    def _inside(self, one: _Seen) -> list[Span]:
        """Return the spans of the children, after counting them against the limits."""
        kind = one.content_type.value
        if kind.startswith("multipart/"):
            inside = self._parts(one)
        elif kind != _MESSAGE:
            return []
        elif self.into_messages and one.encoding in IDENTITY:
            inside = [Span(one.head.end, one.end)]
        else:
            inside = []
        if one.encoding not in IDENTITY:
            one.defects.append(Defect.ENCODED_COMPOSITE)
        if inside and one.depth >= self.limits.depth:
            raise LimitExceeded("depth", self.limits.depth, offset=one.head.start)  # SE-7
        self.entities += len(inside)
        if self.entities > self.limits.parts:
            raise LimitExceeded("parts", self.limits.parts, offset=one.head.start)  # SE-7
        return inside

    def _parts(self, one: _Seen) -> list[Span]:
        one.boundary = _boundary(one)
        if one.boundary is None:
            one.defects.append(Defect.NO_BOUNDARY)
            return []
        closed = self._find_delimiters(one, one.boundary)
        delimiters, body = one.delimiters, one.head.end
        one.preamble = Span(body, delimiters[0].start if delimiters else one.end)
        ends = [delimiter.start for delimiter in delimiters[1:]]
        if not closed:
            one.defects.append(Defect.UNTERMINATED)
            ends.append(one.end)
        parts = [_new(Span, (after, end)) for (_, after), end in zip(delimiters, ends, strict=False)]
        if not parts:
            one.defects.append(Defect.NO_PARTS)
        return parts

    def _find_delimiters(self, one: _Seen, boundary: bytes) -> bool:
        """Find the delimiter lines of one multipart; True when a closing one ends them."""
        data, needle, delimiters = self.data, b"\n--" + boundary, one.delimiters
        floor, most = one.head.end, self.limits.parts + 1 - self.entities
        lookalikes = 0
        # The first delimiter may follow the empty line at once: that line's LF is the one before the body.
        for hit in places(data, needle, max(floor - 1, one.head.start), one.end):
            tail = _DELIMITER_TAIL.match(data, hit + len(needle), one.end)
            if tail is None:
                one.defects.append(Defect.LOOKALIKE_DELIMITER)
                lookalikes += 1
            else:
                # The line end before it belongs to it, unless that belongs to the one before.
                start = hit - 1 if hit > floor and data[hit - 1] == 0x0D else max(hit, floor)
                floor = tail.end()
                delimiters.append(_new(Span, (start, floor)))
                if tail[1]:
                    self._close(one, needle, floor)
                    return True
            if len(delimiters) + lookalikes > most:
                raise LimitExceeded("parts", self.limits.parts, offset=hit)  # SE-7
        return False

    def _close(self, one: _Seen, needle: bytes, end: int) -> None:
        one.epilogue = Span(end, one.end)
        if next(places(self.data, needle, end - 1, one.end), None) is not None:
            one.defects.append(Defect.DELIMITER_AFTER_CLOSE)


class _Labels(NamedTuple):
    """What a header says about the content that follows it."""

    content_type: ContentValue | None
    """None when absent."""
    disposition: ContentValue | None
    encoding: str
    defects: tuple[Defect, ...]


def _labels(index: Mapping[str, tuple[Field, ...]]) -> _Labels:
    """Read the content fields of a header, which are mostly the same few lines, whatever stands around them."""
    found = [field.raw for name in _CONTENT_FIELDS for field in index.get(name, ())]
    return _kept_labels(b"\n".join(found))  # what ends the header may be without line end


@kept(entries=256, most_octets=MOST_OF_PART)
def _kept_labels(content_fields: bytes) -> _Labels:
    fields = head_lines(content_fields).index
    defects: list[Defect] = []
    content_type = _content_type(fields.get("content-type", ()), defects)
    disposition = _disposition(fields.get("content-disposition", ()), defects)
    encoding = _encoding(fields.get("content-transfer-encoding", ()), defects)
    return _Labels(content_type, disposition, encoding, tuple(defects))


def _content_type(found: tuple[Field, ...], defects: list[Defect]) -> ContentValue | None:
    if not found:
        return None
    if len(found) > 1:
        defects.append(Defect.REPEATED_CONTENT_TYPE)
    read = read_content_value(found[0].body)
    defects.extend(read.defects)
    if _MEDIA_TYPE.fullmatch(read.value):
        return read
    defects.append(Defect.BAD_CONTENT_TYPE)
    return ContentValue(value=_PLAIN_TEXT, params=read.params, octets=read.octets, defects=read.defects)


def _disposition(found: tuple[Field, ...], defects: list[Defect]) -> ContentValue | None:
    if not found:
        return None
    if len(found) > 1:
        defects.append(Defect.REPEATED_DISPOSITION)
    read = read_content_value(found[0].body)
    defects.extend(read.defects)
    return read


def _encoding(found: tuple[Field, ...], defects: list[Defect]) -> str:
    if not found:
        return "7bit"  # RFC 2045, 6.1
    if len(found) > 1:
        defects.append(Defect.REPEATED_ENCODING)
    text = found[0].body.decode("latin-1")
    position, _ = space_and_comments(text, 0)
    word = _ENCODING.match(text, position)
    encoding = word[0].lower() if word else ""
    rest, _ = space_and_comments(text, position + len(encoding))
    if rest < len(text) or encoding not in _ENCODINGS:
        defects.append(Defect.BAD_ENCODING)
    return encoding


def _boundary(one: _Seen) -> bytes | None:
    """Choose the octets by which the parts of a multipart are told apart; None when there are none to look for."""
    boundary = one.content_type.octets.get("boundary")
    if boundary is None:
        boundary = one.content_type.params.get("boundary", "").encode("utf-8", "replace")
        if boundary:
            one.defects.append(Defect.EXTENDED_BOUNDARY)
    boundary = boundary.rstrip(b" \t")
    if not _BOUNDARY.fullmatch(boundary):
        if boundary:
            one.defects.append(Defect.BAD_BOUNDARY)
        if not boundary or len(boundary) > _LONGEST_BOUNDARY or b"\n" in boundary:
            return None
    above = one.parent
    while above is not None:
        if above.boundary == boundary:
            one.defects.append(Defect.DUPLICATE_BOUNDARY)
            break
        above = above.parent
    return boundary
