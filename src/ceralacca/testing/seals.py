"""Seals of every make for the tests of verification: odd, old, wrapped, doubled and misbound ones.

Composed with asn1crypto and by hand, never by our writer: the verifier is to read what strangers send. Sound CMS in
unusual dress (BER, RSASSA-PSS, SHA-1, no signed attributes) and hostile CMS alike.

Serves: IP-6 to IP-8, TO-1 to TO-4.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ceralacca.testing.authority import TestIdentity

ENTITY = (
    b'Content-Type: multipart/mixed; boundary="M"\r\n'
    b"\r\n"
    b"--M\r\n"
    b'Content-Type: text/plain; charset="iso-8859-1"\r\n'
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"Ricevuta di prova =E8 questa.\r\n"
    b"--M\r\n"
    b"Content-Type: application/xml\r\n"
    b"\r\n"
    b"<postacert/>\r\n"
    b"--M--\r\n"
)
"""A small entity to be sealed."""

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),  # noqa: S303 to be refused
    "sha1": hashes.SHA1(),  # noqa: S303 old seals had it (TO-1)
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """How a seal is to be made; the defaults make the usual one."""

    digest: str = "sha256"
    family: str = "rsa"
    """`rsa`, `rsa-pss`, or `rsa-named`: the algorithm that names its digest."""
    named_digest: str = ""
    """Digest that the signature algorithm names, when it is not the one that was used."""
    signing_time: bool = True
    signed_attributes: bool = True
    inside: bytes | None = None
    """Content to put into the CMS."""
    certificates: tuple[bytes, ...] | None = None
    """Certificates to put into the CMS, instead of the signer's and those above."""
    by_key_identifier: bool = False
    content_type: str = "data"
    attributes: Callable[[list[cms.CMSAttribute]], list[cms.CMSAttribute]] = field(default=lambda usual: usual)
    """Changes the signed attributes before they are signed."""


USUAL = Make()


def cms_seal(content: bytes, signer: TestIdentity, at: datetime, make: Make = USUAL) -> bytes:
    """Return the DER ContentInfo of a seal of that make over the content."""
    return content_info([signer_info(content, signer, at, make)], signer, make)


def content_info(infos: Sequence[cms.SignerInfo], signer: TestIdentity, make: Make = USUAL) -> bytes:
    """Put signer infos into SignedData."""
    encapsulated: dict[str, Any] = {"content_type": make.content_type}
    if make.inside is not None:
        encapsulated["content"] = make.inside
    certificates = (signer.certificate, *signer.intermediates) if make.certificates is None else make.certificates
    signed_data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": make.digest})],
            "encap_content_info": encapsulated,
            "certificates": [asn1_x509.Certificate.load(der) for der in certificates],
            "signer_infos": list(infos),
        },
    )
    octets: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed_data}).dump()
    return octets


def signer_info(content: bytes, signer: TestIdentity, at: datetime, make: Make = USUAL) -> cms.SignerInfo:
    """Sign the content and return the signer info."""
    certificate = asn1_x509.Certificate.load(signer.certificate)
    info: dict[str, Any] = {
        "version": "v1",
        "sid": _named(certificate, by_key_identifier=make.by_key_identifier),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": make.digest}),
        "signature_algorithm": _algorithm(make),
    }
    signed = content
    if make.signed_attributes:
        attributes = cms.CMSAttributes(make.attributes(_usual_attributes(content, at, make)))
        info["signed_attrs"] = attributes
        signed = attributes.dump()
    info["signature"] = _sign(signer, signed, make)
    return cms.SignerInfo(info)


def attribute(kind: str, *values: object) -> cms.CMSAttribute:
    """Make one attribute."""
    return cms.CMSAttribute({"type": kind, "values": list(values)})


