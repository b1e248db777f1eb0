"""A certification authority for tests: root, intermediate, CRLs and providers of the profile in 9.4.

Everything it makes is marked TEST, stands under `.example` names and is the same octets on every
run: keys come from `testing.keys`, serial numbers from the names, instants from the caller. It is
not a model of a real authority: its keys are known to everybody. The wrong certificates that a
verifier must refuse are in `testing.zoo`.

Clauses: CE-1 to CE-8, GE-2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from ceralacca.core.model.address import Address
from ceralacca.testing.clock import NOON
from ceralacca.testing.keys import private_key

_POLICY = x509.ObjectIdentifier("2.999.76.16.3.1.1")  # under the arc kept for examples, not AgID's own (CE-8)
_CPS = "http://pki.prova.example/cps"
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestIdentity:
    """A key with its certificate; satisfies `ports.signer.Signer`."""

    __test__: ClassVar[bool] = False  # not a test case, whatever its name

    name: str
    address: Address
    """What the holder claims as provider address: in a wrong certificate it may not be the rfc822Name."""
    key: rsa.RSAPrivateKey
    certificate: bytes
    """DER."""
    intermediates: tuple[bytes, ...] = ()
    """DER, the issuer first."""

    @property
    def checks_itself(self) -> bool:
        """No: tests give it keys that are not of its certificate."""
        return False

    def sign(self, octets: bytes) -> bytes:
        """Return the PKCS#1 v1.5 signature with SHA-256."""
        return self.key.sign(octets, padding.PKCS1v15(), hashes.SHA256())

    @property
    def x509(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_der_x509_certificate(self.certificate)

    def pkcs8(self, passphrase: bytes | None = None) -> bytes:
        """Return the key as PKCS#8 PEM, encrypted when a passphrase is given."""
        lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)

    def certificate_pem(self) -> bytes:
        """Return the certificate and those above it as PEM, signer first."""
        return b"".join(pem(der) for der in (self.certificate, *self.intermediates))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What goes into a provider's certificate: by default the profile of 9.4; the zoo changes one thing at a time."""

    addresses: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    serial: int
    digital_signature: bool = True
    key_usage: bool = True
    extended_usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION
    crl_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One entry of a CRL."""

    serial: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An authority's key, certificate and place in the tree."""

    name: str
    key: rsa.RSAPrivateKey
    certificate: bytes
    """DER."""
    above: tuple[bytes, ...] = ()
    """DER of the certificates above this one up to the anchor, which is left out; nearest first."""

    @property
    def subject(self) -> x509.Name:
        """The distinguished name that stands as issuer in what it signs."""
        return x509.load_der_x509_certificate(self.certificate).subject

    @property
    def crl_address(self) -> str:
        """Where its CRL would be, were there a network."""
        return f"http://crl.prova.example/{self.name}.crl"

    @property
    def is_root(self) -> bool:
        """True when the certificate is its own issuer."""
        parsed = x509.load_der_x509_certificate(self.certificate)
        return parsed.issuer == parsed.subject

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What a signer certified by this issuer puts beside its own certificate (GE-2): no anchor."""
        return () if self.is_root else (self.certificate, *self.above)

    def crl(self, *, at: datetime, until: datetime, revoked: Sequence[Revocation] = ()) -> bytes:
        """Return the DER of a CRL issued at one instant and to be renewed by another."""
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self.subject,
            last_update=at,
            next_update=until,
        )
        builder = builder.add_extension(key_identifier_of(self.key), critical=False)
        builder = builder.add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
        for entry in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(serial_number=entry.serial, revocation_date=entry.at).build(),
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A two-level authority as it stands at one instant."""

    instant: datetime
    root: Issuer
    intermediate: Issuer

    @classmethod
    def create(cls, instant: datetime = NOON, *, name: str = "prova") -> "Authority":
        """Make root and intermediate, valid for years around the instant. Another name gives a stranger."""
        root = root_issuer(name, instant)
        return cls(instant=instant, root=root, intermediate=sub_issuer(f"{name}-intermedia", root, instant))

    def provider(
        self,
        name: str,
        address: str | Address,
        *,
        key: rsa.RSAPrivateKey | None = None,
        serial: int | None = None,
        valid: tuple[datetime, datetime] | None = None,
    ) -> TestIdentity:
        """Certify a provider by the profile of 9.4 (CE-1 to CE-8): three years, one of them past.

        The key is the TEST key of that name unless given; the serial number comes from name and address.
        """
        holder = address if isinstance(address, Address) else Address.parse(address)
        not_before, not_after = valid or (self.instant - _YEAR, self.instant + 2 * _YEAR)
        profile = Profile(
            addresses=(holder.text,),
            not_before=not_before,
            not_after=not_after,
            serial=serial_for(name, holder.text) if serial is None else serial,
            crl_addresses=(self.intermediate.crl_address,),
        )
        return certify(self.intermediate, name, holder, key or private_key(name), profile)

    def directory_manager(self) -> TestIdentity:
        """Certify the manager of the providers directory, who signs `igpec.ldif.p7m` (DI-2)."""
        return self.provider("gestione-indice", "indice@prova.example")

    def log_signer(self) -> TestIdentity:
        """Certify the key that signs the message log, which is not the PEC key (LO-6)."""
        return self.provider("giornale", "giornale@prova.example")

    def anchors(self) -> list[bytes]:
        """Return the DER of the trust anchors: the root."""
        return [self.root.certificate]

    def crls(self, *, at: datetime | None = None, revoked: Sequence[Revocation] = ()) -> list[bytes]:
        """Return the DER of both CRLs as issued a day before `at` and good for a week after it.

        `revoked` goes into the intermediate's, which speaks of the providers.
        """
        moment = at or self.instant
        return [
            self.root.crl(at=moment - _DAY, until=moment + 7 * _DAY),
            self.intermediate.crl(at=moment - _DAY, until=moment + 7 * _DAY, revoked=revoked),
        ]

    def revocation(self, identity: TestIdentity, at: datetime) -> Revocation:
        """Return the CRL entry that revokes an identity from an instant on."""
        return Revocation(serial=identity.x509.serial_number, at=at)


