"""Looking through large octets in place: a view of a stored message is never copied whole (GE-31).

A `bytes` object has these by itself. A view of a file, or of a message inside another, is looked at through pieces
of a fixed size, each copied and dropped.
"""

from typing import Final

from ceralacca.formats.splice import Octets

PIECE: Final = 1 << 18
"""Octets looked at together."""


def find(data: Octets, mark: bytes, start: int) -> int:
    """Return where the mark stands first from `start` on; -1 when it does not."""
    if isinstance(data, bytes):
        return data.find(mark, start)
    for at in range(start, len(data), PIECE):
        found = bytes(data[at : at + PIECE + len(mark) - 1]).find(mark)  # it may lie across two pieces
        if found >= 0:
            return at + found
    return -1


def is_blank(data: Octets, blanks: bytes, start: int, end: int) -> bool:
    """Say whether nothing but these octets stands between `start` and `end`."""
    if start >= end:
        return True
    return not any(bytes(data[at : min(at + PIECE, end)]).strip(blanks) for at in range(start, end, PIECE))
