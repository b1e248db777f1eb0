"""The providers directory as LDIF: the schema of 9.1 over the syntax of `formats.ldif`.

An entry of object class `provider` must be whole and sound, or the file is refused with the line
of the fault: a half-read directory would make and unmake providers. What touches no certainty is
read and reported as a deviation: a name that its certificate does not carry (TO-10), a location
that is not https, entries and attributes that are not the directory's. Whoever exports from an
LDAP server leaves such things behind.

Clauses: 9.1, 9.2, DI-1, DI-2, CE-1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.x509.oid import NameOID

from ceralacca.core.directory import (
    BaseEntry,
    Directory,
    DirectoryDeviation,
    InvalidRecord,
    ProviderRecord,
    certificate_sha1,
    name_key,
)
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.formats.distinguished_name import MalformedName, read_name, write_name
from ceralacca.formats.ldif import (
    LDIF_LIMITS,
    Attribute,
    Entry,
    LdifLimits,
    MalformedDirectory,
    decode_text,
    read_ldif,
    write_ldif,
)

__all__ = ["MalformedDirectory", "read_directory", "write_directory"]

_ROOT = ("o", "postacert")
# The attributes of 9.1, in the lower case by which they are found.
_HASH, _CERTIFICATE = "providercertificatehash", "providercertificate"
_NAME, _UNIT = "providername", "providerunit"
_MAILBOX, _DOMAINS, _LOCATION = "mailreceipt", "manageddomains", "ldiflocationurl"
_WITHOUT_OPTIONS = (_HASH, _NAME, _UNIT, _MAILBOX, _DOMAINS, _LOCATION)
_SINGLE = (_NAME, _UNIT, _MAILBOX, _LOCATION)
_MULTIPLE = (_HASH, _CERTIFICATE, _DOMAINS)
_REQUIRED = (_HASH, _CERTIFICATE, _NAME, _MAILBOX, _DOMAINS)

_MOST_DEVIATIONS = 10_000

_HEX = re.compile(r"[0-9A-F]{40}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def read_directory(ldif: bytes, limits: LdifLimits = LDIF_LIMITS) -> Directory:
    """Read a whole directory, or the file of one provider.

    Raises MalformedDirectory with the line of the first fault. `Directory.deviations` tells
    what was borne.
    """
    reading = _Reading()
    for entry in read_ldif(ldif, limits):
        reading.take(_Values(entry))
    return reading.directory()


def write_directory(directory: Directory) -> bytes:
    """Write the LDIF of 9.2: the base entry when there is one, then the records in their order."""
    base = [_base_values(directory.base)] if directory.base else []
    return write_ldif([*base, *(_record_values(record) for record in directory.records)])


class _Values:
    """One entry with its attributes by name, and what was borne while looking at them."""

    def __init__(self, entry: Entry) -> None:
        self.line = entry.line
        try:
            self.name = read_name(entry.dn)
        except MalformedName as fault:
            raise MalformedDirectory(str(fault), line=entry.line) from fault
        self.repeated: list[Attribute] = []
        """Values of a multi-valued attribute that stood there already."""
        self._by_name: dict[str, list[Attribute]] = {}
        self._sort(entry)
        self._check()

    def _sort(self, entry: Entry) -> None:
        seen: set[tuple[str, bytes]] = set()
        for attribute in entry.attributes:
            if attribute.name in _MULTIPLE:
                value = attribute.value
                key = attribute.name, value if attribute.name == _CERTIFICATE else value.strip().lower()
                if key in seen:
                    self.repeated.append(attribute)
                    continue
                seen.add(key)
            self._by_name.setdefault(attribute.name, []).append(attribute)

    def _check(self) -> None:
        for name in _SINGLE:
            if len(several := self.all(name)) > 1:
                raise MalformedDirectory(f"{name} twice in one entry", line=several[1].line)
        for name in _WITHOUT_OPTIONS:
            for attribute in self.all(name):
                if attribute.options:
                    raise MalformedDirectory(f"{name} with an option", line=attribute.line)

    def all(self, name: str) -> list[Attribute]:
        return self._by_name.get(name, [])

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(decode_text(attribute).strip() for attribute in self.all(name))

    def text(self, name: str) -> str | None:
        return next(iter(self.texts(name)), None)

    def line_of(self, name: str, position: int = 0) -> int:
        values = self.all(name)
        return values[position].line if position < len(values) else self.line

    @property
    def is_base(self) -> bool:
        return _same_name(self.name, (_ROOT,))

    @property
    def is_provider(self) -> bool:
        """By its class, or by its place: an entry in a provider's place is never passed over."""
        return self.has_provider_class or self.name[0][0] in (_NAME, _UNIT)

    @property
    def has_provider_class(self) -> bool:
        return any(text.lower() == "provider" for text in self.texts("objectclass"))


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    base: BaseEntry | None = None
    records: list[ProviderRecord] = field(default_factory=list)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    """Where each record begins, by its key."""
    deviations: list[DirectoryDeviation] = field(default_factory=list)

    def take(self, values: _Values) -> None:
        if values.is_provider:
            self._take_record(values)
        elif values.is_base:
            self._take_base(values)
        else:
            self._bear("entry-ignored", values.name[0][1], values.line)

    def directory(self) -> Directory:
        mains = {provider for provider, unit in self.lines if not unit}
        for (provider, _), line in self.lines.items():
            if provider not in mains:
                raise MalformedDirectory("a secondary environment without its main one", line=line)
        return Directory(records=tuple(self.records), base=self.base, deviations=tuple(self.deviations))

    def _take_base(self, values: _Values) -> None:
        if self.base is not None:
            raise MalformedDirectory("a second base entry", line=values.line)
        self.base = BaseEntry(location=values.text(_LOCATION), description=values.texts("description"))
        self._look_at_location(values, "o=postacert")

    def _take_record(self, values: _Values) -> None:
        record = _record(values)
        if record.key in self.lines:
            raise MalformedDirectory("a second record of one environment", line=values.line)
        self.lines[record.key] = values.line
        self.records.append(record)
        self._look_at_location(values, record.name)
        self._look_at_values(values, record)
        for position, certificate in enumerate(record.certificates):
            for code in _certificate_deviations(certificate, record.name):
                self._bear(code, record.name, values.line_of(_CERTIFICATE, position))

    def _look_at_location(self, values: _Values, subject: str) -> None:
        location = values.text(_LOCATION)
        if location is None:
            return
        if not location.lower().startswith("https://"):
            self._bear("location-not-https", subject, values.line_of(_LOCATION))
        if values.text(_UNIT) is not None:
            self._bear("location-in-secondary", subject, values.line_of(_LOCATION))

    def _look_at_values(self, values: _Values, record: ProviderRecord) -> None:
        for attribute in values.repeated:
            self._bear("value-repeated", record.name, attribute.line)
        for attribute in values.all(_CERTIFICATE):
            if "binary" not in attribute.options:
                self._bear("certificate-without-binary", record.name, attribute.line)
        for position, domain in enumerate(record.domains):
            if not _HOST_NAME.fullmatch(domain):
                self._bear("domain-not-a-host-name", domain, values.line_of(_DOMAINS, position))

    def _bear(self, code: str, subject: str, line: int) -> None:
        if len(self.deviations) >= _MOST_DEVIATIONS:
            raise MalformedDirectory(f"more than {_MOST_DEVIATIONS} deviations: this is no directory", line=line)
        self.deviations.append(DirectoryDeviation(code=code, subject=subject, line=line))


