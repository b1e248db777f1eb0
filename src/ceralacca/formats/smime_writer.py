"""The `multipart/signed` message around a signed entity: exact octets of section 2.2.

Octets go in and come out as they are: nothing is parsed and the entity is not copied (GE-31). The
seal itself is made by `trust.cms_writer`; reading such a message back is `formats.smime`.

Clauses: GE-1, GE-5, GE-6, DI-2 (the media type of a `.p7m`).
"""

from binascii import b2a_base64
from typing import Final

from ceralacca.formats.splice import Splice

P7M_MEDIA_TYPE: Final = "application/pkcs7-mime; smime-type=signed-data"
"""How a signed directory file is named where a media type is asked for (DI-2)."""

_LINE: Final = 57  # octets that make a base64 line of 76 characters

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


def frame(header: Splice, entity: Splice, cms: bytes, *, boundary: str) -> Splice:
    """Return the whole message: outer header, the entity between boundaries, the seal (GE-6).

    `header` has CRLF ends and neither MIME-Version nor Content-Type; `entity` is what the seal's
    digest was taken over; `cms` is DER; `boundary` must occur nowhere in the entity
    (`base.identifiers.new_boundary`).
    """
    line = boundary.encode("ascii")
    return Splice.of(header, _SIGNED % (line, line), entity, _SIGNATURE % (line, base64_lines(cms), line))


def base64_lines(octets: bytes) -> bytes:
    """Encode in base64 with lines of 76 characters, each with its CRLF (RFC 2045, 6.8)."""
    return b"".join(
        [b2a_base64(octets[at : at + _LINE], newline=False) + b"\r\n" for at in range(0, len(octets), _LINE)],
    )
