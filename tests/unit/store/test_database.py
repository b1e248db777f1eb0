from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.letters import Point
from ceralacca.ports.store import Commit, CommitOutcome, JobKind, Postponed, StateChange, Store
from ceralacca.store.database import open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

DONE, REPEATED, STALE, FAILED = CommitOutcome


def move(before, after, *, identifier="id-1", recipient=some.ANNA):
    return StateChange(identifier=identifier, recipient=recipient, before=before, after=after)


def claimed(store, *keys, kind=JobKind.RELAY):
    store.commit([Commit(jobs=tuple(some.job(key, kind) for key in keys))])
    return store.claim([kind], now=NOON, limit=100, lease=some.LEASE)


# -- receiving --------------------------------------------------------------------------------------


@pytest.mark.requirement("AP-25", "IP-21")
def test_what_was_received_is_there_with_its_job(store: Store):
    store.receive([some.inbound("a"), some.inbound("b", point=Point.INCOMING)], now=NOON)

    assert [(job.key, job.kind, dict(job.payload), job.due, job.created) for job in store.jobs()] == [
        ("submission:a", JobKind.SUBMISSION, {"inbound": "a"}, NOON, NOON),
        ("arrival:b", JobKind.ARRIVAL, {"inbound": "b"}, NOON, NOON),
    ]
    message = store.inbound("b")
    assert message is not None
    assert message.point is Point.INCOMING
    assert bytes(store.octets(message.digest)) == some.inbound("b").octets


def test_a_message_is_received_once(store: Store):
    store.receive([some.inbound("a")], now=NOON)
    (job,) = store.claim([JobKind.SUBMISSION], now=NOON, limit=1, lease=some.LEASE)
    store.commit([Commit(done=job.id)])
    store.receive([some.inbound("a"), some.inbound("a")], now=NOON)

    assert store.jobs() == []


def test_two_of_the_same_key_in_one_call_are_one(store: Store):
    store.receive([some.inbound("a"), some.inbound("a")], now=NOON)

    assert len(store.jobs()) == 1


def test_nothing_received_is_nothing_stored(store: Store):
    store.receive([], now=NOON)

    assert store.jobs() == []


def test_what_is_not_there_is_none(store: Store):
    assert store.inbound("x") is None
    assert store.letter("x") is None
    assert store.sent("x") is None
    assert store.taken("x", "x", frozenset()) is None
    assert store.fate("x", "x", some.ANNA) is None
    assert store.job(1) is None
    assert store.infected("x") == []


# -- a step -----------------------------------------------------------------------------------------


@pytest.mark.requirement("LO-3", "TI-10")
def test_a_step_is_stored_whole(store: Store):
    (job,) = claimed(store, "submission:a")
    timer = some.job("deadline:id-1/anna", JobKind.DEADLINE, due=NOON + timedelta(hours=12))
    commit = Commit(
        done=job.id,
        instant=NOON + timedelta(seconds=1),
        sent=(some.sent(),),
        letters=(some.letter(), some.letter("id-1/-/envelope")),
        inbound=(some.inbound("internal"),),
        taken=(some.taken(),),
        fates=(some.fate(),),
        log=(some.log_row(),),
        jobs=(timer,),
    )

    assert store.commit([commit]) == [DONE]
    assert store.job(job.id) is None
    assert store.sent("id-1") == some.sent()
    assert store.letter("id-1/-/envelope") is not None
    assert store.inbound("internal") is not None
    assert store.taken(some.PROVIDER, "id-1", frozenset({some.BRUNO, some.ANNA})) == some.taken()
    assert store.fate(some.PROVIDER, "id-1", some.ANNA) == some.fate()
    assert store.log_of("id-1") == [some.log_row()]
    assert [(each.key, each.due, each.created) for each in store.jobs()] == [(timer.key, timer.due, commit.instant)]


def test_an_empty_batch_does_nothing(store: Store):
    assert store.commit([]) == []
    assert store.commit([Commit()]) == [DONE]


def test_jobs_without_a_step_instant_were_made_when_due(store: Store):
    store.commit([Commit(jobs=(some.job("relay:1", due=NOON + timedelta(hours=1)),))])

    assert store.jobs()[0].created == NOON + timedelta(hours=1)