def _record(values: _Values) -> ProviderRecord:
    if not values.has_provider_class:
        raise MalformedDirectory("a provider's entry without object class provider", line=values.line)
    for name in _REQUIRED:
        if not values.all(name):
            raise MalformedDirectory(f"{name} is missing", line=values.line)
    _check_certificates(values)
    try:
        record = ProviderRecord(
            name=values.text(_NAME) or "",
            unit=values.text(_UNIT),
            certificates=tuple(attribute.value for attribute in values.all(_CERTIFICATE)),
            receipt_mailbox=_mailbox(values),
            domains=values.texts(_DOMAINS),
            location=values.text(_LOCATION),
            description=values.texts("description"),
        )
    except InvalidRecord as fault:
        line = values.line_of(fault.attribute.lower(), fault.position)
        raise MalformedDirectory(str(fault), line=line) from fault
    if not _same_name(values.name, _place(record)):
        raise MalformedDirectory(
            "the entry's dn does not agree with its providerName and providerUnit", line=values.line
        )
    return record


def _mailbox(values: _Values) -> Address:
    try:
        return Address(values.text(_MAILBOX) or "")
    except InvalidAddress as fault:
        raise MalformedDirectory(str(fault), line=values.line_of(_MAILBOX)) from fault


def _check_certificates(values: _Values) -> None:
    """Every hash has its certificate and every certificate its hash: else one of the two was tampered with."""
    found = {certificate_sha1(attribute.value) for attribute in values.all(_CERTIFICATE)}
    listed: set[str] = set()
    for attribute, text in zip(values.all(_HASH), values.texts(_HASH), strict=True):
        if not _HEX.fullmatch(text.upper()):
            raise MalformedDirectory("a hash that is not 40 hexadecimal digits", line=attribute.line)
        if text.upper() not in found:
            raise MalformedDirectory("a hash without its certificate", line=attribute.line)
        listed.add(text.upper())
    for attribute in values.all(_CERTIFICATE):
        if attribute.options - {"binary"}:
            raise MalformedDirectory("a certificate with an unknown option", line=attribute.line)
        if certificate_sha1(attribute.value) not in listed:
            raise MalformedDirectory("a certificate without its hash", line=attribute.line)


