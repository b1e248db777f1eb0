"""Section 13, T-14 and T-16: the table of section 7 row by row, and receipts that come late or twice.

The clock stands until the test moves it; what the recipient's provider answers is held on the wire until its hour.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.timeout_notice import timeout_of
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.received import Received, read_received
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.paper_cast import ALFA_SERVICE, ANNA, BRUNO, MARIO, VIRUS_MARK, find_nothing, submission
from ceralacca.testing.paper_sender import Letter
from ceralacca.testing.scenario import INSTANT

SUMMER_ENDS = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
SUMMER_BEGINS = datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
STARTS = {
    "no change of legal time": INSTANT,
    "summer time ends before the 12 h notice": SUMMER_ENDS - timedelta(hours=6),
    "summer time ends between the notices": SUMMER_ENDS - timedelta(hours=18),
    "summer time begins before the 12 h notice": SUMMER_BEGINS - timedelta(hours=6),
    "summer time begins between the notices": SUMMER_BEGINS - timedelta(hours=18),
}

TAKING, DELIVERY = MessageRow.TAKING_IN_CHARGE, MessageRow.DELIVERY
FAILURE, VIRUS = MessageRow.NON_DELIVERY, MessageRow.VIRUS_DETECTION
TWELVE, TWENTY_FOUR = Timeout.TWELVE_HOURS, Timeout.TWENTY_FOUR_HOURS
_NEVER: list[Timeout] = []

TABLE = {
    "taken in charge, delivered": ({TAKING: 11, DELIVERY: 22}, _NEVER, RecipientState.DELIVERED),
    "both at once": ({TAKING: 0, DELIVERY: 0}, _NEVER, RecipientState.DELIVERED),
    "taken in charge, nothing more": ({TAKING: 11}, [TWENTY_FOUR], RecipientState.EXPIRED),
    "delivered before 12 h only": ({DELIVERY: 11}, _NEVER, RecipientState.DELIVERED),
    "delivered after 12 h only": ({DELIVERY: 13}, [TWELVE], RecipientState.DELIVERED),
    "taken in charge after 12 h": ({TAKING: 13}, [TWELVE, TWENTY_FOUR], RecipientState.EXPIRED),
    "taken in charge and delivered after 12 h": ({TAKING: 13, DELIVERY: 22}, [TWELVE], RecipientState.DELIVERED),
    "nothing": ({}, [TWELVE, TWENTY_FOUR], RecipientState.EXPIRED),
    "failed before 12 h": ({FAILURE: 5}, _NEVER, RecipientState.FAILED),
    "failed after 12 h": ({FAILURE: 13}, [TWELVE], RecipientState.FAILED),
    "taken in charge, then failed": ({TAKING: 1, FAILURE: 20}, _NEVER, RecipientState.FAILED),
    "virus before 12 h": ({VIRUS: 5}, _NEVER, RecipientState.FAILED_VIRUS),
    "virus after 12 h": ({VIRUS: 22}, [TWELVE], RecipientState.FAILED_VIRUS),
}
"""What arrives after how many hours; which notices of row 5 follow; where it ends."""


def answered(start: datetime, *outcomes: MessageRow) -> tuple[Circuit, dict[MessageRow, Letter]]:
    """Submit at an instant, let the recipient's provider answer, and keep its answers off the wire."""
    circuit = Circuit.at(start)
    if VIRUS in outcomes:
        circuit.alfa.desk.scan = find_nothing
    if FAILURE in outcomes:
        circuit.beta.mailboxes[ANNA].failure = DeliveryFailure.OVER_QUOTA
    circuit.submit(submission(body=f"\r\n{VIRUS_MARK.decode()}\r\n" if VIRUS in outcomes else "\r\nBuongiorno.\r\n"))
    answers = (TAKING, DELIVERY, FAILURE, VIRUS)
    circuit.carry(holding=answers)
    return circuit, {row: circuit.take(row) for row in answers if any(one.row is row for one in circuit.wire)}


def notices(circuit: Circuit) -> list[Received]:
    return [read_received(letter.octets) for letter in circuit.of(MessageRow.DELIVERY_TIMEOUT)]


