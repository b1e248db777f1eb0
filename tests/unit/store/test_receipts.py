"""The shelf of received receipts, over every store: found by transaction and holder, the same one once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Commit, CommitOutcome, ReceivedReceipt
from ceralacca.testing.clock import NOON
from ceralacca.testing.store_samples import ANNA, SENDER, inbound


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
