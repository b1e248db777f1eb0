"""Any sequence of calls gives the same answers from the memory twin and from SQLite."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.letters import Point
from ceralacca.ports.store import Commit, JobKind, Postponed, StateChange, Store
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url
from ceralacca.testing.memory_store import MemoryStore

NAMES = ["a", "b", "A", "nul \x00", "<a>", "half \udc80"]
STATES = [RecipientState.DISPATCHED, RecipientState.TAKEN, RecipientState.DELIVERED]
PEOPLE = [some.ANNA, some.BRUNO, Address("ANNA@beta.example")]

names = st.sampled_from(NAMES)
kinds = st.sampled_from([JobKind.RELAY, JobKind.DELIVERY])
instants = st.integers(0, 12).map(lambda n: NOON + timedelta(minutes=n))
numbers = st.integers(0, len(NAMES) - 1)
"""Stand for the job of that name until `do` looks it up: each store has numbers of its own."""
bodies = st.sampled_from([b"small", b"another", b"large" * 20])
jobs = st.builds(some.job, names, kinds, due=instants)


def few(things, most=2):
    return st.lists(things, max_size=most).map(tuple)


commits = st.builds(
    Commit,
    done=st.none() | numbers,
    instant=st.none() | instants,
    sent=few(st.builds(some.sent, names), 1),
    states=few(
        st.builds(
            StateChange,
            identifier=names,
            recipient=st.sampled_from(PEOPLE),
            before=st.sampled_from(STATES),
            after=st.sampled_from(STATES),
            or_from=st.frozensets(st.sampled_from(STATES), max_size=2),
        )
    ),
    letters=few(st.builds(some.letter, names, octets=bodies)),
    inbound=few(st.builds(some.inbound, names, octets=bodies), 1),
    taken=few(st.builds(some.taken, names, st.frozensets(st.sampled_from(PEOPLE))), 1),
    fates=few(st.builds(some.fate, names, st.sampled_from(PEOPLE)), 1),
    infected=few(st.builds(lambda key: some.infected("0" * 64, key), names), 1),
    log=few(st.builds(some.log_row, st.none() | names), 1),
    jobs=few(jobs, 3),
    cancelled=few(names),
)
small_commits = st.one_of(
    commits,
    st.builds(Commit, done=st.none() | numbers, jobs=few(jobs, 3), cancelled=few(names)),
    st.builds(
        Commit, done=st.none() | numbers, letters=few(st.builds(some.letter, names, octets=bodies)), jobs=few(jobs)
    ),
    st.builds(Commit, sent=few(st.builds(some.sent, names))),
)
claimers = st.sampled_from(["", "me", "you"])
messages = st.builds(some.inbound, names, point=st.sampled_from(Point), octets=bodies)
postponed = st.builds(Postponed, job=numbers, due=instants, note=names)

acts = st.one_of(
    st.tuples(st.just("receive"), few(messages, 3), instants),
    st.tuples(
        st.just("claim"),
        st.sets(kinds | st.sampled_from(JobKind)),
        instants,
        st.integers(0, 3),
        claimers,
        st.integers(1, 3),
    ),
    st.tuples(st.just("give back"), claimers, instants),
    st.tuples(st.just("commit"), st.lists(small_commits, max_size=4), few(postponed)),
    st.tuples(st.just("hold"), numbers),
    st.tuples(st.just("release"), numbers, instants),
)


NO_JOB = 10_000


def do(store: Store, act):
    ids = {job.key: job.id for job in store.jobs()}

    def number(name):
        return ids.get(NAMES[name], NO_JOB)

    match act:
        case "receive", received, now:
            return store.receive(received, now=now)
        case "claim", wanted, now, limit, claimer, sharing:
            how = {"now": now, "limit": limit, "lease": some.LEASE, "claimer": claimer, "sharing": sharing}
            return nameless(store.claim(sorted(wanted), **how))
        case "give back", claimer, now:
            return store.give_back(claimer, now=now, lease=some.LEASE)
        case "commit", steps, late:
            steps = [
                each if each.done is None else replace(each, done=ids.get(NAMES[each.done], NO_JOB)) for each in steps
            ]
            return store.commit(steps, [replace(each, job=ids.get(NAMES[each.job], NO_JOB)) for each in late])
        case "hold", job:
            return store.hold(number(job))
        case "release", job, now:
            return store.release(number(job), now=now)


def nameless(jobs):
    return [replace(job, id=0) for job in jobs]


def look(store: Store):
    """Return everything that can be seen from outside."""
    letters = [store.letter(name) for name in NAMES]
    received = [store.inbound(name) for name in NAMES]
    return {
        "jobs": nameless(store.jobs()),
        "queue": store.queue(),
        "next": [store.next_due([kind]) for kind in JobKind],
        "sent": [store.sent(name) for name in NAMES],
        "letters": letters,
        "inbound": received,
        "octets": [bytes(store.octets(each.digest)) for each in (*letters, *received) if each],
        "fates": [store.fate(some.PROVIDER, name, each) for name in NAMES for each in PEOPLE],
        "taken": [store.taken(some.PROVIDER, name, frozenset({each})) for name in NAMES for each in PEOPLE],
        "log": [store.log_of(name) for name in NAMES] + [store.log_of("client-1@alfa.example")],
    }


@pytest.mark.requirement("AP-25", "IP-21", "LO-3", "TI-10")
@given(st.lists(acts, min_size=1, max_size=12))
@settings(max_examples=40)
def test_memory_and_database_give_the_same_answers(sequence):
    with TemporaryDirectory() as folder:
        memory = MemoryStore()
        database = open_store(sqlite_url(Path(folder)), Path(folder), StoreSettings(row_limit=20))
        try:
            for act in sequence:
                assert do(memory, act) == do(database, act)
            assert look(memory) == look(database)
        finally:
            database.close()
