"""The relay's loop over a memory store: each letter once, outcomes committed together, nothing kept when it ends."""

import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest

from ceralacca.apps.claims import Claims
from ceralacca.apps.duty import Duty
from ceralacca.apps.relay import Relay
from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Commit, JobKind, NewJob, Store
from ceralacca.services.steps import LEASE, settle
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.memory_store import MemoryStore

WITHIN = 30.0
"""Seconds after which a test gives up waiting for threads."""


@dataclass(frozen=True)
class Office:
    store: Store
    clock: Clock


class Hints:
    """In place of `store.wake`: the first time there is nothing more to claim it does this, which ends the duty."""

    def __init__(self, act):
        self.act = act

    def wait(self, timeout):
        self.act()
        return True


@pytest.fixture
def office():
    return Office(MemoryStore(), FixedClock(NOON))


@pytest.fixture
def relay(office, tmp_path, monkeypatch):
    """Run a relay whose letters are sent by `send`; when nothing is left to claim, `before` is waited for and it ends.

    After that, `then` is done.
    """

    def run(count, send, before, *, then=lambda: None, threads=2):
        def end():
            assert before.wait(WITHIN)
            duty.end()
            then()

        jobs = tuple(NewJob(key=f"relay:{n}", kind=JobKind.RELAY, due=NOON, payload={}) for n in range(count))
        office.store.commit([Commit(instant=NOON, jobs=jobs)])
        monkeypatch.setattr("ceralacca.apps.relay.decide", lambda job, _: send(job))
        duty, claims = Duty(), Claims(tmp_path, "relay")
        Relay(office, claims, Hints(end), duty, threads=threads).work()
        claims.close()
        assert '"jobs": []' in (tmp_path / "relay.claims").read_text(), "nothing is in hand any more"

    return run


def left(office):
    return [job.id for job in office.store.jobs(kind=JobKind.RELAY)]


def test_every_letter_is_sent_once_and_all_are_done(office, relay):
    sent, all_sent = [], threading.Event()

    def send(job):
        sent.append(job.id)
        if len(sent) == 20:
            all_sent.set()
        return Commit(done=job.id)

    relay(20, send, all_sent)
    assert sorted(sent) == list(range(1, 21))
    assert left(office) == []


def test_outcomes_that_are_there_are_committed_together(office, relay, monkeypatch):
    groups, sent, all_sent = [], [], threading.Event()

    def settle_later(decided, office):
        if not groups:
            assert all_sent.wait(WITHIN)
        groups.append(len(decided))
        settle(decided, office)

    def send(job):
        sent.append(job.id)
        if len(sent) == 6:
            all_sent.set()
        return Commit(done=job.id)

    monkeypatch.setattr("ceralacca.apps.relay.settle", settle_later)
    relay(6, send, all_sent)
    assert sum(groups) == 6
    assert len(groups) <= 2, "what came during a commit goes into the next one, all of it"
    assert left(office) == []


def test_what_has_not_begun_when_the_relay_ends_is_given_back(office, relay):
    begun, go_on = threading.Event(), threading.Event()
    sent = []

    def send(job):
        sent.append(job.id)
        begun.set()
        assert go_on.wait(WITHIN)
        return Commit(done=job.id)

    relay(3, send, begun, then=go_on.set, threads=1)
    assert sent == [1]
    assert left(office) == [2, 3]
    assert all(job.leased_until is None and job.due == NOON for job in office.store.jobs(kind=JobKind.RELAY))


def test_a_letter_that_waited_too_long_for_a_thread_is_given_back(office, relay):
    sent, done = [], threading.Event()

    def send(job):
        sent.append(job.id)
        office.clock.advance(LEASE / 4 + timedelta(seconds=1))
        done.set()
        return Commit(done=job.id)

    relay(2, send, done, threads=1)
    assert sent == [1], "the second could be somebody else's before it is through"
    assert left(office) == [2]


def test_a_store_that_is_away_at_the_commit_costs_nothing_but_time(office, relay, monkeypatch):
    tried = threading.Event()

    def away(decided, office):
        tried.set()
        raise WorldError("the disk is away")

    monkeypatch.setattr("ceralacca.apps.relay.settle", away)
    relay(1, lambda job: Commit(done=job.id), tried)
    assert left(office) == [1], "it is still claimed, until its lease runs out"