def kinds(circuit: Circuit) -> list[Timeout | None]:
    return [timeout_of(one.facts.error_detail) for one in notices(circuit)]


@pytest.mark.scenario("T-14")
@pytest.mark.requirement("TI-6", "TI-7", "TI-8", "TI-9", "TI-12", "TN-1", "TN-2", "AM-8", "AM-19")
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("row", TABLE)
def test_t_14_notices_follow_the_table(row, start):
    arrivals, expected, final = TABLE[row]
    circuit, held = answered(start, *arrivals)
    for hour in range(26):
        circuit.post(*(held[one] for one, when in arrivals.items() if when == hour))
        circuit.carry()
        circuit.pass_time(hours=1)
    circuit.carry()
    assert kinds(circuit) == expected
    assert circuit.state(ANNA) is final
    instants = {TWELVE: start + timedelta(hours=12), TWENTY_FOUR: start + timedelta(hours=23)}
    assert [one.facts.instant for one in notices(circuit)] == [instants[each] for each in expected]


@pytest.mark.scenario("T-14")
@pytest.mark.requirement("TI-3", "TI-4", "TI-5")
@pytest.mark.parametrize(
    ("start", "accepted", "twelve", "twenty_four"),
    [
        (SUMMER_ENDS - timedelta(hours=6), "(+0200)", "08:00:00 (+0100)", "19:00:00 (+0100)"),
        (SUMMER_ENDS - timedelta(hours=18), "(+0200)", "21:00:00 (+0200)", "07:00:00 (+0100)"),
        (SUMMER_BEGINS - timedelta(hours=6), "(+0100)", "09:00:00 (+0200)", "20:00:00 (+0200)"),
        (SUMMER_BEGINS - timedelta(hours=18), "(+0100)", "20:00:00 (+0100)", "08:00:00 (+0200)"),
    ],
)
def test_t_14_texts_show_legal_time_of_their_own_instant(start, accepted, twelve, twenty_four):
    circuit, _ = answered(start)
    assert accepted in read_received(circuit.of(MessageRow.ACCEPTANCE)[0].octets).plain_text()
    for hours in (12, 11):
        circuit.pass_time(hours=hours)
    first, last = notices(circuit)
    for notice, shown in ((first, twelve), (last, twenty_four)):
        assert f"alle ore {shown}" in notice.plain_text()
        part = notice.certification_part.entity
        assert f'zona="{shown[-6:-1]}"'.encode() in decode_transfer(part.body(notice.data), part.encoding)


@pytest.mark.scenario("T-14")
@pytest.mark.requirement("TI-7", "TI-8")
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_t_14_no_notice_leaves_a_second_early_and_none_leaves_twice(start):
    circuit, _ = answered(start)
    circuit.pass_time(hours=11, minutes=59, seconds=59)
    assert kinds(circuit) == []
    circuit.pass_time(seconds=1)
    assert kinds(circuit) == [TWELVE]
    circuit.pass_time(hours=10, minutes=59, seconds=59)
    assert kinds(circuit) == [TWELVE]
    circuit.pass_time(seconds=1)
    assert kinds(circuit) == [TWELVE, TWENTY_FOUR]
    circuit.pass_time(hours=24)
    assert kinds(circuit) == [TWELVE, TWENTY_FOUR]


@pytest.mark.scenario("T-14")
@pytest.mark.requirement("TI-10")
def test_t_14_after_an_outage_the_final_notice_stands_alone():
    circuit, _ = answered(INSTANT)
    circuit.pass_time(hours=30)
    assert kinds(circuit) == [TWENTY_FOUR]


@pytest.mark.scenario("T-14")
@pytest.mark.requirement("TN-1", "TI-6")
def test_t_14_each_recipient_has_timers_of_its_own():
    circuit = Circuit.at()
    circuit.refused[BRUNO] = DeliveryFailure.NO_MAILBOX
    circuit.submit(submission(to=[ANNA, BRUNO]))
    circuit.carry(holding=[TAKING, DELIVERY])
    circuit.pass_time(hours=12)
    assert [one.facts.delivery_recipient for one in notices(circuit)] == [ANNA]


