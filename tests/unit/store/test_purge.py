"""What is infected leaves the store when nobody needs it there any more, and comes again without harm (VI-2)."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.ports.letters import Point
from ceralacca.ports.store import Commit, CommitOutcome, InfectedMessage, JobKind, Store
from ceralacca.ports.vault import Purged
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

pytestmark = pytest.mark.requirement("VI-2")


def arrival(key, octets=b"infected octets 4711"):
    return replace(some.inbound(key, point=Point.INCOMING), octets=octets)


def facts_of(message):
    return InfectedMessage(
        key=f"incoming:{message.key}", digest=hashlib.sha256(message.octets).hexdigest(), identifier="id-1", found=NOON,
        sender=some.ANNA, recipients=(some.ANNA,), virus="Eicar", engine="test",
    )  # fmt: skip


def find_infected(store: Store, message):
    store.receive([message], now=NOON)
    job = next(
        each
        for each in store.claim([JobKind.ARRIVAL], now=NOON, limit=9, lease=timedelta(0))
        if each.payload["inbound"] == message.key
    )
    wanted = Commit(done=job.id, infected=(facts_of(message),))
    assert store.commit([wanted]) == [CommitOutcome.DONE]
    return wanted


def test_it_is_gone_and_the_step_done_again_is_harmless(store: Store):
    message = arrival("a")
    wanted = find_infected(store, message)

    assert [store.purge_infected().gone, store.purge_infected().gone] == [1, 0]
    with pytest.raises(WorldError):
        store.octets(facts_of(message).digest)
    assert store.commit([wanted]) == [CommitOutcome.REPEATED]
    assert store.inbound("a") is not None
    assert store.infected("id-1") == [facts_of(message)]


def test_it_stays_while_another_arrival_of_the_same_octets_waits(store: Store):
    store.receive([arrival("b_%1")], now=NOON)
    find_infected(store, arrival("a"))

    assert store.purge_infected() == Purged(left=frozenset({facts_of(arrival("a")).digest}))
    (job,) = store.jobs()
    store.commit([Commit(done=job.id)])
    assert store.purge_infected().gone == 1


def test_octets_that_come_again_are_stored_again(store: Store):
    find_infected(store, arrival("a"))
    store.purge_infected()
    again = arrival("b")
    store.receive([again], now=NOON)

    assert bytes(store.octets(facts_of(again).digest)) == again.octets
    assert store.purge_infected().gone == 0
    find_infected(store, again)
    assert store.purge_infected().gone == 1


def test_what_a_letter_holds_stays(store: Store):
    find_infected(store, arrival("a"))
    store.commit([Commit(letters=(replace(some.letter("l"), octets=b"infected octets 4711"),))])

    assert store.purge_infected().gone == 0


def test_no_file_and_no_page_of_the_database_has_it_after(tmp_path):
    large, small = arrival("a", b"large-infected-4711 " * 9000), arrival("b", b"small-infected-4711")
    store = open_store(sqlite_url(tmp_path), tmp_path, StoreSettings(connections=1))
    try:
        for message in (large, small):
            find_infected(store, message)
        assert store.purge_infected().gone == 2
        store.receive([large], now=NOON)  # an old key: nothing is stored
        for message in (large, small):
            with pytest.raises(WorldError):
                store.octets(facts_of(message).digest)
        again = replace(large, key="c")
        store.receive([again], now=NOON)
        assert bytes(store.octets(facts_of(large).digest)) == large.octets
        find_infected(store, again)
        store.purge_infected()
    finally:
        store.close()
    left = [path.name for path in tmp_path.rglob("*") if path.is_file() and b"infected-4711" in path.read_bytes()]
    assert left == []
