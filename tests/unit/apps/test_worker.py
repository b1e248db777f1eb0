"""The worker's loop over a memory store: it ends when told, and gives nobody's work away."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from ceralacca.apps.claims import Claims
from ceralacca.apps.duty import Duty
from ceralacca.apps.worker import Worker, seconds_until_due, work_side_by_side
from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Commit, JobKind, NewJob
from ceralacca.services.steps import LEASE
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.memory_store import MemoryStore


class Office:
    def __init__(self, store, clock):
        self.store, self.clock = store, clock


class Hints:
    """In place of `store.wake`: says that there is a hint, and ends the duty after so many waits."""

    def __init__(self, duty, waits=1):
        self.duty, self.left = duty, waits

    def wait(self, timeout):
        self.timeout = timeout
        self.left -= 1
        if self.left <= 0:
            self.duty.end()
        return True


@pytest.fixture
def office():
    return Office(MemoryStore(), FixedClock(NOON))


def add(store, count, kind, due=NOON):
    jobs = tuple(NewJob(key=f"{kind}:{n}", kind=kind, due=due, payload={}) for n in range(count))
    store.commit([Commit(instant=NOON, jobs=jobs)])


def finishing(sizes):
    """Return what finishes each batch, and writes down how large it was."""

    def perform(jobs, office, *, threads, claimer, in_hand):
        sizes.append(len(jobs))
        office.store.commit([Commit(done=job.id) for job in jobs])

    return perform


def work(office, tmp_path, monkeypatch, perform, kinds=(JobKind.ARRIVAL,), batch=2, **more):
    monkeypatch.setattr("ceralacca.apps.worker.perform", perform)
    duty, claims = Duty(), Claims(tmp_path, "worker")
    with closing(claims), ThreadPoolExecutor(1) as threads:
        hints = Hints(duty)
        Worker(office, claims, hints, duty, batch=batch, threads=threads, kinds=kinds, **more).work()
    return hints


def test_it_works_in_batches_until_nothing_is_due(office, tmp_path, monkeypatch):
    add(office.store, 5, JobKind.ARRIVAL)
    sizes = []
    hints = work(office, tmp_path, monkeypatch, finishing(sizes))
    assert sizes == [2, 2, 1]
    assert hints.timeout == 1.0


def test_it_shares_what_came_while_it_rested_and_takes_all_that_came_while_it_worked(office, tmp_path, monkeypatch):
    """Who rests is told of each job at once: what lies there after a batch, nobody else has taken."""
    add(office.store, 40, JobKind.ARRIVAL)
    sizes = []
    work(office, tmp_path, monkeypatch, finishing(sizes), batch=64, sharing=2)
    assert sizes == [20, 20]


def test_what_a_dead_worker_had_in_hand_is_due_for_its_successor(office, tmp_path, monkeypatch):
    add(office.store, 3, JobKind.ARRIVAL)

    def perform(jobs, office, *, threads, claimer, in_hand):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(office, tmp_path, monkeypatch, perform)
    with closing(Claims(tmp_path, "worker")) as claims:
        assert claims.give_back(office.store, now=NOON, lease=LEASE) == 2


def test_a_store_that_is_away_is_waited_for(office, tmp_path, monkeypatch):
    add(office.store, 1, JobKind.ARRIVAL)
    monkeypatch.setattr("ceralacca.apps.worker._AWAY", 0.0)
    tries = []

    def perform(jobs, office, *, threads, claimer, in_hand):
        tries.append(len(jobs))
        office.store.commit([Commit(done=job.id) for job in jobs])
        raise WorldError("the disk is away")

    work(office, tmp_path, monkeypatch, perform)
    assert tries == [1]


def test_what_a_store_that_was_away_has_left_undone_is_done_when_it_is_back(office, tmp_path, monkeypatch):
    add(office.store, 2, JobKind.ARRIVAL)
    monkeypatch.setattr("ceralacca.apps.worker._AWAY", 0.0)
    tries = []

    def perform(jobs, office, *, threads, claimer, in_hand):
        tries.append([job.attempts for job in jobs])
        if len(tries) == 1:
            raise WorldError("the database is away")
        office.store.commit([Commit(done=job.id) for job in jobs])

    work(office, tmp_path, monkeypatch, perform)
    assert tries == [[1, 1], [2, 2]], "at once, and not when the lease ends"


def test_it_sleeps_until_the_next_job_is_due_but_no_longer_than_a_second(office):
    kinds = (JobKind.DEADLINE,)
    assert seconds_until_due(office.store, kinds, office.clock) == 1.0
    add(office.store, 1, JobKind.DEADLINE, due=NOON + timedelta(seconds=0.25))
    assert seconds_until_due(office.store, kinds, office.clock) == 0.25
    office.clock.advance(timedelta(hours=1))
    assert seconds_until_due(office.store, kinds, office.clock) == 0.0


def test_it_asks_once_for_what_comes_next_however_often_it_is_woken(office, tmp_path):
    asked, waited = [], []

    class Hasty(Hints):
        def wait(self, timeout):
            office.clock.advance(timedelta(seconds=timeout if self.left % 3 == 0 else 0.25))
            waited.append(timeout)
            return super().wait(timeout)

    class Store(MemoryStore):
        __slots__ = ()

        def next_due(self, kinds):
            asked.append(office.clock.now())
            return super().next_due(kinds)

    office.store = Store()
    hints = Hasty(duty := Duty(), waits=6)
    with closing(Claims(tmp_path, "worker")) as claims:
        Worker(office, claims, hints, duty, batch=2, threads=None, kinds=(JobKind.ARRIVAL,)).work()
    assert waited == [1.0, 1.0, 0.75, 0.5, 1.0, 0.75]
    assert len(asked) == 3


def test_a_clock_that_is_set_back_keeps_nobody_asleep(office, tmp_path):
    class Set(Hints):
        def wait(self, timeout):
            office.clock.advance(timedelta(hours=-1))
            return super().wait(timeout)

    hints = Set(duty := Duty(), waits=2)
    with closing(Claims(tmp_path, "worker")) as claims:
        Worker(office, claims, hints, duty, batch=2, threads=None, kinds=(JobKind.ARRIVAL,)).work()
    assert hints.timeout == 1.0


def lanes(office, tmp_path, duty, count=2):
    made = []
    for number in range(count):
        claims = Claims(tmp_path, f"worker-{number}")
        made.append(Worker(office, claims, Hints(duty), duty, batch=2, threads=None, kinds=(JobKind.ARRIVAL,)))
    return made


def test_lanes_share_what_is_due_and_end_together(office, tmp_path, monkeypatch):
    add(office.store, 6, JobKind.ARRIVAL)
    done, both = [], threading.Barrier(2)

    def perform(jobs, office, *, threads, claimer, in_hand):
        if len(done) < 2:
            done.append(threading.get_ident())
            both.wait(30)  # neither is done before the other has begun
        office.store.commit([Commit(done=job.id) for job in jobs])

    monkeypatch.setattr("ceralacca.apps.worker.perform", perform)
    duty = Duty()
    work_side_by_side(lanes(office, tmp_path, duty), duty)
    assert len(set(done)) == 2
    assert office.store.jobs() == []


def test_a_lane_that_fails_ends_its_worker(office, tmp_path, monkeypatch):
    add(office.store, 1, JobKind.ARRIVAL)

    def perform(jobs, office, *, threads, claimer, in_hand):
        raise ValueError("a defect")

    monkeypatch.setattr("ceralacca.apps.worker.perform", perform)
    duty = Duty()
    with pytest.raises(ValueError, match="a defect"):
        work_side_by_side(lanes(office, tmp_path, duty), duty)
    assert duty.ending.is_set()
