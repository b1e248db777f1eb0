"""Rules for the signed entity: its parts, their labels, and the octets that must survive transport.

Clauses: GE-5, GE-9 to GE-17, BT-1, BA-1, BA-5, DR-3, DR-4, NA-2, NV-1, TN-3, RV-2, AD-5, AP-21, GE-31.
"""

import re
from collections.abc import Iterator
from html import unescape

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.reading import CHARSETS, Reading, Shape
from ceralacca.lint.rule import Family
from ceralacca.lint.windows import has_longer_line, is_clean

FAMILY = Family()
HTML = Family()
"""Asked of messages alone that have an HTML alternative."""

_TEXT, _XML, _ORIGINAL = "text", "application/xml", "message/rfc822"
_LONGEST_LINE = 998
_TAG = re.compile(r"<(/?)([A-Za-z!][A-Za-z0-9-]*)([^<>]*)>")
_TAGS = frozenset(
    re.findall(
        r"\S+",
        "!doctype html head title body meta h1 h2 h3 p br hr ul ol li dl dt dd b i em strong span div bdi pre table "
        "thead tbody tr td th",
    )
)
_ATTRIBUTE = re.compile(r"""\s+([a-z-]+)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?""", re.IGNORECASE)
_ATTRIBUTES = frozenset({"lang", "dir", "charset", "html"})


_PARTS: dict[MessageRow, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(MessageRow, ((_TEXT, _XML),)),  # GE-15, AD-5
    MessageRow.TRANSPORT_ENVELOPE: ((_TEXT, _XML, _ORIGINAL),),  # BT-1
    MessageRow.ANOMALY_ENVELOPE: ((_TEXT, _ORIGINAL),),  # GE-16, BA-1
    MessageRow.DELIVERY: ((_TEXT, _XML, _ORIGINAL), (_TEXT, _XML)),  # DR-3, DR-4
}
"""The sequences of parts that a row may have (table of 1.1)."""
_TEXT_TYPES = frozenset({"text/plain", "multipart/alternative"})
_ALTERNATIVE = ["text/plain", "text/html"]
_LABELS = {
    _XML: ("daticert.xml", frozenset({"base64"})),
    _ORIGINAL: ("postacert.eml", frozenset({"7bit", "8bit"})),
}
"""Name and transfer encodings of a part by its type (2.2)."""


@FAMILY.shape_rule("entity-head", "GE-9", "GE-5")
def entity_head(shape: Shape) -> Iterator[str]:
    """One multipart/mixed with a boundary, and nothing else in its head."""
    head = shape.entity.head
    if not head.whole:
        yield "the entity has no readable head"
    if shape.entity.type != "multipart/mixed" or not shape.entity.boundary:
        yield "the entity is not a multipart/mixed with a boundary"
    if head.keys != ("content-type",):
        yield "the entity has other fields than Content-Type"


@FAMILY.shape_rule("frame", "GE-5", "GE-9")
def frame(shape: Shape) -> Iterator[str]:
    """The delimiters open and close the parts, and nothing stands before or behind them."""
    if not shape.closed:
        yield "the closing delimiter is not where it must be"
    if shape.stray:
        yield "octets stand outside the parts"
    if shape.collides:
        yield "the boundary occurs inside a part"


@FAMILY.shape_rule(
    "parts", "GE-9", "GE-15", "GE-16", "GE-17", "BT-1", "BA-1", "DR-3", "DR-4", "AD-5", "NA-2", "TN-3", "RV-2"
)
def parts(shape: Shape) -> Iterator[str]:
    """Exactly the parts of the row, in order: text, certification data, original."""
    found = tuple(_TEXT if part.type in _TEXT_TYPES else part.type for part in shape.parts)
    if found not in _PARTS[shape.row]:
        yield f"the parts are ({', '.join(part.type or 'unlabelled' for part in shape.parts)})"


@FAMILY.shape_rule("labels", "GE-10", "GE-11", "AM-1", "AM-20")
def part_labels(shape: Shape) -> Iterator[str]:
    """Types, file names, dispositions and encodings of section 2.2."""
    for labels in shape.parts:
        if not labels.head.whole:
            yield f"the head of the {labels.type or 'unlabelled'} part is not a run of fields"
        if labels.type not in _LABELS:
            continue
        name, encodings = _LABELS[labels.type]
        if labels.name != name or labels.filename != name:
            yield f"{labels.type} is not named {name}"
        if labels.disposition != "inline":
            yield f"{name} is not inline"
        if labels.encoding not in encodings:
            yield f"{name} has a transfer encoding that it may not have"


