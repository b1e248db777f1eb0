"""What is infected is in the vault before the commit that names it, once; after thirty months it goes, logged."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.apps.virus_storage import delete_expired, purge, with_vault
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.retention import Holds, LegalHold
from ceralacca.ports.letters import Inbound, Point
from ceralacca.ports.store import Commit, CommitOutcome, InfectedMessage, JobKind
from ceralacca.store.virus_vault import VirusVault
from ceralacca.testing.clock import NOON, CountingEntropy
from ceralacca.testing.memory_store import MemoryStore
from ceralacca.trust.vault_key import VaultKey

ANNA, OCTETS = Address("anna@alfa.example"), b"what is infected\r\n"
FACTS = InfectedMessage(
    key="access:1", digest=hashlib.sha256(OCTETS).hexdigest(), identifier="pec1@alfa.example", found=NOON,
    sender=ANNA, recipients=(ANNA,), virus="Eicar", engine="test",
)  # fmt: skip


@pytest.fixture
def vault(tmp_path):
    return VirusVault(tmp_path / "vault", VaultKey(bytes(32), CountingEntropy()))


@pytest.fixture
def store():
    store = MemoryStore()
    inbound = Inbound(
        key="1", point=Point.ACCESS, octets=OCTETS, reverse_path=ANNA, forward_paths=(ANNA,), received=NOON
    )
    store.receive([inbound], now=NOON)
    return store


@pytest.mark.requirement("VI-1", "VI-2")
def test_a_commit_that_names_it_finds_it_there(store, vault):
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
    kept = with_vault(store, vault)
    assert kept.commit([Commit(done=job.id, infected=(FACTS,))]) == [CommitOutcome.DONE]
    assert vault.take("access:1", purpose="test", instant=NOON).octets == OCTETS
    assert kept.infected("pec1@alfa.example") == [FACTS]


def test_a_redo_stores_no_second_copy(store, vault):
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
    kept = with_vault(store, vault)
    wanted = Commit(done=job.id, infected=(FACTS,))
    assert [kept.commit([wanted])[0] for _ in range(2)] == [CommitOutcome.DONE, CommitOutcome.REPEATED]
    assert len(vault.journal()) == 1


@pytest.mark.requirement("VI-2")
def test_after_the_commit_only_the_vault_has_the_octets(store, vault):
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
    with_vault(store, vault).commit([Commit(done=job.id, infected=(FACTS,))])
    with pytest.raises(WorldError):
        store.octets(FACTS.digest)
    assert vault.take("access:1", purpose="test", instant=NOON).octets == OCTETS


@pytest.mark.requirement("VI-2")
def test_what_another_job_needed_goes_with_a_later_commit(store, vault):
    again = Inbound(key="2", point=Point.ACCESS, octets=OCTETS, reverse_path=ANNA, forward_paths=(ANNA,), received=NOON)
    store.receive([again], now=NOON)
    first, second = store.claim([JobKind.SUBMISSION], now=NOON, limit=2, lease=timedelta(minutes=1))
    kept = with_vault(store, vault)
    kept.commit([Commit(done=first.id, infected=(FACTS,))])
    assert store.octets(FACTS.digest) == OCTETS
    kept.commit([Commit(done=second.id)])
    with pytest.raises(WorldError):
        store.octets(FACTS.digest)


@pytest.mark.requirement("VI-2")
def test_what_is_needed_still_when_a_worker_starts_goes_with_a_later_commit(store, vault):
    again = Inbound(key="2", point=Point.ACCESS, octets=OCTETS, reverse_path=ANNA, forward_paths=(ANNA,), received=NOON)
    store.receive([again], now=NOON)
    first, second = store.claim([JobKind.SUBMISSION], now=NOON, limit=2, lease=timedelta(minutes=1))
    with_vault(store, vault).commit([Commit(done=first.id, infected=(FACTS,))])
    successor = with_vault(store, vault)
    assert purge(successor).left == {FACTS.digest}
    successor.commit([Commit(done=second.id)])
    with pytest.raises(WorldError):
        store.octets(FACTS.digest)


@pytest.mark.requirement("VI-2", "IP-21")
def test_what_comes_again_goes_again(store, vault):
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
    kept = with_vault(store, vault)
    kept.commit([Commit(done=job.id, infected=(FACTS,))])
    again = Inbound(key="2", point=Point.ACCESS, octets=OCTETS, reverse_path=ANNA, forward_paths=(ANNA,), received=NOON)
    store.receive([again], now=NOON)
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
    assert store.octets(FACTS.digest) == OCTETS
    kept.commit([Commit(done=job.id, infected_again=(FACTS.digest,))])
    with pytest.raises(WorldError):
        store.octets(FACTS.digest)


@pytest.mark.requirement("VI-1", "VI-2")
def test_whoever_is_cut_off_before_the_commit_finds_all_of_it_again(store, vault):
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=timedelta(minutes=1))
    vault.put(FACTS, store.octets(FACTS.digest))
    assert purge(store).gone == 0, "no commit names it yet"
    assert with_vault(store, vault).commit([Commit(done=job.id, infected=(FACTS,))]) == [CommitOutcome.DONE]
    assert len(vault.journal()) == 1


def test_without_room_in_the_vault_nothing_is_committed(store, vault):
    def broken(*_):
        raise OSError(28, "No space left on device")

    vault.put = broken
    with pytest.raises(OSError, match="No space"):
        with_vault(store, vault).commit([Commit(infected=(FACTS,))])
    assert store.infected("pec1@alfa.example") == []


@pytest.mark.requirement("VI-2")
def test_deletion_after_thirty_months_is_logged(store, vault):
    with_vault(store, vault).commit([Commit(infected=(FACTS,))])
    assert delete_expired(vault, store, NOON + timedelta(days=900)) == 0
    assert delete_expired(vault, store, NOON + timedelta(days=960)) == 1
    assert not vault.holds("access:1")
    assert [row.detail for row in store.log if row.event is LogEvent.QUARANTINE] == [
        "deleted after 30 months: access:1"
    ]


@pytest.mark.requirement("VI-1", "VI-2")
@pytest.mark.parametrize("what", [{"mailbox": FACTS.recipients[0]}, {"identifier": FACTS.identifier}])
def test_what_a_legal_hold_names_stays_past_its_term(store, vault, what):
    with_vault(store, vault).commit([Commit(infected=(FACTS,))])
    hold = LegalHold(number=1, reason="claim", set_at=NOON, set_by="lucia", **what)
    later = NOON + timedelta(days=960)

    assert delete_expired(vault, store, later, Holds([hold])) == 0
    assert vault.holds("access:1")
    assert delete_expired(vault, store, later, Holds([replace(hold, lifted_at=later)])) == 1
