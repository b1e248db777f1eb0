"""The sandbox's authorities: what they sign, what they revoke, and what lies in their folder."""

import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ceralacca.apps.authority.sandbox import CRL_LIFE, INTERMEDIATE, ROOT, Sandbox
from ceralacca.base.errors import UserError
from ceralacca.core.model.outcome import Mark
from ceralacca.core.model.reason import Reason
from ceralacca.store.durable_files import UnprotectedFile
from ceralacca.testing.authority import pem
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.trust.certificate import read_certificate
from ceralacca.trust.chain import ChainFinding, TrustStore
from ceralacca.trust.revocation import read_crl
from ceralacca.trust.software_key import SoftwareKey

ALFA = "Gestore Alfa S.p.A."
GAMMA = "Gestore Gamma S.p.A."
AT = ("-attime", str(int(NOON.timestamp())))


def judged(sandbox: Sandbox, certificate: bytes) -> ChainFinding:
    trust = TrustStore(
        anchors=sandbox.anchors,
        intermediates=sandbox.intermediates,
        crls=(sandbox.crl(ROOT), sandbox.crl(INTERMEDIATE)),
    )
    return trust.judge(read_certificate(certificate), (), sandbox.clock.now())


@pytest.mark.requirement("CE-1", "CE-2", "CE-3", "CE-4", "CE-5", "CE-6", "CE-7")
def test_a_provider_is_certified_by_the_profile(shared: Sandbox, tmp_path: Path) -> None:
    identity = shared.certify_provider(ALFA, "posta-certificata@alfa.example", into=tmp_path / "keys")
    read = read_certificate(identity.certificate)
    assert read.facts.addresses == ("posta-certificata@alfa.example",)
    assert ALFA in read.facts.subject
    assert "TEST" in read.facts.subject
    assert read.usages == {"digital_signature"}
    assert read.purposes == {"email_protection"}
    assert not read.is_authority
    extensions = identity.x509.extensions
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert not any(one.critical for one in extensions if not isinstance(one.value, x509.KeyUsage))
    loaded = SoftwareKey.load(tmp_path / "keys" / "key.pem", tmp_path / "keys" / "certificate.pem")
    assert loaded.certificate == identity.certificate
    assert loaded.intermediates == shared.intermediates
    assert judged(shared, identity.certificate).revocation.mark is Mark.PASSED


def test_two_sandboxes_are_strangers(shared: Sandbox, tmp_path: Path) -> None:
    other = Sandbox.create(tmp_path / "other", clock=FixedClock())
    identity = other.certify_provider(ALFA, "posta-certificata@alfa.example")
    assert judged(shared, identity.certificate).path.mark is Mark.FAILED
    roots = [x509.load_der_x509_certificate(one.anchors[0]) for one in (shared, other)]
    assert roots[0].subject != roots[1].subject
    assert roots[0].serial_number != roots[1].serial_number


def test_the_folder_is_ours_alone(shared: Sandbox) -> None:
    assert stat.S_IMODE(shared.folder.stat().st_mode) == 0o700
    for key in (shared.folder / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not any(b"PRIVATE" in path.read_bytes() for path in shared.public.iterdir())


def test_it_is_made_once_and_opened_after(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        Sandbox.create(sandbox.folder)
    with pytest.raises(UserError):
        Sandbox.open(tmp_path / "none")
    assert Sandbox.open(sandbox.folder).anchors == sandbox.anchors
    sandbox.folder.chmod(0o777)
    with pytest.raises(UnprotectedFile):
        Sandbox.open(sandbox.folder)


@pytest.mark.requirement("IP-9", "CE-10")
def test_crls_are_made_anew_well_before_they_end(sandbox: Sandbox, clock: FixedClock) -> None:
    first = sandbox.crl(INTERMEDIATE)
    clock.advance(CRL_LIFE / 2 - timedelta(seconds=1))
    assert sandbox.crl(INTERMEDIATE) == first
    clock.advance(timedelta(seconds=1))
    second = sandbox.crl(INTERMEDIATE)
    assert read_crl(second).this_update == clock.now()
    assert read_crl(second).next_update == clock.now() + CRL_LIFE
    clock.advance(timedelta(days=-10))
    assert read_crl(sandbox.crl(INTERMEDIATE)).this_update == clock.now()


@pytest.mark.requirement("IP-8", "CE-10")
def test_a_revoked_certificate_is_on_the_next_crl_and_on_all_later_ones(sandbox: Sandbox, clock: FixedClock) -> None:
    identity = sandbox.certify_provider(GAMMA, "posta-certificata@alfa.example")
    renewed = sandbox.certify_provider(GAMMA, "posta-certificata@alfa.example")
    assert sandbox.certificates_of(GAMMA) == (identity.certificate, renewed.certificate)  # DI-6
    sandbox.revoke(identity.certificate)
    sandbox.revoke(identity.certificate)
    clock.advance(timedelta(seconds=1))
    for _ in range(2):
        assert judged(sandbox, identity.certificate).revocation.reason is Reason.REVOKED
        assert judged(sandbox, renewed.certificate).revocation.mark is Mark.PASSED
        clock.advance(CRL_LIFE)
    assert sandbox.certificates_of(GAMMA) == (renewed.certificate,)


def test_what_it_has_not_issued_it_cannot_revoke(sandbox: Sandbox) -> None:
    with pytest.raises(UserError):
        sandbox.revoke(sandbox.anchors[0])


def test_another_process_sees_a_revocation(sandbox: Sandbox, clock: FixedClock) -> None:
    identity = sandbox.certify_provider(ALFA, "posta-certificata@alfa.example")
    Sandbox.open(sandbox.folder, clock=clock).revoke(identity.certificate)
    assert len(read_crl(sandbox.crl(INTERMEDIATE)).revoked) == 1


def test_tls_certificates_have_names_and_addresses(shared: Sandbox) -> None:
    credential = shared.tls_certificate(["mx.alfa.example", "127.0.0.1"])
    names = x509.load_der_x509_certificate(credential.certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["mx.alfa.example"]
    assert len(names.value.get_values_for_type(x509.IPAddress)) == 1
    with pytest.raises(UserError):
        shared.tls_certificate([])


@pytest.mark.system
def test_openssl_agrees_on_every_certificate(shared: Sandbox, tmp_path: Path) -> None:
    pairs = {
        "provider": shared.certify_provider(ALFA, "posta-certificata@alfa.example").certificate_pem(),
        "stamps": (shared.public / "time-stamps.pem").read_bytes(),
        "manager": (shared.public / "directory-manager.pem").read_bytes(),
    }
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(pem(shared.anchors[0]))
    crls = tmp_path / "crls.pem"
    crls.write_bytes(
        b"".join(x509.load_der_x509_crl(shared.crl(name)).public_bytes(Encoding.PEM) for name in (ROOT, INTERMEDIATE))
    )
    beside = ("-untrusted", shared.public / f"{INTERMEDIATE}.pem")
    for name, octets in pairs.items():
        (tmp_path / f"{name}.pem").write_bytes(octets)
        openssl("-crl_check_all", "-CAfile", anchors, "-CRLfile", crls, *beside, tmp_path / f"{name}.pem")
    tls = tmp_path / "tls.pem"
    tls.write_bytes(shared.tls_certificate(["mx.alfa.example"]).certificate_pem)
    openssl("-purpose", "sslserver", "-verify_hostname", "mx.alfa.example", "-CAfile", shared.tls_roots, tls)


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", "verify", "-x509_strict", *AT, *arguments], check=True, capture_output=True)
