from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit, CommitOutcome, Job, JobKind, Kept, NewJob, Postponed
from ceralacca.services.steps import (
    LEASE,
    NOTICE_KINDS,
    RELAY_KINDS,
    TIMEKEEPER_KINDS,
    WORKER_KINDS,
    decide,
    perform,
    run,
    settle,
)  # fmt: skip
from ceralacca.testing.memory_world import LiveCircuit, MemoryMail, Unplugged
from ceralacca.testing.paper_cast import ANNA, BRUNO, CARLA, MARIO, submission
from ceralacca.testing.scenario import INSTANT

BAD = NewJob(key="bad", kind=JobKind.ARRIVAL, due=INSTANT, payload={"inbound": "mario.rossi@pec.alfa.example"})


@pytest.fixture
def live() -> LiveCircuit:
    return LiveCircuit.at()


def test_every_kind_of_job_is_somebodys():
    assert sorted((*WORKER_KINDS, *TIMEKEEPER_KINDS, *NOTICE_KINDS, *RELAY_KINDS)) == sorted(JobKind)


def test_one_bad_job_spoils_no_other_and_is_not_lost(live):
    live.submit(submission())
    live.alfa.store.commit([Commit(jobs=(BAD,))])
    live.alfa.work()
    assert live.told()[MARIO] == [3]
    (bad,) = live.alfa.store.jobs(kind=JobKind.ARRIVAL)
    assert bad.due == INSTANT + timedelta(seconds=5)
    live.clock.advance(timedelta(seconds=5))
    live.alfa.work()
    (bad,) = live.alfa.store.jobs(kind=JobKind.ARRIVAL)
    assert bad.due == INSTANT + timedelta(seconds=15)


@pytest.mark.requirement("DP-3")
def test_a_bad_delivery_spoils_no_other(live):
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry(holding=[MessageRow.TRANSPORT_ENVELOPE])
    live.wire.hand_over(live.take(MessageRow.TRANSPORT_ENVELOPE))
    live.beta.work(kinds=[JobKind.ARRIVAL])
    job = NewJob(key="bad", kind=JobKind.DELIVERY, due=INSTANT, payload={"recipient": "x", "kind": "nonsense"})
    live.beta.store.commit([Commit(jobs=(job,))])
    live.carry()
    assert live.told()[MARIO] == [3, 10, 10]


def test_diagnostics_hold_the_way_of_an_error_and_no_address(live):
    live.alfa.store.commit([Commit(jobs=(BAD,))])
    with capture_logs() as lines:
        live.submit(submission())
        live.work()
        live.alfa.scanner.away = True
        live.submit(submission())
        live.work()
    (failed,) = [line for line in lines if line["event"] == "step failed"]
    assert failed["error"] == "OurError"
    assert any("payload.py" in place for place in failed["trace"])
    users = [user.text.partition("@")[0] for user in (MARIO, ANNA, BRUNO, CARLA)]
    assert not any(user in str(line) for line in lines for user in users)
    assert not any("Prova" in str(line) for line in lines)
    assert {line["identifier"] for line in lines if line["event"] == "step"} == {live.sent().original.identifier}


def test_a_job_that_is_old_and_still_waits_is_an_alarm(live):
    live.alfa.scanner.away = True
    live.submit(submission())
    with capture_logs() as early:
        live.work()
    live.clock.advance(timedelta(hours=2))
    with capture_logs() as late:
        live.work()
    assert [line["log_level"] for line in (*early, *late)] == ["warning", "error"]


def test_a_stale_step_is_decided_again_at_once(live, monkeypatch):
    mine, others = both_receipts(live)
    real, rounds = type(live.alfa.store).commit, []

    def slowly(self, commits, postponed=()):
        rounds.append(commits)
        if len(rounds) == 1:
            assert perform([others], live.alfa.office) == 1  # another worker, on DISPATCHED as well
        return real(self, commits, postponed)

    monkeypatch.setattr(type(live.alfa.store), "commit", slowly)
    assert perform([mine], live.alfa.office) == 1
    assert len(rounds) == 3
    assert live.state(ANNA) is RecipientState.DELIVERED
    assert live.alfa.store.jobs(kind=JobKind.DEADLINE) == []


