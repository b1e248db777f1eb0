"""The providers directory as LDIF: 9.2 read and written, faults refused with their line, deviations borne."""

import base64
import textwrap

import pytest

from ceralacca.core.directory import BaseEntry, Directory, ProviderRecord, certificate_sha1
from ceralacca.core.model.address import Address
from ceralacca.formats.directory_ldif import MalformedDirectory, read_directory, write_directory
from ceralacca.testing.directory import listed_certificate, make_directory

NAME = "Gestore Alfa S.p.A."
DER = listed_certificate(NAME)
SHA1 = certificate_sha1(DER)
OTHER = listed_certificate(NAME, 1)


def ldif_certificate(der: bytes = DER, description: str = "providerCertificate;binary") -> str:
    return "\n ".join(textwrap.wrap(f"{description}::{base64.b64encode(der).decode()}", 70))


BASE = """\
dn: o=postacert
objectclass: top
objectclass: organization
objectClass: LDIFLocationURLObject
o: postacert
LDIFLocationURL: https://igpec.example/igpec.ldif.p7m
description: Base root for the PEC providers directory
"""

MAIN = f"""\
dn: providerName=Gestore Alfa S.p.A.,o=postacert
objectclass: top
objectclass: provider
providerName: Gestore Alfa S.p.A.
providerCertificateHash: {SHA1}
{ldif_certificate()}
mailReceipt: ricevute@gestore-alfa.example
LDIFLocationURL: https://gestore-alfa.example/alfa.ldif.p7m
managedDomains: gestore-alfa.example
managedDomains: pec.alfa.example
description: Servizi di posta certificata per aziende
"""

SECONDARY = f"""\
dn: providerUnit=Ambiente Secondario,providerName=Gestore Alfa S.p.A.,o=postacert
objectclass: top
objectclass: provider
providerName: Gestore Alfa S.p.A.
providerUnit: Ambiente Secondario
providerCertificateHash: {SHA1}
{ldif_certificate()}
mailReceipt: ricevute@secondario.gestore-alfa.example
managedDomains: personale.alfa.example
"""


def read(*entries: str) -> Directory:
    return read_directory("\n".join(entries).encode())


def main_with(old: str, new: str) -> str:
    assert old in MAIN
    return MAIN.replace(old, new)


def codes(directory: Directory) -> list[str]:
    return [deviation.code for deviation in directory.deviations]


@pytest.mark.requirement("DI-2")
def test_the_example_of_the_rules_is_read() -> None:
    directory = read(BASE, MAIN, SECONDARY)
    assert directory.base == BaseEntry(
        location="https://igpec.example/igpec.ldif.p7m", description=("Base root for the PEC providers directory",)
    )
    main, secondary = directory.records
    assert main == ProviderRecord(
        name=NAME,
        certificates=(DER,),
        receipt_mailbox=Address("ricevute@gestore-alfa.example"),
        domains=("gestore-alfa.example", "pec.alfa.example"),
        location="https://gestore-alfa.example/alfa.ldif.p7m",
        description=("Servizi di posta certificata per aziende",),
    )
    assert secondary.unit == "Ambiente Secondario"
    assert secondary.certificates == main.certificates
    assert codes(directory) == []


@pytest.mark.requirement("DI-1")
def test_the_file_of_one_provider_has_no_base_entry() -> None:
    directory = read(MAIN, SECONDARY)
    assert directory.base is None
    assert len(directory.records) == 2


@pytest.mark.requirement("DI-1", "DI-2")
def test_what_is_written_is_read_back_and_canonical() -> None:
    directory = read(BASE, MAIN, SECONDARY)
    for whole in (directory, directory.of_provider(NAME), make_directory(providers=6, domains=30)):
        written = write_directory(whole)
        assert read_directory(written) == whole
        assert write_directory(read_directory(written)) == written
        assert written.isascii()
        assert b"\nproviderCertificate;binary:: " in written


def test_the_order_of_entries_is_free() -> None:
    assert read(SECONDARY, MAIN, BASE).records == tuple(reversed(read(BASE, MAIN, SECONDARY).records))


