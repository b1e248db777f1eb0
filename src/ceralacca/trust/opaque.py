"""Content that travels inside its seal: directory files (`.p7m`) and other opaque SignedData.

The same procedure as for messages, less what concerns mail: no From, no directory, no sender. The directory itself
is sealed so, and its manager's certificate is pinned: then the pin replaces the path, and nothing but that very
certificate will do.

Clauses: DI-2, DI-5, SE-5.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ceralacca.core.model.outcome import SealReport
from ceralacca.formats.cms import MalformedCms, SignedData, read_signed_data
from ceralacca.formats.smime import MOST_OPAQUE_OCTETS
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.instant import JudgedAt
from ceralacca.trust.procedure import Procedure

_SEQUENCE = b"\x30"
_PEM = re.compile(rb"-----BEGIN (?:PKCS7|CMS)-----([^-]+)-----END")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSeal:
    """Content with the report on its seal."""

    content: bytes
    """What is inside; worth nothing unless the report is good."""
    report: SealReport


def open_opaque(
    p7m: bytes,
    *,
    trust: TrustStore | None,
    at: JudgedAt,
    pinned: Iterable[bytes] = (),
) -> OpenedSeal:
    """Take content out of its seal and check the seal.

    Args:
        p7m: SignedData with its content, in BER or DER (DI-2); base64 and PEM are borne.
        trust: anchors and CRLs; None leaves path and revocation unknown, unless a certificate is pinned.
        at: for which instant the certificate is judged.
        pinned: DER certificates; when there are any, the signer must be one of them and no path is asked for (DI-5).

    Raises MalformedCms when there is no content to hand out.
    """
    if len(p7m) > MOST_OPAQUE_OCTETS:
        raise MalformedCms("the file is larger than any directory")
    data = read_signed_data(as_binary(p7m))
    if data.content is None:
        raise MalformedCms("the signature does not hold the content that it signs")
    return OpenedSeal(content=data.content, report=_check(data, data.content, trust, at, frozenset(pinned)))


def _check(
    data: SignedData, content: bytes, trust: TrustStore | None, at: JudgedAt, pinned: frozenset[bytes]
) -> SealReport:
    procedure = Procedure(content=content, detached=False, data=data, at=at, pinned=pinned)
    procedure.shape(())
    procedure.seal(trust)
    return procedure.report()


def as_binary(octets: bytes) -> bytes:
    """Undo base64 or PEM when a file of SignedData is not binary, as some publish it; what is neither stays."""
    found = _PEM.search(octets)
    if octets[:1] == _SEQUENCE and found is None:
        return octets
    try:
        return base64.b64decode(found[1] if found else octets)
    except ValueError:
        return octets
