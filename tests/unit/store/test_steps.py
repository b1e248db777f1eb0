"""A commit is first stored as if it were new; that it is not comes out all the same, on both engines."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit, CommitOutcome, JobKind, Keep, NewJob, Postponed, StateChange, Store
from ceralacca.store import steps
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

MOVED = StateChange(
    identifier="id-1",
    recipient=some.ANNA,
    before=some.sent().states[some.ANNA],
    after=RecipientState.TAKEN,
)
KEYED = {
    "sent": (some.sent(),),
    "inbound": (some.inbound(),),
    "letters": (some.letter(),),
    "taken": (some.taken(),),
    "fates": (some.fate(),),
}
KEEP = Keep(kinds=frozenset({JobKind.DELIVERY}), now=NOON, lease=timedelta(minutes=10), limit=8, claimer="worker")


DELIVERED = replace(
    MOVED,
    before=RecipientState.TAKEN,
    after=RecipientState.DELIVERED,
    or_from=frozenset({RecipientState.DISPATCHED, RecipientState.WARNED}),
)


def number(store, key):
    return next(job.id for job in store.jobs() if job.key == key)


@pytest.fixture
def asked(monkeypatch):
    """Tables that were asked for keys."""
    tables, ask = [], steps._present

    def present(connection, table, wanted):
        if wanted:
            tables.append(table.name)
        return ask(connection, table, wanted)

    monkeypatch.setattr(steps, "_present", present)
    return tables


def test_nobody_asks_for_the_keys_of_new_things(database_store, asked):
    assert database_store.commit([Commit(**KEYED)]) == [CommitOutcome.DONE]
    database_store.receive([some.inbound("in-2")], now=NOON)
    assert asked == []


def test_a_step_that_finds_all_as_it_took_it_asks_for_nothing(database_store, monkeypatch):
    store = database_store
    store.commit([Commit(sent=(some.sent(),), jobs=(some.job("mine"), some.job("timer"), some.job("other")))])
    monkeypatch.setattr(steps, "_look_up", lambda *_: pytest.fail("looked"))
    step = Commit(
        done=number(store, "mine"),
        letters=(some.letter(),),
        states=(MOVED,),
        cancelled=("timer", "never made"),
        jobs=(some.job("next"),),
    )
    assert store.commit([step]) == [CommitOutcome.DONE]
    assert {job.key for job in store.jobs()} == {"other", "next"}
    assert store.sent("id-1").states[some.ANNA] is RecipientState.TAKEN


def test_a_job_that_is_there_is_not_made_again_and_what_comes_with_it_is_stored(store: Store):
    first = some.job("timer", due=NOON)
    store.commit([Commit(jobs=(first,))])
    later = replace(first, due=NOON + timedelta(hours=1))
    assert store.commit([Commit(letters=(some.letter(),), jobs=(later, some.job("new")))]) == [CommitOutcome.DONE]
    assert {job.key: job.due for job in store.jobs()}["timer"] == NOON
    assert store.letter(some.letter().key) is not None
    assert {job.key for job in store.jobs()} == {"timer", "new"}


def test_a_step_whose_job_is_gone_cancels_nothing(store: Store):
    store.commit([Commit(jobs=(some.job("mine"), some.job("timer"), some.job("other")))])
    mine, other = number(store, "mine"), number(store, "other")
    store.commit([Commit(done=mine)])
    batch = [Commit(done=mine, cancelled=("timer",)), Commit(done=other, letters=(some.letter(),))]
    assert store.commit(batch) == [CommitOutcome.REPEATED, CommitOutcome.DONE]
    assert {job.key for job in store.jobs()} == {"timer"}


def test_a_state_may_move_twice_in_a_batch_and_what_is_stale_leaves_its_jobs(store: Store):
    store.commit([Commit(sent=(some.sent(),), jobs=(some.job("mine"),))])
    again = replace(MOVED, before=RecipientState.TAKEN, after=RecipientState.DELIVERED)
    stale = Commit(done=number(store, "mine"), states=(MOVED,), jobs=(some.job("next"),))
    batch = [Commit(states=(MOVED,)), Commit(states=(again,)), stale]
    assert store.commit(batch) == [CommitOutcome.DONE, CommitOutcome.DONE, CommitOutcome.STALE]
    assert store.sent("id-1").states[some.ANNA] is RecipientState.DELIVERED
    assert {job.key for job in store.jobs()} == {"mine"}


@pytest.mark.parametrize("octets", [b"small\r\n", b"large\r\n" * 40_000])
def test_octets_that_are_there_are_stored_once_and_handed_on(store: Store, octets):
    store.commit([Commit(letters=(some.letter("first", octets=octets),))])
    kept = store.commit_and_keep([Commit(letters=(some.letter("second", octets=octets),))], (), KEEP)
    assert kept.outcomes == [CommitOutcome.DONE]
    assert bytes(store.octets(store.letter("second").digest)) == octets


@pytest.mark.requirement("IP-21", "AP-25")
def test_what_was_done_before_is_asked_for_and_stored_once(database_store, asked):
    store, again = database_store, Commit(**KEYED, log=(some.log_row(),), states=(MOVED,))
    assert store.commit([again]) == [CommitOutcome.DONE]
    assert store.commit([replace(again, states=())]) == [CommitOutcome.REPEATED], "its rows are refused"
    assert sorted(set(asked)) == ["fate", "inbound", "letter", "sent_message", "taken"]
    assert len(store.log_of("id-1")) == 1


@pytest.mark.parametrize("known", list(RecipientState))
def test_a_move_is_taken_from_every_state_that_it_names(store: Store, known):
    """Whoever decided it need not have known which of them it would be."""
    message = replace(some.sent(), states={some.ANNA: known})
    fits = known in {RecipientState.TAKEN, RecipientState.DISPATCHED, RecipientState.WARNED}
    store.commit([Commit(sent=(message,), jobs=(some.job("mine"),))])

    outcome = store.commit([Commit(done=number(store, "mine"), states=(DELIVERED,), log=(some.log_row(),))])
    assert outcome == [CommitOutcome.DONE if fits else CommitOutcome.STALE]
    assert store.sent("id-1").states[some.ANNA] is (RecipientState.DELIVERED if fits else known)
    assert len(store.log_of("id-1")) == fits


def test_a_move_that_names_other_states_needs_no_second_look(database_store, monkeypatch):
    database_store.commit([Commit(sent=(some.sent(),), jobs=(some.job("mine"),))])
    monkeypatch.setattr(steps, "_look_up", lambda *_: pytest.fail("looked"))

    step = Commit(done=number(database_store, "mine"), states=(DELIVERED,))
    assert database_store.commit([step]) == [CommitOutcome.DONE]


def test_a_move_in_the_same_batch_is_one_of_those_states(store: Store):
    store.commit([Commit(sent=(some.sent(),))])
    delivered = replace(DELIVERED, before=RecipientState.WARNED, or_from=frozenset({RecipientState.TAKEN}))

    assert store.commit([Commit(states=(MOVED,)), Commit(states=(delivered,))]) == [CommitOutcome.DONE] * 2
    assert store.sent("id-1").states[some.ANNA] is RecipientState.DELIVERED


def test_what_was_done_before_is_not_taken_for_stale(store: Store):
    """Its state has moved, by itself."""
    commit = Commit(letters=(some.letter(),), states=(MOVED,))
    store.commit([Commit(sent=(some.sent(),))])
    assert store.commit([commit]) == [CommitOutcome.DONE]
    assert store.commit([commit]) == [CommitOutcome.REPEATED]
    other = replace(commit, letters=(some.letter("other"),))
    assert store.commit([other]) == [CommitOutcome.STALE]


@pytest.mark.parametrize("name", KEYED)
def test_one_thing_that_is_there_leaves_the_others_of_a_batch_new(store: Store, name):
    sent = some.sent("id-9")
    store.commit([Commit(sent=(sent,)), Commit(**{name: KEYED[name]})])
    batch = [
        Commit(letters=(some.letter("first"),)),
        Commit(**{name: KEYED[name]}),
        Commit(**(KEYED | {"letters": (some.letter("third"),)})),
    ]
    assert store.commit(batch) == [CommitOutcome.DONE, CommitOutcome.REPEATED, CommitOutcome.DONE]
    assert {store.letter(key) is not None for key in ("first", "third")} == {True}


@pytest.mark.parametrize(
    ("repeatable", "postponed", "synced"),
    [((True, True), False, False), ((True, False), False, True), ((False,), False, True), ((True,), True, True)],
)
def test_a_batch_is_not_synced_when_all_of_it_may_be_taken_back(
    database_store, monkeypatch, repeatable, postponed, synced
):
    jobs = [NewJob(key=str(number), kind=JobKind.DELIVERY, due=NOON, payload={}) for number in range(3)]
    database_store.commit([Commit(jobs=tuple(jobs))])
    *some_jobs, waits = database_store.claim([JobKind.DELIVERY], now=NOON, limit=3, lease=timedelta(minutes=10))
    asked, begin = [], database_store._database.direct_transaction

    def watched(*, synced=True):
        asked.append(synced)
        return begin(synced=synced)

    monkeypatch.setattr(database_store._database, "direct_transaction", watched)
    commits = [Commit(done=job.id, repeatable=one) for job, one in zip(some_jobs, repeatable, strict=False)]
    outcomes = database_store.commit(commits, [Postponed(job=waits.id, due=NOON, note="")] if postponed else ())
    assert outcomes == [CommitOutcome.DONE] * len(commits)
    assert asked == [synced]
