"""Section 9: the providers directory from the manager's key to the question of where a receipt goes (T-17)."""

import base64
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.directory_refresh import AlarmCode, RefusalReason, ReplacementRules
from ceralacca.core.model.address import Address
from ceralacca.formats.directory_ldif import read_directory, write_directory
from ceralacca.store.directory_copy import DirectoryCopy, Replacement
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, make_directory, private_directory, provider_record
from ceralacca.trust.cms_writer import sign_opaque
from ceralacca.trust.directory_file import DirectoryFileOpener, open_directory_file, seal_directory_file
from ceralacca.trust.verifier import JudgedAt

ALFA, BETA = "Gestore Alfa S.p.A.", "Beta Posta S.r.l."
DAY = timedelta(days=1)
AUTHORITY = Authority.create()
MANAGER = AUTHORITY.directory_manager()
ALFA_OLD = AUTHORITY.provider(
    ALFA, "posta-certificata@alfa.example", serial=1, valid=(NOON - 900 * DAY, NOON + 30 * DAY)
)
ALFA_NEW = AUTHORITY.provider(ALFA, "posta-certificata@alfa.example", serial=2, valid=(NOON - DAY, NOON + 1000 * DAY))
BETA_ID = AUTHORITY.provider(BETA, "posta-certificata@beta.example", key=ALFA_NEW.key)

DIRECTORY = directory_of(
    provider_record(
        ALFA,
        ["alfa.example", "pec.alfa.example"],
        certificates=[ALFA_OLD.certificate, ALFA_NEW.certificate],
        mailbox="ricevute@alfa.example",
    ),
    provider_record(
        ALFA,
        ["personale.alfa.example"],
        certificates=[ALFA_OLD.certificate, ALFA_NEW.certificate],
        mailbox="ricevute@secondario.alfa.example",
        unit="Ambiente Secondario",
    ),
    provider_record(BETA, ["beta.example"], certificates=[BETA_ID.certificate]),
)
ANOTHER = provider_record("Gamma", ["gamma.example"])


def put(copy: DirectoryCopy, p7m: bytes, *, days: int = 0) -> Replacement:
    instant = NOON + days * DAY
    opener = DirectoryFileOpener(pinned=(MANAGER.certificate,), at=JudgedAt.now(instant))
    return copy.replace(p7m, opens=opener, rules=ReplacementRules(own_name=BETA), instant=instant)


@pytest.fixture
def copy(tmp_path: Path) -> DirectoryCopy:
    """Our local copy, one day old, as downloaded from the manager."""
    copy = DirectoryCopy(tmp_path / "directory")
    result = put(copy, seal_directory_file(DIRECTORY, MANAGER, NOON))
    assert result.refusal is None
    assert result.alarms == ()
    return copy


@pytest.mark.requirement("DI-6", "DI-8", "DI-9", "AM-25", "MO-4")
@pytest.mark.parametrize("signer", [ALFA_OLD, ALFA_NEW])
@pytest.mark.parametrize(
    ("sender_domain", "mailbox"),
    [
        ("pec.alfa.example", "ricevute@alfa.example"),
        ("Personale.ALFA.example", "ricevute@secondario.alfa.example"),
        ("beta.example", "ricevute@alfa.example"),
        ("nowhere.example", "ricevute@alfa.example"),
    ],
)
def test_t17_overlapping_certificates_and_a_secondary_environment_lead_to_the_right_mailbox(
    copy: DirectoryCopy, signer: TestIdentity, sender_domain: str, mailbox: str
) -> None:
    directory = copy.load().directory
    assert directory.receipt_mailbox(signer.certificate, sender_domain) == Address(mailbox)


@pytest.mark.requirement("DI-8")
def test_t17_hashes_in_lower_upper_and_mixed_case_find_the_same_record() -> None:
    written = write_directory(DIRECTORY)
    sha1 = DIRECTORY.records[0].hashes[0]
    for spelling in (sha1.lower(), sha1, sha1[:20].lower() + sha1[20:]):
        directory = read_directory(written.replace(sha1.encode(), spelling.encode()))
        assert directory == DIRECTORY
        assert directory.records_of_certificate(spelling) == DIRECTORY.records_of_certificate(sha1)


@pytest.mark.requirement("DI-5", "DI-10")
@pytest.mark.parametrize(
    ("found", "put_instead"),
    [(b"beta.example", b"evil.example"), (b"ricevute@alfa.example", b"ricevute@evil.example"), (b"MII", b"MIJ")],
)
def test_t17_a_tampered_ldif_is_refused_and_the_old_copy_kept(
    copy: DirectoryCopy, found: bytes, put_instead: bytes
) -> None:
    before = copy.load()
    sealed = seal_directory_file(directory_of(*DIRECTORY.records, ANOTHER), MANAGER, NOON + DAY)
    assert found in sealed
    result = put(copy, sealed.replace(found, put_instead), days=1)
    assert result.refusal is not None
    assert result.refusal.reason is RefusalReason.SIGNATURE
    assert [alarm.code for alarm in result.alarms] == [AlarmCode.REFUSED]
    assert copy.load() == before
    assert put(copy, sealed, days=1).refusal is None
    assert copy.load().directory.is_pec("gamma.example")


@pytest.mark.requirement("DI-5")
def test_another_provider_cannot_play_the_manager(copy: DirectoryCopy) -> None:
    result = put(copy, seal_directory_file(DIRECTORY, ALFA_NEW, NOON), days=1)
    assert result.refusal is not None
    assert result.refusal.reason is RefusalReason.SIGNATURE
    assert result.alarms[0].evidence["signature"] == "not-pinned"


