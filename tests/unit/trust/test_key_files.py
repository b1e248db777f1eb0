import os

import pytest

from ceralacca.base.errors import UserError
from ceralacca.testing.authority import Authority
from ceralacca.trust.key_files import read_certificates, read_private, read_secret_line

PROVIDER = Authority.create().provider("Gestore Alfa S.p.A.", "posta-certificata@gestore-alfa.example")


def write(path, octets, mode=0o600):
    path.write_bytes(octets)
    path.chmod(mode)
    return path


@pytest.mark.requirement("SE-4")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666, 0o601])
def test_a_secret_that_others_can_reach_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    path = write(tmp_path / "key", b"secret", mode)
    with pytest.raises(UserError, match="others can reach") as caught:
        read_private(path)
    assert caught.value.remedy == f"chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_of_its_owner_is_read(tmp_path, mode):
    assert read_private(write(tmp_path / "key", b"secret", mode)) == b"secret"


def test_the_file_behind_a_link_is_what_counts(tmp_path):
    write(tmp_path / "key", b"secret", 0o644)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    with pytest.raises(UserError, match="others can reach"):
        read_private(tmp_path / "link")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(UserError, match="not a regular file"):
            read_private(path)


def test_a_file_that_is_not_there_or_too_large_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_private(tmp_path / "nowhere")
    with pytest.raises(UserError, match="larger"):
        read_private(write(tmp_path / "large", bytes((1 << 20) + 1)))
    with pytest.raises(UserError, match="larger"):
        read_certificates(tmp_path / "large")


@pytest.mark.parametrize("octets", [b"word", b"word\n", b"word\r\n", b"word\nsecond line\n"])
def test_the_secret_is_the_first_line(tmp_path, octets):
    assert read_secret_line(write(tmp_path / "pin", octets)) == b"word"


@pytest.mark.parametrize("octets", [b"", b"\n", b"\r\nword\n"])
def test_an_empty_secret_is_refused(tmp_path, octets):
    with pytest.raises(UserError, match="empty line"):
        read_secret_line(write(tmp_path / "pin", octets))


@pytest.mark.requirement("GE-2")
def test_certificates_are_read_in_pem_and_der(tmp_path):
    path = tmp_path / "certificates"
    path.write_bytes(PROVIDER.certificate_pem())
    assert read_certificates(path) == (PROVIDER.certificate, *PROVIDER.intermediates)
    path.write_bytes(PROVIDER.certificate)
    assert read_certificates(path) == (PROVIDER.certificate,)


@pytest.mark.parametrize("octets", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_certificate_is_refused(tmp_path, octets):
    path = tmp_path / "certificates"
    path.write_bytes(octets)
    with pytest.raises(UserError, match=r"no X\.509 certificate"):
        read_certificates(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_certificates(tmp_path / "nowhere")
