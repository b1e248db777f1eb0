"""Walking over a long run of octets in pieces of bounded size, never joining it (GE-31).

A window never ends between CR and LF nor inside a line that could be a boundary delimiter, so that a
search and a count window by window see what a search over the whole would see.
"""

from collections.abc import Iterator
from io import IncrementalNewlineDecoder

from ceralacca.formats.splice import Splice

WINDOW = 1 << 18
"""Octets looked at together: a walk holds about four times as many."""


def windows(splice: Splice, size: int = WINDOW) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, octets) from first to last; a short splice is one window."""
    if len(splice) <= size:
        yield 0, bytes(splice)
        return
    base, carry = 0, b""
    for chunk in _chunks(splice, size):
        window = carry + chunk
        cut = _safe_cut(window)
        if cut:
            yield base, window[:cut]
        base, carry = base + cut, window[cut:]
    if carry:
        yield base, carry


def stretch(splice: Splice, start: int, stop: int) -> bytes:
    """Return the octets between two offsets, as far as there are any."""
    taken, base = [], 0
    for piece in splice.pieces:
        low, high = max(start - base, 0), min(stop - base, len(piece))
        if low < high:
            taken.append(bytes(piece[low:high]))
        base += len(piece)
        if base >= stop:
            break
    return b"".join(taken)


def is_clean(octets: bytes) -> bool:
    """Tell whether there is nothing that transport could damage: no octet above 127, no NUL, no bare CR or LF."""
    return octets.isascii() and b"\0" not in octets and not has_bare_line_end(octets)


def has_bare_line_end(octets: bytes) -> bool:
    """Tell whether a CR or an LF stands alone (GE-5)."""
    seen = IncrementalNewlineDecoder(None, translate=False)  # in a quarter of the time that counting takes
    seen.decode(octets.decode("latin-1"), final=True)
    return seen.newlines not in (None, "\r\n")


def has_longer_line(octets: bytes, longest: int) -> bool:
    """Tell whether a line has more octets than that, without the CRLF that ends it."""
    at, size = 0, len(octets)
    while size - at > longest:
        end = octets.rfind(b"\r\n", at, at + longest + 2)  # of the last line that ends in reach: most are short
        if end < 0:
            return True
        at = end + 2
    return False


def _chunks(splice: Splice, size: int) -> Iterator[bytes]:
    gathered: list[bytes] = []
    length = 0
    for piece in splice.pieces:
        for at in range(0, len(piece), size):
            part = bytes(piece[at : at + size])
            gathered.append(part)
            length += len(part)
            if length >= size:
                yield b"".join(gathered)
                gathered, length = [], 0
    if gathered:
        yield b"".join(gathered)


def _safe_cut(window: bytes) -> int:
    at = window.rfind(b"\r\n")
    if at > 0:
        return at
    return len(window) - 1 if window.endswith(b"\r") else len(window)
