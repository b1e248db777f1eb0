"""Looking through large octets in place: a view of a stored message is never copied whole (GE-31).

A `bytes` object has these by itself. A view of a file, or of a message inside another, is looked at through pieces
of a fixed size, each copied and dropped.
"""

from collections.abc import Iterator
from typing import Final

from ceralacca.formats.splice import Octets

PIECE: Final = 1 << 18
"""Octets looked at together."""
_BASE64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n")


def find(data: Octets, mark: bytes, start: int) -> int:
    """Return where the mark stands first from `start` on; -1 when it does not."""
    return data.find(mark, start) if isinstance(data, bytes) else next(places(data, mark, start, len(data)), -1)


def places(data: Octets, mark: bytes, start: int, end: int) -> Iterator[int]:
    """Yield where the mark stands, without overlaps, between `start` and `end`.

    Most of what is large is base64: where an octet of the mark is none of that, one look for it tells of a whole piece.
    """
    if isinstance(data, bytes):
        at = data.find(mark, start, end)
        while at >= 0:
            yield at
            at = data.find(mark, at + len(mark), end)
        return
    rare = next((octet for octet in mark if octet not in _BASE64), None)
    while start < end:
        piece = bytes(data[start : min(start + PIECE + len(mark) - 1, end)])  # it may lie across two pieces
        seen, at = 0, piece.find(mark) if rare is None or rare in piece else -1
        while at >= 0:
            yield start + at
            seen = at + len(mark)
            at = piece.find(mark, seen)
        start += max(PIECE, seen)


def is_blank(data: Octets, blanks: bytes, start: int, end: int) -> bool:
    """Say whether nothing but these octets stands between `start` and `end`."""
    if start >= end:
        return True
    return not any(bytes(data[at : min(at + PIECE, end)]).strip(blanks) for at in range(start, end, PIECE))