def without(name: str) -> Directory:
    return directory_of(*(record for record in DIRECTORY.records if record.name != name))


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"dn: o=postacert\no: postacert\n\nmanagedDomains: x", RefusalReason.MALFORMED),
        (write_directory(Directory(records=DIRECTORY.records)), RefusalReason.NO_BASE_ENTRY),
        (write_directory(without(BETA)), RefusalReason.NO_OWN_RECORD),
        (write_directory(without(ALFA)), RefusalReason.TOO_FEW_RECORDS),
    ],
)
def test_a_well_sealed_file_that_is_no_good_is_refused(
    copy: DirectoryCopy, content: bytes, reason: RefusalReason
) -> None:
    result = put(copy, sign_opaque(MANAGER, content, NOON + DAY), days=1)
    assert result.refusal is not None
    assert result.refusal.reason is reason
    assert result.alarms
    assert copy.load().directory == DIRECTORY


@pytest.mark.requirement("DI-5")
def test_yesterdays_file_played_back_does_not_bring_a_provider_back(copy: DirectoryCopy) -> None:
    larger = directory_of(*DIRECTORY.records, ANOTHER)
    assert put(copy, seal_directory_file(larger, MANAGER, NOON + 2 * DAY), days=2).refusal is None
    result = put(copy, seal_directory_file(DIRECTORY, MANAGER, NOON), days=3)
    assert result.refusal is not None
    assert result.refusal.reason in (RefusalReason.OLDER, RefusalReason.TOO_FEW_RECORDS)
    assert copy.load().directory == larger


@pytest.mark.requirement("DI-1", "DI-2")
def test_the_file_of_one_provider_holds_all_its_environments(copy: DirectoryCopy) -> None:
    p7m = seal_directory_file(copy.load().directory.of_provider(ALFA), ALFA_NEW, NOON)
    opened = open_directory_file(p7m, [ALFA_NEW.certificate], at=JudgedAt.now(NOON))
    part = read_directory(opened.ldif)
    assert [(record.name, record.unit) for record in part.records] == [(ALFA, None), (ALFA, "Ambiente Secondario")]
    assert b"o: postacert" not in opened.ldif


@pytest.mark.requirement("MO-8", "DI-7")
def test_only_the_directory_makes_a_domain_pec(copy: DirectoryCopy) -> None:
    directory = copy.load().directory
    assert directory.is_pec("PEC.Alfa.Example")
    for domain in ("pec.example", "sub.alfa.example", "example", "gamma.example"):
        assert not directory.is_pec(domain)
    withdrawn = directory_of(replace(DIRECTORY.records[0], domains=("pec.alfa.example",)), *DIRECTORY.records[1:])
    assert not withdrawn.is_pec("alfa.example")


@pytest.mark.requirement("CE-1", "TO-10")
def test_a_provider_name_spelled_otherwise_than_in_its_certificate_is_borne_and_told() -> None:
    odd = provider_record("GESTORE ALFA SpA", ["alfa.example"], certificates=[ALFA_NEW.certificate])
    directory = read_directory(write_directory(directory_of(odd)))
    assert [each.code for each in directory.deviations] == ["provider-name-not-in-certificate"]
    assert directory.owns(ALFA_NEW.certificate, "alfa.example")
    assert read_directory(write_directory(DIRECTORY)).deviations == ()


@pytest.mark.requirement("DI-11")
def test_a_private_directory_of_any_size_is_made_the_same_each_time() -> None:
    one, two = (make_directory(providers=40, domains=3000) for _ in range(2))
    assert write_directory(one) == write_directory(two)
    assert read_directory(write_directory(one)) == one
    assert read_directory(write_directory(one)).deviations == ()
    assert len({record.name for record in one.records}) == 40
    assert sum(len(record.domains) for record in one.records) >= 3000
    assert any(record.unit for record in one.records)
    assert any(len(record.certificates) == 2 for record in one.records)
    every = {domain for record in one.records for domain in record.domains}
    assert all(one.is_pec(domain) for domain in every)


@pytest.mark.requirement("DI-11", "DI-1", "DI-2")
def test_a_private_directory_comes_with_keys_and_seals() -> None:
    private = private_directory(AUTHORITY)
    opened = open_directory_file(private.p7m(NOON), [private.manager.certificate], at=JudgedAt.now(NOON))
    directory = read_directory(opened.ldif)
    assert directory == private.directory
    assert directory.deviations == ()
    for number, identity in enumerate(private.providers, 1):
        assert directory.owns(identity.certificate, f"pec.gestore-{number}.example")
        own = open_directory_file(private.p7m_of(identity, NOON), [identity.certificate], at=JudgedAt.now(NOON))
        assert read_directory(own.ldif).records == directory.records_of_provider(identity.name)


@pytest.mark.system
@pytest.mark.requirement("DI-2")
def test_openssl_opens_what_we_seal(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "igpec.ldif.p7m").write_bytes(seal_directory_file(DIRECTORY, MANAGER, NOON))
    root = base64.encodebytes(AUTHORITY.root.certificate).decode()
    (tmp_path / "root.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{root}-----END CERTIFICATE-----\n")
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "igpec.ldif.p7m", "-CAfile", "root.pem", "-binary"]
    at = ["-attime", str(int(NOON.timestamp())), "-purpose", "smimesign", "-out", "igpec.ldif"]
    result = subprocess.run([*command, *at], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "igpec.ldif").read_bytes() == write_directory(DIRECTORY)


def test_records_are_values_that_can_be_kept_in_sets() -> None:
    assert len({*DIRECTORY.records, replace(DIRECTORY.records[0])}) == 3
    assert isinstance(DIRECTORY.records[0], ProviderRecord)