@pytest.mark.requirement("IP-19")
@pytest.mark.parametrize("late", [False, True])
def test_receipts_of_one_message_in_one_batch_are_decided_once(live, monkeypatch, late):
    jobs = both_receipts(live)
    real, rounds = type(live.alfa.store).commit, []

    def counted(self, commits, postponed=()):
        rounds.append(commits)
        return real(self, commits, postponed)

    monkeypatch.setattr(type(live.alfa.store), "commit", counted)
    assert perform(jobs[::-1] if late else jobs, live.alfa.office) == 2
    assert len(rounds) == 1
    assert live.state(ANNA) is RecipientState.DELIVERED
    (heard,) = live.alfa.events(LogEvent.TAKING_IN_CHARGE_RECEIVED)
    assert heard.detail == ("late" if late else "")
    assert live.alfa.store.jobs(kind=JobKind.DEADLINE) == []


@pytest.mark.parametrize("late", [False, True])
def test_what_was_decided_on_a_step_that_comes_to_nothing_is_decided_again(live, monkeypatch, late):
    first, second = both_receipts(live)[:: -1 if late else 1]
    real, rounds = type(live.alfa.store).commit, []

    def refuse_first(self, commits, postponed=()):
        rounds.append([commit.done for commit in commits])
        taken = [commit for commit in commits if commit.done != first.id]
        outcomes = dict(zip([commit.done for commit in taken], real(self, taken, postponed), strict=True))
        return [outcomes.get(commit.done, CommitOutcome.FAILED) for commit in commits]

    monkeypatch.setattr(type(live.alfa.store), "commit", refuse_first)
    perform([first, second], live.alfa.office)
    again = [[second.id]] if late else []  # a delivery is the same after a taking in charge and without
    assert [each for each in rounds if each] == [[first.id, second.id], *again]
    assert live.state(ANNA) is (RecipientState.TAKEN if late else RecipientState.DELIVERED)


def both_receipts(live: LiveCircuit) -> list[Job]:
    """Let taking in charge and delivery receipt of one message arrive, and claim them."""
    live.submit(submission())
    live.carry(holding=[MessageRow.TAKING_IN_CHARGE, MessageRow.DELIVERY])
    for row in (MessageRow.TAKING_IN_CHARGE, MessageRow.DELIVERY):
        live.wire.hand_over(live.take(row))
    jobs = live.alfa.claim(kinds=[JobKind.ARRIVAL])
    assert len(jobs) == 2
    return jobs


@pytest.mark.parametrize("outcome", [CommitOutcome.STALE, CommitOutcome.FAILED])
def test_a_commit_that_is_never_taken_waits_and_says_so(live, monkeypatch, outcome):
    live.submit(submission())
    store, asked = live.alfa.store, []
    real = type(store).commit

    def refuse(self, commits, postponed=()):
        asked.append(len(commits))
        real(self, (), postponed)
        return [outcome] * len(commits)

    monkeypatch.setattr(type(store), "commit", refuse)
    with capture_logs() as lines:
        assert perform(live.alfa.claim(), live.alfa.office) == 0
    assert asked == ([1, 0] if outcome is CommitOutcome.FAILED else [1, 1, 1, 1, 1, 0])
    assert lines[-1]["log_level"] == "error"
    (job,) = store.jobs()
    assert job.due > INSTANT


@pytest.mark.parametrize("outcome", [CommitOutcome.STALE, CommitOutcome.FAILED])
def test_what_is_settled_and_not_taken_waits_and_is_not_done_again(live, monkeypatch, outcome):
    live.submit(submission())
    (job,), store = live.alfa.claim(), live.alfa.store
    decided, waiting = decide(job, live.alfa.office), Postponed(job=99, due=INSTANT, note="")
    real = type(store).commit

    def refuse(self, commits, postponed=()):
        real(self, (), [one for one in postponed if one is not waiting])
        return [outcome] * len(commits)

    monkeypatch.setattr(type(store), "commit", refuse)
    with capture_logs() as lines:
        settle([(job, decided), (replace(job, id=99), waiting)], live.alfa.office)
    assert [line["log_level"] for line in lines] == ["debug", "error"], "of one job, once"
    (job,) = store.jobs()
    assert (job.leased_until, job.due > INSTANT) == (None, True)


