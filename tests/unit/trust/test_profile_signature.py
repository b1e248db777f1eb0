"""The signature around a profile: OpenSSL accepts it under the authority of the web server, and not when altered."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ceralacca.base.errors import UserError
from ceralacca.testing.tls import TlsAuthority
from ceralacca.trust.profile_signature import ProfileSigner

PROFILE = b'<?xml version="1.0"?>\n<plist/>\n'


@pytest.fixture
def files(tmp_path):
    return TlsAuthority(tmp_path).server("pec.alfa.example")


def accepted(files, folder, octets):
    (folder / "profile").write_bytes(octets)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", folder / "profile", "-purpose", "any"]
    command += ["-CAfile", files.authority, "-out", folder / "content"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.system
def test_openssl_finds_the_profile_inside_a_good_signature(files, tmp_path):
    signer = ProfileSigner(files.certificate, files.key)
    signed = signer.sign(PROFILE)
    assert accepted(files, tmp_path, signed)
    assert (tmp_path / "content").read_bytes() == PROFILE
    assert not accepted(files, tmp_path, signed.replace(b"<plist/>", b"<plisT/>"))


def test_a_key_that_cannot_sign_leaves_the_profile_as_it_is(files, tmp_path):
    other = ed25519.Ed25519PrivateKey.generate()
    octets = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "other.pem").write_bytes(octets)
    signer = ProfileSigner(files.certificate, tmp_path / "other.pem")
    assert signer.sign(PROFILE) == PROFILE
    assert not signer.signs


def test_what_is_no_key_is_told_without_its_content(files, tmp_path):
    (tmp_path / "bad.pem").write_bytes(b"segreto")
    for name in ("bad.pem", "none.pem"):
        with pytest.raises(UserError) as caught:
            ProfileSigner(files.certificate, tmp_path / name)
        assert "segreto" not in str(caught.value)