@pytest.mark.scenario("T-16")
@pytest.mark.requirement("TI-9", "AM-8")
@pytest.mark.parametrize("late", [TAKING, DELIVERY, FAILURE, VIRUS])
def test_t_16_a_late_answer_changes_nothing_and_still_reaches_its_addressee(late):
    circuit, held = answered(INSTANT, late)
    circuit.pass_time(hours=12)
    circuit.pass_time(hours=11)
    circuit.carry()
    before = circuit.told()[MARIO]
    circuit.post(held[late])
    circuit.carry()
    circuit.pass_time(hours=3)
    assert circuit.state(ANNA) is RecipientState.EXPIRED
    assert circuit.told()[MARIO] == before
    assert circuit.mailbox(held[late].forward_paths[0])[-1] == held[late].octets
    assert circuit.alfa.desk.remarks[-1] == f"flag-late: {ANNA}"


@pytest.mark.scenario("T-16")
@pytest.mark.requirement("AM-8", "MV-1")
@pytest.mark.parametrize("twice", [TAKING, DELIVERY, FAILURE, VIRUS])
def test_t_16_an_answer_that_comes_twice_counts_once(twice):
    circuit, held = answered(INSTANT, twice)
    circuit.post(held[twice])
    circuit.carry()
    state, told = circuit.state(ANNA), circuit.told()
    circuit.post(held[twice])
    circuit.carry()
    assert (circuit.state(ANNA), circuit.told()) == (state, told)
    assert circuit.mailbox(held[twice].forward_paths[0]).count(held[twice].octets) == 2
    assert told[MARIO].count(9) == (1 if twice is VIRUS else 0)


@pytest.mark.scenario("T-16")
@pytest.mark.requirement("AM-8")
def test_t_16_contradicting_answers_leave_the_first_standing():
    circuit, held = answered(INSTANT, FAILURE)
    other, theirs = answered(INSTANT)
    assert other.sent().original.identifier == circuit.sent().original.identifier
    for letter in (held[FAILURE], theirs[DELIVERY], theirs[TAKING]):
        circuit.post(letter)
        circuit.carry()
    circuit.pass_time(hours=24)
    assert circuit.state(ANNA) is RecipientState.FAILED
    assert circuit.told()[MARIO] == [3, 11]


@pytest.mark.scenario("T-16")
@pytest.mark.requirement("IP-21")
def test_t_16_an_envelope_that_comes_twice_is_delivered_once_and_taken_in_charge_by_one_receipt():
    circuit = Circuit.at()
    circuit.submit(submission(to=[ANNA, BRUNO]))
    envelope = next(letter for letter in circuit.wire if letter.row is MessageRow.TRANSPORT_ENVELOPE)
    circuit.carry()
    circuit.post(envelope)
    circuit.carry()
    assert circuit.told() == {MARIO: [3, 10, 10], ANNA: [4], BRUNO: [4], ALFA_SERVICE: [6]}
    assert circuit.mailbox(ALFA_SERVICE) == [circuit.of(TAKING)[0].octets] * 2
    assert circuit.mailbox(ANNA) == [envelope.octets]


@pytest.mark.scenario("T-16")
@pytest.mark.requirement("IP-21", "PC-1", "DP-4")
def test_t_16_an_envelope_that_comes_again_for_some_recipients_only_adds_a_taking_in_charge():
    circuit = Circuit.at()
    circuit.submit(submission(to=[ANNA, BRUNO]))
    envelope = next(letter for letter in circuit.wire if letter.row is MessageRow.TRANSPORT_ENVELOPE)
    circuit.post(replace(envelope, forward_paths=(ANNA,)))
    circuit.carry()
    assert circuit.told() == {MARIO: [3, 10, 10], ANNA: [4], BRUNO: [4], ALFA_SERVICE: [6, 6]}
    assert circuit.mailbox(ANNA) == circuit.mailbox(BRUNO) == [envelope.octets]
    taken = [read_received(letter.octets).facts.taken_recipients for letter in circuit.of(TAKING)]
    assert taken == [(ANNA, BRUNO), (ANNA,)]
