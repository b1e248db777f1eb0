"""A certificate as the verifier needs it: facts for the reader, key, usages, and how a seal names it.

Read once and kept: a provider signs every message of a day with one certificate. Nothing here says whether the
certificate is any good (`trust.verifier`, `trust.chain`). The asn1crypto object is never kept, because it parses
itself while it is read and is not safe between threads.

Clauses: IP-7, CE-2, CE-3, CE-6, CE-8, DI-8.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import x509
from asn1crypto.keys import PublicKeyInfo
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ceralacca.base.errors import PeerError
from ceralacca.core.model.outcome import CertificateFacts
from ceralacca.formats.cms import ASN1_FAULTS
from ceralacca.formats.distinguished_name import write_name
from ceralacca.formats.kept import kept
from ceralacca.formats.neutral import one_line

PublicKey = RSAPublicKey | EllipticCurvePublicKey

_MOST_OCTETS = 1 << 16
_ATTRIBUTES = {
    "common_name": "CN",
    "country_name": "C",
    "domain_component": "DC",
    "email_address": "emailAddress",
    "locality_name": "L",
    "organization_identifier": "organizationIdentifier",
    "organization_name": "O",
    "organizational_unit_name": "OU",
    "serial_number": "serialNumber",
    "state_or_province_name": "ST",
}
"""Names of attribute types as RFC 4514, 3 and common use have them; another is written as asn1crypto calls it."""


class MalformedCertificate(PeerError):
    """The octets are not an X.509 certificate that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """One certificate, read. Two of them are equal when they are the same object: compare `der`."""

    der: bytes
    facts: CertificateFacts
    issuer: bytes
    """DER of the issuer's name."""
    serial: bytes
    """Value octets of the serial number."""
    key_identifier: bytes
    """subjectKeyIdentifier, or empty."""
    key: PublicKey | None
    """None when the key is of a kind, or so wrong, that nothing can be verified with it."""
    key_kind: str
    """`rsa`, `ec`, or another name."""
    key_bits: int
    usages: frozenset[str] | None
    """Names of the bits set in keyUsage; None when the extension is absent."""
    purposes: frozenset[str] | None
    """Names in extendedKeyUsage; None when the extension is absent."""
    is_authority: bool
    """basicConstraints says CA (CE-6 wants the extension absent)."""

    def is_named(self, issuer: bytes, serial: bytes, key_identifier: bytes) -> bool:
        """Tell whether a signer info that names its certificate like this means this one (IP-7)."""
        if key_identifier:
            return self.key_identifier == key_identifier
        return self.serial == serial and (self.issuer == issuer or _same_name(self.issuer, issuer))


@kept(entries=512, most_octets=8192)
def read_certificate(der: bytes) -> Certificate:
    """Read a DER certificate. Raises MalformedCertificate."""
    if len(der) > _MOST_OCTETS:
        raise MalformedCertificate("a certificate has more octets than any real one")
    try:
        return _read(der, x509.Certificate.load(der, strict=True))
    except ASN1_FAULTS:
        raise MalformedCertificate("a certificate cannot be read") from None


def name_text(name: x509.Name) -> str:
    """Write a name for a reader, nearest part first: `CN=Posta Certificata, O=Gestore Alfa S.p.A., C=IT` (RFC 4514)."""
    parts = ("+".join(_attribute(one) for one in rdn) for rdn in reversed(name.chosen))
    return one_line(", ".join(parts))


def _attribute(attribute: x509.NameTypeAndValue) -> str:
    kind = attribute["type"].native
    return write_name((_ATTRIBUTES.get(kind, kind), str(attribute["value"].native)))


def _read(der: bytes, parsed: x509.Certificate) -> Certificate:
    tbs = parsed["tbs_certificate"]
    usage, extended = parsed.key_usage_value, parsed.extended_key_usage_value
    constraints = parsed.basic_constraints_value
    return Certificate(
        der=der,
        facts=_facts(der, parsed),
        issuer=parsed.issuer.dump(),
        serial=tbs["serial_number"].contents,
        key_identifier=parsed.key_identifier or b"",
        key=_key(parsed.public_key.dump()),
        key_kind=parsed.public_key.algorithm,
        key_bits=_bits(parsed.public_key),
        usages=None if usage is None else frozenset(usage.native),
        purposes=None if extended is None else frozenset(extended.native),
        is_authority=constraints is not None and bool(constraints["ca"].native),
    )


def _facts(der: bytes, parsed: x509.Certificate) -> CertificateFacts:
    validity = parsed["tbs_certificate"]["validity"]
    names = parsed.subject_alt_name_value
    addresses = () if names is None else tuple(one_line(name.native) for name in names if name.name == "rfc822_name")
    key = parsed.public_key
    return CertificateFacts(
        subject=name_text(parsed.subject),
        issuer=name_text(parsed.issuer),
        serial=f"{parsed.serial_number:x}",
        sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),  # DI-8: names it, proves nothing
        sha256=hashlib.sha256(der).hexdigest().upper(),
        not_before=_instant(validity["not_before"].native),
        not_after=_instant(validity["not_after"].native),
        addresses=addresses,
        key=f"{key.algorithm.upper()} {_bits(key) or '?'}",
    )


def _instant(native: datetime) -> datetime:
    """Return an instant of a certificate in UTC; raises ValueError for one without a zone."""
    if native.tzinfo is None:
        raise ValueError("a time without a zone")
    return native.astimezone(UTC)


def _bits(key: PublicKeyInfo) -> int:
    """Return the size of a key; 0 when it is of a kind whose size cannot be told."""
    try:
        return int(key.bit_size)
    except ASN1_FAULTS:
        return 0


def _key(spki: bytes) -> PublicKey | None:
    try:
        key = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey | EllipticCurvePublicKey) else None


def _same_name(one: bytes, other: bytes) -> bool:
    """Compare two names as RFC 5280, 7.1 does: encoders differ in string types and spaces."""
    try:
        return bool(x509.Name.load(one) == x509.Name.load(other))
    except ASN1_FAULTS:
        return False