def as_ber(der: bytes, *, attributes: bool = False) -> bytes:
    """Write a ContentInfo again with indefinite lengths, as streaming programs do (TO-1).

    Certificates stay as they are; signer infos as well, unless their signed `attributes` are asked for.
    """
    info = cms.ContentInfo.load(der)
    data = info["content"]
    held = data["encap_content_info"]
    kind = held["content_type"].dump()
    inside = b""
    if held["content"].native is not None:
        octets = held["content"].native
        pieces = b"".join(core.OctetString(octets[at : at + 100]).dump() for at in range(0, len(octets), 100))
        inside = _indefinite(0xA0, _indefinite(0x24, pieces))
    certificates = b"".join(choice.dump() for choice in data["certificates"])
    signed_data = _indefinite(
        0x30,
        data["version"].dump(),
        data["digest_algorithms"].dump(),
        _indefinite(0x30, kind, inside),
        _indefinite(0xA0, certificates),
        _indefinite(0x31, *(_signer_as_ber(one) if attributes else one.dump() for one in data["signer_infos"])),
    )
    return _indefinite(0x30, info["content_type"].dump(), _indefinite(0xA0, signed_data))


def message(
    cms_octets: bytes,
    *,
    sender: str,
    entity: bytes = ENTITY,
    content_type: bytes = b'multipart/signed; protocol="application/pkcs7-signature"; micalg="sha-256"; boundary="S"',
    part_type: bytes = b'application/pkcs7-signature; name="smime.p7s"',
    encoding: bytes = b"base64",
    preamble: bytes = b"",
    epilogue: bytes = b"",
) -> bytes:
    """Frame an entity and its CMS as a message, by hand."""
    body = base64.encodebytes(cms_octets).replace(b"\n", b"\r\n") if encoding == b"base64" else cms_octets + b"\r\n"
    return b"".join(
        (
            b"From: " + sender.encode() + b"\r\nTo: mario.rossi@pec.alfa.example\r\nSubject: ACCETTAZIONE: prova\r\n",
            b"MIME-Version: 1.0\r\nContent-Type: " + content_type + b"\r\n\r\n",
            preamble,
            b"--S\r\n" + entity + b"\r\n--S\r\n",
            b"Content-Type: " + part_type + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n",
            body,
            b"--S--\r\n" + epilogue,
        )
    )


def opaque_message(cms_octets: bytes, *, sender: str) -> bytes:
    """Frame CMS that holds its content as application/pkcs7-mime (IP-6)."""
    return (
        b"From: " + sender.encode() + b"\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(cms_octets).replace(b"\n", b"\r\n")
    )


def _named(certificate: asn1_x509.Certificate, *, by_key_identifier: bool) -> cms.SignerIdentifier:
    if by_key_identifier:
        return cms.SignerIdentifier(name="subject_key_identifier", value=certificate.key_identifier)
    value = cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
    return cms.SignerIdentifier(name="issuer_and_serial_number", value=value)


def _usual_attributes(content: bytes, at: datetime, make: Make) -> list[cms.CMSAttribute]:
    digest = hashlib.new(make.digest, content, usedforsecurity=False).digest()
    found = [attribute("content_type", make.content_type), attribute("message_digest", digest)]
    if make.signing_time:
        found.append(attribute("signing_time", cms.Time({"utc_time": core.UTCTime(at)})))
    return found


def _algorithm(make: Make) -> algos.SignedDigestAlgorithm:
    if make.family == "rsa":
        return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"})
    digest = make.named_digest or make.digest
    if make.family == "rsa-named":
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_rsa"})
    parameters = {
        "hash_algorithm": {"algorithm": digest},
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": digest}},
        "salt_length": 32,
    }
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


def _sign(signer: TestIdentity, octets: bytes, make: Make) -> bytes:
    kind = _HASHES[make.digest]
    digest = hashlib.new(make.digest, octets, usedforsecurity=False).digest()
    if make.family == "rsa-pss":
        return signer.key.sign(digest, padding.PSS(padding.MGF1(kind), 32), Prehashed(kind))
    return signer.key.sign(digest, padding.PKCS1v15(), Prehashed(kind))


def _signer_as_ber(info: cms.SignerInfo) -> bytes:
    fields = ("version", "sid", "digest_algorithm", "signed_attrs", "signature_algorithm", "signature")
    attributes = _indefinite(0xA0, info["signed_attrs"].contents)
    return _indefinite(0x30, *(attributes if name == "signed_attrs" else info[name].dump() for name in fields))


def _indefinite(tag: int, *bodies: bytes) -> bytes:
    return bytes((tag, 0x80)) + b"".join(bodies) + b"\0\0"
