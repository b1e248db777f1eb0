"""The `multipart/signed` message around a signed entity: exact octets of section 2.2.

Octets go in and come out as they are: nothing is parsed and the entity is not copied (GE-31). The
seal itself is made by `trust.cms_writer`; reading such a message back is `formats.smime`.

Clauses: GE-1, GE-5, GE-6, DI-2 (the media type of a `.p7m`).
"""

from binascii import b2a_base64
from functools import lru_cache
from struct import Struct
from typing import Final

from ceralacca.formats.splice import Splice

P7M_MEDIA_TYPE: Final = "application/pkcs7-mime; smime-type=signed-data"
"""How a signed directory file is named where a media type is asked for (DI-2)."""

_LINE: Final = 76
_LINE_OCTETS: Final = 57

_SIGNED: Final = (
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
    b' micalg="sha-256"; boundary="%b"\r\n'  # GE-4
    b"\r\n"
    b"--%b\r\n"
)
_SIGNATURE: Final = (
    b"\r\n--%b\r\n"  # this first line end belongs to the boundary, not to the entity (GE-5)
    b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
    b'Content-Disposition: attachment; filename="smime.p7s"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
    b"%b"
    b"--%b--\r\n"
)


def frame(header: Splice, entity: Splice, cms: bytes | Splice, *, boundary: str) -> Splice:
    """Return the whole message: outer header, the entity between boundaries, the seal (GE-6).

    `header` has CRLF ends and neither MIME-Version nor Content-Type; `entity` is what the seal's
    digest was taken over; `cms` is DER; `boundary` must occur nowhere in the entity
    (`base.identifiers.new_boundary`).
    """
    line = boundary.encode("ascii")
    seal = base64_lines(cms) if isinstance(cms, bytes) else _lines_of_pieces(cms)
    before, after = _SIGNED % (line, line), _SIGNATURE % (line, seal, line)
    return Splice((*header.pieces, before, *entity.pieces, after))


def base64_lines(octets: bytes) -> bytes:
    """Encode in base64 with lines of 76 characters, each with its CRLF (RFC 2045, 6.8)."""
    encoded = b2a_base64(octets, newline=False)
    length = len(encoded)
    rest = length % _LINE
    lines = _cutter(length // _LINE).unpack_from(encoded)
    return b"\r\n".join((*lines, encoded[-rest:], b"")) if rest else b"\r\n".join((*lines, b""))


def _lines_of_pieces(cms: Splice) -> bytes:
    """Encode a seal that comes in pieces; the first one, the same for all seals of a signer, is encoded only once."""
    first, *others = cms.pieces
    lines, rest = _whole_lines(bytes(first))
    return lines + base64_lines(b"".join((rest, *others)))


@lru_cache(maxsize=16)
def _whole_lines(octets: bytes) -> tuple[bytes, bytes]:
    """Encode as many octets as fill whole lines; return the lines and the octets left over."""
    end = len(octets) // _LINE_OCTETS * _LINE_OCTETS
    return base64_lines(octets[:end]) if end else b"", octets[end:]


@lru_cache(maxsize=64)
def _cutter(lines: int) -> Struct:
    """Cut that many lines at once: in the time between two signatures a loop over them would show."""
    return Struct(f"{_LINE}s" * lines)
