"""The virus storage: nothing in it can run or leave without a purpose, and what is too old goes with a line."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.net.clamd_child import eicar
from ceralacca.ports.store import InfectedMessage
from ceralacca.ports.vault import SpoiltVaultFile
from ceralacca.store.virus_vault import VaultAct, VaultEvent, VirusVault, _expires
from ceralacca.testing.clock import NOON, CountingEntropy
from ceralacca.trust.vault_key import VaultKey, make_vault_key

OCTETS = b"Subject: prova\r\n\r\n" + eicar() * 10


def facts(octets: bytes = OCTETS, key: str = "infected:one", found: datetime = NOON) -> InfectedMessage:
    return InfectedMessage(
        key=key,
        digest=hashlib.sha256(octets).hexdigest(),
        identifier="pec123@alfa.example",
        found=found,
        sender=Address("mittente@alfa.example"),
        recipients=(Address("destinatario@beta.example"), Address("altro@beta.example")),
        virus="Ceralacca.Demo.Eicar",
        engine="ClamAV 1.4.6/27800/Thu Nov  5 08:00:00 2026",
    )


@pytest.fixture
def key() -> VaultKey:
    return VaultKey(bytes(range(32)), CountingEntropy())


@pytest.fixture
def vault(tmp_path: Path, key: VaultKey) -> VirusVault:
    return VirusVault(tmp_path / "vault", key)


def files(vault: VirusVault) -> list[Path]:
    return list(vault._files())


def deletions(vault: VirusVault, at: datetime) -> list[VaultEvent]:
    told: list[VaultEvent] = []
    assert vault.delete_expired(at, log=told.append) == len(told)
    return told


@pytest.mark.requirement("VI-1")
def test_what_was_stored_comes_back_with_all_that_is_known_of_it(vault: VirusVault) -> None:
    vault.put(facts(), memoryview(OCTETS))
    taken = vault.take("infected:one", purpose="richiesta della polizia postale", instant=NOON)
    assert taken.octets == OCTETS
    assert taken.facts == facts()
    nameless = replace(facts(key="infected:two"), sender=None)
    vault.put(nameless, OCTETS)
    assert vault.take("infected:two", purpose="x", instant=NOON).facts == nameless


@pytest.mark.requirement("VI-2")
def test_nothing_readable_lies_on_the_disk_and_only_we_may_look(vault: VirusVault, tmp_path: Path) -> None:
    vault.put(facts(), OCTETS)
    for path in (tmp_path / "vault").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
        if path.is_file():
            octets = path.read_bytes()
            for clear in (b"Subject", eicar()[:10], b"mittente", b"beta.example"):
                assert clear not in octets
    assert all(path.stat().st_mode & 0o111 == 0 for path in files(vault))


@pytest.mark.requirement("VI-1", "VI-2")
def test_who_takes_says_why_and_the_journal_has_it(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)
    for purpose in ("", "  "):
        with pytest.raises(UserError):
            vault.take("infected:one", purpose=purpose, instant=NOON)
    vault.take("infected:one", purpose="analisi", instant=NOON + timedelta(hours=1))
    acts = [(event.act, event.key, event.purpose) for event in vault.journal()]
    assert acts == [(VaultAct.STORED, "infected:one", ""), (VaultAct.RETRIEVED, "infected:one", "analisi")]
    assert b"@" not in (vault._folder / "journal").read_bytes()


def test_without_its_key_there_is_nothing_to_take(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)
    for wrong in ("infected:on", "*", "../infected:one", ""):
        with pytest.raises(UserError):
            vault.take(wrong, purpose="analisi", instant=NOON)


def test_storing_again_changes_nothing(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)
    before = files(vault)[0].read_bytes()
    vault.put(facts(), OCTETS)
    assert [path.read_bytes() for path in files(vault)] == [before]
    assert len(vault.journal()) == 1
    with pytest.raises(ValueError, match="digest"):
        vault.put(facts(), b"others")


@pytest.mark.requirement("VI-1", "VI-2")
def test_thirty_months_are_kept_and_no_more(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)
    later = facts(b"b", key="infected:later", found=NOON + timedelta(days=1))
    vault.put(later, b"b")
    end = datetime(2029, 5, 5, 12, tzinfo=UTC)
    assert deletions(vault, end - timedelta(seconds=1)) == []
    gone = deletions(vault, end)
    assert [(event.act, event.key, event.digest) for event in gone] == [
        (VaultAct.DELETED, "infected:one", facts().digest)
    ]
    assert not vault.holds("infected:one")
    assert vault.holds("infected:later")
    assert vault.journal()[-1].act is VaultAct.DELETED
    assert len(deletions(vault, end + timedelta(days=400))) == 1


@pytest.mark.requirement("VI-2")
def test_what_cannot_be_logged_is_not_deleted(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)

    def refuses(event: VaultEvent) -> None:
        raise WorldError("the log is away")

    with pytest.raises(WorldError):
        vault.delete_expired(NOON + timedelta(days=1000), log=refuses)
    assert vault.holds("infected:one")


@pytest.mark.requirement("VI-1")
@given(found=st.integers(0, 20 * 365 * 86400).map(lambda seconds: NOON + timedelta(seconds=seconds)))
def test_no_message_is_kept_for_less_than_thirty_months(found: datetime) -> None:
    end = _expires(found)
    months = (end.year - found.year) * 12 + end.month - found.month
    assert (months, end.day) == (30, found.day) or (months, end.day) == (31, 1)


@pytest.mark.requirement("VI-2")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda octets: octets[:-1],
        lambda octets: octets[:10],
        lambda octets: b"",
        lambda octets: octets[:50] + bytes([octets[50] ^ 1]) + octets[51:],
        lambda octets: octets[:2] + b"x" + octets[3:],
    ],
)
def test_a_changed_file_is_not_given_out_nor_deleted(vault: VirusVault, spoil: Callable[[bytes], bytes]) -> None:
    vault.put(facts(), OCTETS)
    path = files(vault)[0]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SpoiltVaultFile):
        vault.take("infected:one", purpose="analisi", instant=NOON)
    assert deletions(vault, NOON + timedelta(days=2000)) == []


def test_one_messages_file_does_not_pass_for_anothers(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)
    vault.put(facts(b"b", key="infected:two"), b"b")
    first, second = files(vault)
    first.write_bytes(second.read_bytes())
    seen = 0
    for key in ("infected:one", "infected:two"):
        try:
            vault.take(key, purpose="analisi", instant=NOON)
        except SpoiltVaultFile:
            seen += 1
    assert seen == 1


def test_another_key_opens_nothing(vault: VirusVault, tmp_path: Path) -> None:
    vault.put(facts(), OCTETS)
    other = VirusVault(tmp_path / "vault", VaultKey(bytes(32), CountingEntropy()))
    with pytest.raises(SpoiltVaultFile, match="another key"):
        other.take("infected:one", purpose="analisi", instant=NOON)


def test_a_line_that_a_cut_left_half_spoils_no_other(vault: VirusVault) -> None:
    vault.put(facts(), OCTETS)
    with (vault._folder / "journal").open("ab") as file:
        file.write(b'{"instant": "2026-')
    vault.take("infected:one", purpose="analisi", instant=NOON)
    assert [event.act for event in vault.journal()] == [VaultAct.STORED, VaultAct.RETRIEVED]
    assert VirusVault(vault._folder / "none", VaultKey(bytes(32))).journal() == ()


def test_a_key_file_is_made_once_and_read_by_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    make_vault_key(path, CountingEntropy())
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = VaultKey.load(path).seal(b"x", bound=b"y")
    assert VaultKey.load(path).open(sealed, bound=b"y") == b"x"
    assert sealed != VaultKey.load(path).seal(b"x", bound=b"y")
    with pytest.raises(SpoiltVaultFile):
        VaultKey.load(path).open(sealed, bound=b"z")
    with pytest.raises(FileExistsError):
        make_vault_key(path)
    path.chmod(0o640)
    with pytest.raises(UserError):
        VaultKey.load(path)


@pytest.mark.parametrize("content", [b"short\n", b"00\n", b"zz" * 32 + b"\n", b"\xff\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UserError):
        VaultKey.load(path)


def test_a_disk_that_refuses_is_the_worlds_fault(tmp_path: Path, key: VaultKey) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WorldError):
        VirusVault(tmp_path / "file", key).put(facts(), OCTETS)
    assert not (tmp_path / "file").read_bytes()