def _certificate_deviations(der: bytes, provider: str) -> Iterator[str]:
    """Look at the subject (CE-1); a name that differs, or cannot be read, decides nothing (TO-10)."""
    try:
        subject = x509.load_der_x509_certificate(der).subject
    except ValueError:
        yield "certificate-unreadable"
        return
    names = [*_subject_texts(subject, NameOID.COMMON_NAME), *_subject_texts(subject, NameOID.ORGANIZATION_NAME)]
    if not any(name_key(provider) in name_key(name) for name in names):
        yield "provider-name-not-in-certificate"
    if _subject_texts(subject, NameOID.EMAIL_ADDRESS):
        yield "address-in-certificate-name"


def _subject_texts(subject: x509.Name, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(part.value) for part in subject.get_attributes_for_oid(kind)]


def _place(record: ProviderRecord) -> tuple[tuple[str, str], ...]:
    """Where a record stands in the tree (9.1)."""
    main = (("providerName", record.name), _ROOT)
    return main if record.unit is None else (("providerUnit", record.unit), *main)


def _same_name(one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]) -> bool:
    return [(kind.lower(), name_key(value)) for kind, value in one] == [
        (kind.lower(), name_key(value)) for kind, value in other
    ]


_WrittenEntry = tuple[str, list[tuple[str, bytes]]]


def _base_values(base: BaseEntry) -> _WrittenEntry:
    texts = [("objectClass", "top"), ("objectClass", "organization"), ("objectClass", "LDIFLocationURLObject")]
    texts.append(_ROOT)
    if base.location is not None:
        texts.append(("LDIFLocationURL", base.location))
    texts += [("description", text) for text in base.description]
    return write_name(_ROOT), [(name, text.encode()) for name, text in texts]


def _record_values(record: ProviderRecord) -> _WrittenEntry:
    values = [("objectClass", b"top"), ("objectClass", b"provider"), ("providerName", record.name.encode())]
    if record.unit is not None:
        values.append(("providerUnit", record.unit.encode()))
    values += [("providerCertificateHash", sha1.encode()) for sha1 in record.hashes]
    values += [("providerCertificate;binary", der) for der in record.certificates]  # RFC 4522
    values.append(("mailReceipt", record.receipt_mailbox.text.encode()))
    if record.location is not None:
        values.append(("LDIFLocationURL", record.location.encode()))
    values += [("managedDomains", domain.encode()) for domain in record.domains]
    values += [("description", text.encode()) for text in record.description]
    return write_name(*_place(record)), values
