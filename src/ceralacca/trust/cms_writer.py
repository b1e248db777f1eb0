"""CMS SignedData written as DER octets, with all that never changes composed once (GE-1, GE-2, GE-4).

For one signer a detached seal differs from the next in three places only: message digest, signing
time and signature, each of fixed length. `SealTemplate` keeps the octets before, between and after
them, so that a seal costs one RSA signature and a few joins. `sign_opaque` makes
the other form, with the content inside, for directory files (DI-2).

Not here: reading CMS (`formats.cms`), framing it in a message (`formats.smime_writer`), keys
(`sealing_key`, `software_key`, `pkcs11`).

What is written: SignedData version 1, SHA-256, signed attributes contentType, signingTime,
messageDigest and, when asked for, signingCertificateV2, in DER order; rsaEncryption with PKCS#1
v1.5 (RFC 5652, 5.3 and 11; RFC 5754, 2.2 and 3.2; RFC 5035, 3).
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from asn1crypto import x509 as asn1_x509

from ceralacca.base.instants import to_the_second
from ceralacca.formats.splice import Splice
from ceralacca.ports.signer import Signer
from ceralacca.trust.sealing_key import certain_signature, sealing_key

_SEQUENCE, _SET, _CONTEXT_0 = 0x30, 0x31, 0xA0
_INTEGER, _OCTET_STRING, _UTC_TIME, _GENERALIZED_TIME = 0x02, 0x04, 0x17, 0x18
_DIGEST_LENGTH = 32

_DATA = bytes.fromhex("06092a864886f70d010701")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_TIME = bytes.fromhex("06092a864886f70d010905")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("060b2a864886f70d010910022f")
_SHA256 = bytes.fromhex("300b0609608648016503040201")  # without parameters (RFC 5754, 2)
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
_VERSION_1 = bytes.fromhex("020101")

_UTC_TIME_YEARS = (1950, 2049)
_BLANK_TIMES = {_UTC_TIME: b"yymmddhhmmssZ", _GENERALIZED_TIME: b"yyyymmddhhmmssZ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The octets of a seal around its signing time, digest and signature."""

    before_time: bytes
    """From the first octet up to the digits of signingTime."""
    signed_before_time: bytes
    """The start of the signed attributes up to the same place, with the tag that is signed (RFC 5652, 5.4)."""
    before_digest: bytes
    after_digest: bytes
    """The rest of the signed attributes: signingCertificateV2 or nothing."""
    before_signature: bytes


