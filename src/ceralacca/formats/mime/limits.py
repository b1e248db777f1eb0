"""How much of a message the look is willing to take, and the error for more.

Every reader of this folder works in time linear in its input times the nesting depth, without recursion; these
numbers bound the rest (objects made, levels entered).

Clauses: SE-7.
"""

from dataclasses import dataclass

from ceralacca.base.errors import UnreadableMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one look at a message (SE-7)."""

    header_octets: int = 262_144
    """Octets of the header fields of one entity."""
    depth: int = 50
    """Levels below the message itself: a part of its multipart is at level 1, and so is the message in a
    message/rfc822."""
    parts: int = 1000
    """Entities below the message itself, at all levels together."""
    fields: int = 65_536
    """Header fields of all entities together: as many as one header of 262,144 octets can hold when each line is
    a name of one octet, a colon and CRLF."""


LIMITS = Limits()
"""The numbers of SE-7."""


class LimitExceeded(UnreadableMessage):
    """The message passes a limit of SE-7; `limit` is the name of the field of `Limits`."""

    def __init__(self, limit: str, bound: int, *, offset: int = 0) -> None:
        super().__init__(f"the message passes the limit of {bound} for {limit.replace('_', ' ')}", offset=offset)
        self.limit = limit
