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
from ceralacca.net.switchboard import aside
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

    def run(count, send, before, *, then=lambda: None, at_once=2):
        def end():
            assert before.wait(WITHIN)
            duty.end()
            then()

        jobs = tuple(NewJob(key=f"relay:{n}", kind=JobKind.RELAY, due=NOON, payload={}) for n in range(count))
        office.store.commit([Commit(instant=NOON, jobs=jobs)])
        monkeypatch.setattr("ceralacca.apps.relay.decide", lambda job, _: aside(lambda: send(job)))
        duty, claims = Duty(), Claims(tmp_path, "relay")
        Relay(office, claims, Hints(end), duty, at_once=at_once).work()
        claims.close()

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


def test_outcomes_are_committed_as_soon_as_nothing_more_is_in_hand(office, relay, monkeypatch):
    monkeypatch.setattr("ceralacca.apps.relay._COLLECT", 3600.0)
    all_settled = threading.Event()

    def settle_all(decided, office):
        settle(decided, office)
        assert len(decided) == 2, "what one claim brought"
        all_settled.set()

    monkeypatch.setattr("ceralacca.apps.relay.settle", settle_all)
    relay(2, lambda job: Commit(done=job.id), all_settled)
    assert left(office) == []


def test_a_slow_destination_does_not_hold_up_the_outcomes_of_others(office, relay, monkeypatch):
    settled, all_settled = threading.Event(), threading.Event()

    def settle_one(decided, office):
        settle(decided, office)
        (all_settled if settled.is_set() else settled).set()

    def send(job):
        if job.id == 1:
            assert settled.wait(WITHIN)
        return Commit(done=job.id)

    monkeypatch.setattr("ceralacca.apps.relay.settle", settle_one)
    relay(2, send, all_settled)
    assert left(office) == []


def test_when_a_claim_brings_all_that_is_due_the_next_one_waits_for_a_hint(office, relay, monkeypatch):
    claims, done = [], threading.Event()
    claim = MemoryStore.claim

    def counted(*arguments, **named):
        claims.append(named["limit"])
        return claim(*arguments, **named)

    def send(job):
        done.set()
        return Commit(done=job.id)

    monkeypatch.setattr(MemoryStore, "claim", counted)
    relay(1, send, done)
    assert claims == [8]


def test_what_has_not_begun_when_the_relay_ends_is_given_back(office, relay):
    begun, go_on = threading.Event(), threading.Event()
    sent = []

    def send(job):
        sent.append(job.id)
        begun.set()
        assert go_on.wait(WITHIN)
        return Commit(done=job.id)

    relay(3, send, begun, then=go_on.set, at_once=1)
    assert sent == [1]
    assert left(office) == [2, 3]
    assert all(job.leased_until is None and job.due == NOON for job in office.store.jobs(kind=JobKind.RELAY))


def test_a_letter_that_waited_too_long_for_its_turn_is_given_back(office, relay):
    sent, done = [], threading.Event()

    def send(job):
        sent.append(job.id)
        office.clock.advance(LEASE / 4 + timedelta(seconds=1))
        done.set()
        return Commit(done=job.id)

    relay(2, send, done, at_once=1)
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
