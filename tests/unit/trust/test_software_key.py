import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ceralacca.base.errors import UserError
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import NOON
from ceralacca.testing.keys import private_key
from ceralacca.testing.zoo import zoo
from ceralacca.trust.cms_writer import SealTemplate
from ceralacca.trust.software_key import SoftwareKey

AUTHORITY = Authority.create()
PROVIDER = AUTHORITY.provider("Gestore Alfa S.p.A.", "posta-certificata@gestore-alfa.example")
PASSPHRASE = b"una frase di prova"


@pytest.fixture
def files(tmp_path):
    return KeyFiles(tmp_path)


class KeyFiles:
    def __init__(self, folder):
        self.key = self.private(folder / "key.pem", PROVIDER.pkcs8())
        self.locked = self.private(folder / "locked.pem", PROVIDER.pkcs8(PASSPHRASE))
        self.passphrase = self.private(folder / "passphrase", PASSPHRASE + b"\n")
        self.certificate = folder / "certificate.pem"
        self.certificate.write_bytes(PROVIDER.certificate_pem())
        self.other = folder / "other"

    @staticmethod
    def private(path, octets):
        path.write_bytes(octets)
        path.chmod(0o600)
        return path


def der(key):
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.requirement("GE-7", "GE-2")
def test_a_plain_key_signs_under_its_certificate(files):
    key = SoftwareKey.load(files.key, files.certificate)
    assert key.certificate == PROVIDER.certificate
    assert key.intermediates == PROVIDER.intermediates
    PROVIDER.key.public_key().verify(key.sign(b"octets"), b"octets", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.requirement("GE-7")
def test_an_encrypted_key_opens_with_the_passphrase_of_its_file(files):
    key = SoftwareKey.load(files.locked, files.certificate, passphrase_file=files.passphrase)
    assert SealTemplate(key).sign(bytes(32), NOON) == SealTemplate(PROVIDER).sign(bytes(32), NOON)


def test_der_is_read_too(files):
    files.private(files.other, der(PROVIDER.key))
    files.certificate.write_bytes(PROVIDER.certificate)
    assert SoftwareKey.load(files.other, files.certificate).intermediates == ()


def test_an_encrypted_key_without_passphrase_says_what_is_missing(files):
    with pytest.raises(UserError, match="is encrypted") as caught:
        SoftwareKey.load(files.locked, files.certificate)
    assert "passphrase" in caught.value.remedy


def test_a_wrong_passphrase_is_refused_and_not_repeated(files):
    files.private(files.passphrase, b"sbagliata\n")
    with pytest.raises(UserError, match="cannot be read as a private key") as caught:
        SoftwareKey.load(files.locked, files.certificate, passphrase_file=files.passphrase)
    assert "passphrase" in caught.value.remedy
    assert "sbagliata" not in f"{caught.value}{caught.value.remedy}"


def test_a_passphrase_for_a_key_that_is_not_encrypted_is_refused(files):
    with pytest.raises(UserError, match="not encrypted"):
        SoftwareKey.load(files.key, files.certificate, passphrase_file=files.passphrase)


@pytest.mark.requirement("SE-4")
@pytest.mark.parametrize("which", ["key", "locked", "passphrase"])
def test_a_file_that_others_can_read_is_refused(files, which):
    getattr(files, which).chmod(0o640)
    key = files.key if which == "key" else files.locked
    with pytest.raises(UserError) as caught:
        SoftwareKey.load(key, files.certificate, passphrase_file=None if which == "key" else files.passphrase)
    assert caught.value.remedy.startswith("chmod 600 ")


def test_a_key_that_is_not_the_certificates_is_refused(files):
    files.private(files.other, der(private_key("zoo")))
    with pytest.raises(UserError, match="does not belong"):
        SoftwareKey.load(files.other, files.certificate)


def test_a_weak_key_is_refused(files):
    weak = zoo(AUTHORITY)["weak-key"]
    files.private(files.other, weak.pkcs8())
    files.certificate.write_bytes(weak.certificate_pem())
    with pytest.raises(UserError, match="1024 bits"):
        SoftwareKey.load(files.other, files.certificate)


def test_a_key_that_is_not_rsa_is_refused(files):
    files.private(files.other, der(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(UserError, match="not hold an RSA key"):
        SoftwareKey.load(files.other, files.certificate)


@pytest.mark.parametrize("octets", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(files, octets):
    files.private(files.other, octets)
    with pytest.raises(UserError, match="cannot be read as a private key"):
        SoftwareKey.load(files.other, files.certificate)


def test_the_key_is_not_shown(files):
    key = SoftwareKey.load(files.key, files.certificate)
    secret = str(load_pem_private_key(PROVIDER.pkcs8(), None).private_numbers().d)
    assert secret not in repr(key) + str(key)
