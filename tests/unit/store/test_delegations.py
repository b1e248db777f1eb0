"""Delegations: in force for their term and no longer, ended at once, bound to two open mailboxes of ours."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import MOST_DELEGATIONS, Delegation, DelegationRefused, DelegationRight
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.testing.clock import NOON
from ceralacca.testing.memory_delegations import MemoryDelegations
from ceralacca.testing.memory_store import MemoryStore

pytestmark = pytest.mark.requirement("SE-3")

ANNA, BRUNO = Address("Anna.Bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
CARLA = Address("carla.neri@pec.beta.example")
DAY = timedelta(days=1)


@pytest.fixture
def delegations(store):
    store.add_domain("pec.beta.example", now=NOON)
    for address in (ANNA, BRUNO, CARLA):
        store.put_mailbox(MailboxRecord(address=address), now=NOON)
    return MemoryDelegations(store.mailbox) if isinstance(store, MemoryStore) else store.delegations()


def one(key="a", mailbox=ANNA, delegate=BRUNO, **named):
    fields = {"right": DelegationRight.READ, "purpose": "ferie però \0", "created": NOON, "until": NOON + 7 * DAY}
    return Delegation(key=key, mailbox=mailbox, delegate=delegate, **fields | named)


def test_one_is_read_back_under_any_spelling(delegations):
    delegations.give(one())
    spelt = Address(ANNA.text.upper().replace("PEC.BETA", "pec.beta"))
    assert delegations.between(spelt, BRUNO, now=NOON) == one()
    assert delegations.in_force("a", now=NOON) == one()
    assert delegations.in_force("b", now=NOON) is None
    assert delegations.between(BRUNO, ANNA, now=NOON) is None, "it opens nothing the other way round"
    assert delegations.between(ANNA, CARLA, now=NOON) is None


def test_it_is_good_for_its_term_and_no_longer(delegations):
    delegations.give(one(created=NOON))
    for at, good in ((NOON - DAY, False), (NOON, True), (NOON + 7 * DAY - timedelta(microseconds=1), True)):
        assert bool(delegations.in_force("a", now=at)) is good, at
    for at in (NOON + 7 * DAY, NOON + 70 * DAY):
        assert delegations.in_force("a", now=at) is None
        assert delegations.between(ANNA, BRUNO, now=at) is None
        assert list(delegations.given_to(BRUNO, now=at)) == []
    assert list(delegations.given_by(ANNA)) == [one()], "what is over can still be looked up"


def test_it_is_ended_once_at_once_and_by_its_own_mailbox_only(delegations):
    delegations.give(one())
    assert delegations.end(BRUNO, "a", now=NOON) is None
    assert delegations.end(CARLA, "a", now=NOON) is None
    assert delegations.in_force("a", now=NOON)
    assert delegations.end(ANNA, "a", now=NOON + DAY) == one()
    assert delegations.in_force("a", now=NOON + DAY) is None
    assert delegations.end(ANNA, "a", now=NOON + 2 * DAY) is None
    assert [kept.ended for kept in delegations.given_by(ANNA)] == [NOON + DAY]


def test_a_delegate_has_one_at_a_time(delegations):
    delegations.give(one())
    with pytest.raises(DelegationRefused, match="already"):
        delegations.give(one("b", right=DelegationRight.SEND))
    delegations.end(ANNA, "a", now=NOON)
    delegations.give(one("b", right=DelegationRight.SEND))
    delegations.give(one("c", mailbox=CARLA))
    assert [given.key for given in delegations.given_to(BRUNO, now=NOON)] == ["b", "c"]
    delegations.give(one("d", created=NOON + 7 * DAY, until=NOON + 9 * DAY))  # the one before is over by then


def test_a_mailbox_has_no_end_of_them(delegations):
    for number in range(MOST_DELEGATIONS):
        delegations.give(one(str(number), delegate=Address(f"d{number}@pec.beta.example")))
    with pytest.raises(DelegationRefused, match="most"):
        delegations.give(one("more"))
    delegations.give(one("other", mailbox=CARLA))


@pytest.mark.requirement("MO-4")
@pytest.mark.parametrize("whose", [ANNA, BRUNO])
def test_none_is_in_force_where_a_mailbox_is_closed_or_of_the_provider(delegations, store, whose):
    delegations.give(one())
    for change, good in (
        ({"status": MailboxStatus.RECEIVE_ONLY}, True),
        ({"status": MailboxStatus.CLOSED}, False),
        ({"is_service": True}, False),
        ({}, True),
    ):
        store.put_mailbox(replace(MailboxRecord(address=whose), **change), now=NOON)
        assert bool(delegations.in_force("a", now=NOON)) is good, change
        assert bool(delegations.between(ANNA, BRUNO, now=NOON)) is good, change
        assert bool(delegations.given_to(BRUNO, now=NOON)) is good, change


def test_all_of_a_mailbox_end_together_given_and_got(delegations):
    for entry in (one("a"), one("b", mailbox=CARLA), one("c", ANNA, CARLA), one("d", BRUNO, CARLA)):
        delegations.give(entry)
    assert delegations.end_all(ANNA, now=NOON) == 2
    assert delegations.end_all(ANNA, now=NOON) == 0
    assert [key for key in "abcd" if delegations.in_force(key, now=NOON)] == ["b", "d"]