@pytest.mark.requirement("IP-21")
def test_a_step_done_again_changes_nothing(store: Store):
    (job,) = claimed(store, "submission:a")
    commit = Commit(done=job.id, letters=(some.letter(),), log=(some.log_row(),), jobs=(some.job("relay:1"),))
    store.commit([commit])
    signed_anew = replace(commit, letters=(some.letter(octets=b"signed anew"),), jobs=(some.job("relay:2"),))

    assert store.commit([signed_anew]) == [REPEATED]
    assert len(store.log_of("id-1")) == 1
    assert [each.key for each in store.jobs()] == ["relay:1"]
    stored = store.letter("id-1/-/acceptance")
    assert stored is not None
    assert bytes(store.octets(stored.digest)) == some.letter().octets


def test_a_step_whose_job_is_gone_stores_nothing(store: Store):
    """Two workers had one job: the identifiers that they drew differ, and only the first counts."""
    (job,) = claimed(store, "submission:a")
    first = Commit(done=job.id, letters=(some.letter("id-1/-/acceptance"),))
    second = Commit(done=job.id, letters=(some.letter("id-2/-/acceptance"),), log=(some.log_row("id-2"),))

    assert store.commit([first, second]) == [DONE, REPEATED]
    assert store.letter("id-2/-/acceptance") is None
    assert store.log_of("id-2") == []


def test_a_step_that_was_done_under_another_job_finishes_its_own(store: Store):
    one, two = claimed(store, "arrival:1", "arrival:2")
    store.commit([Commit(done=one.id, letters=(some.letter(),), log=(some.log_row(),))])

    assert store.commit([Commit(done=two.id, letters=(some.letter(),), log=(some.log_row(),))]) == [REPEATED]
    assert store.jobs() == []
    assert len(store.log_of("id-1")) == 1


def test_what_is_there_is_left_and_what_is_new_is_added(store: Store):
    store.commit([Commit(letters=(some.letter("a"),))])
    commit = Commit(letters=(some.letter("a", octets=b"other"), some.letter("b")), log=(some.log_row(),))

    assert store.commit([commit]) == [DONE]
    kept = store.letter("a")
    assert kept is not None
    assert bytes(store.octets(kept.digest)) == some.letter("a").octets
    assert store.letter("b") is not None


def test_of_two_letters_with_one_key_in_a_step_the_first_counts(store: Store):
    assert store.commit([Commit(letters=(some.letter("a", octets=b"1"), some.letter("a", octets=b"2")))]) == [DONE]
    kept = store.letter("a")
    assert kept is not None
    assert bytes(store.octets(kept.digest)) == b"1"


def test_jobs_alone_are_repeated_when_all_are_there(store: Store):
    assert store.commit([Commit(jobs=(some.job("a"),))]) == [DONE]
    assert store.commit([Commit(jobs=(some.job("a"),))]) == [REPEATED]
    assert store.commit([Commit(jobs=(some.job("a"), some.job("b")))]) == [DONE]
    assert [job.key for job in store.jobs()] == ["a", "b"]


# -- states -----------------------------------------------------------------------------------------


@pytest.mark.requirement("TI-10")
def test_a_state_moves_once(store: Store):
    store.commit([Commit(sent=(some.sent(),))])
    change = move(RecipientState.DISPATCHED, RecipientState.TAKEN)

    assert store.commit([Commit(states=(change,), log=(some.log_row(),))]) == [DONE]
    assert store.commit([Commit(states=(change,), log=(some.log_row(),))]) == [STALE]
    assert len(store.log_of("id-1")) == 1
    sent = store.sent("id-1")
    assert sent is not None
    assert dict(sent.states) == {some.ANNA: RecipientState.TAKEN, some.BRUNO: RecipientState.DISPATCHED}
    assert list(sent.states) == [some.ANNA, some.BRUNO]


def test_of_a_stale_step_nothing_is_stored_and_its_job_stays(store: Store):
    (job,) = claimed(store, "arrival:1")
    store.commit([Commit(sent=(some.sent(),))])
    stale = Commit(
        done=job.id,
        states=(move(RecipientState.TAKEN, RecipientState.DELIVERED),),
        letters=(some.letter("new"),),
        taken=(some.taken(),),
        log=(some.log_row(),),
        jobs=(some.job("relay:1"),),
        cancelled=("arrival:1",),
    )

    assert store.commit([stale, Commit(letters=(some.letter("other"),))]) == [STALE, DONE]
    assert store.letter("new") is None
    assert store.log_of("id-1") == []
    assert store.taken(some.PROVIDER, "id-1", some.taken().recipients) is None
    assert [each.id for each in store.jobs()] == [job.id]
    assert store.letter("other") is not None