def test_a_relay_job_without_a_way_out_is_a_defect_that_waits(live):
    office = replace(live.alfa.office, sends=None)
    job = Job(id=1, key="r", kind=JobKind.RELAY, due=INSTANT, payload={}, attempts=1, created=INSTANT)
    commits, postponed = run([job], office)
    assert (commits, len(postponed)) == ([], 1)


def test_steps_run_side_by_side(live):
    for _ in range(6):
        live.submit(submission())
    with ThreadPoolExecutor(2) as threads:
        assert perform(live.alfa.claim(), live.alfa.office, threads=threads) == 6
    live.carry()
    assert live.told()[MARIO] == [3] * 6 + [10] * 6


@pytest.mark.requirement("DP-3")
def test_deliveries_of_a_batch_share_one_sync(live):
    live.submit(submission(to=[ANNA, BRUNO]))
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry(holding=[MessageRow.TRANSPORT_ENVELOPE])
    for transaction in [*live.wire.under_way]:
        live.wire.hand_over(transaction)
    live.beta.work(kinds=[JobKind.ARRIVAL])
    assert perform(live.beta.claim(kinds=[JobKind.DELIVERY]), live.beta.office) == 4
    assert live.beta.mail.syncs == 1


@pytest.mark.requirement("DP-3", "MO-7")
def test_what_does_not_settle_is_not_certain_and_answered_by_nobody(live, monkeypatch):
    def refuse(_):
        raise Unplugged("a disk refuses")

    live.submit(submission(to=[CARLA]))
    with monkeypatch.context() as patched:
        patched.setattr(MemoryMail, "settle", refuse)
        live.alfa.work()
        assert (live.told()[MARIO], live.told()[CARLA]) == ([3], [4])  # put, and not known to be there for good
        assert len(live.alfa.store.jobs(kind=JobKind.DELIVERY)) == 3
    live.clock.advance(timedelta(seconds=5))
    live.alfa.work()
    assert live.told()[MARIO] == [3, 10]
    assert not live.alfa.store.jobs(kind=JobKind.DELIVERY)


@pytest.mark.requirement("DP-3")
def test_a_batch_goes_on_with_its_own_deliveries_to_the_last_receipt(live):
    live.submit(submission(to=[CARLA]))
    in_hand = []
    finished = perform(live.alfa.claim(), live.alfa.office, claimer="me", in_hand=in_hand.append)

    assert live.told()[MARIO] == [3, 10]
    # The envelope, whose receipt somebody waits for; then that receipt, the acceptance and the taking in charge.
    assert [len(jobs) for jobs in in_hand] == [1, 3]
    assert {job.kind for jobs in in_hand for job in jobs} == {JobKind.DELIVERY}
    assert finished == 5
    assert live.alfa.claim() == []


def test_what_is_in_hand_is_told_before_it_is_done(live):
    live.submit(submission(to=[CARLA]))
    delivered = []

    def in_hand(jobs):
        delivered.append((len(live.alfa.mail.letters(CARLA)), len(live.alfa.mail.letters(MARIO))))
        assert all(live.alfa.store.job(job.id).leased_until == INSTANT + LEASE for job in jobs)

    perform(live.alfa.claim(), live.alfa.office, claimer="me", in_hand=in_hand)
    assert delivered == [(0, 0), (1, 0)]


