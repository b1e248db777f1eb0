"""The shelf of received receipts, over every store: found by transaction and holder, the same one once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.log_extract import KeptAs
from ceralacca.ports.store import Commit, CommitOutcome, JobKind, ReceivedReceipt
from ceralacca.services.shelf import Shelf
from ceralacca.testing.clock import NOON
from ceralacca.testing.store_samples import ANNA, SENDER, inbound, letter


@pytest.fixture
def one(store) -> ReceivedReceipt:
    store.receive([inbound("r-1")], now=NOON)
    return ReceivedReceipt(
        identifier="id-1",
        holder=SENDER,
        digest=store.inbound("r-1").digest,
        message_id="<r-1@beta.example>",
        kind="avvenuta-consegna",
        instant=NOON,
    )


@pytest.mark.requirement("LO-8")
def test_receipts_are_found_by_transaction_and_holder(store, one):
    store.receive([inbound("r-0")], now=NOON)
    earlier = replace(
        one, digest=store.inbound("r-0").digest, message_id="<r-0@beta.example>", instant=NOON - timedelta(1)
    )
    store.commit([Commit(receipts=(one, earlier)), Commit(receipts=(replace(one, identifier="id-2"),))])
    assert store.received_receipts("id-1", SENDER) == [earlier, one]
    assert store.received_receipts("id-1", ANNA) == []
    assert store.received_receipts("id-3", SENDER) == []


@pytest.mark.requirement("LO-8", "IP-21")
def test_the_same_receipt_again_is_left_as_it_is_and_its_step_is_done(store, one):
    later = replace(one, instant=NOON + timedelta(hours=1))
    assert store.commit([Commit(receipts=(one,))]) == [CommitOutcome.DONE]
    assert store.commit([Commit(receipts=(later, later))]) == [CommitOutcome.DONE]
    assert store.received_receipts("id-1", SENDER) == [one]


def test_the_size_of_octets_is_known_and_whether_they_are_here(store, one):
    size = len(store.octets(one.digest))
    assert store.size_of(one.digest) == (size, True)
    with pytest.raises(WorldError):
        store.size_of("00" * 32)


@pytest.mark.requirement("LO-8")
def test_where_the_hash_alone_is_kept_the_octets_go_and_nothing_else(database_store):
    store = database_store
    store.receive([inbound("r-1"), inbound("r-2"), inbound("waiting")], now=NOON)
    for job in store.claim([JobKind.SUBMISSION], now=NOON, limit=9, lease=timedelta(minutes=1)):
        if job.payload["inbound"] != "waiting":
            store.commit([Commit(done=job.id)])
    received = [
        ReceivedReceipt(
            identifier=name,
            holder=holder,
            digest=store.inbound(key).digest,
            message_id=f"<{key}@beta.example>",
            kind="avvenuta-consegna",
            instant=NOON,
        )
        for name, key, holder in [("id-1", "r-1", SENDER), ("id-2", "r-2", ANNA), ("id-3", "waiting", SENDER)]
    ]
    store.commit([Commit(receipts=tuple(received), letters=(letter("id-1/-/answer"), letter("id-9/-/answer")))])

    def of(identifier, holder):
        return holder == SENDER and identifier != "id-9"  # which is held

    assert store.forget_receipts(before=NOON, of=of) == 0
    assert store.forget_receipts(before=NOON + timedelta(seconds=1), of=of) == 2
    assert store.forget_receipts(before=NOON + timedelta(seconds=1), of=of) == 0
    here = [store.size_of(one.digest)[1] for one in received]
    assert here == [False, True, True], "of Anna all is kept; what is still to be delivered too"
    assert not store.size_of(store.letter("id-1/-/answer").digest)[1]
    assert store.size_of(store.letter("id-9/-/answer").digest)[1]
    kept = Shelf(store).receipts("id-1", SENDER)
    assert [one.kept for one in kept] == [KeptAs.HASH, KeptAs.HASH]
    assert all(one.size > 0 for one in kept)


@pytest.mark.requirement("LO-8", "AP-25")
def test_octets_that_come_again_are_here_again(database_store):
    store = database_store
    store.commit([Commit(letters=(letter(),))])
    digest = store.letter("id-1/-/acceptance").digest
    assert store.forget_receipts(before=NOON + timedelta(days=1), of=lambda identifier, holder: True) == 1
    store.receive([inbound("again", octets=b"X-Ricevuta: id-1/-/acceptance\r\n\r\n")], now=NOON)
    assert store.inbound("again").digest == digest
    assert store.octets(digest) == b"X-Ricevuta: id-1/-/acceptance\r\n\r\n"
