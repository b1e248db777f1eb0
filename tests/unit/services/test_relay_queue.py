from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.delivery_point import DeliveryFailure
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.store import Job, JobKind
from ceralacca.services.relay_queue import failure_of, relay
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import ANNA, BRUNO, ORDINARY_RECIPIENT, submission
from ceralacca.testing.scenario import INSTANT


def said(result: RcptResult, **more) -> RcptOutcome:
    return RcptOutcome(result=result, host="mx.beta.example", tls="TLSv1.3", **more)


DEFERRED = said(RcptResult.DEFERRED, code=451, enhanced="4.3.0", text="later")
REFUSED = said(RcptResult.FAILED, code=550, enhanced="5.1.1", text="nobody")


@pytest.fixture
def live() -> LiveCircuit:
    circuit = LiveCircuit.at()
    circuit.submit(submission(to=[ANNA, BRUNO]))
    circuit.alfa.work(kinds=[JobKind.SUBMISSION])
    return circuit


def the_job(live: LiveCircuit) -> Job:
    (job,) = live.alfa.claim(kinds=[JobKind.RELAY])
    return job


def try_once(live: LiveCircuit, job: Job):
    return relay(job, store=live.alfa.store, sends=live.wire, clock=live.clock)


@pytest.mark.requirement("AD-3", "AD-4")
@pytest.mark.parametrize(
    ("code", "enhanced", "failure"),
    [
        (550, "5.1.1", DeliveryFailure.NO_MAILBOX),
        (550, "", DeliveryFailure.NO_MAILBOX),
        (0, "5.1.2", DeliveryFailure.NO_DOMAIN),
        (556, "5.1.10", DeliveryFailure.NO_DOMAIN),
        (552, "5.2.2", DeliveryFailure.OVER_QUOTA),
        (552, "", DeliveryFailure.TOO_BIG),
        (552, "5.3.4", DeliveryFailure.TOO_BIG),
        (550, "5.2.1", DeliveryFailure.DISABLED),
        (550, "5.7.1", DeliveryFailure.UNSPECIFIED),
        (554, "", DeliveryFailure.UNSPECIFIED),
    ],
)
def test_what_a_refusal_means(code, enhanced, failure):
    assert failure_of(said(RcptResult.FAILED, code=code, enhanced=enhanced)) is failure


@pytest.mark.requirement("LO-2")
def test_each_recipient_has_its_outcome_in_a_row_and_what_follows_from_it(live):
    live.wire.answers = {ANNA: DEFERRED, BRUNO: REFUSED}
    commit = try_once(live, the_job(live))
    rows = {row.event: row for row in commit.log}
    assert rows.keys() == {LogEvent.RELAY_DEFERRED, LogEvent.RELAY_FAILED}
    assert (rows[LogEvent.RELAY_DEFERRED].concerned, rows[LogEvent.RELAY_DEFERRED].detail) == (
        (ANNA,),
        "451 4.3.0 later",
    )
    assert (rows[LogEvent.RELAY_FAILED].peer, rows[LogEvent.RELAY_FAILED].tls) == ("mx.beta.example", "TLSv1.3")
    again, told = commit.jobs
    assert (again.kind, again.payload["recipients"], again.due) == (
        JobKind.RELAY,
        ANNA.text,
        INSTANT + timedelta(seconds=30),
    )
    assert (told.kind, told.payload["failure"], told.payload["recipient"]) == (
        JobKind.FOLLOW_UP,
        "NO_MAILBOX",
        BRUNO.text,
    )


def test_only_who_is_left_is_tried_again(live):
    live.wire.answers = {ANNA: DEFERRED}
    live.alfa.work()
    live.wire.answers = {}
    live.clock.advance(timedelta(minutes=1))
    live.alfa.work()
    assert [one.forward_paths for one in live.wire.under_way] == [(BRUNO,), (ANNA,)]


@pytest.mark.requirement("LO-2", "AD-3")
def test_an_outcome_that_is_missing_is_never_a_success(live, monkeypatch):
    monkeypatch.setattr(type(live.wire), "send", lambda *_, **__: {})
    commit = try_once(live, the_job(live))
    assert {row.event for row in commit.log} == {LogEvent.RELAY_DEFERRED}
    assert commit.jobs[0].payload["recipients"] == f"{ANNA}\n{BRUNO}"


@pytest.mark.requirement("BT-7", "AM-19")
def test_nothing_leaves_after_the_end_of_the_queue(live):
    job = the_job(live)
    live.clock.advance(timedelta(hours=22))
    commit = try_once(live, job)
    assert live.wire.asked == []
    assert [row.event for row in commit.log] == [LogEvent.RELAY_FAILED]
    assert commit.jobs == ()


@pytest.mark.requirement("BT-7")
def test_the_last_attempt_is_never_put_beyond_the_end_of_the_queue(live):
    live.wire.answers = {ANNA: DEFERRED, BRUNO: DEFERRED}
    job = the_job(live)
    live.clock.advance(timedelta(hours=21, minutes=59, seconds=50))
    commit = try_once(live, job)
    assert commit.jobs[0].due == INSTANT + timedelta(hours=22)


@pytest.mark.requirement("MO-13")
def test_nobody_is_told_of_a_receipt(live):
    live.wire.answers = {Address("ricevute@gestore-alfa.example"): REFUSED}
    live.carry()
    assert [row.event for row in live.beta.store.log if row.event is LogEvent.RELAY_FAILED]
    assert live.beta.store.jobs(kind=JobKind.FOLLOW_UP) == []


@pytest.mark.requirement("AD-3")
def test_a_refusal_after_the_taking_in_charge_changes_nothing(live):
    live.alfa.work(kinds=[JobKind.RELAY])
    live.carry(holding=[MessageRow.DELIVERY])
    live.wire.answers = {ANNA: REFUSED}
    job = Job(
        id=999,
        key="relay:again",
        kind=JobKind.RELAY,
        due=INSTANT,
        payload={
            "letter": next(key for key in live.alfa.store._letters if key.endswith("transport-envelope")),
            "domain": ANNA.domain,
            "expires": (INSTANT + timedelta(hours=22)).isoformat(),
            "kind": "certificato",
        },
        attempts=1,
        created=INSTANT,
    )
    live.alfa.store.commit([replace(try_once(live, job), done=None)])
    live.alfa.work()
    assert MessageRow.NON_DELIVERY.facts.number not in live.told()[submission_sender(live)]


def submission_sender(live: LiveCircuit) -> Address:
    return live.sent().original.sender


@pytest.mark.requirement("AD-4", "MO-8")
def test_recipients_outside_pec_wait_by_ordinary_rules():
    live = LiveCircuit.at()
    live.submit(submission(to=[ORDINARY_RECIPIENT]))
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    (job,) = live.alfa.store.jobs(kind=JobKind.RELAY)
    assert (job.payload["kind"], job.payload["expires"]) == ("esterno", (INSTANT + timedelta(days=5)).isoformat())
