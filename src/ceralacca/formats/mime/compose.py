"""The few MIME structures that we emit, written octet by octet (2.2, GE-9 to GE-14, GE-19).

Everything made here is 7-bit with CRLF line ends, so that no later hop has a reason to touch it
(GE-5). What is embedded is spliced in, never passed through (GE-31). Not here: the outer
`multipart/signed` frame (`formats.smime_writer`) and the reading of any message.

Clauses: GE-5, GE-9 to GE-14, GE-19, AM-1, AM-17, AM-20, AM-31, SE-8.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ceralacca.base.errors import OurError
from ceralacca.formats.smime_writer import base64_lines
from ceralacca.formats.splice import Octets, Splice

CRLF = b"\r\n"
LINE_AIM = 78
"""Octets of a header line, line end excluded, that we aim not to pass (RFC 5322, 2.1.1)."""
LINE_LIMIT = 998
"""Octets of a line, line end excluded, that we never pass (RFC 5322, 2.1.1)."""

_NAME = re.compile(r"[!-9;-~]+")
_VALUE = re.compile(r"[ -~]*[!-~][ -~]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9._-]+")
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
_CHUNK = re.compile(rb"[ \t]*[^ \t]+")
_SAFE = bytes([*b"\n", *range(0x20, 0x7F)])
_NOT_C1 = bytes([*range(0x80), *range(0xA0, 0x100)])
_LONG_LINE = re.compile(rb"[^\n]{77,}")
_SHORT = 64 * 1024
"""Octets of an entity that is joined at once: it is read as a whole before it is sealed, and each piece costs whoever
walks over them."""


@lru_cache(maxsize=2048)  # one transaction writes the same addresses and subjects four times
def header_field(name: str, value: str) -> bytes:
    """Write one header field, folded, with its CRLF.

    The one encoder of generated header values: printable US-ASCII passes, every other character
    (a line end first of all) is refused with OurError, never repaired (SE-8). Values that come
    from outside are neutralised before they reach this point.
    """
    if not _is_name(name):
        raise OurError("a header field name holds a character it may not")
    if not _VALUE.fullmatch(value):
        raise OurError(f"the value of {name} is empty or holds a character that a header may not")  # SE-8
    line = f"{name}: {value.strip()}".encode("ascii")
    if (length := len(line)) <= LINE_AIM or (length <= LINE_LIMIT and line.count(b" ") == 1):
        return line + CRLF  # as nearly always: short, or with no place to fold
    chunks = list(_whole_quotes(_CHUNK.findall(value.strip().encode("ascii"))))
    return fold([f"{name}:".encode("ascii"), b" " + chunks[0], *chunks[1:]])


@lru_cache(maxsize=64)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None  # ours are few


def fold(chunks: Sequence[bytes]) -> bytes:
    """Join the chunks of one header field, breaking the line before a chunk that would pass the aim.

    Every chunk but the first begins with white space, which begins the new line when there is one:
    unfolding gives back the same octets. The first chunk is the field name with its colon and is
    parted from the second only when they cannot stand in one line. Raises OurError when a chunk
    alone passes the limit of a line.
    """
    if (length := sum(map(len, chunks))) <= LINE_AIM or (length <= LINE_LIMIT and len(chunks) == 2):
        return b"".join(chunks) + CRLF
    lines = [chunks[0]]
    for number, chunk in enumerate(chunks[1:]):
        limit = LINE_AIM if number else LINE_LIMIT
        if len(lines[-1]) + len(chunk) <= limit:
            lines[-1] += chunk
        else:
            lines.append(chunk)
    if max(map(len, lines)) > LINE_LIMIT:
        raise OurError("a header field holds a word longer than a line may be")
    return CRLF.join(lines) + CRLF


def _whole_quotes(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Join chunks that stand inside one quoted string, so that none is folded within."""
    held = b""
    for chunk in chunks:
        held += chunk
        if (held.count(b'"') - held.count(b'\\"')) % 2 == 0:
            yield held
            held = b""
    if held:
        yield held


def text_part(plain: str, html: str | None, boundary: str) -> bytes:
    """Return the readable part (GE-12): `text/plain`, or `multipart/alternative` with an HTML twin.

    `boundary` is used only for the alternative. The texts have LF or CRLF line ends.
    """
    plain_entity = _one_text("plain", plain)
    if html is None:
        return plain_entity
    return bytes(_multipart(b"alternative", boundary, (plain_entity, _one_text("html", html))))


def _one_text(subtype: str, text: str) -> bytes:
    charset, octets = _encoded(text)
    return _text_head(subtype, charset) + quoted_printable(octets)