@pytest.mark.requirement("DI-8")
def test_names_options_hashes_and_classes_are_read_in_any_case() -> None:
    odd = (
        main_with(SHA1, SHA1.lower())
        .replace("providerCertificate;binary", "PROVIDERCERTIFICATE;Binary")
        .replace("providerName: Gestore", "PROVIDERNAME: GESTORE")
        .replace("managedDomains: pec", "ManagedDomains: PEC")
        .replace("objectclass: provider", "OBJECTCLASS: Provider")
        .replace("providerName=Gestore Alfa S.p.A.,o=", "PROVIDERNAME=gestore  alfa s.p.a., O=")
    )
    (record,) = read(odd).records
    assert record.name == "GESTORE Alfa S.p.A."
    assert record.hashes == (SHA1,)
    assert record.domains == ("gestore-alfa.example", "pec.alfa.example")


@pytest.mark.requirement("DI-6")
def test_two_certificates_are_paired_with_their_hashes_in_any_order() -> None:
    both = main_with(
        f"providerCertificateHash: {SHA1}\n{ldif_certificate()}\n",
        f"providerCertificateHash: {certificate_sha1(OTHER)}\nproviderCertificateHash: {SHA1}\n"
        f"{ldif_certificate()}\n{ldif_certificate(OTHER)}\n",
    )
    (record,) = read(both).records
    assert set(record.certificates) == {DER, OTHER}


def test_names_beyond_ascii_and_with_commas_are_read_and_written() -> None:
    name = "Società Più, Posta + Firma"
    record = ProviderRecord(
        name=name,
        certificates=(listed_certificate(name),),
        receipt_mailbox=Address("r@x.example"),
        domains=("x.example",),
        description=("à capo\nqui", " spazi "[1:-1]),
    )
    directory = Directory(records=(record,))
    assert read_directory(write_directory(directory)) == directory
    assert codes(read_directory(write_directory(directory))) == []


def _line_in(text: str, start: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if line.startswith(start))


DN = "providerName=Gestore Alfa S.p.A.,o=postacert"
HASH = f"providerCertificateHash: {SHA1}"
URL = "LDIFLocationURL: "
FAULTS = [
    ("providerName: Gestore", "providerName: Altro", "dn:", "does not agree"),
    ("providerName: Gestore Alfa S.p.A.\n", "", "dn:", "providername is missing"),
    ("mailReceipt: ricevute@gestore-alfa.example\n", "", "dn:", "mailreceipt is missing"),
    ("objectclass: provider\n", "", "dn:", "object class"),
    (DN, "providerName=Gestore Alfa S.p.A.,o=altro", "dn:", "dn"),
    (DN, "providerName=Gestore Alfa S.p.A.", "dn:", "dn"),
    (DN, f"providerUnit=U,{DN}", "dn:", "dn"),
    (DN, "cn=a+sn=b,o=postacert", "dn:", "distinguished name"),
    (HASH, f"providerCertificateHash: {'0' * 40}", "providerCertificateHash", "hash without"),
    (HASH, f"providerCertificateHash: {SHA1[:-1]}", "providerCertificateHash", "40 hex"),
    (HASH, f"providerCertificateHash;x: {SHA1}", "providerCertificateHash", "option"),
    ("providerCertificate;binary", "providerCertificate;binary;x", "providerCertificate;", "unknown option"),
    ("mailReceipt: ricevute@", "mailReceipt: <ricevute>@", "mailReceipt", "not a mail address"),
    ("mailReceipt: ricevute@", 'mailReceipt: "ricevute"@', "mailReceipt", "quoted"),
    ("mailReceipt: ricevute@gestore-alfa.example", "mailReceipt:", "mailReceipt", "address"),
    ("mailReceipt: ricevute@", "mailReceipt: a@b.example\nmailReceipt: ricevute@", "mailReceipt: ricevute", "twice"),
    ("managedDomains: pec.alfa.example", "managedDomains: pec .alfa.example", "managedDomains: pec", "not a domain"),
    ("managedDomains: pec.alfa.example", "managedDomains: .alfa.example", "managedDomains: .", "not a domain"),
    ("managedDomains: pec.alfa.example", "managedDomains: pèc.alfa.example", "managedDomains: p", "not a domain"),
    (URL, f"{URL}https://x.example\n{URL}", "LDIFLocationURL: https://gest", "twice"),
    ("providerName: Gestore", "providerName:: w4g=\nproviderName: Gestore", "providerName: ", "twice"),
    ("providerName: Gestore", "providerName:: /w==\nx: ", "providerName:: ", "UTF-8"),
]  # fmt: skip


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize(
    ("old", "new", "line_start", "what"), FAULTS, ids=[f"{n}-{f[3]}" for n, f in enumerate(FAULTS)]
)
def test_a_provider_that_breaks_the_schema_spoils_the_file_and_the_line_is_told(
    old: str, new: str, line_start: str, what: str
) -> None:
    faulty = main_with(old, new)
    with pytest.raises(MalformedDirectory, match=what) as caught:
        read(BASE, faulty)
    assert caught.value.line == BASE.count("\n") + 1 + _line_in(faulty, line_start)


