"""Rules in their versions: as they were given, one change at a time, and an earlier version again."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from ceralacca.core.delivery_rules import MessageSort, Rule
from ceralacca.core.model.address import Address
from ceralacca.ports.delivery_rules import VERSIONS_KEPT, RuleBook, RulesChanged
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.store import Commit, JobKind, NewJob
from ceralacca.store.tables import DELIVERY_RULE
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("DP-8")

ANNA, BRUNO = Address("Anna@beta.example"), Address("bruno@beta.example")
PLAIN = Rule(key="aaaa", name="Però \ud800", folder="Città/Rossi & C.", subject="100 %")
FULL = Rule(
    key="bbbb",
    name="tutto",
    folder="Altro",
    sorts=frozenset({MessageSort.NOTICE, MessageSort.ANOMALY}),
    sender="a",
    recipient="b",
    subject="c",
    at_least=0,
    at_most=2**33,
    files=False,
    active=False,
)


def test_a_mailbox_without_rules_has_version_0(store):
    assert store.rule_books().current(ANNA) == RuleBook(mailbox=ANNA)
    assert store.rules(ANNA) == ()


def test_rules_are_read_back_in_their_order_under_any_spelling(store):
    books = store.rule_books()
    made = books.change(RuleBook(mailbox=ANNA, rules=(FULL, PLAIN)), now=NOON)
    assert made == RuleBook(mailbox=ANNA, version=1, rules=(FULL, PLAIN), made=NOON)
    assert books.current(Address("anna@BETA.example")) == made
    assert tuple(store.rules(ANNA)) == (FULL, PLAIN)
    assert books.current(BRUNO).version == 0


def test_a_change_of_what_has_changed_is_refused_and_stores_nothing(store):
    books = store.rule_books()
    first = books.change(RuleBook(mailbox=ANNA, rules=(FULL,)), now=NOON)
    second = books.change(replace(first, rules=(PLAIN,)), now=NOON)
    for old in (first, RuleBook(mailbox=ANNA), replace(second, version=7)):
        with pytest.raises(RulesChanged):
            books.change(replace(old, rules=()), now=NOON)
    assert books.current(ANNA) == second


def test_an_earlier_version_is_had_again(store):
    books = store.rule_books()
    first = books.change(RuleBook(mailbox=ANNA, rules=(FULL, PLAIN)), now=NOON)
    second = books.change(replace(first, rules=()), now=NOON)
    assert second.rules == ()
    assert tuple(store.rules(ANNA)) == ()
    assert books.earlier(ANNA, 1) == first
    assert books.earlier(ANNA, 0) == RuleBook(mailbox=ANNA)
    assert books.earlier(ANNA, 9) is None
    assert books.change(replace(second, rules=first.rules), now=NOON).rules == first.rules


def test_old_versions_go(store):
    books = store.rule_books()
    book = RuleBook(mailbox=ANNA, rules=(PLAIN,))
    for _ in range(VERSIONS_KEPT + 3):
        book = books.change(book, now=NOON)
    assert books.earlier(ANNA, 0) is None
    assert books.earlier(ANNA, 3) is None
    assert books.earlier(ANNA, 4).rules == (PLAIN,)
    assert books.current(ANNA) == book


def test_what_is_read_ahead_for_a_delivery_are_the_present_rules(store):
    store.add_domain("beta.example", now=NOON)
    for address in (ANNA, BRUNO):
        store.put_mailbox(MailboxRecord(address=address), now=NOON)
    books = store.rule_books()
    books.change(books.change(RuleBook(mailbox=ANNA, rules=(PLAIN,)), now=NOON), now=NOON)
    books.change(replace(books.current(ANNA), rules=(FULL, PLAIN)), now=NOON)
    jobs = [
        NewJob(key=one.text, kind=JobKind.DELIVERY, due=NOON, payload={"recipient": one.text}) for one in (ANNA, BRUNO)
    ]
    store.commit([Commit(jobs=tuple(jobs))])
    ahead = store.ahead(store.claim([JobKind.DELIVERY], now=NOON, limit=9, lease=some.LEASE))
    assert tuple(ahead.rules(ANNA)) == (FULL, PLAIN)
    assert tuple(ahead.rules(BRUNO)) == ()
    assert tuple(ahead.rules(Address("nobody@beta.example"))) == ()


def test_a_row_that_nobody_can_read_spoils_no_batch(database_store):
    store = database_store
    store.add_domain("beta.example", now=NOON)
    store.put_mailbox(MailboxRecord(address=ANNA), now=NOON)
    store.rule_books().change(RuleBook(mailbox=ANNA, rules=(PLAIN,)), now=NOON)
    with store._database.transaction() as connection:
        connection.execute(update(DELIVERY_RULE).values(sorts="of a later release"))
    store.commit([Commit(jobs=(NewJob(key="a", kind=JobKind.DELIVERY, due=NOON, payload={"recipient": ANNA.text}),))])
    ahead = store.ahead(store.claim([JobKind.DELIVERY], now=NOON, limit=9, lease=some.LEASE))
    assert ahead.mailbox(ANNA).address == ANNA
    with pytest.raises(ValueError, match="MessageSort"):
        ahead.rules(ANNA)
