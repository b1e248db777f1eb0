"""The delivery point as the live services play it over memory ports (section 6)."""

from datetime import timedelta

import pytest

from ceralacca.core.model.log import LogEvent
from ceralacca.formats.received import read_received
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.store import JobKind
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    MARIO,
    submission,
)
from ceralacca.testing.scenario import INSTANT

from .circuit_scripts import DELIVERY, ENVELOPE


@pytest.mark.requirement("DP-2", "MO-9", "DP-3", "DR-1")
def test_what_is_delivered_is_what_was_sealed_and_the_receipt_bears_the_instant_of_storage(live):
    live.submit(submission())
    live.carry(holding=[ENVELOPE])
    live.clock.advance(timedelta(minutes=3))
    live.carry()
    assert live.mailbox(ANNA) == live.of(ENVELOPE)
    receipt = read_received(live.of(DELIVERY)[0]).facts
    assert receipt.instant == INSTANT + timedelta(minutes=3)
    assert bytes(read_received(live.of(DELIVERY)[0]).original) == bytes(read_received(live.mailbox(ANNA)[0]).original)


@pytest.mark.requirement("DP-3", "DR-1")
def test_no_receipt_without_storage(live):
    live.beta.mail.broken.add(ANNA)
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry()
    assert live.mailbox(ANNA) == []
    assert live.told()[MARIO] == [3, 10]  # Bruno's: one bad mailbox fails no other
    live.beta.mail.broken.clear()
    live.clock.advance(timedelta(hours=1))
    live.carry()
    assert live.told()[MARIO] == [3, 10, 10]
    assert len(live.mailbox(ANNA)) == 1


@pytest.mark.requirement("DP-6", "AD-2")
def test_a_mailbox_that_cannot_be_written_for_hours_ends_in_a_notice(live):
    live.beta.mail.broken.add(ANNA)
    live.submit(submission())
    live.carry()
    for _ in range(9):
        live.clock.advance(timedelta(minutes=30))
        live.carry()
    assert live.told()[MARIO] == [3, 11]
    live.beta.mail.broken.clear()
    live.clock.advance(timedelta(hours=3))
    live.carry()
    assert live.mailbox(ANNA) == []


@pytest.mark.requirement("DP-3", "DP-6")
def test_trouble_after_the_message_was_stored_is_a_delivery(live):
    live.submit(submission())
    live.carry(holding=[ENVELOPE])
    live.wire.hand_over(live.take(ENVELOPE))
    live.beta.work(kinds=[JobKind.ARRIVAL])
    (job,) = live.beta.claim(kinds=[JobKind.DELIVERY])
    live.beta.decide([job])  # stored, and then the process dies before its commit
    live.beta.mail.broken.add(ANNA)
    live.clock.advance(timedelta(hours=5))
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    assert len(live.mailbox(ANNA)) == 1


@pytest.mark.requirement("AM-27", "MO-13")
def test_a_receipt_for_a_full_mailbox_is_held_logged_and_never_bounced(live):
    live.alfa.store.put_mailbox(MailboxRecord(address=MARIO, quota=10), now=INSTANT)
    live.submit(submission())
    live.carry()
    assert live.mailbox(MARIO) == []
    assert {row.detail for row in live.alfa.events(LogEvent.DELIVERY_FAILURE)} == {"receipt held"}
    held = len(live.alfa.events(LogEvent.DELIVERY_FAILURE))
    live.clock.advance(timedelta(days=3))
    live.carry()
    assert len(live.alfa.events(LogEvent.DELIVERY_FAILURE)) == held  # said once
    live.alfa.store.put_mailbox(MailboxRecord(address=MARIO), now=INSTANT)
    live.clock.advance(timedelta(hours=2))
    live.carry()
    rows = sorted(read_received(one).row.facts.number for one in live.mailbox(MARIO))
    assert rows == [3, 10]
    assert live.told()[MARIO] == [3, 10]


@pytest.mark.requirement("AM-27")
def test_what_is_held_is_dropped_after_thirty_months(live):
    live.alfa.store.put_mailbox(MailboxRecord(address=MARIO, status=MailboxStatus.CLOSED), now=INSTANT)
    live.submit(submission())
    live.carry()
    live.clock.advance(timedelta(days=920))
    live.carry()
    live.clock.advance(timedelta(days=920))
    live.carry()
    assert not live.alfa.store.jobs(kind=JobKind.DELIVERY)