def pem(der: bytes) -> bytes:
    """Write a DER certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def serial_for(*names: str) -> int:
    """Return a positive serial number of 64 bits, fixed by the names."""
    return int.from_bytes(sha256("\n".join(names).encode()).digest()[:8], "big") >> 1 | 1 << 62


def subject_name(name: str) -> x509.Name:
    """Return a provider's distinguished name: its name in O, no address (CE-1)."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Posta Certificata"),
        ],
    )


def key_identifier_of(key: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    """Return the authorityKeyIdentifier, with keyIdentifier, that points to a key (CE-4)."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def root_issuer(name: str, instant: datetime) -> Issuer:
    """Make a self-signed root."""
    key = private_key(f"{name}-root")
    subject = _authority_name(f"Autorita' di prova {name} TEST")
    builder = _started(subject, subject, key, serial_for(name), instant - 5 * _YEAR, instant + 15 * _YEAR)
    builder = _with_authority_extensions(builder, path_length=1)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return Issuer(name=name, key=key, certificate=certificate)


def sub_issuer(
    name: str,
    above: Issuer,
    instant: datetime,
    *,
    key: rsa.RSAPrivateKey | None = None,
    constraints: x509.NameConstraints | None = None,
    is_authority: bool = True,
    signs_certificates: bool = True,
) -> Issuer:
    """Make an authority under another; the last two arguments make it one that may not certify anybody.

    The key is the TEST key of that name unless given.
    """
    key = key or private_key(name)
    subject = _authority_name(f"Autorita' di prova {name} TEST")
    builder = _started(subject, above.subject, key, serial_for(name), instant - 4 * _YEAR, instant + 10 * _YEAR)
    builder = _with_authority_extensions(
        builder,
        path_length=0,
        is_authority=is_authority,
        signs_certificates=signs_certificates,
    )
    builder = _with_addresses(builder, above, (above.crl_address,))
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    certificate = builder.sign(above.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return Issuer(name=name, key=key, certificate=certificate, above=above.chain)


def certify(
    issuer: Issuer,
    name: str,
    address: Address,
    key: rsa.RSAPrivateKey,
    profile: Profile,
) -> TestIdentity:
    """Sign a provider's certificate: exactly what the profile says, basicConstraints absent (CE-6)."""
    builder = provider_builder(subject_name(name), issuer, key, profile)
    certificate = builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return TestIdentity(name=name, address=address, key=key, certificate=certificate, intermediates=issuer.chain)


def provider_builder(
    subject: x509.Name,
    issuer: Issuer,
    key: rsa.RSAPrivateKey,
    profile: Profile,
) -> x509.CertificateBuilder:
    """Return a provider's certificate before its signature."""
    builder = _started(subject, issuer.subject, key, profile.serial, profile.not_before, profile.not_after)
    if profile.addresses:
        names = x509.SubjectAlternativeName([x509.RFC822Name(address) for address in profile.addresses])
        builder = builder.add_extension(names, critical=False)  # CE-2
    if profile.key_usage:
        usage = key_usage_of(
            digital_signature=profile.digital_signature, key_encipherment=not profile.digital_signature
        )
        builder = builder.add_extension(usage, critical=True)  # CE-3
    if profile.extended_usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([profile.extended_usage]), critical=False)  # CE-8
    policy = x509.PolicyInformation(_POLICY, [_CPS])
    builder = builder.add_extension(x509.CertificatePolicies([policy]), critical=False)  # CE-7, CE-8
    return _with_addresses(builder, issuer, profile.crl_addresses)


def key_usage_of(**bits: bool) -> x509.KeyUsage:
    """Return a keyUsage with only the named bits."""
    every = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**(every | bits))


def _authority_name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Autorita' di prova TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ],
    )


def _started(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    serial: int,
    not_before: datetime,
    not_after: datetime,
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
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)  # CE-5


def _with_authority_extensions(
    builder: x509.CertificateBuilder,
    *,
    path_length: int,
    is_authority: bool = True,
    signs_certificates: bool = True,
) -> x509.CertificateBuilder:
    if is_authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(key_usage_of(key_cert_sign=signs_certificates, crl_sign=True), critical=True)


def _with_addresses(
    builder: x509.CertificateBuilder,
    issuer: Issuer,
    crl_addresses: Sequence[str],
) -> x509.CertificateBuilder:
    """Add who the issuer is and where its certificate, answers and CRL would be (CE-4, CE-8, CE-10)."""
    builder = builder.add_extension(key_identifier_of(issuer.key), critical=False)
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _uri("http://ocsp.prova.example/")),
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, _uri(f"http://pki.prova.example/{issuer.name}.cer")
        ),
    ]
    builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    if not crl_addresses:
        return builder
    point = x509.DistributionPoint([_uri(address) for address in crl_addresses], None, None, None)
    return builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)
