"""What a dead worker had in hand is due again for its successor, and for nobody else."""

from contextlib import closing
from datetime import timedelta

import pytest

from ceralacca.apps.claims import Claims
from ceralacca.base.errors import UserError
from ceralacca.ports.store import Commit, JobKind, NewJob
from ceralacca.testing.clock import NOON
from ceralacca.testing.memory_store import MemoryStore

LEASE = timedelta(minutes=10)
KINDS = (JobKind.RELAY,)


@pytest.fixture
def store():
    store = MemoryStore()
    job = NewJob(key="relay:1", kind=JobKind.RELAY, due=NOON, payload={})
    store.commit([Commit(instant=NOON, jobs=(job,))])
    return store


def claim_and_die(store, folder, *, at=NOON):
    claims = Claims(folder, "relay")
    jobs = store.claim(KINDS, now=at, limit=8, lease=LEASE, claimer=claims.claimer)
    claims.close()
    return jobs


def test_what_was_in_hand_is_due_at_once(store, tmp_path):
    (job,) = claim_and_die(store, tmp_path)
    now = NOON + timedelta(seconds=3)
    assert not store.claim(KINDS, now=now, limit=8, lease=LEASE)
    claims = Claims(tmp_path, "relay")
    assert claims.give_back(store, now=now, lease=LEASE) == 1
    assert [one.id for one in store.claim(KINDS, now=now, limit=8, lease=LEASE)] == [job.id]
    claims.close()


def test_it_is_given_back_once(store, tmp_path):
    claim_and_die(store, tmp_path)
    claims = Claims(tmp_path, "relay")
    claims.give_back(store, now=NOON, lease=LEASE)
    assert claims.give_back(store, now=NOON, lease=LEASE) == 0
    claims.close()


def test_a_claim_whose_lease_has_ended_may_be_somebody_elses_by_now(store, tmp_path):
    claim_and_die(store, tmp_path)
    later = NOON + LEASE
    assert store.claim(KINDS, now=later, limit=8, lease=LEASE)
    claims = Claims(tmp_path, "relay")
    assert claims.give_back(store, now=later, lease=LEASE) == 0
    claims.close()


def test_a_finished_job_is_not_given_back(store, tmp_path):
    (job,) = claim_and_die(store, tmp_path)
    store.commit([Commit(done=job.id)])
    claims = Claims(tmp_path, "relay")
    assert claims.give_back(store, now=NOON, lease=LEASE) == 0
    claims.close()


def test_of_others_nothing_is_given_back(store, tmp_path):
    (tmp_path / "other").mkdir()
    claim_and_die(store, tmp_path)
    for folder, role in ((tmp_path, "worker"), (tmp_path / "other", "relay")):
        with closing(Claims(folder, role)) as claims:
            assert claims.give_back(store, now=NOON, lease=LEASE) == 0


@pytest.mark.parametrize("octets", [b"", b"{", b"0123456789abcdef", b'{"at": 3, "jobs": [1]}', b"0123456789ABCDEF\n"])
def test_a_name_that_cannot_be_read_is_replaced(store, tmp_path, octets):
    (tmp_path / "relay.claims").write_bytes(octets)
    with closing(Claims(tmp_path, "relay")) as claims:
        assert claims.claimer.encode() not in octets
        assert (tmp_path / "relay.claims").read_text() == f"{claims.claimer}\n"


def test_two_of_one_name_never_work_at_once(tmp_path):
    first = Claims(tmp_path, "relay")
    with pytest.raises(UserError):
        Claims(tmp_path, "relay")
    first.close()
    Claims(tmp_path, "relay").close()