def test_steps_of_a_batch_see_each_other(store: Store):
    taken = move(RecipientState.DISPATCHED, RecipientState.TAKEN)
    delivered = move(RecipientState.TAKEN, RecipientState.DELIVERED)
    batch = [
        Commit(sent=(some.sent(),)),
        Commit(states=(taken, replace(taken, recipient=some.BRUNO))),
        Commit(states=(taken,)),
        Commit(states=(delivered,)),
    ]

    assert store.commit(batch) == [DONE, DONE, STALE, DONE]
    sent = store.sent("id-1")
    assert sent is not None
    assert sent.states[some.ANNA] is RecipientState.DELIVERED


def test_a_state_may_move_twice_in_a_step(store: Store):
    store.commit([Commit(sent=(some.sent(),))])
    moves = (
        move(RecipientState.DISPATCHED, RecipientState.WARNED),
        move(RecipientState.WARNED, RecipientState.EXPIRED),
    )

    assert store.commit([Commit(states=moves)]) == [DONE]


def test_a_state_that_a_step_leaves_is_the_one_it_was_decided_on(store: Store):
    store.commit([Commit(sent=(some.sent(),))])
    stays = move(RecipientState.DISPATCHED, RecipientState.DISPATCHED)
    elsewhere = move(RecipientState.TAKEN, RecipientState.TAKEN)

    assert store.commit([Commit(states=(stays,), log=(some.log_row(),))]) == [DONE]
    assert store.commit([Commit(states=(elsewhere,), log=(some.log_row(),))]) == [STALE]
    sent = store.sent("id-1")
    assert sent is not None
    assert sent.states[some.ANNA] is RecipientState.DISPATCHED


def test_the_state_of_nobody_is_stale(store: Store):
    store.commit([Commit(sent=(some.sent(),))])
    stranger = move(RecipientState.DISPATCHED, RecipientState.TAKEN, recipient=Address("x@beta.example"))
    unknown = move(RecipientState.DISPATCHED, RecipientState.TAKEN, identifier="id-2")

    assert store.commit([Commit(states=(stranger,)), Commit(states=(unknown,))]) == [STALE, STALE]


def test_recipients_are_the_same_in_any_case(store: Store):
    store.commit([Commit(sent=(some.sent(),), fates=(some.fate(),), taken=(some.taken(),))])
    loud = Address("ANNA@BETA.EXAMPLE")

    change = move(RecipientState.DISPATCHED, RecipientState.TAKEN, recipient=loud)
    assert store.commit([Commit(states=(change,))]) == [DONE]
    assert store.fate(some.PROVIDER, "id-1", loud) is not None
    assert store.taken(some.PROVIDER, "id-1", frozenset({loud, some.BRUNO})) is not None


@pytest.mark.requirement("IP-21")
def test_other_recipients_are_another_taking_in_charge(store: Store):
    alone = frozenset({some.ANNA})
    store.commit([Commit(taken=(some.taken(),))])

    assert store.taken(some.PROVIDER, "id-1", alone) is None
    assert store.taken("Gestore Gamma", "id-1", some.taken().recipients) is None
    assert store.commit([Commit(taken=(some.taken(recipients=alone),))]) == [DONE]
    assert store.taken(some.PROVIDER, "id-1", alone) == some.taken(recipients=alone)


# -- jobs in steps ----------------------------------------------------------------------------------


@pytest.mark.requirement("TI-10")
def test_a_receipt_cancels_its_timers(store: Store):
    timers = tuple(some.job(f"deadline:{n}", JobKind.DEADLINE) for n in range(3))
    store.commit([Commit(jobs=timers)])

    assert store.commit([Commit(cancelled=("deadline:0", "deadline:2", "deadline:none"))]) == [DONE]
    assert [job.key for job in store.jobs()] == ["deadline:1"]


def test_a_timer_that_was_cancelled_while_somebody_had_it_does_nothing(store: Store):
    (timer,) = claimed(store, "deadline:1", kind=JobKind.DEADLINE)
    batch = [Commit(cancelled=("deadline:1",)), Commit(done=timer.id, letters=(some.letter(),))]

    assert store.commit(batch) == [DONE, REPEATED]
    assert store.letter("id-1/-/acceptance") is None


