import re
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ceralacca.core.model.address import Address
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.clock import NOON

ADDRESS = "posta-certificata@gestore-alfa.example"
AUTHORITY = Authority.create()
PROVIDER = AUTHORITY.provider("Gestore Alfa S.p.A.", ADDRESS)


def extension(kind, certificate=PROVIDER.x509):
    return certificate.extensions.get_extension_for_class(kind)


@pytest.mark.requirement("CE-1")
def test_the_subject_names_the_provider_and_no_address():
    subject = PROVIDER.x509.subject
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Gestore Alfa S.p.A."
    assert not subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    assert "@" not in subject.rfc4514_string()


@pytest.mark.requirement("CE-2", "MO-3")
def test_the_provider_address_is_an_rfc822_name():
    names = extension(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.RFC822Name) == [ADDRESS]
    assert not names.critical


@pytest.mark.requirement("CE-3")
def test_the_key_is_for_digital_signatures():
    usage = extension(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign


@pytest.mark.requirement("CE-4")
def test_the_issuers_key_is_identified():
    identifier = extension(x509.AuthorityKeyIdentifier)
    above = x509.load_der_x509_certificate(PROVIDER.intermediates[0])
    assert not identifier.critical
    assert identifier.value.key_identifier == extension(x509.SubjectKeyIdentifier, above).value.digest


@pytest.mark.requirement("CE-5")
def test_the_own_key_is_identified():
    identifier = extension(x509.SubjectKeyIdentifier)
    assert not identifier.critical
    assert identifier.value == x509.SubjectKeyIdentifier.from_public_key(PROVIDER.x509.public_key())


@pytest.mark.requirement("CE-6")
def test_basic_constraints_are_absent():
    with pytest.raises(x509.ExtensionNotFound):
        extension(x509.BasicConstraints)


@pytest.mark.requirement("CE-7")
def test_only_key_usage_is_critical():
    assert [item.oid for item in PROVIDER.x509.extensions if item.critical] == [x509.KeyUsage.oid]


@pytest.mark.requirement("CE-8")
def test_the_rest_is_as_real_certificates_have_it():
    certificate = PROVIDER.x509
    assert certificate.public_key().key_size == 2048
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=3 * 365)
    assert list(extension(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert extension(x509.CertificatePolicies).value[0].policy_qualifiers
    (point,) = extension(x509.CRLDistributionPoints).value
    assert point.full_name[0].value == AUTHORITY.intermediate.crl_address
    assert len(extension(x509.AuthorityInformationAccess).value) == 2


@pytest.mark.requirement("CE-8")
def test_each_certificate_is_signed_by_the_one_above():
    root, above = (x509.load_der_x509_certificate(der) for der in (AUTHORITY.anchors()[0], PROVIDER.intermediates[0]))
    above.verify_directly_issued_by(root)
    PROVIDER.x509.verify_directly_issued_by(above)


@pytest.mark.system
@pytest.mark.requirement("CE-8")
def test_openssl_accepts_a_provider_with_both_crls(tmp_path):
    assert verify(tmp_path, PROVIDER, AUTHORITY.crls()) == 0
    gone = [AUTHORITY.revocation(PROVIDER, NOON - timedelta(days=2))]
    assert verify(tmp_path, PROVIDER, AUTHORITY.crls(revoked=gone)) != 0


def verify(folder, identity, crls):
    lists = b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in crls)
    for name, octets in (("root", pem(AUTHORITY.anchors()[0])), ("chain", identity.certificate_pem()), ("crls", lists)):
        (folder / name).write_bytes(octets)
    command = ["openssl", "verify", "-purpose", "smimesign", "-crl_check_all", "-attime", str(int(NOON.timestamp()))]
    command += ["-CRLfile", "crls", "-CAfile", "root", "-untrusted", "chain", "chain"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


@pytest.mark.parametrize("which", [0, 1])
def test_each_crl_is_signed_by_its_authority_and_has_a_next_update(which):
    revoked = [AUTHORITY.revocation(PROVIDER, NOON)]
    parsed = x509.load_der_x509_crl(AUTHORITY.crls(revoked=revoked)[which])
    issuer = (AUTHORITY.root, AUTHORITY.intermediate)[which]
    assert parsed.is_signature_valid(issuer.key.public_key())
    assert parsed.issuer == issuer.subject
    assert parsed.last_update_utc < NOON < parsed.next_update_utc
    assert [entry.serial_number for entry in parsed] == [[], [PROVIDER.x509.serial_number]][which]


def test_the_same_request_gives_the_same_octets():
    again = Authority.create()
    assert again == AUTHORITY
    assert again.provider("Gestore Alfa S.p.A.", Address(ADDRESS)).certificate == PROVIDER.certificate
    assert again.crls() == AUTHORITY.crls()


def test_a_renewed_certificate_has_another_serial_number_and_the_same_key():
    """DI-6: both are in the directory for a time."""
    renewed = AUTHORITY.provider("Gestore Alfa S.p.A.", ADDRESS, serial=7, valid=(NOON, NOON + timedelta(days=1095)))
    assert renewed.x509.serial_number == 7
    assert renewed.x509.public_key() == PROVIDER.x509.public_key()
    assert renewed.certificate != PROVIDER.certificate


def test_what_it_certifies_is_marked_test():
    for der in (PROVIDER.certificate, *PROVIDER.intermediates, *AUTHORITY.anchors()):
        certificate = x509.load_der_x509_certificate(der)
        assert "TEST" in certificate.subject.rfc4514_string()
        assert "TEST" in certificate.issuer.rfc4514_string()


def test_every_address_in_a_certificate_is_an_example():
    for der in (PROVIDER.certificate, *PROVIDER.intermediates):
        hosts = re.findall(rb"http://([a-z.]+)/", der)
        assert len(hosts) >= 3
        assert all(host.endswith(b".example") for host in hosts)


def test_an_identity_is_a_signer():
    PROVIDER.key.public_key().verify(PROVIDER.sign(b"x"), b"x", padding.PKCS1v15(), hashes.SHA256())


def test_the_other_signers_have_keys_of_their_own():
    signers = (PROVIDER, AUTHORITY.directory_manager(), AUTHORITY.log_signer())
    assert len({signer.key.public_key().public_numbers().n for signer in signers}) == 3


def test_strangers_share_neither_name_nor_key():
    stranger = Authority.create(name="estranea")
    assert stranger.root.subject != AUTHORITY.root.subject
    assert stranger.root.key.public_key() != AUTHORITY.root.key.public_key()
