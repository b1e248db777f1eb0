"""What octets and lines a body is made of, without taking it apart.

Says whether octets could pass unchanged through every mail system: line ends are CRLF, no line passes 998 octets, no
NUL, nothing above 127. A body of 30 MB costs some hundredths of a second and no copy.

Clauses: AP-5, AP-15, GE-5.
"""

import re

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.splice import Octets

_CHUNK = 1 << 20
# More than 998 octets before the line end (RFC 5322, 2.1.1): at the start, and after each LF.
_LONG_FIRST_LINE = re.compile(rb"[^\n]{998}(?!\r?(?:\n|\Z))")
_LONG_LINE = re.compile(rb"\n[^\n]{998}(?!\r?(?:\n|\Z))")


def line_defects(octets: Octets) -> tuple[Defect, ...]:
    """Return which of EIGHT_BIT, NUL, BARE_CR, BARE_LF and LONG_LINE the octets have, in this order."""
    carriage_returns = line_feeds = pairs = nuls = 0
    seven_bit, before = True, b""
    for position in range(0, len(octets), _CHUNK):
        chunk = bytes(octets[position : position + _CHUNK])
        seven_bit = seven_bit and chunk.isascii()
        nuls += chunk.count(0)
        carriage_returns += chunk.count(b"\r")
        line_feeds += chunk.count(b"\n")
        pairs += chunk.count(b"\r\n") + (before == b"\r" and chunk[:1] == b"\n")
        before = chunk[-1:]
    found = {
        Defect.EIGHT_BIT: not seven_bit,
        Defect.NUL: nuls > 0,
        Defect.BARE_CR: carriage_returns > pairs,
        Defect.BARE_LF: line_feeds > pairs,
        Defect.LONG_LINE: has_long_line(octets),
    }
    return tuple(defect for defect, present in found.items() if present)


def has_long_line(octets: Octets) -> bool:
    """Whether a line has more than 998 octets before its line end."""
    return bool(_LONG_FIRST_LINE.match(octets) or _LONG_LINE.search(octets))


def is_seven_bit(octets: Octets) -> bool:
    """Whether no octet is above 127 (GE-5, AP-15)."""
    return all(bytes(octets[position : position + _CHUNK]).isascii() for position in range(0, len(octets), _CHUNK))