def test_a_job_that_is_cancelled_and_made_anew_is_put_off(store: Store):
    store.commit([Commit(jobs=(some.job("a"),))])
    later = some.job("a", due=NOON + timedelta(hours=1))

    assert store.commit([Commit(cancelled=("a",), jobs=(later,))]) == [DONE]
    assert [job.due for job in store.jobs()] == [later.due]


def test_a_batch_may_make_cancel_and_make_again(store: Store):
    batch = [Commit(jobs=(some.job("a"), some.job("b"))), Commit(cancelled=("a", "b")), Commit(jobs=(some.job("b"),))]

    assert store.commit(batch) == [DONE, DONE, DONE]
    assert [job.key for job in store.jobs()] == ["b"]


def test_a_finished_job_may_be_made_again_under_its_key(store: Store):
    (job,) = claimed(store, "relay:1")

    assert store.commit([Commit(done=job.id, jobs=(some.job("relay:1"),))]) == [DONE]
    (again,) = store.jobs()
    assert again.id != job.id
    assert again.attempts == 0


def test_what_is_postponed_comes_back(store: Store):
    (job,) = claimed(store, "relay:1")
    later = NOON + timedelta(minutes=10)
    store.commit([], [Postponed(job=job.id, due=later, note="connection refused")])

    (waiting,) = store.jobs()
    assert (waiting.due, waiting.attempts, waiting.note, waiting.leased_until) == (later, 1, "connection refused", None)
    assert store.claim([JobKind.RELAY], now=NOON + some.LEASE, limit=1, lease=some.LEASE) == []
    (again,) = store.claim([JobKind.RELAY], now=later, limit=1, lease=some.LEASE)
    assert again.attempts == 2


def test_postponing_what_is_gone_is_harmless(store: Store):
    (job,) = claimed(store, "relay:1")
    later = Postponed(job=job.id, due=NOON, note="")

    assert store.commit([Commit(done=job.id)], [later]) == [DONE]
    assert store.jobs() == []


# -- what cannot be stored --------------------------------------------------------------------------


def test_a_step_that_cannot_be_stored_does_not_fail_the_others(store: Store):
    (job,) = claimed(store, "arrival:1")
    broken = Commit(done=job.id, infected=(some.infected("0" * 64),), letters=(some.letter("lost"),))

    assert store.commit([Commit(letters=(some.letter("a"),)), broken, Commit(letters=(some.letter("b"),))]) == [
        DONE,
        FAILED,
        DONE,
    ]
    assert store.letter("lost") is None
    assert store.job(job.id) is not None
    assert store.letter("a") is not None
    assert store.letter("b") is not None


@pytest.mark.requirement("VI-1")
def test_an_infected_message_is_found_by_its_transaction(store: Store):
    store.receive([some.inbound("a")], now=NOON)
    message = store.inbound("a")
    assert message is not None
    kept = some.infected(message.digest)

    assert store.commit([Commit(infected=(kept,))]) == [DONE]
    assert store.infected("id-1") == [kept]
    assert bytes(store.octets(kept.digest)) == some.inbound("a").octets


def test_octets_of_an_infected_letter_may_come_in_the_same_step(store: Store):
    store.commit([Commit(letters=(some.letter("a"),))])
    stored = store.letter("a")
    assert stored is not None
    infected = some.infected(stored.digest, key="other")

    assert store.commit(
        [Commit(letters=(some.letter("b", octets=some.letter("a").octets),), infected=(infected,))]
    ) == [DONE]


HOSTILE = [
    "nul \x00",
    "half \ud83d",
    "\x01mark",
    "x" * 5000,
    "'; DROP TABLE job; --",
    "\N{GRINNING FACE}" * 400,
    "\\u0000",
]


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("text", HOSTILE, ids=["nul", "surrogate", "mark", "long", "sql", "wide", "escape"])
def test_whatever_a_peer_calls_its_envelope_can_be_stored(store: Store, text: str):
    commit = Commit(
        sent=(replace(some.sent(text), subject_body=b"\x00\xff"),),
        states=(move(RecipientState.DISPATCHED, RecipientState.TAKEN, identifier=text),),
        letters=(some.letter(text),),
        taken=(some.taken(text),),
        fates=(some.fate(text),),
        log=(some.log_row(text)._replace(subject=text, detail=text),),
        jobs=(some.job(f"relay:{text}"),),
    )

    assert store.commit([commit]) == [DONE]
    assert store.commit([replace(commit, states=())]) == [REPEATED]
    assert store.letter(text) is not None
    assert store.taken(some.PROVIDER, text, some.taken().recipients) == some.taken(text)
    assert store.fate(some.PROVIDER, text, some.ANNA) == some.fate(text)
    assert store.log_of(text) == list(commit.log)
    sent = store.sent(text)
    assert sent is not None
    assert sent.states[some.ANNA] is RecipientState.TAKEN
    assert store.commit([Commit(cancelled=(f"relay:{text}",))]) == [DONE]
    assert store.jobs() == []


