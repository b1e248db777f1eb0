"""A private providers directory for tests, benches and the sandbox (DI-11).

Deterministic: the same arguments give the same octets. Certificates come from the caller (those
of `testing.authority`), or are made here: real X.509 with the provider's name in O, self-signed
with a key that everybody can compute, good for looking up and for nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ceralacca.core.directory import BaseEntry, Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.trust.directory_file import seal_directory_file

_NOT_BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(2044, 1, 1, tzinfo=UTC)

PROVIDERS = ("Gestore Alfa S.p.A.", "Gestore Beta S.r.l.")
"""The invented providers whose keys the testing kit has ready."""

BASE = BaseEntry(
    location="https://indice.prova.example/igpec.ldif.p7m", description=("TEST directory of invented providers",)
)
"""The base entry of every directory made here."""


def listed_certificate(provider: str, number: int = 0) -> bytes:
    """Return a DER certificate that can be listed but seals nothing: an Ed25519 key computed from the name."""
    key = Ed25519PrivateKey.from_private_bytes(sha256(f"{provider}/{number}".encode()).digest())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, provider),
            x509.NameAttribute(NameOID.COMMON_NAME, "Posta Certificata TEST"),
        ]
    )
    builder = x509.CertificateBuilder(
        subject_name=name,
        issuer_name=name,
        public_key=key.public_key(),
        serial_number=1 + number,
        not_valid_before=_NOT_BEFORE,
        not_valid_after=_NOT_AFTER,
    )
    return builder.sign(key, None).public_bytes(Encoding.DER)


def provider_record(
    name: str,
    domains: Sequence[str],
    *,
    certificates: Sequence[bytes] = (),
    mailbox: str = "",
    unit: str | None = None,
) -> ProviderRecord:
    """Return a record with what is left out made up: one listed certificate, `ricevute@` the first domain."""
    return ProviderRecord(
        name=name,
        unit=unit,
        certificates=tuple(certificates) or (listed_certificate(name),),
        receipt_mailbox=Address.parse(mailbox or f"ricevute@{domains[0]}"),
        domains=tuple(domains),
        location=None if unit else f"https://{domains[0]}/gestore.ldif.p7m",
    )


def directory_of(*records: ProviderRecord) -> Directory:
    """Return a whole directory of these records, with its base entry."""
    return Directory(records=records, base=BASE)


def make_directory(
    *,
    providers: int = 40,
    domains: int = 3000,
    secondary_every: int = 5,
    renewing_every: int = 7,
    certificate_of: Callable[[str, int], bytes] = listed_certificate,
) -> Directory:
    """Return a directory of the size of a country.

    `domains` are dealt out evenly. Each `secondary_every`-th provider has a secondary environment
    under the same certificate (9.2), each `renewing_every`-th an old certificate beside the new
    one (DI-6). `certificate_of` gives the DER for a provider's name and a number from 0.
    """
    records: list[ProviderRecord] = []
    for index in range(providers):
        name = f"Gestore {index:02d} S.p.A. TEST"
        own = [f"dominio-{number:04d}.pec.example" for number in range(index, domains, providers)]
        certificates = [certificate_of(name, number) for number in range(1 + (index % renewing_every == 0))]
        home = f"gestore-{index:02d}.example"
        if index % secondary_every:
            records.append(provider_record(name, [home, *own], certificates=certificates))
            continue
        half = len(own) // 2
        records += (
            provider_record(name, [home, *own[:half]], certificates=certificates),
            provider_record(
                name, [f"secondario.{home}", *own[half:]], certificates=certificates, unit="Ambiente Secondario"
            ),
        )
    return directory_of(*records)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateDirectory:
    """A directory whose providers can seal and whose manager has sealed it (DI-2, DI-11)."""

    directory: Directory
    manager: TestIdentity
    providers: tuple[TestIdentity, ...]

    def p7m(self, instant: datetime) -> bytes:
        """Return the whole directory as its manager publishes it."""
        return seal_directory_file(self.directory, self.manager, instant)

    def p7m_of(self, provider: TestIdentity, instant: datetime) -> bytes:
        """Return one provider's records as the provider publishes them (DI-1)."""
        return seal_directory_file(self.directory.of_provider(provider.name), provider, instant)


def private_directory(authority: Authority, names: Sequence[str] = PROVIDERS) -> PrivateDirectory:
    """Certify the named providers and list them with two domains and a secondary environment each (DI-11).

    Provider number n seals as `posta-certificata@gestore-<n>.example` and manages `pec.gestore-<n>.example`.
    """
    identities = []
    records: list[ProviderRecord] = []
    for number, name in enumerate(names, 1):
        home = f"gestore-{number}.example"
        identity = authority.provider(name, f"posta-certificata@{home}")
        identities.append(identity)
        mine = [identity.certificate]
        records += (
            provider_record(name, [home, f"pec.{home}"], certificates=mine),
            provider_record(name, [f"secondario.{home}"], certificates=mine, unit="Ambiente Secondario"),
        )
    return PrivateDirectory(
        directory=directory_of(*records), manager=authority.directory_manager(), providers=tuple(identities)
    )
