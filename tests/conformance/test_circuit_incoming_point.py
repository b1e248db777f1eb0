"""The incoming point as the live services play it over memory ports (section 5)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.ports.store import JobKind
from ceralacca.testing.paper_cast import (
    ALFA_SERVICE,
    ANNA,
    BRUNO,
    MARIO,
    submission,
)
from ceralacca.testing.scenario import BOUNCE, ORDINARY

from .circuit_scripts import DELIVERY, ENVELOPE, INFECTED, STRANGER, TAKING, blind_sender, from_outside


@pytest.mark.requirement("IP-21", "PC-1")
@pytest.mark.parametrize("times", [2, 3])
def test_a_repeated_envelope_gets_the_same_taking_in_charge_and_is_delivered_once(live, times):
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry(holding=[ENVELOPE])
    envelope = live.take(ENVELOPE)
    for number in range(times):
        live.wire.hand_over(envelope, as_=f"try-{number}")
        live.carry()
    assert live.told()[ALFA_SERVICE] == [6]  # one object
    (letter,) = live.of(TAKING)
    assert live.mailbox(ALFA_SERVICE) == [letter]  # and byte-identical on the wire: stored once
    relayed = [row for row in live.beta.events(LogEvent.RELAYED) if row.kind == "presa-in-carico"]
    assert len(relayed) == times
    assert [len(live.mailbox(one)) for one in (ANNA, BRUNO)] == [1, 1]
    assert live.told()[MARIO] == [3, 10, 10]


@pytest.mark.requirement("IP-21")
def test_repeats_that_are_claimed_together_are_one(live):
    live.submit(submission())
    live.carry(holding=[ENVELOPE])
    envelope = live.take(ENVELOPE)
    for number in range(3):
        live.wire.hand_over(envelope, as_=f"try-{number}")
    live.carry()
    assert live.told() == {MARIO: [3, 10], ANNA: [4], ALFA_SERVICE: [6]}
    assert len(live.beta.events(LogEvent.TAKING_IN_CHARGE_ISSUED)) == 1
    assert len(live.mailbox(ANNA)) == 1


@pytest.mark.requirement("IP-21", "DP-4")
def test_other_recipients_of_the_same_envelope_are_another_transaction(live):
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry(holding=[ENVELOPE])
    envelope = live.take(ENVELOPE)
    for number, paths in enumerate([(ANNA,), (ANNA, BRUNO)]):
        live.wire.hand_over(replace(envelope, forward_paths=paths), as_=f"try-{number}")
        live.carry()
    assert live.told()[ALFA_SERVICE] == [6, 6]
    assert live.told()[MARIO] == [3, 10, 10]
    assert [len(live.mailbox(one)) for one in (ANNA, BRUNO)] == [1, 1]


@pytest.mark.requirement("IP-21")
def test_a_repeat_does_not_bring_back_what_the_holder_has_deleted(live):
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry(holding=[ENVELOPE])
    envelope = live.take(ENVELOPE)
    for number, paths in enumerate([(ANNA,), (ANNA,), (ANNA, BRUNO)]):
        live.wire.hand_over(replace(envelope, forward_paths=paths), as_=f"try-{number}")
        live.carry()
        assert len(live.mailbox(ANNA)) == (1 if number == 0 else 0)
        live.beta.mail.boxes[ANNA].clear()
    assert live.told()[MARIO] == [3, 10, 10]


@pytest.mark.requirement("IP-21", "RV-1", "LO-2")
def test_overlapping_transactions_that_are_claimed_together_decide_a_recipient_once(live):
    blind_sender(live)
    live.submit(submission(to=[ANNA, BRUNO], body=INFECTED))
    live.carry(holding=[ENVELOPE])
    envelope = live.take(ENVELOPE)
    for paths in [(ANNA,), (ANNA, BRUNO)]:
        live.wire.hand_over(replace(envelope, forward_paths=paths), as_=f"part-{len(paths)}")
    live.carry()
    issued = live.beta.events(LogEvent.VIRUS_DETECTION_ISSUED)
    assert sorted(row.concerned[0].text for row in issued) == [ANNA.text, BRUNO.text]
    assert live.told()[MARIO] == [3, 9, 9]
    assert len(live.beta.store.infected(live.sent().original.identifier)) == 2  # each transaction as it came


@pytest.mark.requirement("IP-5")
def test_an_envelope_that_cannot_be_judged_waits_and_is_never_taken_for_ordinary_mail(live):
    live.beta.directory.directory = None
    live.submit(submission())
    live.carry()
    assert live.beta.store.log == []
    assert [job.note for job in live.beta.store.jobs()] == ["the seal cannot be judged at present"]
    live.beta.directory.directory = live.cast.directory
    live.clock.advance(timedelta(hours=2))
    live.carry()
    assert live.state(ANNA) is RecipientState.DELIVERED


@pytest.mark.requirement("IP-8")
def test_a_seal_is_judged_for_the_moment_of_reception(live):
    live.beta.directory.directory = None
    live.submit(submission())
    live.carry()
    live.beta.directory.directory = live.cast.directory
    live.clock.advance(timedelta(days=3 * 365))  # the signer's certificate and the CRLs have ended meanwhile
    jobs = live.beta.claim(kinds=[JobKind.ARRIVAL])
    live.clock.advance(timedelta(days=-3 * 365))
    live.beta.decide(jobs)
    (commit,) = live.beta.decide(jobs)
    assert commit.taken


@pytest.mark.requirement("IP-17", "AM-21", "PC-3", "IP-5")
def test_taking_in_charge_does_not_wait_for_the_scanner_but_delivery_does(live):
    live.beta.scanner.away = True
    live.submit(submission())
    live.carry()
    assert live.told() == {MARIO: [3], ANNA: [4], ALFA_SERVICE: [6]}
    assert live.mailbox(ANNA) == []
    live.clock.advance(timedelta(hours=1))
    live.beta.scanner.away = False
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    assert live.told()[ALFA_SERVICE] == [6]


@pytest.mark.requirement("DP-6", "AD-2", "IP-18")
def test_what_cannot_be_scanned_for_hours_is_not_delivered_and_the_sender_is_told(live):
    live.beta.scanner.away = True
    live.submit(submission())
    live.carry()
    for _ in range(5):
        live.clock.advance(timedelta(hours=1))
        live.carry()
    assert live.told()[MARIO] == [3, 11]
    assert live.mailbox(ANNA) == []
    assert live.state(ANNA) is RecipientState.FAILED


@pytest.mark.requirement("IP-18", "VI-1", "MV-3", "RV-1")
def test_an_infected_envelope_is_kept_as_it_came(live):
    blind_sender(live)
    live.submit(submission(to=[ANNA, BRUNO], body=INFECTED))
    live.carry()
    identifier = live.sent().original.identifier
    (kept,) = live.beta.store.infected(identifier)
    assert bytes(live.beta.store.octets(kept.digest)) == live.of(ENVELOPE)[0]
    assert live.mailbox(ANNA) == live.mailbox(BRUNO) == []
    assert live.told()[ALFA_SERVICE] == [6, 8, 8]
    assert live.told()[MARIO] == [3, 9, 9]


@pytest.mark.requirement("IP-19", "MO-13")
def test_an_infected_receipt_is_kept_and_neither_delivered_nor_answered(live):
    live.beta.scanner.blind = True
    live.alfa.scanner.blind = True
    live.submit(submission(body=INFECTED))
    live.carry(holding=[DELIVERY])
    live.alfa.scanner.blind = False
    live.carry()
    (kept,) = live.alfa.store.infected(live.sent().original.identifier)
    assert kept.virus
    assert live.told()[MARIO] == [3, 10]
    assert len(live.mailbox(MARIO)) == 1
    assert live.state(ANNA) is RecipientState.TAKEN


@pytest.mark.requirement("IP-22", "MO-4", "MO-5")
def test_whatever_else_comes_to_the_service_mailbox_is_kept_aside(live):
    from_outside(ORDINARY, STRANGER, ALFA_SERVICE)(live)
    assert live.mailbox(ALFA_SERVICE) == []
    assert live.told() == {}
    assert len(live.alfa.events(LogEvent.QUARANTINE)) == 1


@pytest.mark.requirement("IP-22", "IP-17")
def test_a_transaction_to_service_mailbox_and_holder_hides_neither(live):
    from_outside(ORDINARY, STRANGER, ALFA_SERVICE, MARIO)(live)
    assert live.mailbox(ALFA_SERVICE) == []
    assert [read_received(one).row for one in live.mailbox(MARIO)] == [MessageRow.ANOMALY_ENVELOPE]
    assert len(live.alfa.events(LogEvent.QUARANTINE)) == 1


@pytest.mark.requirement("MO-12", "MO-13")
def test_bounces_to_the_provider_address_are_logged_and_discarded(live):
    from_outside(BOUNCE, None, live.alfa.office.provider.address)(live)
    assert live.told() == {}
    assert [row.event for row in live.alfa.store.log] == [LogEvent.ARRIVAL, LogEvent.ANOMALY]
    assert live.wire.under_way == live.wire.outside == []


@pytest.mark.requirement("SE-7", "IP-10")
def test_what_is_no_message_at_all_is_ordinary_mail(live):
    octets = b"".join(b"X-%d: x\r\n" % number for number in range(60_000)) + b"\r\nx\r\n"
    from_outside(octets, STRANGER, ANNA)(live)
    assert [read_received(one).row for one in live.mailbox(ANNA)] == [MessageRow.ANOMALY_ENVELOPE]


@pytest.mark.requirement("AM-30")
def test_the_same_recipient_twice_gets_one_message_and_one_receipt(live):
    live.submit(submission(), sender=MARIO, recipients=(ANNA, ANNA))
    live.carry(holding=[ENVELOPE])
    envelope = live.take(ENVELOPE)
    live.wire.hand_over(replace(envelope, forward_paths=(ANNA, ANNA)))
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    assert len(live.mailbox(ANNA)) == 1
