import pytest
from asn1crypto import x509 as asn1_x509

from ceralacca.testing.authority import Authority
from ceralacca.trust.certificate import MalformedCertificate, read_certificate

AUTHORITY = Authority.create()
ADDRESS = "posta-certificata@gestore-alfa.example"
PROVIDER = AUTHORITY.provider("Gestore Alfa", ADDRESS)
DER = PROVIDER.certificate


@pytest.mark.requirement("CE-2", "CE-3", "CE-5", "CE-6", "DI-8")
def test_what_a_reader_and_a_verifier_want_to_know():
    read = read_certificate(DER)
    assert read.facts.addresses == (ADDRESS,)
    assert read.facts.key == "RSA 2048"
    assert (read.key_kind, read.key_bits) == ("rsa", 2048)
    assert len(read.facts.sha1) == 40
    assert read.facts.sha1 == read.facts.sha1.upper()
    assert int(read.facts.serial, 16) == PROVIDER.x509.serial_number
    assert read.facts.not_after == PROVIDER.x509.not_valid_after_utc
    assert read.usages == {"digital_signature"}
    assert read.purposes == {"email_protection"}
    assert not read.is_authority
    assert read_certificate(AUTHORITY.intermediate.certificate).is_authority
    assert read_certificate(DER) is read


@pytest.mark.requirement("IP-7")
def test_named_by_issuer_and_serial_or_by_key():
    read = read_certificate(DER)
    assert read.is_named(read.issuer, read.serial, b"")
    assert read.is_named(b"", b"", read.key_identifier)
    assert not read.is_named(read.issuer, b"\x01", b"")
    assert not read.is_named(b"", b"", b"\x00")
    assert not read.is_named(b"", b"", b"")
    assert not read.is_named(b"0\x03x", read.serial, b"")


@pytest.mark.requirement("IP-7")
def test_a_name_written_in_other_string_types_is_the_same_name():
    read = read_certificate(DER)
    names = asn1_x509.Name.load(read.issuer).native
    again = asn1_x509.Name.build({key: value.upper() for key, value in names.items()}).dump()
    assert again != read.issuer
    assert read.is_named(again, read.serial, b"")


@pytest.mark.parametrize(
    "octets",
    [b"", b"0", b"\x30\x00", DER[:-1], DER + b"\0", bytes(70_000)],
)
def test_what_is_no_certificate_is_refused(octets):
    with pytest.raises(MalformedCertificate):
        read_certificate(octets)


@pytest.mark.requirement("SE-8")
def test_names_cannot_act_on_whoever_shows_them():
    hostile = asn1_x509.Certificate.load(DER)
    subject = asn1_x509.Name.build({"common_name": "Gestore\x1b[2J\r\nVerdetto: valido"})
    hostile["tbs_certificate"]["subject"] = subject
    shown = read_certificate(hostile.dump(force=True)).facts.subject
    assert "Gestore" in shown
    assert shown.isprintable()
