"""The arguments of MAIL and RCPT: a path in angle brackets and parameters, by the grammar of RFC 5321, 4.1.2.

Strict: nothing is repaired, no address without brackets, no octet above 127 (AM-15). A source route
is dropped, as 4.1.1.3 asks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ceralacca.base.errors import PeerError

_PATH = re.compile(r' ?<(?:@[^:<>" ]*:)?([^"<> ]*(?:"(?:[^"\\]|\\.)*"[^"<> ]*)*)>(?: +(.*))?')
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")


class BadPath(PeerError):
    """The argument is not a path with parameters; `international` when it holds octets above 127."""

    def __init__(self, what: str, *, international: bool = False) -> None:
        super().__init__(what)
        self.international = international


@dataclass(frozen=True, slots=True, kw_only=True)
class PathArgument:
    """What MAIL FROM or RCPT TO named."""

    path: str
    """What stood between the angle brackets; empty for the null reverse path."""
    parameters: Mapping[str, str]
    """By upper-case keyword; an empty value for one without."""


def read_path(argument: bytes, keyword: bytes) -> PathArgument:
    """Read `FROM:<...> ...` or `TO:<...> ...`; `keyword` is `FROM:` or `TO:`. Raises BadPath."""
    if argument[: len(keyword)].upper() != keyword:
        raise BadPath(f"the argument does not begin with {keyword.decode()}")
    try:
        text = argument[len(keyword) :].decode("ascii").rstrip(" ")
    except UnicodeDecodeError as error:
        raise BadPath("an octet above 127", international=True) from error
    match = _PATH.fullmatch(text)
    if match is None or not text.isprintable():
        raise BadPath("not a path in angle brackets")
    return PathArgument(path=match[1], parameters=_parameters(match[2] or ""))


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in found:
            raise BadPath("a parameter that cannot be read, or stands twice")
        found[match[1].upper()] = match[2] or ""
    return found
