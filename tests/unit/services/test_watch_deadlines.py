from datetime import timedelta

import pytest

from ceralacca.core.deadlines import DeadlineSettings
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.store import JobKind, Postponed
from ceralacca.services.watch_deadlines import watch
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import ANNA, BRUNO, MARIO, ORDINARY_RECIPIENT, submission
from ceralacca.testing.scenario import INSTANT


@pytest.fixture
def live() -> LiveCircuit:
    circuit = LiveCircuit.at()
    circuit.submit(submission(to=[ANNA, BRUNO], cc=[ORDINARY_RECIPIENT]))
    circuit.carry(holding=[MessageRow.TRANSPORT_ENVELOPE])
    return circuit


@pytest.mark.requirement("TI-6", "TN-4")
def test_every_certified_recipient_has_its_two_timers_and_no_other_has(live):
    jobs = live.alfa.store.jobs(kind=JobKind.DEADLINE)
    assert {(job.payload["recipient"], job.due - INSTANT) for job in jobs} == {
        (recipient.text, timedelta(hours=hours)) for recipient in (ANNA, BRUNO) for hours in (12, 23)
    }


@pytest.mark.requirement("TI-7", "TI-8")
def test_a_timer_that_is_woken_too_early_waits_on(live):
    job = live.alfa.store.jobs(kind=JobKind.DEADLINE)[-1]
    live.clock.advance(timedelta(hours=12))
    assert watch(job, live.alfa.office) == Postponed(job=job.id, due=INSTANT + timedelta(hours=23), note="not due yet")
    assert DeadlineSettings().final_notice == timedelta(hours=23)


@pytest.mark.requirement("TI-10")
def test_after_an_outage_the_final_notice_alone_leaves_once(live):
    live.pass_time(hours=40)
    assert live.told()[MARIO] == [3, 5, 5]  # one for each recipient
    assert {row.error_detail.partition(" ")[0] for row in live.alfa.events(LogEvent.NOTICE_ISSUED)} == {"5.4.1"}
    assert live.alfa.store.jobs(kind=JobKind.DEADLINE) == []
    assert len(live.alfa.events(LogEvent.TIMER)) == 2


@pytest.mark.requirement("TI-7", "TI-8", "TI-9")
def test_twelve_hours_then_the_final_notice_for_each_recipient(live):
    live.pass_time(hours=12)
    assert live.told()[MARIO] == [3, 5, 5]
    live.pass_time(hours=11)
    assert live.told()[MARIO] == [3, 5, 5, 5, 5]
    live.pass_time(hours=100)
    assert live.told()[MARIO] == [3, 5, 5, 5, 5]


@pytest.mark.requirement("TI-7", "LO-2")
def test_a_receipt_cancels_in_its_own_commit(live):
    live.carry(holding=[MessageRow.DELIVERY])
    left = {job.payload["timer"] for job in live.alfa.store.jobs(kind=JobKind.DEADLINE)}
    assert left == {"24"}
    live.carry()
    assert live.alfa.store.jobs(kind=JobKind.DEADLINE) == []
