"""Directory files in their seal: only the pinned manager's, inside the period, unaltered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import load_der_x509_certificate

from ceralacca.formats.directory_ldif import read_directory, write_directory
from ceralacca.ports.directory_source import UntrustedDirectoryFile, VerifiedContent
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import make_directory
from ceralacca.trust import directory_file
from ceralacca.trust.directory_file import DirectoryFileOpener, open_directory_file, seal_directory_file
from ceralacca.trust.opaque import OpenedSeal, open_opaque
from ceralacca.trust.verifier import JudgedAt

DIRECTORY = make_directory(providers=3, domains=9)
LDIF = write_directory(DIRECTORY)
AT = JudgedAt.now(NOON)


@pytest.fixture(scope="module")
def manager() -> TestIdentity:
    return Authority.create().directory_manager()


@pytest.fixture(scope="module")
def p7m(manager: TestIdentity) -> bytes:
    return seal_directory_file(DIRECTORY, manager, NOON)


def refused(p7m: bytes, *pinned: bytes, at: JudgedAt = AT) -> str:
    with pytest.raises(UntrustedDirectoryFile) as caught:
        open_directory_file(p7m, pinned, at=at)
    assert caught.value.remedy
    return caught.value.reason


@pytest.mark.requirement("DI-2")
def test_a_sealed_directory_is_der_with_content_and_certificate_inside(manager: TestIdentity, p7m: bytes) -> None:
    assert p7m[0] == 0x30
    assert LDIF in p7m
    assert manager.certificate in p7m
    opened = open_directory_file(p7m, [manager.certificate], at=AT)
    assert opened == VerifiedContent(ldif=LDIF, signing_time=NOON)
    assert read_directory(opened.ldif) == DIRECTORY


@pytest.mark.requirement("DI-1", "DI-2")
def test_a_provider_publishes_its_own_records_the_same_way(manager: TestIdentity) -> None:
    name = DIRECTORY.records[0].name
    own = Authority.create().provider(name, "posta-certificata@alfa.example", key=manager.key)
    part = DIRECTORY.of_provider(name)
    opened = open_directory_file(seal_directory_file(part, own, NOON), [own.certificate], at=AT)
    assert read_directory(opened.ldif) == part


@pytest.mark.requirement("DI-5")
def test_another_certificate_is_refused_even_of_the_same_key_and_authority(manager: TestIdentity, p7m: bytes) -> None:
    other = Authority.create().provider("gestione-indice", "indice@prova.example", key=manager.key, serial=7)
    assert other.certificate != manager.certificate
    assert refused(p7m, other.certificate) == "not-pinned"
    assert refused(seal_directory_file(DIRECTORY, other, NOON), manager.certificate) == "not-pinned"
    assert open_directory_file(p7m, [other.certificate, manager.certificate], at=AT)


@pytest.mark.requirement("DI-5")
def test_without_a_pin_nobody_is_the_manager(p7m: bytes) -> None:
    assert refused(p7m) == "not-pinned"


@pytest.mark.requirement("DI-5", "SE-5")
def test_one_changed_octet_of_the_content_is_found(manager: TestIdentity, p7m: bytes) -> None:
    start = p7m.index(LDIF)
    for position in (start, start + len(LDIF) // 2, start + len(LDIF) - 1):
        altered = bytearray(p7m)
        altered[position] ^= 1
        assert refused(bytes(altered), manager.certificate) == "content-altered"


@pytest.mark.requirement("DI-5")
def test_a_changed_signature_is_found(manager: TestIdentity, p7m: bytes) -> None:
    assert refused(p7m[:-1] + bytes([p7m[-1] ^ 1]), manager.certificate) == "signature-mismatch"


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize("octets", [b"", b"junk", b"\x30\x03\x02\x01\x01", LDIF])
def test_what_is_no_seal_is_refused(manager: TestIdentity, octets: bytes) -> None:
    assert refused(octets, manager.certificate) == "malformed-cms"


@pytest.mark.requirement("DI-5")
def test_a_cut_file_is_refused(manager: TestIdentity, p7m: bytes) -> None:
    assert refused(p7m[: len(p7m) // 2], manager.certificate) == "malformed-cms"


@pytest.mark.requirement("DI-5")
def test_a_seal_outside_the_certificates_period_is_refused(manager: TestIdentity, p7m: bytes) -> None:
    assert refused(p7m, manager.certificate, at=JudgedAt.now(NOON + timedelta(days=3 * 365))) == "expired"
    assert refused(p7m, manager.certificate, at=JudgedAt.now(NOON - timedelta(days=3 * 365))) == "not-yet-valid"


def test_an_old_file_opens_for_its_signing_time(manager: TestIdentity, p7m: bytes) -> None:
    opener = DirectoryFileOpener(
        pinned=(manager.certificate,), at=JudgedAt.signing(present=NOON + timedelta(days=3 * 365))
    )
    assert opener(p7m).ldif == LDIF


@pytest.mark.requirement("DI-5", "SE-5")
def test_a_seal_over_sha1_is_refused(manager: TestIdentity, p7m: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def as_sha1(*given: Any, **named: Any) -> OpenedSeal:
        opened = open_opaque(*given, **named)
        return replace(opened, report=replace(opened.report, digest_algorithm="sha1"))

    monkeypatch.setattr(directory_file, "open_opaque", as_sha1)
    assert refused(p7m, manager.certificate) == "weak-digest"


@pytest.mark.requirement("DI-2")
def test_a_file_sealed_by_other_software_opens(manager: TestIdentity) -> None:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(LDIF)
    builder = builder.add_signer(load_der_x509_certificate(manager.certificate), manager.key, hashes.SHA256())
    octets = builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    assert open_directory_file(octets, [manager.certificate], at=AT).ldif == LDIF
