"""Content-Transfer-Encodings read back: 7bit, 8bit, binary, base64, quoted-printable (RFC 2045, 6).

Decoding is lenient and never fails; whether the octets are what the encoding allows is a question of its own,
`transfer_defect`, asked where two programs must not read two contents (AP-5).

Clauses: AP-5, GE-31.
"""

import binascii
import re
from collections.abc import Iterator

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.splice import Octets

IDENTITY = frozenset({"7bit", "8bit", "binary"})
"""Encodings under which the body is the content."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET) - {0x3D})
_CHUNK = 3 << 18
_BAD_QUOTED = re.compile(rb"[^\t\r\n -~]|=(?![0-9A-Fa-f]{2}|[ \t]*\r?(?:\n|\Z))")


def decode_transfer(octets: Octets, encoding: str) -> bytes:
    """Return the content of a body; an unknown encoding leaves the octets as they are.

    Base64 ends at its first padding, and foreign characters are passed over; an escape of quoted-printable that is
    none stands for itself, as does white space at a line end. Never raises.
    """
    if encoding == "base64":
        return b"".join(_base64(octets))
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    return bytes(octets)


def transfer_defect(octets: Octets, encoding: str) -> Defect | None:
    """Say whether the octets leave the letter of their encoding so that two programs may decode them differently."""
    if encoding == "base64" and not _strict_base64(octets):
        return Defect.BAD_BASE64
    if encoding == "quoted-printable" and _BAD_QUOTED.search(octets):
        return Defect.BAD_QUOTED_PRINTABLE
    return None


def _chunks(octets: Octets) -> Iterator[bytes]:
    for position in range(0, len(octets), _CHUNK):
        yield bytes(octets[position : position + _CHUNK])


def _base64(octets: Octets) -> Iterator[bytes]:
    rest = b""
    for chunk in _chunks(octets):
        clean, padding, _ = chunk.translate(None, _FOREIGN).partition(b"=")
        clean = rest + clean
        whole = len(clean) - len(clean) % 4
        yield binascii.a2b_base64(clean[:whole])
        rest = clean[whole:]
        if padding:
            break
    if len(rest) > 1:  # a single character is no octet
        yield binascii.a2b_base64(rest + b"=" * (-len(rest) % 4))


def _strict_base64(octets: Octets) -> bool:
    """Alphabet, line ends and spaces only, whole quanta, padding at the end only, no bit set that no octet uses."""
    rest = b""
    for chunk in _chunks(octets):
        clean = rest + chunk.translate(None, b" \t\r\n")
        whole = max(len(clean) - 4 - len(clean) % 4, 0)
        if clean[:whole].translate(None, _ALPHABET):
            return False
        rest = clean[whole:]
    return _strict_tail(rest)


def _strict_tail(tail: bytes) -> bool:
    try:
        decoded = binascii.a2b_base64(tail, strict_mode=True)
    except binascii.Error:
        return not tail
    return binascii.b2a_base64(decoded, newline=False) == tail
