"""The relay as the live services play it over memory ports (4.4, BT-5 to BT-7)."""

from datetime import timedelta

import pytest

from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.ports.store import JobKind
from ceralacca.testing.paper_cast import (
    ALFA_SERVICE,
    ANNA,
    BRUNO,
    MARIO,
    ORDINARY_RECIPIENT,
    OUT_OF_REACH,
    submission,
)
from ceralacca.testing.scenario import INSTANT

from .circuit_scripts import refusal


@pytest.mark.requirement("BT-5", "BT-6", "SE-2", "MO-11")
def test_one_transaction_a_destination_and_tls_towards_pec(live):
    live.submit(submission(to=[ANNA, BRUNO, OUT_OF_REACH], cc=[ORDINARY_RECIPIENT]))
    live.alfa.work()
    assert sorted(live.wire.asked) == [
        (ORDINARY_RECIPIENT.domain, False),
        (ANNA.domain, True),
        (OUT_OF_REACH.domain, True),
    ]
    sent = [*live.wire.under_way, *live.wire.outside]
    assert len({one.octets for one in sent}) == 1
    assert {one.reverse_path for one in sent} == {MARIO}
    assert {frozenset(one.forward_paths) for one in sent} == {
        frozenset({ANNA, BRUNO}),
        frozenset({OUT_OF_REACH}),
        frozenset({ORDINARY_RECIPIENT}),
    }


@pytest.mark.requirement("BT-7", "AM-19", "TI-11", "TI-8")
def test_pec_recipients_wait_twenty_two_hours_and_no_longer(live):
    live.wire.unreachable.add(ANNA.domain)
    live.submit(submission())
    live.carry()
    for _ in range(48):
        live.clock.advance(timedelta(minutes=30))
        live.carry()
    assert live.told()[MARIO] == [3, 5, 5]
    (expired,) = live.alfa.events(LogEvent.RELAY_FAILED)
    assert expired.instant == INSTANT + timedelta(hours=22)
    tries = len(live.wire.asked)
    assert 40 < tries < 60
    live.wire.unreachable.clear()
    live.clock.advance(timedelta(days=2))
    live.carry()
    assert len(live.wire.asked) == tries
    assert live.mailbox(ANNA) == []


@pytest.mark.requirement("AD-4")
@pytest.mark.parametrize("hours", [0, 24 * 6])
def test_a_recipient_outside_pec_gets_the_notice_of_our_own_queue(live, hours):
    if hours:
        live.wire.unreachable.add(ORDINARY_RECIPIENT.domain)
    else:
        live.wire.answers[ORDINARY_RECIPIENT] = refusal("5.1.1")
    live.submit(submission(to=[ORDINARY_RECIPIENT]))
    live.carry()
    for _ in range(hours):
        live.clock.advance(timedelta(hours=1))
        live.carry()
    assert live.told()[MARIO] == [3, 11]
    errors = {read_received(one).facts.error for one in live.of(MessageRow.NON_DELIVERY)}
    assert errors == {ErrorKind.OTHER if hours else ErrorKind.NO_RECIPIENT}
    assert live.state(ORDINARY_RECIPIENT) is RecipientState.SENT_EXTERNAL


@pytest.mark.requirement("MO-13")
def test_a_receipt_that_is_refused_for_good_is_logged_and_no_more(live):
    live.wire.answers[ALFA_SERVICE] = refusal("5.1.1")
    live.submit(submission())
    live.carry()
    (failed,) = live.beta.events(LogEvent.RELAY_FAILED)
    assert (failed.kind, failed.concerned) == ("presa-in-carico", (ALFA_SERVICE,))
    assert live.beta.store.jobs() == []
    assert live.told()[MARIO] == [3, 10]


@pytest.mark.requirement("BT-5", "IP-21")
def test_a_lost_reply_means_the_same_octets_again(live):
    live.submit(submission())
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    jobs = live.alfa.claim(kinds=[JobKind.RELAY])
    live.alfa.decide(jobs)  # sent, and then the process dies before its commit
    live.clock.advance(timedelta(minutes=15))
    live.carry()
    assert live.told() == {MARIO: [3, 10], ANNA: [4], ALFA_SERVICE: [6]}
    assert len(live.mailbox(ANNA)) == 1
