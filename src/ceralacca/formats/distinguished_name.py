"""Distinguished names as text (RFC 4514), as far as the providers directory needs them (9.1).

Single-valued RDNs only: no name of the directory's tree has `+` in it. Comparison is that of
caseIgnoreMatch: `match_key`.
"""

import re

from ceralacca.base.errors import PeerError

# Possessive repeats (`*+`): a hostile name costs linear time.
_RDN = re.compile(
    r"[ ]*+([A-Za-z][A-Za-z0-9-]*+)[ ]*+=[ ]*+((?:[^\\,+\";<>\0]|\\[0-9A-Fa-f]{2}|\\[ \"#+,;<=>\\])*)(,|\Z)"
)
_ESCAPE = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)")
_SPECIAL = re.compile(r"[\"+,;<>\\]|\A[ #]|[ ]\Z|\0")


class MalformedName(PeerError):
    """The text is not a distinguished name that we can read."""


def read_name(text: str) -> tuple[tuple[str, str], ...]:
    """Split a name into (attribute type in lower case, value), nearest part first.

    Raises MalformedName.
    """
    parts: list[tuple[str, str]] = []
    position, more = 0, True
    while more:
        match = _RDN.match(text, position)
        if match is None or match[2].startswith("#"):
            raise MalformedName("the distinguished name cannot be read")
        parts.append((match[1].lower(), _unescape(match[2])))
        position, more = match.end(), match[3] == ","
    return tuple(parts)


def write_name(*parts: tuple[str, str]) -> str:
    """Join (attribute type, value) parts, nearest first, with the escapes of RFC 4514, 2.4."""
    return ",".join(f"{kind}={_escape(value)}" for kind, value in parts)


def match_key(value: str) -> str:
    """Return what caseIgnoreMatch compares: no case, no difference in spaces."""
    return " ".join(value.split()).casefold()


def _escape(value: str) -> str:
    return _SPECIAL.sub(lambda match: "\\00" if match[0] == "\0" else f"\\{match[0]}", value)


def _unescape(value: str) -> str:
    """Undo escapes; spaces at the end belong to the value only when escaped."""
    out: list[str] = []
    position = 0
    for match in _ESCAPE.finditer(value):
        out += value[position : match.start()], _octets(match[1]) if match[1] else match[2]
        position = match.end()
    return "".join(out) + value[position:].rstrip(" ")


def _octets(pairs: str) -> str:
    try:
        return bytes.fromhex(pairs.replace("\\", "")).decode()
    except UnicodeDecodeError:
        raise MalformedName("the distinguished name is not UTF-8") from None