@pytest.mark.parametrize(
    ("entries", "line", "what"),
    [
        ((BASE, BASE), 9, "second base"),
        ((MAIN, MAIN), MAIN.count("\n") + 2, "second record"),
        ((SECONDARY,), 1, "without its main"),
        ((MAIN, SECONDARY, SECONDARY), MAIN.count("\n") + SECONDARY.count("\n") + 3, "second record"),
    ],
)
def test_faults_between_entries(entries: tuple[str, ...], line: int, what: str) -> None:
    with pytest.raises(MalformedDirectory, match=what) as caught:
        read(*entries)
    assert caught.value.line == line


def test_a_certificate_without_its_hash_is_refused() -> None:
    with pytest.raises(MalformedDirectory, match="certificate without its hash"):
        read(main_with("mailReceipt", f"{ldif_certificate(OTHER)}\nmailReceipt"))


def test_one_changed_octet_of_a_certificate_is_found() -> None:
    altered = bytes([*DER[:-1], DER[-1] ^ 1])
    with pytest.raises(MalformedDirectory, match="hash without its certificate"):
        read(main_with(ldif_certificate(), ldif_certificate(altered)))


@pytest.mark.requirement("CE-1", "TO-10")
@pytest.mark.parametrize(
    ("entries", "deviations"),
    [
        ((MAIN, "dn: cn=admin,o=postacert\nobjectclass: person\n"), ["entry-ignored"]),
        ((MAIN, "dn: o=altro\no: altro\n"), ["entry-ignored"]),
        ((main_with("https://gestore", "http://gestore"),), ["location-not-https"]),
        ((MAIN, SECONDARY + "LDIFLocationURL: https://x.example/\n"), ["location-in-secondary"]),
        ((main_with("managedDomains: pec", "managedDomains: p_c"),), ["domain-not-a-host-name"]),
        ((main_with("managedDomains: pec.alfa.example", "managedDomains: solo"),), ["domain-not-a-host-name"]),
        ((MAIN + "managedDomains: PEC.alfa.example\n",), ["value-repeated"]),
        ((MAIN + ldif_certificate() + "\n",), ["value-repeated"]),
        ((main_with("providerCertificate;binary", "providerCertificate"),), ["certificate-without-binary"]),
        ((MAIN.replace("Gestore Alfa S.p.A.", "Gestore Alfa SpA"),), ["provider-name-not-in-certificate"]),
        ((MAIN + "entryUUID: 1\nstructuralObjectClass: provider\n",), []),
        ((MAIN.replace("Gestore Alfa S.p.A.", "GESTORE ALFA S.p.A."),), []),
        ((MAIN.replace("Gestore Alfa S.p.A.", "Alfa"),), []),
    ],
)
def test_what_costs_no_certainty_is_borne_and_told(entries: tuple[str, ...], deviations: list[str]) -> None:
    assert codes(read(*entries)) == deviations


def test_a_certificate_that_cannot_be_parsed_is_listed_and_told() -> None:
    """Nobody can be certified by it: a seal's signer must parse and equal it octet for octet."""
    junk = b"no certificate"
    directory = read(main_with(ldif_certificate(), ldif_certificate(junk)).replace(SHA1, certificate_sha1(junk)))
    assert codes(directory) == ["certificate-unreadable"]
    assert directory.owners(junk)


@pytest.mark.requirement("CE-1")
def test_an_address_in_the_certificates_name_is_told() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    from ceralacca.testing.clock import NOON

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, NAME), x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b.example")]
    )
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=subject,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=NOON,
        not_valid_after=NOON,
    )
    der = builder.sign(key, None).public_bytes(Encoding.DER)
    directory = read(main_with(ldif_certificate(), ldif_certificate(der)).replace(SHA1, certificate_sha1(der)))
    assert codes(directory) == ["address-in-certificate-name"]


def test_deviations_say_their_line_and_subject() -> None:
    directory = read(BASE, main_with("managedDomains: pec", "managedDomains: p_c"))
    (deviation,) = directory.deviations
    assert deviation.subject == "p_c.alfa.example"
    assert deviation.line == BASE.count("\n") + 1 + _line_in(MAIN, "managedDomains: pec")
