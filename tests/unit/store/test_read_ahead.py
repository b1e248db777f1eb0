"""What a batch reads ahead is what the store answers one by one; nothing is known that was not read."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.store import Commit, CommitOutcome, JobKind, NewJob, StateChange, Store
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

HOLDER = Address("Anna@beta.example")
GIULIA = Address("giulia@beta.example")
LONG = "x" * 900


def job_about(**payload) -> NewJob:
    return NewJob(key=f"about:{sorted(payload.items())}", kind=JobKind.DELIVERY, due=NOON, payload=payload)


def claimed(store: Store, *payloads):
    store.commit([Commit(jobs=tuple(job_about(**one) for one in payloads))])
    return store.claim([JobKind.DELIVERY], now=NOON, limit=10, lease=some.LEASE)


def filled(store: Store, identifier: str = "id-1") -> None:
    store.add_domain("beta.example", now=NOON)
    store.put_mailbox(MailboxRecord(address=HOLDER), now=NOON)
    store.receive([some.inbound()], now=NOON)
    store.commit(
        [
            Commit(
                sent=(some.sent(identifier),),
                letters=(some.letter(),),
                taken=(some.taken(identifier),),
                fates=(some.fate(identifier),),
            )
        ]
    )


@pytest.mark.parametrize("identifier", ["id-1", LONG, "identificativo \x00 \ud800"])
def test_it_answers_as_the_store_does(store: Store, identifier):
    filled(store, identifier)
    jobs = claimed(
        store,
        {"inbound": "in-1", "identifier": identifier, "recipient": HOLDER.text},
        {"letter": some.letter().key, "recipient": "nobody@beta.example"},
    )
    ahead = store.ahead(jobs)
    taken, fate = some.taken(identifier), some.fate(identifier)
    for ask in (
        lambda one: one.inbound("in-1"),
        lambda one: one.inbound("in-2"),
        lambda one: one.letter(some.letter().key),
        lambda one: bytes(one.octets(store.inbound("in-1").digest)),
        lambda one: bytes(one.octets(store.letter(some.letter().key).digest)),
        lambda one: one.sent(identifier),
        lambda one: one.sent("id-2"),
        lambda one: one.taken(taken.provider, identifier, taken.recipients),
        lambda one: one.taken("Gestore Gamma", identifier, taken.recipients),
        lambda one: one.fate(fate.provider, identifier, fate.recipient),
        lambda one: one.fate(fate.provider, identifier, Address("nobody@beta.example")),
        lambda one: one.mailbox(HOLDER),
        lambda one: one.mailbox(Address("nobody@beta.example")),
        lambda one: one.domains(),
    ):
        assert ask(ahead) == ask(store)


def test_what_nobody_named_is_looked_up(store: Store):
    filled(store)
    ahead = store.ahead([])
    assert ahead.sent("id-1") == store.sent("id-1") is not None
    assert ahead.mailbox(HOLDER) == store.mailbox(HOLDER) is not None


def test_mailboxes_that_the_letters_of_a_message_may_be_for_are_read_with_it(database_store, monkeypatch):
    store = database_store
    filled(store)
    store.put_mailbox(MailboxRecord(address=GIULIA), now=NOON)
    known = {address: store.mailbox(address) for address in (HOLDER, GIULIA, Address("nobody@beta.example"))}
    message = replace(some.inbound("in-2"), reverse_path=GIULIA, forward_paths=tuple(known))
    store.receive([message], now=NOON)
    (job,) = claimed(store, {"inbound": "in-2"})
    ahead = store.ahead([job])
    monkeypatch.setattr("ceralacca.store.mailboxes.mailbox", lambda *_: pytest.fail("looked up"))
    monkeypatch.setattr("ceralacca.store.database.read_rules", lambda *_: pytest.fail("looked up"))
    assert {address: ahead.mailbox(address) for address in known} == known
    assert ahead.rules(HOLDER) == ahead.rules(GIULIA) == ()


def test_the_service_mailbox_is_read_with_any_message(tmp_path, monkeypatch):
    settings = StoreSettings(service_mailbox=HOLDER)
    with closing(open_store(sqlite_url(tmp_path), tmp_path, settings)) as store:
        filled(store)
        known = store.mailbox(HOLDER)
        (job,) = claimed(store, {"inbound": "in-1"})
        ahead = store.ahead([job])
        monkeypatch.setattr("ceralacca.store.mailboxes.mailbox", lambda *_: pytest.fail("looked up"))
        assert ahead.mailbox(HOLDER) == known


def test_the_transaction_that_an_arrived_message_is_about_is_read_too(database_store):
    store = database_store
    filled(store)
    (job,) = claimed(store, {"inbound": "in-1"})
    job = replace(job, kind=JobKind.ARRIVAL)
    asked = []
    ahead = store.ahead([job], about=lambda octets: asked.append(bytes(octets)) or "id-1")
    assert asked == [bytes(store.octets(store.inbound("in-1").digest))]
    known = ahead.sent("id-1")
    moved = StateChange(
        identifier="id-1", recipient=some.ANNA, before=known.states[some.ANNA], after=RecipientState.TAKEN
    )
    store.commit([Commit(states=(moved,))])
    assert ahead.sent("id-1") == known != store.sent("id-1"), "it was not asked for again"
    unread = store.ahead([job], about=lambda _: None)
    assert unread.sent("id-1") == store.sent("id-1")


@pytest.mark.requirement("AP-25", "IP-21")
def test_a_step_decided_on_what_was_read_ahead_is_judged_by_what_is_stored(store: Store):
    filled(store)
    (job,) = claimed(store, {"identifier": "id-1"})
    known = store.ahead([job]).sent("id-1").states[some.ANNA]
    moved = StateChange(identifier="id-1", recipient=some.ANNA, before=known, after=RecipientState.TAKEN)
    assert store.commit([Commit(states=(moved,))]) == [CommitOutcome.DONE]
    late = replace(moved, after=RecipientState.WARNED)
    assert store.commit([Commit(done=job.id, states=(late,), instant=NOON + timedelta(1))]) == [CommitOutcome.STALE]
