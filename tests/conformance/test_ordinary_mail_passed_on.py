"""`forward:<addr>`: ordinary mail goes on unchanged to an address outside PEC, in no loop, with no receipt."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.mailbox import MailboxRecord, OrdinaryMail
from ceralacca.ports.store import JobKind
from ceralacca.testing.memory_world import LiveCircuit, OnTheWire
from ceralacca.testing.paper_cast import ANNA, BRUNO, MARIO, VIRUS_MARK, submission
from ceralacca.testing.scenario import INSTANT

pytestmark = pytest.mark.requirement("IP-20")

STRANGER, ELSEWHERE = Address("info@ditta.example"), Address("anna.rossi@posta.example")
ORDINARY = (
    b"Received: from a\r\nFrom: info@ditta.example\r\nTo: anna@beta.example\r\nSubject: Offerta\r\n"
    b"Message-ID: <o1@ditta.example>\r\nDate: Thu, 05 Nov 2026 10:00:00 +0100\r\n\r\nTesto \xe0.\r\n"
)


@pytest.fixture
def live():
    circuit = LiveCircuit.at()
    record = MailboxRecord(address=ANNA, ordinary_mail=OrdinaryMail.FORWARD, forward_to=ELSEWHERE)
    circuit.beta.store.put_mailbox(record, now=INSTANT)
    return circuit


def come(circuit, octets=ORDINARY, sender=STRANGER, recipients=(ANNA,), key="outside"):
    arrived = OnTheWire(
        key=key, octets=octets, reverse_path=sender, forward_paths=recipients, received=circuit.clock.now()
    )
    circuit.beta.take_in(arrived, key=key)
    circuit.carry()


def anomalies(circuit):
    return circuit.of(MessageRow.ANOMALY_ENVELOPE)


def test_it_goes_on_as_it_came_under_the_address_of_the_mailbox(live):
    come(live)
    (sent,) = live.wire.outside

    assert (sent.reverse_path, sent.forward_paths) == (ANNA, (ELSEWHERE,))
    assert sent.octets == f"Delivered-To: {ANNA.text}\r\n".encode() + ORDINARY
    assert live.mailbox(ANNA) == []
    assert anomalies(live) == []
    assert live.wire.asked == [(ELSEWHERE.domain, False)]


def test_it_is_logged_and_never_causes_a_receipt(live):
    come(live)
    (row,) = live.beta.events(LogEvent.FORWARDED)
    (relayed,) = live.beta.events(LogEvent.RELAYED)

    assert (row.sender, row.concerned, row.detail) == (STRANGER, (ANNA,), f"to {ELSEWHERE.text}")
    assert row.message_id == "<o1@ditta.example>" == relayed.message_id
    assert relayed.concerned == (ELSEWHERE,)
    assert [letter.row for letter in live.beta.store._letters.values()] == [None]
    assert live.beta.store.jobs() == []


def test_each_recipient_has_the_policy_of_its_mailbox(live):
    come(live, recipients=(ANNA, BRUNO))

    assert [one.forward_paths for one in live.wire.outside] == [(ELSEWHERE,)]
    assert len(live.mailbox(BRUNO)) == len(anomalies(live)) == 1
    assert live.mailbox(ANNA) == []


def test_a_step_that_is_done_again_passes_nothing_on_twice(live):
    live.beta.take_in(
        OnTheWire(key="x", octets=ORDINARY, reverse_path=STRANGER, forward_paths=(ANNA,), received=INSTANT), key="x"
    )
    jobs = live.beta.claim(kinds=[JobKind.ARRIVAL])
    (first,), (second,) = live.beta.decide(jobs), live.beta.decide(jobs)
    live.beta.store.commit([first, second])
    live.carry()

    assert len(live.wire.outside) == 1


@pytest.mark.parametrize(
    ("octets", "sender"),
    [
        pytest.param(f"Delivered-To: {ANNA.text.upper()}\r\n".encode() + ORDINARY, STRANGER, id="been here"),
        pytest.param(ORDINARY, None, id="bounce"),
        pytest.param(b"Received: from b\r\n" * 50 + ORDINARY, STRANGER, id="hops"),
    ],
)
def test_what_may_be_a_loop_comes_into_the_mailbox_wrapped(live, octets, sender):
    come(live, octets, sender)

    assert live.wire.outside == []
    assert len(live.mailbox(ANNA)) == 1
    assert live.mailbox(ANNA) == anomalies(live)
    assert any(row.detail.startswith("not passed on: ") for row in live.beta.events(LogEvent.ANOMALY))


def test_what_the_other_side_sends_back_ends_in_the_mailbox(live):
    come(live)
    back = live.wire.outside.pop()
    come(live, b"Received: from posta.example\r\n" + back.octets, ELSEWHERE, key="again")

    assert live.wire.outside == []
    assert len(live.mailbox(ANNA)) == 1


@pytest.mark.parametrize("target", [BRUNO, MARIO])
def test_an_address_that_has_become_one_of_pec_is_not_passed_on_to(live, target):
    record = MailboxRecord(address=ANNA, ordinary_mail=OrdinaryMail.FORWARD, forward_to=target)
    live.beta.store.put_mailbox(record, now=INSTANT)
    come(live)

    assert live.wire.outside == []
    assert len(live.mailbox(ANNA)) == 1


def test_what_is_infected_goes_nowhere(live):
    come(live, ORDINARY + VIRUS_MARK)

    assert (live.wire.outside, live.mailbox(ANNA)) == ([], [])


@pytest.mark.requirement("IP-11")
def test_what_a_provider_sealed_is_never_passed_on(live):
    """A receipt or an envelope is not ordinary mail, whatever the policy."""
    live.submit(submission())
    live.carry()

    assert live.wire.outside == []


def test_what_is_refused_for_good_comes_back_into_the_mailbox(live):
    live.wire.answers[ELSEWHERE] = RcptOutcome(result=RcptResult.FAILED, code=550, enhanced="5.1.1", text="unknown")
    come(live, recipients=(ANNA, BRUNO))

    assert live.wire.outside == []
    assert len(live.mailbox(ANNA)) == len(live.mailbox(BRUNO)) == 1
    assert len(live.beta.events(LogEvent.ARRIVAL)) == 1
    assert live.beta.events(LogEvent.RELAY_FAILED)[0].concerned == (ELSEWHERE,)
    assert live.beta.store.jobs() == []


def test_what_cannot_be_sent_for_days_comes_back_into_the_mailbox(live):
    live.wire.unreachable.add(ELSEWHERE.domain)
    come(live)
    for _ in range(400):  # half-hours
        due = live.beta.store.next_due(tuple(JobKind))
        if due is None:
            break
        live.clock.advance(due - live.clock.now())
        live.carry()

    assert len(live.mailbox(ANNA)) == 1
    assert live.clock.now() - INSTANT >= timedelta(days=5)


def test_a_policy_is_whole():
    with pytest.raises(ValueError, match="forward"):
        MailboxRecord(address=ANNA, ordinary_mail=OrdinaryMail.FORWARD)
    with pytest.raises(ValueError, match="forward"):
        replace(MailboxRecord(address=ANNA), forward_to=ELSEWHERE)
