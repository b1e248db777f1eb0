"""What the sandbox's authorities sign: their own certificates, providers', TLS and time stamps.

Keys and serial numbers are random and subjects carry a mark of the sandbox, so that two sandboxes
on one machine are strangers to each other. The profile of providers is the one of 9.4, made by
`testing.authority`.

Clauses: CE-1 to CE-9.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address
from ceralacca.testing.authority import Issuer, Profile, TestIdentity, certify, key_identifier_of, key_usage_of, pem

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_YEAR = timedelta(days=365)
_BEFORE = timedelta(days=1)
"""Certificates begin a day early: clocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key with its certificate and those above it, as PEM files want them."""

    key: Key
    certificate: bytes
    """DER."""
    above: tuple[bytes, ...] = ()
    """DER, nearest first, without the root."""

    @property
    def key_pem(self) -> bytes:
        """The key as PKCS#8, not encrypted."""
        return key_pem(self.key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificates, the holder's first."""
        return b"".join(pem(der) for der in (self.certificate, *self.above))


def key_pem(key: Key) -> bytes:
    """Write a key as PKCS#8 PEM, not encrypted: TEST keys, in a folder of mode 0700."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def new_key() -> rsa.RSAPrivateKey:
    """Generate an RSA key of 2048 bits (CE-8)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_serial(entropy: Entropy) -> int:
    """Return a positive random serial number of 126 bits."""
    return int.from_bytes(entropy(16), "big") >> 2 | 1 << 125


def authority_name(common_name: str, mark: str) -> x509.Name:
    """Return the name of an authority of one sandbox."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"Autorita' di prova TEST {mark}"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def new_root(name: str, subject: x509.Name, key: rsa.RSAPrivateKey, serial: int, instant: datetime) -> Issuer:
    """Sign a root that may have one authority below it."""
    builder = _started(subject, subject, key, serial, instant - 2 * _BEFORE, instant + 10 * _YEAR)
    return _authority(name, builder, path_length=1, key=key, signed_by=key, above=())


def new_intermediate(
    name: str, subject: x509.Name, key: rsa.RSAPrivateKey, serial: int, instant: datetime, *, root: Issuer, crl: str
) -> Issuer:
    """Sign an authority below the root, that certifies end entities only."""
    builder = _started(subject, root.subject, key, serial, instant - 2 * _BEFORE, instant + 9 * _YEAR)
    builder = builder.add_extension(key_identifier_of(root.key), critical=False)
    builder = builder.add_extension(_crl_at(crl), critical=False)
    return _authority(name, builder, path_length=0, key=key, signed_by=root.key, above=root.chain)


def provider_identity(
    issuer: Issuer, name: str, address: Address, key: rsa.RSAPrivateKey, serial: int, instant: datetime, *, crl: str
) -> TestIdentity:
    """Certify a provider by the profile of 9.4, for three years (CE-1 to CE-8)."""
    profile = Profile(
        addresses=(address.text,),
        not_before=instant - _BEFORE,
        not_after=instant + 3 * _YEAR,
        serial=serial,
        crl_addresses=(crl,),
    )
    return certify(issuer, name, address, key, profile)


def tls_credential(
    issuer: Issuer, hostnames: Sequence[str], serial: int, instant: datetime, *, client: bool = True
) -> Credential:
    """Certify a TLS server, which with `client` may also call others (DI-4)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, hostnames[0][:64]),
        ]
    )
    builder = _started(subject, issuer.subject, key, serial, instant - _BEFORE, instant + _YEAR)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if client else [])]
    builder = builder.add_extension(x509.SubjectAlternativeName([_host(name) for name in hostnames]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return _end_entity(issuer, builder, key)


def stamper_credential(
    issuer: Issuer, subject: x509.Name, key: rsa.RSAPrivateKey, serial: int, instant: datetime, *, crl: str
) -> Credential:
    """Certify a time-stamping unit: timeStamping, critical and alone (RFC 3161, 2.3)."""
    builder = _started(subject, issuer.subject, key, serial, instant - _BEFORE, instant + 5 * _YEAR)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return _end_entity(issuer, builder.add_extension(_crl_at(crl), critical=False), key)


def log_credential(
    issuer: Issuer, subject: x509.Name, key: rsa.RSAPrivateKey, serial: int, instant: datetime, *, crl: str
) -> Credential:
    """Certify a key that seals a provider's log: digital signature, for three years (LO-6)."""
    builder = _started(subject, issuer.subject, key, serial, instant - _BEFORE, instant + 3 * _YEAR)
    return _end_entity(issuer, builder.add_extension(_crl_at(crl), critical=False), key)


def _authority(
    name: str,
    builder: x509.CertificateBuilder,
    *,
    path_length: int,
    key: rsa.RSAPrivateKey,
    signed_by: rsa.RSAPrivateKey,
    above: tuple[bytes, ...],
) -> Issuer:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(key_usage_of(key_cert_sign=True, crl_sign=True), critical=True)
    der = builder.sign(signed_by, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return Issuer(name=name, key=key, certificate=der, above=above)


def _end_entity(issuer: Issuer, builder: x509.CertificateBuilder, key: Key) -> Credential:
    builder = builder.add_extension(key_identifier_of(issuer.key), critical=False)
    builder = builder.add_extension(key_usage_of(digital_signature=True), critical=True)
    der = builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return Credential(key=key, certificate=der, above=issuer.chain)


def _started(
    subject: x509.Name, issuer: x509.Name, key: Key, serial: int, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    public = key.public_key()
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=public,
        serial_number=serial,
        not_valid_before=not_before,
        not_valid_after=not_after,
    )
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _crl_at(address: str) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(address)], None, None, None)
    return x509.CRLDistributionPoints([point])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