@lru_cache(maxsize=4)
def _text_head(subtype: str, charset: str) -> bytes:
    return (
        f'Content-Type: text/{subtype}; charset="{charset}"\r\n'
        "Content-Disposition: inline\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
    ).encode("ascii")


def _encoded(text: str) -> tuple[str, bytes]:
    """Choose the charset of a text and encode it (GE-19, AM-17)."""
    try:
        octets = text.encode("iso-8859-1")
    except UnicodeEncodeError:
        return "utf-8", text.encode("utf-8")
    if octets.translate(None, _NOT_C1):  # read as windows-1252 by many mail clients
        return "utf-8", text.encode("utf-8")
    return "iso-8859-1", octets


def certification_part(xml: bytes) -> bytes:
    """Return the part that holds the certification data: `daticert.xml`, base64 (GE-11, GE-14, AM-1)."""
    return (
        b'Content-Type: application/xml; name="daticert.xml"\r\n'
        b'Content-Disposition: inline; filename="daticert.xml"\r\n'
        b"Content-Transfer-Encoding: base64\r\n"
        b"\r\n"
    ) + base64_lines(xml)[:-2]


@lru_cache(maxsize=16)
def message_part_head(encoding: str = "7bit", filename: str = "postacert.eml") -> bytes:
    """Return the header, empty line included, of the part that embeds a message (GE-10, AM-20).

    `encoding` is `7bit`, or `8bit` for what an anomaly envelope embeds untouched (BA-5): a
    `message/rfc822` has no other (GE-14). Raises OurError for anything else.
    """
    if encoding not in ("7bit", "8bit") or not _FILE_NAME.fullmatch(filename):
        raise OurError("an embedded message is 7bit or 8bit and has a plain file name")
    return (
        f'Content-Type: message/rfc822; name="{filename}"\r\n'
        f'Content-Disposition: inline; filename="{filename}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n"
        "\r\n"
    ).encode("ascii")


def multipart_mixed(boundary: str, parts: "Sequence[Octets | Splice]") -> Splice:
    """Return the entity to be signed (GE-9): its Content-Type field, then the parts in the order given.

    Each part is a whole entity, header and body, without the line end that precedes a boundary.
    The last octets are the closing delimiter and its CRLF. Nothing long is copied.
    """
    return _multipart(b"mixed", boundary, parts)


def _multipart(subtype: bytes, boundary: str, parts: "Sequence[Octets | Splice]") -> Splice:
    if not _BOUNDARY.fullmatch(boundary):
        raise OurError("a boundary holds a character it may not, or is too long")
    line = boundary.encode("ascii")
    delimiter = b"\r\n--%b\r\n" % line
    pieces: list[Octets] = [b'Content-Type: multipart/%b; boundary="%b"\r\n' % (subtype, line)]
    for part in parts:
        pieces += (delimiter, *(part.pieces if isinstance(part, Splice) else (part,)))
    pieces += (delimiter[:-2], b"--\r\n")
    if sum(map(len, pieces)) <= _SHORT:
        return Splice((b"".join(pieces),))
    return Splice.of(*pieces)


def quoted_printable(octets: bytes) -> bytes:
    r"""Encode text octets as quoted-printable (RFC 2045, 6.7) in one canonical way.

    Line ends (LF or CRLF) become CRLF; every other control octet, tab included, is encoded, so is
    a space that ends a line. Lines have 76 octets at most. No line begins with `.` or `From `,
    which some stores and relays alter.

    >>> quoted_printable("è accettato \nFrom me".encode("iso-8859-1"))
    b'=E8 accettato=20\r\n=46rom me'
    """
    safe = b"\n%b\n" % octets.replace(CRLF, b"\n").replace(b"=", b"=3D")
    for octet in set(safe.translate(None, _SAFE)):
        safe = safe.replace(b"%c" % octet, b"=%02X" % octet)
    safe = safe.replace(b"\n.", b"\n=2E").replace(b"\nFrom ", b"\n=46rom ").replace(b" \n", b"=20\n")
    return _LONG_LINE.sub(_broken_line, safe[1:-1]).replace(b"\n", CRLF)


def _broken_line(found: "re.Match[bytes]") -> bytes:
    """Break an encoded line that is longer than 76 octets, with soft line breaks and never within an escape."""
    line = found[0]
    done: list[bytes] = []
    while len(line) > 76:
        escape = line.find(b"=", 73, 75)
        end = 75 if escape < 0 else escape
        done.append(line[:end] + b"=")
        line = line[end:]
        if line.startswith((b".", b"From ", b"From=20")):
            line = b"=%02X" % line[0] + line[1:]
    return b"\n".join((*done, line))
