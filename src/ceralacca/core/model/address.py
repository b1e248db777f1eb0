"""Mail addresses as values (SE-8, AM-14, AM-15).

Two ways in: `Address.parse` for what we emit or decide on (strict grammar), the plain
constructor for what others wrote in their certification data (any text without control
characters). Comparison is case-insensitive on both sides of the `@`; the spelling is kept.
"""

import re
from dataclasses import dataclass, field

from ceralacca.base.errors import PeerError

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_STRICT = re.compile(rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@{_LABEL}(?:\.{_LABEL})+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class InvalidAddress(PeerError):
    """The text is not a mail address that PEC can carry."""


@dataclass(frozen=True, slots=True, eq=False)
class Address:
    """A bare mail address: no display name, no angle brackets.

    Raises InvalidAddress when the text is empty or holds a control character (SE-8).
    """

    text: str
    key: str = field(init=False, repr=False)
    """What addresses are compared by: the whole address in lower case (AM-14)."""
    domain: str = field(init=False, repr=False)
    """The part after the last `@`, in lower case; empty when there is none."""

    def __post_init__(self) -> None:
        text = self.text
        if not text or not (text.isprintable() or _CONTROL.search(text) is None):  # no control character is printable
            raise InvalidAddress("an address is empty or holds a control character")
        key = text.lower()
        _, at, domain = key.rpartition("@")
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "domain", domain if at else "")

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address by the strict grammar of RFC 5321: dot-atom or quoted local part, A-label domain.

        Raises InvalidAddress; international addresses are not supported (AM-15).
        """
        if len(text) > 254 or not _STRICT.fullmatch(text) or len(text.rpartition("@")[0]) > 64:
            raise InvalidAddress("the text is not a mail address")
        return cls(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text