# -- opening ----------------------------------------------------------------------------------------


def test_a_store_opens_again_with_what_was_in_it(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    first = open_store(url, tmp_path)
    first.receive([some.inbound("a")], now=NOON)
    first.close()
    second = open_store(url, tmp_path)

    assert second.inbound("a") is not None
    second.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "not an address", ""])
def test_an_unknown_database_is_the_operators_to_mend(tmp_path, url):
    with pytest.raises(UserError):
        open_store(url, tmp_path)


def test_a_database_that_is_away_is_the_worlds(tmp_path):
    with pytest.raises(WorldError):
        open_store(f"sqlite:///{tmp_path}/missing/store.db", tmp_path)
    with pytest.raises(WorldError):
        open_store(f"postgresql://nobody@/nothing?host={tmp_path}", tmp_path)
    with pytest.raises(WorldError):
        open_store(f"sqlite:///{tmp_path}/store.db", tmp_path / "a" / "b")


def test_what_the_database_says_of_values_stays_inside(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/store.db", tmp_path)
    opened._database.engine.dispose()
    (tmp_path / "store.db").write_bytes(b"no database any more")
    with pytest.raises(WorldError) as caught:
        opened.receive([some.inbound("a")], now=NOON)

    assert "rossi" not in str(caught.value).lower()
    opened.close()


# -- at once ----------------------------------------------------------------------------------------


def together(act, workers=4):
    """Call `act(worker)` in threads that start as one, and return what they returned."""
    start = Barrier(workers)

    def run(worker):
        start.wait()
        return act(worker)

    with ThreadPoolExecutor(workers) as pool:
        return [each.result() for each in [pool.submit(run, worker) for worker in range(workers)]]


def test_of_workers_that_finish_one_job_at_once_one_has_finished_it(store: Store):
    """Their leases ran out, each drew identifiers of its own: one acceptance, not four (invariant 1)."""
    for turn in range(6):
        (job,) = claimed(store, f"submission:{turn}")

        def finish(worker, job=job, turn=turn):
            name = f"id-{turn}-{worker}"
            return store.commit([Commit(done=job.id, letters=(some.letter(name),), log=(some.log_row(name),))])[0]

        outcomes = together(finish)
        assert sorted(outcomes) == [DONE, REPEATED, REPEATED, REPEATED]
        rows = [len(store.log_of(f"id-{turn}-{worker}")) for worker in range(4)]
        assert rows == [int(outcome is DONE) for outcome in outcomes]


@pytest.mark.requirement("TI-10")
def test_of_steps_that_move_one_state_at_once_one_moves_it(store: Store):
    """A receipt and the timer come together: one of them decides again."""
    for turn in range(6):
        name = f"id-{turn}"
        store.commit([Commit(sent=(some.sent(name),))])
        ends = [RecipientState.TAKEN, RecipientState.WARNED, RecipientState.FAILED, RecipientState.DELIVERED]

        def end(worker, name=name, ends=ends):
            change = move(RecipientState.DISPATCHED, ends[worker], identifier=name)
            return store.commit([Commit(states=(change,), log=(some.log_row(name),))])[0]

        outcomes = together(end)
        assert sorted(outcomes) == [DONE, STALE, STALE, STALE]
        sent = store.sent(name)
        assert sent is not None
        assert sent.states[some.ANNA] is ends[outcomes.index(DONE)]
        assert len(store.log_of(name)) == 1


def test_the_same_octets_received_at_once_are_kept_once_and_lost_never(store: Store):
    together(
        lambda worker: [store.receive([some.inbound(f"{worker}-{n}", octets=b"same")], now=NOON) for n in range(5)]
    )

    assert len(store.jobs()) == 20
