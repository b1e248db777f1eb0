"""The values of Content-Type and Content-Disposition with their parameters (RFC 2045, RFC 2183, RFC 2231).

Lenient, for real programs write file names in every possible way (TO-17); where two readings are possible the one
taken is noted as a defect. Names found here are text to show, never paths.

Clauses: SE-7, TO-3, TO-17; RFC 2231.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.lexical import quoted_string, space_and_comments
from ceralacca.formats.mime.words import decode_octets, decode_words, neutral

MAX_PARAMETERS = 256
"""Parameters read of one value; what follows is noted and left."""

_VALUE = re.compile(r"[^;\s(]*+", re.ASCII)
_ATTRIBUTE = re.compile(r'[^=;\s("]++', re.ASCII)
_RUN = re.compile(r"[^;(]*+")
_TO_SEMICOLON = re.compile(r'(?:[^;"(]++|"(?:[^"\\]++|\\.)*(?:"|\\?\Z)|\()*', re.DOTALL)
_EXTENDED = re.compile(r"([^*]++)(?:\*(0|[1-9][0-9]{0,3}))?(\*)?")
# What nearly every program writes: no comment, no escape, no extended form. Read by two searches, to the same result.
_LAWFUL = re.compile(
    r"([!#-'*-:<-~]++)"
    r"((?:[ \t]*+;[ \t]*+[!#-')+-:<>-~]++=(?:\"[ !#-\[\]-~]*+\"|[!#-'*-:<-~]++))*)[ \t]*+;?+"
)
_PAIR = re.compile(r';[ \t]*+([^=]++)=(?:"([^"]*+)"|([^ \t;]++))')
_MAIN = re.compile(rb"([!#-'*-:<-~]++)[ \t]*+(?:;|\Z)")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentValue:
    """A value with its parameters, names in lower case."""

    value: str
    """In lower case, without comments: `multipart/mixed`, `attachment`."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Decoded: RFC 2231, else encoded words, else UTF-8, else latin-1. No control characters."""
    octets: Mapping[str, bytes] = field(default_factory=dict)
    """The parameters given in the plain form, as octets, without quotes and escapes."""
    defects: tuple[Defect, ...] = ()


def read_content_value(body: bytes) -> ContentValue:
    """Read the body of a field; never raises."""
    text = body.decode("latin-1")
    return _read_lawful(text) or _read_any(text)


def read_main_value(body: bytes) -> str:
    """Read the value without its parameters: the same as that of `read_content_value`, sooner."""
    plain = _MAIN.match(body)
    return plain[1].decode("ascii").lower() if plain else read_content_value(body).value


def _read_lawful(text: str) -> ContentValue | None:
    """Read a value of the common form; None when it is of any other."""
    found = _LAWFUL.fullmatch(text)
    if found is None or "=?" in text:
        return None
    pairs = _PAIR.findall(found[2])
    params = {name.lower(): quoted or bare for name, quoted, bare in pairs}
    if len(params) != len(pairs) or len(pairs) >= MAX_PARAMETERS:
        return None
    octets = {name: value.encode("ascii") for name, value in params.items()}
    return ContentValue(value=found[1].lower(), params=params, octets=octets)


def _read_any(text: str) -> ContentValue:
    defects: list[Defect] = []
    position = _pass_space(text, 0, defects)
    found = _VALUE.match(text, position)
    value = found[0] if found else ""
    pairs = _pairs(text, position + len(value), defects)
    params, octets = _assemble(pairs, defects)
    return ContentValue(
        value=neutral(value.lower()),
        params=params,
        octets=octets,
        defects=tuple(dict.fromkeys(defects)),
    )


def _pass_space(text: str, position: int, defects: list[Defect]) -> int:
    position, closed = space_and_comments(text, position)
    if not closed:
        defects.append(Defect.UNCLOSED_COMMENT)
    return position


