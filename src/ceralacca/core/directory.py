"""The providers directory as a value: who is a provider, which domains are PEC, whose key is whose.

Indices are built once; every question during processing is a dict lookup in the local copy
(DI-3). No LDIF here (`formats.directory_ldif`), no file (`store.directory_copy`), and a
certificate is a run of DER octets with a hash: nothing here looks inside one.

Clauses: MO-4, MO-8, DI-6 to DI-9, AM-25; IP-7 and IP-14 lean on it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ceralacca.base.errors import PeerError
from ceralacca.core.model.address import Address, InvalidAddress

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class InvalidRecord(PeerError):
    """A record breaks the schema of 9.1; `attribute` and `position` say which value of it."""

    def __init__(self, what: str, *, attribute: str, position: int = 0) -> None:
        super().__init__(f"{attribute}: {what}")
        self.attribute = attribute
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryDeviation:
    """Something wrong that costs no certainty: kept for the operator, the directory stands (TO-10)."""

    code: str
    """Kebab-case, stable."""
    subject: str
    """The provider, environment or domain that it is about."""
    line: int = 0
    """Of the LDIF, from 1; 0 when it is about several places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseEntry:
    """The entry `o=postacert` (9.2)."""

    location: str | None = None
    """`LDIFLocationURL` of the whole directory."""
    description: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecord:
    """One operating environment of one provider (9.1). Raises InvalidRecord when it breaks the schema."""

    name: str
    """`providerName`."""
    unit: str | None = None
    """`providerUnit`; None for the main environment."""
    certificates: tuple[bytes, ...]
    """`providerCertificate`, DER; during renewal the old and the new one (DI-6)."""
    receipt_mailbox: Address
    """`mailReceipt`: the service mailbox, where rows 6 and 8 go (MO-4)."""
    domains: tuple[str, ...]
    """`managedDomains`, kept in lower case."""
    location: str | None = None
    """`LDIFLocationURL`."""
    description: tuple[str, ...] = ()
    hashes: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """`providerCertificateHash` of each certificate, in the same order: 40 upper-case digits."""

    def __post_init__(self) -> None:
        _check_domains(self.domains)
        object.__setattr__(self, "domains", tuple(domain.lower() for domain in self.domains))
        object.__setattr__(self, "hashes", tuple(certificate_sha1(der) for der in self.certificates))
        _check_name("providerName", self.name)
        if self.unit is not None:
            _check_name("providerUnit", self.unit)
        _check_mailbox(self.receipt_mailbox)
        _check_values("providerCertificateHash", self.hashes)
        _check_values("managedDomains", self.domains)

    @property
    def is_main(self) -> bool:
        """True for the main environment."""
        return self.unit is None

    @property
    def provider_key(self) -> str:
        """What tells two providers apart: caseIgnoreMatch of `providerName`."""
        return name_key(self.name)

    @property
    def key(self) -> tuple[str, str]:
        """What tells two records apart: provider and environment."""
        return self.provider_key, "" if self.unit is None else name_key(self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """All records that we hold, with their indices.

    Raises InvalidRecord for two records of one environment and for a secondary environment
    whose provider has no main one.
    """

    records: tuple[ProviderRecord, ...]
    base: BaseEntry | None = None
    """None in the file of one provider (DI-1)."""
    deviations: tuple[DirectoryDeviation, ...] = field(default=(), compare=False)
    """What reading tolerated, and what two records claim against each other."""
    _by_domain: dict[str, tuple[ProviderRecord, ...]] = field(init=False, compare=False, repr=False)
    _by_hash: dict[str, tuple[ProviderRecord, ...]] = field(init=False, compare=False, repr=False)
    _by_provider: dict[str, tuple[ProviderRecord, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        by_domain = _index(self.records, lambda record: record.domains)
        by_hash = _index(self.records, lambda record: record.hashes)
        by_provider = _index(self.records, lambda record: (record.provider_key,))
        _check_tree(by_provider)
        object.__setattr__(self, "_by_domain", by_domain)
        object.__setattr__(self, "_by_hash", by_hash)
        object.__setattr__(self, "_by_provider", by_provider)
        found = (*self.deviations, *_claimed_twice(by_domain, by_hash))
        object.__setattr__(self, "deviations", tuple(dict.fromkeys(found)))

    def is_pec(self, domain: str) -> bool:
        """Tell whether the domain is PEC (MO-8): exact match, any case, no parents, no wildcards (DI-7)."""
        # `isascii`: lower() would make a plain k of the Kelvin sign.
        return domain.isascii() and domain.lower() in self._by_domain

    def records_of_domain(self, domain: str) -> tuple[ProviderRecord, ...]:
        """Return every record that lists the domain (DI-7): one, in a directory without deviation."""
        return self._by_domain.get(domain.lower(), ()) if domain.isascii() else ()

    def record_of_domain(self, domain: str) -> ProviderRecord | None:
        """Return the record that manages the domain.

        None when nobody does, and also when two providers claim it: the domain is PEC all the
        same (`is_pec`), but nobody's word is taken for whose it is.
        """
        records = self.records_of_domain(domain)
        return records[0] if records and _one_provider(records) else None

    def records_of_certificate(self, sha1: str) -> tuple[ProviderRecord, ...]:
        """Return the records that list this hash, any case (DI-8, first half).

        A hash alone proves nothing: `owners` compares the octets as well.
        """
        return self._by_hash.get(sha1.upper(), ()) if sha1.isascii() else ()

    def certificate(self, sha1: str) -> bytes | None:
        """Return the listed certificate of this hash, as its first record has it; None when nobody lists it."""
        records = self.records_of_certificate(sha1)
        listed = (pair for record in records for pair in zip(record.certificates, record.hashes, strict=True))
        return next((der for der, listed_hash in listed if listed_hash == sha1), None)

    def owners(self, certificate: bytes) -> tuple[ProviderRecord, ...]:
        """Return the records that list this very certificate: hash and all octets (DI-8, IP-7)."""
        listed = self._by_hash.get(certificate_sha1(certificate), ())
        return tuple(record for record in listed if certificate in record.certificates)

    def owns(self, certificate: bytes, domain: str) -> bool:
        """Tell whether a record that owns the certificate manages the domain (IP-14)."""
        # Who lists the octets lists their hash as well, which is reckoned from them (DI-8).
        return bool([record for record in self.records_of_domain(domain) if certificate in record.certificates])

    def receipt_record(self, certificate: bytes, sender_domain: str) -> ProviderRecord | None:
        """Choose among the certificate's owners (DI-9, AM-25); None when it has none.

        The one that manages the sender's domain; else the provider's main environment.
        """
        owners = self.owners(certificate)
        if managing := _common(owners, self.records_of_domain(sender_domain)):
            return managing[0]
        if len(owners) == 1:
            return owners[0]
        main = next((record for record in owners if record.is_main), None)
        return main or (self.main_record(owners[0].name) if owners else None)

    def receipt_mailbox(self, certificate: bytes, sender_domain: str) -> Address | None:
        """Return where rows 6 and 8 about an envelope go, by its signer and its sender's domain (DI-9)."""
        record = self.receipt_record(certificate, sender_domain)
        return None if record is None else record.receipt_mailbox

    def records_of_provider(self, name: str) -> tuple[ProviderRecord, ...]:
        """Return all environments of one provider in file order; empty when it is not listed."""
        return self._by_provider.get(name_key(name), ())

    def main_record(self, name: str) -> ProviderRecord | None:
        """Return the main environment of one provider."""
        return next((record for record in self.records_of_provider(name) if record.is_main), None)

    def of_provider(self, name: str) -> "Directory":
        """Return the part that the provider itself publishes at its LDIFLocationURL (DI-1)."""
        return Directory(records=self.records_of_provider(name))


@lru_cache(maxsize=1024)
def certificate_sha1(certificate: bytes) -> str:
    """Return the hash by which the directory lists a DER certificate: 40 upper-case hexadecimal digits.

    SHA-1 is the schema's (9.1) and names a certificate only; the octets are compared besides (DI-8). Kept, since a
    provider seals every message of a day with one certificate.
    """
    return hashlib.sha1(certificate, usedforsecurity=False).hexdigest().upper()


def name_key(name: str) -> str:
    """Return what caseIgnoreMatch compares in a provider's name: no case, no difference in spaces."""
    return " ".join(name.split()).casefold()


def _index(
    records: tuple[ProviderRecord, ...], keys: Callable[[ProviderRecord], Iterable[str]]
) -> dict[str, tuple[ProviderRecord, ...]]:
    """Group records by key; the main environment first, else in file order."""
    index: dict[str, tuple[ProviderRecord, ...]] = {}
    several: dict[str, list[ProviderRecord]] = {}
    for record in records:
        alone = (record,)
        for key in keys(record):
            if index.setdefault(key, alone) is not alone:
                several.setdefault(key, [*index[key]]).append(record)
    for key, group in several.items():
        index[key] = tuple(sorted(group, key=lambda record: not record.is_main))
    return index


def _common(some: tuple[ProviderRecord, ...], others: tuple[ProviderRecord, ...]) -> tuple[ProviderRecord, ...]:
    wanted = {id(record) for record in others}
    return tuple(record for record in some if id(record) in wanted)


def _check_tree(by_provider: dict[str, tuple[ProviderRecord, ...]]) -> None:
    for records in by_provider.values():
        if not records[0].is_main:
            raise InvalidRecord("a secondary environment without its main one", attribute="providerUnit")
        if len({record.key for record in records}) < len(records):
            raise InvalidRecord("two records of one environment", attribute="providerName")


def _claimed_twice(
    by_domain: dict[str, tuple[ProviderRecord, ...]], by_hash: dict[str, tuple[ProviderRecord, ...]]
) -> Iterator[DirectoryDeviation]:
    """Find what two records claim. Environments of one provider may share a certificate; nothing else is shared."""
    for domain, records in by_domain.items():
        if len(records) > 1:
            code = "domain-of-several-environments" if _one_provider(records) else "domain-of-several-providers"
            yield DirectoryDeviation(code=code, subject=domain)
    for sha1, records in by_hash.items():
        if not _one_provider(records):
            yield DirectoryDeviation(code="certificate-of-several-providers", subject=sha1)


def _one_provider(records: tuple[ProviderRecord, ...]) -> bool:
    return len(records) == 1 or len({record.provider_key for record in records}) == 1


def _check_name(attribute: str, name: str) -> None:
    if not name or name != name.strip() or _CONTROL.search(name):  # SE-8
        raise InvalidRecord("empty, padded with spaces, or with a control character", attribute=attribute)


def _check_mailbox(address: Address) -> None:
    """Dot-atom on both sides: no quotes, comments or brackets (9.1)."""
    try:
        Address.parse(address.text)
    except InvalidAddress:
        raise InvalidRecord("not a mail address", attribute="mailReceipt") from None
    if address.text.startswith('"'):
        raise InvalidRecord("a quoted local part", attribute="mailReceipt")


def _check_domains(domains: tuple[str, ...]) -> None:
    for position, domain in enumerate(domains):
        if len(domain) > 253 or not _DOT_ATOM.fullmatch(domain):
            raise InvalidRecord("not a domain name", attribute="managedDomains", position=position)


def _check_values(attribute: str, values: tuple[str, ...]) -> None:
    if not values:
        raise InvalidRecord("no value", attribute=attribute)
    if len(set(values)) < len(values):
        raise InvalidRecord("the same value twice", attribute=attribute)
