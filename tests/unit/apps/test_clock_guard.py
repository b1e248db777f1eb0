"""While the clock cannot be believed the guard says no, once in the diagnostics, and a worker claims nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog

from ceralacca.apps.claims import Claims
from ceralacca.apps.clock_guard import ClockGuard, clock_guard, elapsed
from ceralacca.apps.clock_state import ClockState
from ceralacca.apps.duty import Duty
from ceralacca.apps.worker import Worker
from ceralacca.core.clock_trust import SETTLING
from ceralacca.ports.store import Commit, JobKind, NewJob
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.memory_store import MemoryStore

pytestmark = pytest.mark.requirement("TI-1")


class Machine:
    def __init__(self):
        self.clock, self.counter, self.state = FixedClock(NOON), timedelta(0), ClockState.KEPT
        self.guard = ClockGuard(clock=self.clock, counter=lambda: self.counter, asks=lambda: self.state)

    def run(self, time):
        self.counter += time
        self.clock.advance(time)


def test_it_follows_kernel_and_jumps():
    machine = Machine()
    assert machine.guard.trusted()
    machine.clock.advance(timedelta(minutes=5))
    assert not machine.guard.trusted()
    machine.run(SETTLING)
    assert machine.guard.trusted()


@pytest.mark.parametrize("state", [ClockState.ALONE, ClockState.UNKNOWN])
def test_a_kernel_that_does_not_vouch_is_no_witness(state):
    machine = Machine()
    machine.state = state
    with structlog.testing.capture_logs() as lines:
        assert not machine.guard.trusted()
        assert not machine.guard.trusted()
    assert [(line["event"], line["trusted"], line["kernel"]) for line in lines] == [("clock", False, state.value)]


def test_the_settings_may_say_that_somebody_else_keeps_it():
    assert clock_guard(SimpleNamespace(clock=SimpleNamespace(guard="off")))()
    assert clock_guard(SimpleNamespace(clock=SimpleNamespace(guard="kernel"))).__self__.__class__ is ClockGuard


def test_the_counter_runs():
    assert elapsed() <= elapsed()


def test_a_worker_without_a_clock_leaves_every_job_in_the_queue(tmp_path, monkeypatch):
    monkeypatch.setattr("ceralacca.apps.worker.perform", lambda *_, **__: pytest.fail("it worked"))
    monkeypatch.setattr("ceralacca.apps.worker.LOOK_EVERY", 0)
    store, duty, claims = MemoryStore(), Duty(), Claims(tmp_path, "worker")
    store.commit([Commit(jobs=(NewJob(key="a", kind=JobKind.ARRIVAL, due=NOON, payload={}),))])
    answers = iter([False, False])

    def trusted():
        if (answer := next(answers, None)) is None:
            duty.end()
        return bool(answer)

    with ThreadPoolExecutor(1) as threads:
        office = SimpleNamespace(store=store, clock=FixedClock(NOON))
        worker = Worker(office, claims, None, duty, batch=1, threads=threads)
        worker.clock_is_trusted = trusted
        worker.work()
    claims.close()
    assert [job.attempts for job in store.jobs()] == [0]