@FAMILY.shape_rule("readable-part", "GE-12", "GE-19", "AM-17")
def readable_part(shape: Shape) -> Iterator[str]:
    """A text/plain, or an alternative of exactly one text/plain and one text/html."""
    if not shape.parts:
        return
    if shape.parts[0].type == "multipart/alternative" and [text.type for text in shape.texts] != _ALTERNATIVE:
        yield "the alternative is not one text/plain and one text/html"
    for text in shape.texts:
        if text.charset not in CHARSETS:
            yield f"{text.type} has a charset that it may not have"
        if text.disposition != "inline":
            yield f"{text.type} is not inline"
    if not shape.decoded:
        yield "the text cannot be decoded"


@HTML.rule("html", "GE-13", "SE-8")
def html(reading: Reading) -> Iterator[str]:
    """No reference, no active content: only tags and attributes that cannot have any."""
    if reading.html is None:
        return
    stripped = _TAG.sub("", reading.html)
    if "<" in stripped:
        yield "a < that opens no tag"
    for match in _TAG.finditer(reading.html):
        _, tag, rest = match.groups()
        names = [name.lower() for name in _ATTRIBUTE.findall(rest)]
        if tag.lower() not in _TAGS or not set(names) <= _ATTRIBUTES or _ATTRIBUTE.sub("", rest).strip(" /\n"):
            yield "a tag or attribute that is not on the list of harmless ones"
            return


@HTML.rule("html-information", "GE-13")
def html_information(reading: Reading) -> Iterator[str]:
    """The HTML alternative says what the text says, word for word."""
    if reading.html is None or reading.plain is None:
        return
    body = reading.html.partition("<body")[2].partition(">")[2]
    words = unescape(_TAG.sub(_gap, body)).split()
    if words != reading.plain.split():
        yield "the HTML alternative has other words than the text"


def _gap(match: "re.Match[str]") -> str:
    return "" if match[2].lower() in {"bdi", "b", "i", "em", "strong", "span"} else " "


@FAMILY.rule("octets", "GE-5", "GE-14", "BA-5")
def octets(reading: Reading) -> Iterator[str]:
    """What we sign is 7-bit with CRLF line ends; only an embedded 8-bit message may be 8-bit, and says so."""
    original, of_envelope = reading.original, reading.draft.row is MessageRow.TRANSPORT_ENVELOPE
    if of_envelope and all(is_clean(window) for _, window in reading.windows()):
        return
    if not is_clean(reading.ours):
        yield "an octet above 127, a NUL or a bare CR or LF in a part that we wrote"
    if original is None:
        return
    if original.labels.encoding != "8bit" and not all(map(bytes.isascii, reading.of_original())):
        yield "an 8-bit original is not labelled 8bit"
    if of_envelope and not all(map(is_clean, reading.of_original())):
        yield "an octet above 127, a NUL or a bare CR or LF in the original of a transport envelope"


@FAMILY.rule("line-length", "GE-5")
def line_length(reading: Reading) -> Iterator[str]:
    """No line that we wrote in a part is longer than 998 octets."""
    if not has_longer_line(reading.ours, _LONGEST_LINE):
        return
    for part in reading.parts:
        if has_longer_line(part.labels.head.octets + (part.body or b""), _LONGEST_LINE):
            yield f"a line of more than 998 octets in the {part.type} part"


@FAMILY.rule("original-identity", "AP-21", "BT-1", rows={MessageRow.TRANSPORT_ENVELOPE})
def original_identity(reading: Reading) -> Iterator[str]:
    """The original inside is the one that the certification data are about.

    Only in our own envelope: a delivery receipt gives back what the peer enveloped, octet for octet (DR-3), and is
    owed also when the peer left the Message-ID as it was.
    """
    ids = reading.original_ids()
    if ids.get(b"message-id") != [f"<{reading.xml_text['identificativo']}>".encode()]:
        yield "Message-ID of the original is not identificativo"
    client_id = reading.xml_text["msgid"]
    if client_id is None:
        return
    # The user's software may have put fields of that name before (AP-14): ours is among them.
    if client_id.encode() not in ids.get(b"x-riferimento-message-id", ()):
        yield "X-Riferimento-Message-ID of the original is not msgid"
