"""Names for files that come out of a message: never a path, never a trap (threats: attachment names).

A name in a message was chosen by somebody else. It is shown or used only after this.
"""

import re
import unicodedata

_LONGEST = 120
"""Octets of a name in UTF-8: half of what file systems take, for a number or a longer encoding of the name."""
_LONGEST_EXTENSION = 10
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{digit}" for digit in range(10)), *(f"lpt{digit}" for digit in range(10))}
)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]')
_DIRECTION = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def safe_name(suggested: str | None, *, fallback: str) -> str:
    """Return a plain file name: no separators, controls, direction marks, device names or leading dots.

    Keeps the extension when a long name is cut. Gives `fallback` when nothing is left.
    """
    name = "".join(map(_plain, unicodedata.normalize("NFC", suggested or ""))).strip(" .")
    if not name.strip("_"):
        return fallback
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension.encode()) > _LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    name = _cut(stem, _LONGEST - len(f"{dot}{extension}".encode())) + dot + extension
    return f"_{name}" if name.split(".")[0].strip().lower() in _DEVICES else name


def _plain(character: str) -> str:
    """Return a character that may stand in a file name: itself, `_`, a space, or nothing for an invisible one."""
    if _DIRECTION.match(character) or unicodedata.category(character) == "Cf":
        return ""
    if unicodedata.category(character) == "Zs":
        return " "
    return "_" if _FORBIDDEN.match(character) or not character.isprintable() else character


def _cut(text: str, octets: int) -> str:
    """Cut a text to so many octets of UTF-8, between two characters."""
    return text.encode()[:octets].decode("utf-8", "ignore").rstrip(" .")


def unused_name(name: str, taken: set[str]) -> str:
    """Return the name, or the name with a number before its extension when it is taken; remembers it.

    Compared without case, as some file systems do.
    """
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{stem}-{number}{dot}{extension}"
    taken.add(candidate.casefold())
    return candidate


def visible(text: str) -> str:
    """Return text of others fit for a terminal: controls and direction marks are shown as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character == " " or (character.isprintable() and not _DIRECTION.match(character))
        else f"\\u{ord(character):04x}"
        for character in text
    )
