from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.testing.authority import Authority, subject_name
from ceralacca.testing.clock import NOON
from ceralacca.testing.keys import private_key
from ceralacca.trust.sealing_key import certain_signature, sealing_key
from ceralacca.trust.software_key import SoftwareKey

pytestmark = pytest.mark.requirement("GE-2")

PROVIDER = Authority.create().provider("Gestore Alfa S.p.A.", Address("posta-certificata@gestore-alfa.example"))
KEY = sealing_key(PROVIDER.certificate)


def holds(signature, octets):
    KEY.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
    return True


def test_a_key_that_is_not_rsa_may_not_seal():
    key = ec.generate_private_key(ec.SECP256R1())
    later = NOON.replace(year=NOON.year + 20)
    builder = x509.CertificateBuilder(subject_name("x"), subject_name("x"), key.public_key(), 1, NOON, later)
    octets = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    with pytest.raises(UserError, match="not an RSA key"):
        sealing_key(octets)


@pytest.mark.parametrize("octets", [b"", b"no certificate", PROVIDER.certificate[:100]])
def test_what_is_no_certificate_is_the_users_fault(octets):
    with pytest.raises(UserError):
        sealing_key(octets)


def test_what_a_signer_does_not_verify_is_verified():
    assert holds(certain_signature(PROVIDER, KEY, b"octets"), b"octets")
    stranger = replace(PROVIDER, key=private_key("zoo"))
    assert not stranger.checks_itself
    with pytest.raises(WorldError, match="does not hold"):
        certain_signature(stranger, KEY, b"octets")


@pytest.mark.parametrize("part", ["dmp1", "dmq1", "iqmp"])
def test_a_key_in_a_file_verifies_itself_so_that_a_fault_betrays_no_factor(part):
    """As if the computation by the factors had gone wrong: one wrong signature would be enough to find them by."""
    sound = PROVIDER.key.private_numbers()
    parts = {name: getattr(sound, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp", "public_numbers")}
    parts[part] ^= 1 << 77
    key = SoftwareKey(
        rsa.RSAPrivateNumbers(**parts).private_key(unsafe_skip_rsa_key_validation=True), PROVIDER.certificate
    )
    assert key.checks_itself
    assert holds(certain_signature(key, KEY, b"octets"), b"octets")