def _pairs(text: str, position: int, defects: list[Defect]) -> dict[str, str]:
    """Read `;name=value` up to the end; the first of several equal names counts."""
    pairs: dict[str, str] = {}
    for _ in range(MAX_PARAMETERS):
        position = _next_semicolon(text, position, defects)
        if position >= len(text):
            return pairs
        position = _pass_space(text, position + 1, defects)
        attribute = _ATTRIBUTE.match(text, position)
        if attribute is None:
            continue  # an empty parameter, or what _next_semicolon will name
        position = _pass_space(text, attribute.end(), defects)
        if text[position : position + 1] != "=":
            defects.append(Defect.PARAMETER_SYNTAX)
            continue
        value, position = _value(text, _pass_space(text, position + 1, defects), defects)
        name = neutral(attribute[0].lower())
        if name in pairs:
            defects.append(Defect.REPEATED_PARAMETER)
        pairs.setdefault(name, value)
    if text[position:].strip(" \t\r\n;"):
        defects.append(Defect.TOO_MANY_PARAMETERS)
    return pairs


def _next_semicolon(text: str, position: int, defects: list[Defect]) -> int:
    """Pass what stands before the next semicolon: white space and comments, or else a defect."""
    position = _pass_space(text, position, defects)
    if position < len(text) and text[position] != ";":
        defects.append(Defect.PARAMETER_SYNTAX)
        found = _TO_SEMICOLON.match(text, position)
        position = found.end() if found else len(text)
    return position


def _value(text: str, position: int, defects: list[Defect]) -> tuple[str, int]:
    if text[position : position + 1] == '"':
        quoted = quoted_string(text, position)
        if not quoted.closed:
            defects.append(Defect.UNCLOSED_QUOTE)
        return quoted.content, quoted.end
    found = _RUN.match(text, position)
    value = found[0].rstrip(" \t\r\n") if found else ""
    if any(mark in value for mark in ' \t\r\n"'):
        defects.append(Defect.PARAMETER_SYNTAX)
    return value, position + len(value)


def _assemble(pairs: dict[str, str], defects: list[Defect]) -> tuple[dict[str, str], dict[str, bytes]]:
    plain: dict[str, bytes] = {}
    extended: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, value in pairs.items():
        octets = value.encode("latin-1")
        found = _EXTENDED.fullmatch(name) if "*" in name else None
        if found is None:
            plain[name] = octets
            continue
        sections = extended.setdefault(found[1], {})
        number = int(found[2] or 0)
        if number in sections:
            defects.append(Defect.RFC2231_CLASH)
        sections.setdefault(number, (octets, found[3] is not None))
    params = {name: _plain_text(octets) for name, octets in plain.items()}
    for name, sections in extended.items():
        text = _extended_text(sections, defects)
        if params.get(name, text) != text:
            defects.append(Defect.RFC2231_CLASH)
        params[name] = text
    return params, plain


def _plain_text(octets: bytes) -> str:
    if octets.isascii():
        return decode_words(octets) if b"=?" in octets else neutral(octets.decode("ascii"))
    try:
        return neutral(octets.decode("utf-8"))
    except UnicodeDecodeError:
        return neutral(octets.decode("latin-1"))


def _extended_text(sections: dict[int, tuple[bytes, bool]], defects: list[Defect]) -> str:
    """Join the sections of RFC 2231, 3 and 4, from number 0 to the first that is missing."""
    octets = bytearray()
    charset = "us-ascii"
    for number in range(len(sections)):
        if number not in sections:
            defects.append(Defect.RFC2231_CLASH)
            break
        piece, encoded = sections[number]
        if encoded and number == 0 and piece.count(b"'") >= 2:
            name, _, piece = piece.split(b"'", 2)
            charset = name.decode("latin-1")
        # Decoded only when joined: there are programs that cut an escape in two.
        octets += piece if encoded else piece.replace(b"%", b"%25")
    decoded = _PERCENT.sub(lambda found: bytes((int(found[1], 16),)), octets)
    return neutral(decode_octets(decoded, charset or "us-ascii"))
