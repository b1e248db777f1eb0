"""Jobs that a commit makes and its caller keeps: claimed in the same transaction, and not read back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.transaction import RecipientState
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.store import Commit, CommitOutcome, JobKind, Keep, NewJob, StateChange, Store
from ceralacca.store.engine import RefusedByDatabase
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

DELIVERY, RELAY = JobKind.DELIVERY, JobKind.RELAY
KEEP = Keep(kinds=frozenset({DELIVERY}), now=NOON, lease=some.LEASE, limit=10)


def step(*keys, kind=DELIVERY, due=NOON):
    return Commit(jobs=tuple(some.job(key, kind, due=due) for key in keys), instant=NOON)


def claimed(store, now=NOON):
    return {job.key for job in store.claim(JobKind, now=now, limit=100, lease=some.LEASE)}


def test_what_is_kept_is_claimed_and_nobody_elses(store: Store):
    kept = store.commit_and_keep([step("a", "b"), step("c", kind=RELAY)], (), KEEP)

    assert kept.outcomes == [CommitOutcome.DONE] * 2
    assert {job.key for job in kept.jobs} == {"a", "b"}
    assert kept.jobs == [store.job(job.id) for job in kept.jobs], "as anybody would read them"
    assert {(job.attempts, job.leased_until, job.kind) for job in kept.jobs} == {(1, NOON + some.LEASE, DELIVERY)}
    assert claimed(store) == {"c"}


def test_what_was_kept_by_somebody_who_died_comes_up_again(store: Store):
    store.commit_and_keep([step("a")], (), KEEP)

    assert claimed(store, NOON + some.LEASE - timedelta(seconds=1)) == set()
    assert claimed(store, NOON + some.LEASE) == {"a"}


def test_what_a_claimer_had_in_hand_is_given_back_claimed_or_kept(store: Store):
    store.commit([step("c", kind=RELAY), step("late", due=NOON + some.LEASE / 2)])
    store.commit_and_keep([step("a")], (), replace(KEEP, claimer="me"))
    store.commit_and_keep([step("b")], (), replace(KEEP, claimer="you"))
    assert len(store.claim([RELAY], now=NOON, limit=1, lease=some.LEASE, claimer="me")) == 1

    soon = NOON + timedelta(seconds=1)
    assert store.give_back("me", now=soon, lease=some.LEASE) == 2
    assert claimed(store, soon) == {"a", "c"}, "by whom nobody knows"
    assert store.give_back("me", now=soon, lease=some.LEASE) == 0
    assert store.give_back("you", now=NOON + some.LEASE * 2, lease=some.LEASE) == 0, "its lease has ended by itself"


def test_what_is_due_later_or_too_much_is_anybodys(store: Store):
    later = step("later", due=NOON + timedelta(seconds=1))
    kept = store.commit_and_keep([later, step("a", "b", "c")], (), replace(KEEP, limit=2))

    assert [job.key for job in kept.jobs] == ["a", "b"]
    assert claimed(store) == {"c"}
    assert claimed(store, NOON + timedelta(seconds=1)) == {"later"}


def test_a_kept_job_is_finished_like_any(store: Store):
    kept = store.commit_and_keep([step("a")], (), KEEP)
    (job,) = kept.jobs

    assert store.commit([Commit(done=job.id, instant=NOON)]) == [CommitOutcome.DONE]
    assert store.job(job.id) is None


def test_of_a_job_that_was_there_nothing_is_kept(store: Store):
    store.commit([step("a")])
    kept = store.commit_and_keep([step("a"), step("b")], (), KEEP)

    assert (kept.outcomes, [job.key for job in kept.jobs]) == ([CommitOutcome.REPEATED, CommitOutcome.DONE], ["b"])
    assert claimed(store) == {"a"}


def test_of_a_stale_step_nothing_is_kept(store: Store):
    change = StateChange(
        identifier="nobody's", recipient=some.ANNA, before=RecipientState.TAKEN, after=RecipientState.DELIVERED
    )
    kept = store.commit_and_keep([replace(step("a"), states=(change,))], (), KEEP)

    assert (kept.outcomes, kept.jobs) == ([CommitOutcome.STALE], [])


def test_when_a_batch_goes_step_by_step_nothing_is_kept(database_store, monkeypatch):
    def refused(*_, **__):
        raise RefusedByDatabase("the batch as a whole", remedy="")

    monkeypatch.setattr(type(database_store), "_at_once", refused)
    kept = database_store.commit_and_keep([step("a"), step("b")], (), KEEP)

    assert (kept.outcomes, kept.jobs) == ([CommitOutcome.DONE] * 2, [])
    assert claimed(database_store) == {"a", "b"}


def about(letter):
    return NewJob(key=letter.key, kind=DELIVERY, due=NOON, payload={"letter": letter.key})


@pytest.mark.parametrize("octets", [b"small\r\n", b"large\r\n" * 40_000])
def test_what_the_commit_made_is_read_as_if_from_the_store(store: Store, octets):
    letter = some.letter(octets=octets)
    kept = store.commit_and_keep([Commit(letters=(letter,), jobs=(about(letter),), instant=NOON)], (), KEEP)
    view = store.ahead([]).ahead(kept.jobs, after=kept)

    found = view.letter(letter.key)
    assert found == store.letter(letter.key)
    assert bytes(view.octets(found.digest)) == octets


def test_what_the_commit_made_is_not_read_again(database_store, monkeypatch):
    letter = some.letter()
    kept = database_store.commit_and_keep([Commit(letters=(letter,), jobs=(about(letter),))], (), KEEP)
    before = database_store.ahead([])
    monkeypatch.setattr("ceralacca.store.read_ahead._read_messages", lambda *_: pytest.fail("read"))
    monkeypatch.setattr("ceralacca.store.lookup.letter", lambda *_: pytest.fail("looked up"))

    view = before.ahead(kept.jobs, after=kept)
    assert bytes(view.octets(view.letter(letter.key).digest)) == bytes(letter.octets)


def test_a_letter_that_was_stored_before_is_never_taken_for_the_new_one(store: Store):
    """Signed once: what is there under a key stays, and a delivery of it delivers that."""
    first, second = some.letter(octets=b"first"), some.letter(octets=b"second")
    store.commit([Commit(letters=(first,))])
    again = Commit(letters=(second, some.letter("another")), jobs=(about(second),), instant=NOON)
    kept = store.commit_and_keep([again], (), KEEP)
    view = store.ahead([]).ahead(kept.jobs, after=kept)

    assert bytes(view.octets(view.letter(first.key).digest)) == b"first"


def test_mailboxes_and_transactions_are_handed_on_as_the_commit_has_left_them(store: Store):
    store.add_domain(some.ANNA.domain, now=NOON)
    store.put_mailbox(MailboxRecord(address=some.ANNA), now=NOON)
    payload = {"identifier": "id-1", "recipient": some.ANNA.text}
    first = NewJob(key="first", kind=DELIVERY, due=NOON, payload=payload)
    before = store.ahead(store.commit_and_keep([Commit(jobs=(first,))], (), KEEP).jobs)
    assert before.sent("id-1") is None

    kept = store.commit_and_keep([Commit(sent=(some.sent(),), jobs=(replace(first, key="second"),))], (), KEEP)
    view = before.ahead(kept.jobs, after=kept)
    assert store.sent("id-1") is not None
    assert view.sent("id-1") == store.sent("id-1")
    assert view.mailbox(some.ANNA) == store.mailbox(some.ANNA)
    assert view.rules(some.ANNA) == ()


def transaction_of(one, identifier):
    taken, fate = some.taken(identifier), some.fate(identifier)
    bruno = replace(fate, recipient=some.BRUNO)
    return (
        one.sent(identifier),
        one.taken(taken.provider, identifier, taken.recipients),
        one.fate(fate.provider, identifier, fate.recipient),
        one.fate(bruno.provider, identifier, bruno.recipient),
    )


@pytest.mark.parametrize("identifier", ["id-1", "x" * 900, "identificativo \x00 \ud800"])
def test_a_transaction_is_known_as_its_steps_have_made_it(store: Store, identifier):
    """Three batches, each of which keeps the job of the next."""
    jobs = [
        NewJob(key=f"job-{at}", kind=DELIVERY, due=NOON, payload={"identifier": identifier, "at": at}) for at in (1, 2)
    ]
    sent = some.sent(identifier)
    before = sent.states[some.ANNA]
    first = Commit(sent=(sent,), fates=(some.fate(identifier),), jobs=(jobs[0],), instant=NOON)
    moved = StateChange(identifier=identifier, recipient=some.ANNA, before=before, after=RecipientState.TAKEN)
    second = Commit(
        taken=(some.taken(identifier),),
        fates=(replace(some.fate(identifier), recipient=some.BRUNO),),
        states=(moved,),
        jobs=(jobs[1],),
        instant=NOON,
    )
    view = store.ahead([])
    for commit in (first, second):
        kept = store.commit_and_keep([commit], (), KEEP)
        view = view.ahead(kept.jobs, after=kept)
        assert transaction_of(view, identifier) == transaction_of(store, identifier)
        assert list(view.sent(identifier).states) == list(sent.states), "in their order"
    assert view.sent(identifier).states[some.ANNA] is RecipientState.TAKEN


def test_a_transaction_that_was_read_or_made_is_not_read_again(database_store, monkeypatch):
    job = NewJob(key="a", kind=DELIVERY, due=NOON, payload={"identifier": "id-1"})
    kept = database_store.commit_and_keep([Commit(sent=(some.sent(),), jobs=(job,))], (), KEEP)
    before = database_store.ahead([])
    monkeypatch.setattr("ceralacca.store.read_ahead._read_transactions", lambda *_: pytest.fail("read"))
    view = before.ahead(kept.jobs, after=kept)
    assert view.sent("id-1") == database_store.sent("id-1")
    assert view.fate(some.PROVIDER, "id-1", some.ANNA) is None


@pytest.mark.requirement("AP-25", "IP-21")
def test_what_somebody_else_changes_meanwhile_is_found_by_the_commit(store: Store):
    job = NewJob(key="a", kind=DELIVERY, due=NOON, payload={"identifier": "id-1"})
    sent = some.sent()
    kept = store.commit_and_keep([Commit(sent=(sent,), jobs=(job,))], (), KEEP)
    before = sent.states[some.ANNA]
    moved = StateChange(identifier="id-1", recipient=some.ANNA, before=before, after=RecipientState.TAKEN)
    assert store.commit([Commit(states=(moved,))]) == [CommitOutcome.DONE]

    view = store.ahead([]).ahead(kept.jobs, after=kept)
    late = replace(moved, before=before, after=RecipientState.WARNED)
    assert store.commit([Commit(done=kept.jobs[0].id, states=(late,))]) == [CommitOutcome.STALE]
    assert store.ahead(kept.jobs).sent("id-1").states[some.ANNA] is RecipientState.TAKEN, "decided again on this"
    assert view.sent("id-1") is not None


def test_after_a_commit_that_found_things_otherwise_transactions_are_read_anew(store: Store):
    job = NewJob(key="a", kind=DELIVERY, due=NOON, payload={"identifier": "id-1"})
    kept = store.commit_and_keep([Commit(sent=(some.sent(),), jobs=(job,))], (), KEEP)
    before = store.ahead([]).ahead(kept.jobs, after=kept)
    store.commit([Commit(fates=(some.fate(),))])

    again = Commit(fates=(some.fate(),), letters=(some.letter(),), jobs=(replace(job, key="b"),))
    kept = store.commit_and_keep([again], (), KEEP)
    view = before.ahead(kept.jobs, after=kept)
    assert view.fate(some.PROVIDER, "id-1", some.ANNA) == some.fate()