class SealTemplate:
    """The unchanging octets of one signer's seals. Safe to use from several threads.

    `signing_certificate` adds the attribute signingCertificateV2, by which the seal names its
    certificate by hash (RFC 5035). Raises UserError when the certificate's key is not RSA of 2048
    to 4096 bits.
    """

    def __init__(self, signer: Signer, *, signing_certificate: bool = False) -> None:
        self._signer = signer
        self._key = sealing_key(signer.certificate)
        self._extra = _signing_certificate_v2(signer.certificate) if signing_certificate else b""
        self._parts = {tag: self._cut(tag, blank) for tag, blank in _BLANK_TIMES.items()}

    @property
    def signer(self) -> Signer:
        """Whose seals these are."""
        return self._signer

    def sign(self, digest: bytes, signing_time: datetime) -> bytes:
        """Return the DER ContentInfo of a detached seal over the content with that SHA-256 digest.

        Raises as `seal` does.
        """
        return bytes(self.seal(digest, signing_time))

    def seal(self, digest: bytes, signing_time: datetime) -> Splice:
        """Return what `sign` returns in two pieces, of which the first is the same for every seal.

        `signing_time` is written to the second. Raises WorldError when the signature does not hold under the
        certificate's key, and whatever the signer raises.
        """
        if len(digest) != _DIGEST_LENGTH:
            raise ValueError("the digest is not one of SHA-256")
        tag, digits = _time(signing_time)
        parts = self._parts[tag]
        varying = digits + parts.before_digest + digest + parts.after_digest
        signature = certain_signature(self._signer, self._key, parts.signed_before_time + varying)
        return Splice((parts.before_time, b"".join((varying, parts.before_signature, signature))))

    def _cut(self, time_tag: int, blank_time: bytes) -> _Parts:
        """Compose a seal with blanks and cut it there, measuring from its end: the signature is its last field."""
        attributes = _attributes((time_tag, blank_time), bytes(_DIGEST_LENGTH), self._extra)
        signature = bytes(self._key.key_size // 8)
        whole = _content_info(self._signer, _tlv(_SEQUENCE, _DATA), _signer_info(self._signer, attributes, signature))
        before_digest = _attribute(_MESSAGE_DIGEST, _tlv(_OCTET_STRING, bytes(_DIGEST_LENGTH)))[:-_DIGEST_LENGTH]
        before_signature = _before_signature(signature)
        after_time = len(before_digest) + _DIGEST_LENGTH + len(self._extra)
        tail = len(blank_time) + after_time
        return _Parts(
            before_time=whole[: -(tail + len(before_signature) + len(signature))],
            signed_before_time=attributes[:-tail],
            before_digest=before_digest,
            after_digest=self._extra,
            before_signature=before_signature,
        )


def sign_opaque(signer: Signer, content: bytes, signing_time: datetime, *, signing_certificate: bool = False) -> bytes:
    """Return the DER ContentInfo of SignedData with the content inside: a `.p7m` (DI-2).

    `signing_certificate` adds signingCertificateV2, which makes it CAdES-B (LO-6). Raises as `SealTemplate` and its
    `sign` do.
    """
    before, after = opaque_frame(
        signer, len(content), sha256(content).digest(), signing_time, signing_certificate=signing_certificate
    )
    return b"".join((before, content, after))


def opaque_frame(
    signer: Signer, size: int, digest: bytes, signing_time: datetime, *, signing_certificate: bool = False
) -> tuple[bytes, bytes]:
    """Return what stands before and after a content of this size and SHA-256, to make a `.p7m` of it.

    So a content larger than memory can be sealed. Raises as `sign_opaque` does.
    """
    key = sealing_key(signer.certificate)
    extra = _signing_certificate_v2(signer.certificate) if signing_certificate else b""
    attributes = _attributes(_time(signing_time), digest, extra)
    signature = certain_signature(signer, key, attributes)
    content = _head(_OCTET_STRING, size)
    content = _head(_CONTEXT_0, len(content) + size) + content
    content = _head(_SEQUENCE, len(_DATA) + len(content) + size) + _DATA + content
    after = _after_content(signer, _signer_info(signer, attributes, signature))
    signed = _VERSION_1 + _tlv(_SET, _SHA256) + content
    signed = _head(_SEQUENCE, len(signed) + size + len(after)) + signed
    signed = _head(_CONTEXT_0, len(signed) + size + len(after)) + signed
    signed = _SIGNED_DATA + signed
    return _head(_SEQUENCE, len(signed) + size + len(after)) + signed, after


def _content_info(signer: Signer, encapsulated: bytes, signer_info: bytes) -> bytes:
    signed_data = _tlv(_SEQUENCE, _VERSION_1, _tlv(_SET, _SHA256), encapsulated, _after_content(signer, signer_info))
    return _tlv(_SEQUENCE, _SIGNED_DATA, _tlv(_CONTEXT_0, signed_data))


def _after_content(signer: Signer, signer_info: bytes) -> bytes:
    certificates = sorted((signer.certificate, *signer.intermediates))  # DER order of a SET OF; GE-2
    return _tlv(_CONTEXT_0, *certificates) + _tlv(_SET, signer_info)


def _signer_info(signer: Signer, attributes: bytes, signature: bytes) -> bytes:
    certificate = asn1_x509.Certificate.load(signer.certificate)
    identifier = _tlv(_SEQUENCE, certificate.issuer.dump(), certificate["tbs_certificate"]["serial_number"].dump())
    implicit = bytes([_CONTEXT_0]) + attributes[1:]
    return _tlv(_SEQUENCE, _VERSION_1, identifier, _SHA256, implicit, _before_signature(signature), signature)


def _before_signature(signature: bytes) -> bytes:
    """Return what stands between signed attributes and signature: algorithm, tag and length of the signature."""
    return _RSA_ENCRYPTION + _head(_OCTET_STRING, len(signature))


def _attributes(time: tuple[int, bytes], digest: bytes, extra: bytes = b"") -> bytes:
    """Compose the signed attributes as they are signed: a SET OF whose members' order is that of their lengths."""
    return _tlv(
        _SET,
        _attribute(_CONTENT_TYPE, _DATA),
        _attribute(_SIGNING_TIME, _tlv(*time)),
        _attribute(_MESSAGE_DIGEST, _tlv(_OCTET_STRING, digest)),
        extra,
    )


def _attribute(kind: bytes, value: bytes) -> bytes:
    return _tlv(_SEQUENCE, kind, _tlv(_SET, value))


def _signing_certificate_v2(certificate: bytes) -> bytes:
    """Compose the attribute with the SHA-256 of the certificate; the algorithm is the default and so left out."""
    identifier = _tlv(_SEQUENCE, _tlv(_OCTET_STRING, sha256(certificate).digest()))
    return _attribute(_SIGNING_CERTIFICATE_V2, _tlv(_SEQUENCE, _tlv(_SEQUENCE, identifier)))


def _time(instant: datetime) -> tuple[int, bytes]:
    """Return tag and digits: UTCTime for the years 1950 to 2049, GeneralizedTime for others (RFC 5652, 11.3)."""
    return _kept_time(to_the_second(instant))


@lru_cache(maxsize=64)
def _kept_time(at: datetime) -> tuple[int, bytes]:
    """Remember: many seals have one instant. UTC only, where equal is the same instant."""
    rest = b"%02d%02d%02d%02d%02dZ" % (at.month, at.day, at.hour, at.minute, at.second)
    if _UTC_TIME_YEARS[0] <= at.year <= _UTC_TIME_YEARS[1]:
        return _UTC_TIME, b"%02d%b" % (at.year % 100, rest)
    return _GENERALIZED_TIME, b"%04d%b" % (at.year, rest)


def _tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return _head(tag, len(content)) + content


def _head(tag: int, length: int) -> bytes:
    """Return DER tag and length."""
    if length < 0x80:
        return bytes([tag, length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets
