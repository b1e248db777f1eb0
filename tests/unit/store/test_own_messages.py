"""A holder's own accepted messages, narrowed by text, time and what became of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("LO-8")

HOUR = timedelta(hours=1)
DELIVERED, FAILED, TAKEN = RecipientState.DELIVERED, RecipientState.FAILED, RecipientState.TAKEN


@pytest.fixture
def own(database_store):
    """Three messages of the sample's sender, an hour apart, and one of somebody else."""
    states = [
        {some.ANNA: DELIVERED, some.BRUNO: DELIVERED},
        {some.ANNA: DELIVERED, some.BRUNO: FAILED},
        {some.ANNA: TAKEN, some.BRUNO: TAKEN},
    ]
    sent = [replace(some.sent(f"id-{n}", each), accepted=NOON + n * HOUR) for n, each in enumerate(states)]
    other = some.sent("id-other")
    other = replace(other, original=replace(other.original, sender=Address("altro@alfa.example")))
    database_store.commit([Commit(sent=(one,)) for one in (*sent, other)])
    return database_store.own_messages()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "210"),
        ({"limit": 2}, "21"),
        ({"states": {FAILED}}, "1"),
        ({"states": {DELIVERED}}, "10"),
        ({"states": {DELIVERED, TAKEN}}, "210"),
        ({"states": {RecipientState.EXPIRED}}, ""),
        ({"since": NOON + HOUR}, "21"),
        ({"before": NOON + HOUR}, "0"),
        ({"since": NOON + HOUR, "before": NOON + 2 * HOUR, "states": {FAILED}}, "1"),
        ({"containing": "ID-2"}, "2"),
        ({"containing": "id-2", "states": {FAILED}}, ""),
        ({"containing": "%"}, ""),
        ({"containing": "anna"}, "210"),
    ],
)
def test_all_that_is_given_must_hold(own, wanted, found):
    messages = own.sent(some.SENDER, **{"limit": 9} | wanted)
    assert "".join(one.original.identifier[-1] for one in messages) == found
    assert all(set(one.states) == {some.ANNA, some.BRUNO} for one in messages)