def test_deliveries_of_one_who_died_with_them_in_hand_come_up_again(live):
    live.submit(submission(to=[CARLA]))

    def die(jobs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(live.alfa.claim(), live.alfa.office, claimer="me", in_hand=die)
    live.carry()
    assert live.alfa.mail.letters(MARIO) == []
    live.clock.advance(LEASE)
    live.carry()
    assert len(live.alfa.mail.letters(MARIO)) == 2


def test_a_step_that_was_stale_is_done_again_and_its_deliveries_are_anybodys(live, monkeypatch):
    live.submit(submission(to=[CARLA]))
    store, asked = type(live.alfa.store), []
    real = store.commit_and_keep

    def refuse_once(self, commits, postponed, keep):
        asked.append(len(commits))
        if len(asked) == 1:
            return Kept(outcomes=[CommitOutcome.STALE] * len(commits))
        return real(self, commits, postponed, keep)

    monkeypatch.setattr(store, "commit_and_keep", refuse_once)
    in_hand = []
    assert perform(live.alfa.claim(), live.alfa.office, claimer="me", in_hand=in_hand.append) == 1
    assert (asked, in_hand) == ([1], [])
    live.carry()
    assert live.told()[MARIO] == [3, 10]


@pytest.fixture
def settled(live, monkeypatch):
    """How many batches of one provider were committed and kept, and how many of them are durable."""
    count = {"committed": 0, "durable": 0}
    store = type(live.alfa.store)
    real = store.commit_and_keep

    def counted(self, commits, postponed, keep):
        kept = real(self, commits, postponed, keep)
        count["committed"] += 1

        def settle():
            count["durable"] = count["committed"]

        return replace(kept, settle=settle)

    monkeypatch.setattr(store, "commit_and_keep", counted)
    return count


@pytest.mark.requirement("DP-3")
def test_nothing_is_put_before_the_batch_before_is_durable(live, monkeypatch, settled):
    real, seen = MemoryMail.put, []

    def watched(self, messages):
        seen.append(dict(settled))
        return real(self, messages)

    monkeypatch.setattr(MemoryMail, "put", watched)
    live.submit(submission(to=[CARLA]))
    perform(live.alfa.claim(), live.alfa.office, claimer="me")
    assert seen == [{"committed": 1, "durable": 1}, {"committed": 2, "durable": 2}]
    assert settled == {"committed": 3, "durable": 3}


@pytest.mark.requirement("DP-3")
def test_what_does_not_become_durable_is_delivered_by_nobody(live, monkeypatch):
    store = type(live.alfa.store)
    real = store.commit_and_keep

    def settle():
        raise Unplugged("a disk refuses")

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit_and_keep", lambda *given: replace(real(*given), settle=settle))
        live.submit(submission(to=[CARLA]))
        with pytest.raises(Unplugged):
            perform(live.alfa.claim(), live.alfa.office, claimer="me")
    assert live.alfa.mail.boxes == {}
    assert live.alfa.store.give_back("me", now=INSTANT, lease=LEASE) == 3
    live.carry()
    assert live.told()[MARIO] == [3, 10]


@pytest.mark.requirement("DP-3")
def test_a_power_cut_may_take_back_what_is_repeatable(live, monkeypatch):
    real, lost = type(live.alfa.store).commit, list[Commit]()

    def cut(self, commits, postponed=()):
        """Lose a batch that need not be synced, once."""
        if self is live.alfa.store and commits and not lost and all(commit.repeatable for commit in commits):
            lost.extend(commits)
            return [CommitOutcome.DONE] * len(commits)
        return real(self, commits, postponed)

    monkeypatch.setattr(type(live.alfa.store), "commit", cut)
    live.submit(submission(to=[ANNA]))
    live.carry()
    assert {commit.done for commit in lost} == {job.id for job in live.alfa.store.jobs(kind=JobKind.DELIVERY)}
    live.clock.advance(LEASE)
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    rows = live.alfa.store.log_of(live.sent().original.identifier)
    assert [row.detail for row in rows if row.event is LogEvent.DELIVERY] == ["receipt"] * 3
    assert live.alfa.store.jobs(kind=JobKind.DELIVERY) == []


def test_what_answers_or_leads_on_is_synced(live, monkeypatch):
    real, seen = type(live.alfa.store).commit, list[Commit]()

    def watched(self, commits, postponed=()):
        seen.extend(commits)
        return real(self, commits, postponed)

    monkeypatch.setattr(type(live.alfa.store), "commit", watched)
    live.submit(submission(to=[ANNA, CARLA]))
    live.carry()
    repeatable = [commit for commit in seen if commit.repeatable]
    assert repeatable
    assert all(
        commit == Commit(done=commit.done, instant=commit.instant, log=commit.log, repeatable=True)
        for commit in repeatable
    )
    assert {row.event for commit in repeatable for row in commit.log} == {LogEvent.DELIVERY}
