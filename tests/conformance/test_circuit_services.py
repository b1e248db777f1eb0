"""Sections 1 to 7, played by the live services over memory ports and compared with the paper circuit.

Each script is played twice, by two providers on paper and by two offices with stores, mailboxes, scanners and a wire.
Who is told what, what lies in which mailbox and where each recipient stands must be the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from ceralacca.core.delivery_point import DeliveryFailure
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.store import JobKind, MailboxRecord, MailboxStatus, OrdinaryMail
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.memory_world import TRACE, LiveCircuit, OnTheWire
from ceralacca.testing.paper_cast import (
    ALFA_SERVICE,
    ANNA,
    BRUNO,
    CARLA,
    COUNCIL,
    MARIO,
    NOBODY,
    ORDINARY_RECIPIENT,
    OUT_OF_REACH,
    VIRUS_MARK,
    find_nothing,
    submission,
)
from ceralacca.testing.paper_sender import Letter
from ceralacca.testing.scenario import BOUNCE, INSTANT, ORDINARY
from ceralacca.trust.verifier import JudgedAt, verify_seal

Either = Circuit | LiveCircuit
EVERYBODY = (ALFA_SERVICE, MARIO, CARLA, COUNCIL, ANNA, BRUNO)
ENVELOPE, DELIVERY, TAKING = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY, MessageRow.TAKING_IN_CHARGE
INFECTED = f"\r\n{VIRUS_MARK.decode()}\r\n"
STRANGER = Address("info@ditta.example")


def refusal(enhanced: str, code: int = 550) -> RcptOutcome:
    return RcptOutcome(result=RcptResult.FAILED, code=code, enhanced=enhanced, text="no", host="mx", tls="TLSv1.3")


def nothing(circuit: Either) -> None:
    del circuit


def simply(octets: bytes, **paths: object) -> Callable[[Either], None]:
    def play(circuit: Either) -> None:
        circuit.submit(octets, **paths)
        circuit.carry()

    return play


def silent(*holding: MessageRow, hours: tuple[float, ...]) -> Callable[[Either], None]:
    """Hold back what would answer, let the hours pass, then let everything arrive."""

    def play(circuit: Either) -> None:
        circuit.submit(submission())
        circuit.carry(holding=holding)
        for more in hours:
            circuit.pass_time(hours=more)
        circuit.carry()

    return play


def from_outside(octets: bytes, sender: Address | None, *recipients: Address) -> Callable[[Either], None]:
    def play(circuit: Either) -> None:
        if isinstance(circuit, Circuit):
            circuit.post(Letter(octets=octets, reverse_path=sender, forward_paths=recipients))
        else:
            now = circuit.clock.now()
            circuit.wire.under_way.append(
                OnTheWire(key="o", octets=octets, reverse_path=sender, forward_paths=recipients, received=now)
            )
        circuit.carry()

    return play


def tampered(change: Callable[[bytes], bytes]) -> Callable[[Either], None]:
    """Change the envelope on its way."""

    def play(circuit: Either) -> None:
        circuit.submit(submission())
        circuit.carry(holding=[ENVELOPE])
        if isinstance(circuit, Circuit):
            letter = circuit.take(ENVELOPE)
            circuit.wire.append(replace(letter, octets=change(letter.octets)))
        else:
            taken = circuit.take(ENVELOPE)
            circuit.wire.under_way.append(replace(taken, octets=change(taken.octets)))
        circuit.carry()

    return play


def blind_sender(circuit: Either) -> None:
    """F7: the sender's scanner misses what the recipient's finds."""
    if isinstance(circuit, Circuit):
        circuit.alfa.desk.scan = find_nothing
    else:
        circuit.alfa.scanner.blind = True


def failing(recipient: Address, failure: DeliveryFailure) -> Callable[[Either], None]:
    def set_up(circuit: Either) -> None:
        if isinstance(circuit, Circuit):
            circuit.beta.mailboxes[recipient].failure = failure
        elif failure is DeliveryFailure.OVER_QUOTA:
            circuit.beta.store.put_mailbox(MailboxRecord(address=recipient, quota=10), now=INSTANT)
        else:
            record = MailboxRecord(address=recipient, status=MailboxStatus.CLOSED)
            circuit.beta.store.put_mailbox(record, now=INSTANT)

    return set_up


def refusing(recipient: Address, failure: DeliveryFailure) -> Callable[[Either], None]:
    def set_up(circuit: Either) -> None:
        if isinstance(circuit, Circuit):
            circuit.refused[recipient] = failure
        else:
            circuit.wire.answers[recipient] = refusal(failure.value.code)

    return set_up


def discarding(circuit: Either) -> None:
    if isinstance(circuit, Circuit):
        circuit.beta.wraps_ordinary_mail = False
    else:
        for user in (ANNA, BRUNO):
            record = MailboxRecord(address=user, ordinary_mail=OrdinaryMail.DISCARD)
            circuit.beta.store.put_mailbox(record, now=INSTANT)


def without_certification(octets: bytes) -> bytes:
    return octets.replace(b"X-Trasporto: posta-certificata", b"X-Trasporto: errore", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    play: Callable[[Either], None]
    set_up: Callable[[Either], None] = nothing


SCRIPTS = {
    "F1": Script(play=simply(submission())),
    "F1 brief": Script(play=simply(submission(fields="X-TipoRicevuta: breve\r\nSubject: Prova\r\n"))),
    "F1 concise, copy": Script(play=simply(submission(to=[ANNA], cc=[BRUNO]))),
    "F1 from Beta": Script(play=simply(submission(sender=ANNA, to=[MARIO]))),
    "F2 one domain": Script(play=simply(submission(to=[CARLA]))),
    "F2 two domains": Script(play=simply(submission(to=[CARLA, COUNCIL]))),
    "F2 to oneself": Script(play=simply(submission(to=[MARIO]))),
    "F3": Script(play=simply(submission(to=[ORDINARY_RECIPIENT]))),
    "F4": Script(play=simply(submission(to=[ANNA, CARLA, BRUNO], cc=[ORDINARY_RECIPIENT]))),
    "F5": Script(play=simply(submission(fields="Bcc: bruno.verdi@pec.beta.example\r\nSubject: Prova\r\n"))),
    "F6": Script(play=simply(submission(body=INFECTED))),
    "F7": Script(play=simply(submission(to=[ANNA, BRUNO], body=INFECTED)), set_up=blind_sender),
    "F8": Script(play=from_outside(ORDINARY, STRANGER, ANNA, NOBODY)),
    "F8 discarded": Script(play=from_outside(ORDINARY, STRANGER, ANNA, BRUNO), set_up=discarding),
    "F8 infected": Script(play=from_outside(ORDINARY + VIRUS_MARK, STRANGER, ANNA)),
    "F9": Script(play=tampered(lambda octets: octets.replace(b"Buongiorno", b"Buonasera!"))),
    "F10": Script(play=tampered(without_certification)),
    "F11 unknown": Script(play=simply(submission(to=[ANNA, NOBODY]))),
    "F11 full": Script(play=simply(submission()), set_up=failing(ANNA, DeliveryFailure.OVER_QUOTA)),
    "F11 closed": Script(play=simply(submission()), set_up=failing(ANNA, DeliveryFailure.DISABLED)),
    "F12 recipient": Script(
        play=simply(submission(to=[ANNA, BRUNO])), set_up=refusing(ANNA, DeliveryFailure.NO_MAILBOX)
    ),
    "F12 domain": Script(
        play=simply(submission(to=[OUT_OF_REACH])), set_up=refusing(OUT_OF_REACH, DeliveryFailure.NO_DOMAIN)
    ),
    "F13 a": Script(play=silent(DELIVERY, hours=(12, 11))),
    "F13 b": Script(play=silent(ENVELOPE, hours=(12,))),
    "F13 c": Script(play=silent(TAKING, DELIVERY, hours=(12, 11))),
    "F13 after an outage": Script(play=silent(TAKING, DELIVERY, hours=(30,))),
    "F14": Script(play=from_outside(BOUNCE, None, ANNA)),
}


def boxes(circuit: Either) -> dict[Address, list[str]]:
    """What lies where, by row; a message without row by its length."""
    return {
        user: sorted(str(read_received(octets).row or len(octets)) for octets in circuit.mailbox(user))
        for user in EVERYBODY
    }


def states(circuit: Either) -> dict[Address, RecipientState]:
    sides = (circuit.alfa, circuit.beta)
    if isinstance(circuit, Circuit):
        return {
            who: state
            for side in sides
            for sent in side.sender_side.sent.values()
            for who, state in sent.states.items()
        }
    found = [side.store.sent(identifier) for side in sides for identifier in side.store._sent]
    return {who: state for sent in found if sent for who, state in sent.states.items()}


@pytest.mark.requirement("MO-1", "MO-5", "MO-7", "MO-10", "MO-11", "MO-13", "AP-26", "DP-4", "IP-10", "IP-11", "IP-17")
@pytest.mark.requirement("IP-18", "IP-19", "IP-20", "AD-1", "AD-3", "TI-7", "TI-8", "TI-9", "TI-10", "DP-1", "DP-5")
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_live_providers_tell_the_story_of_the_paper_circuit(name):
    script, paper, live = SCRIPTS[name], Circuit.at(), LiveCircuit.at()
    for circuit in (paper, live):
        script.set_up(circuit)
        script.play(circuit)
    assert {who: sorted(rows) for who, rows in live.told().items()} == {
        who: sorted(rows) for who, rows in paper.told().items()
    }
    assert boxes(live) == boxes(paper)
    assert states(live) == states(paper)


@pytest.mark.requirement("GE-1")
@pytest.mark.parametrize("name", ["F4", "F6", "F7", "F10", "F11 unknown", "F13 c"])
def test_everything_that_is_issued_has_a_good_seal(name):
    live = LiveCircuit.at()
    SCRIPTS[name].set_up(live)
    SCRIPTS[name].play(live)
    for row in MessageRow:
        for octets in live.of(row):
            at = JudgedAt.now(live.clock.now())
            report = verify_seal(octets, trust=live.cast.trust, directory=live.cast.directory, at=at)
            assert report.good


@pytest.fixture
def live() -> LiveCircuit:
    return LiveCircuit.at()


# -- the access point ---------------------------------------------------------------------------------------


@pytest.mark.requirement("AC-2", "TI-2", "TI-6", "LO-3")
@pytest.mark.parametrize(
    "octets", [submission(), submission(body=INFECTED), submission(to=[])], ids=["accept", "virus", "form"]
)
def test_a_busy_worker_costs_the_holder_no_second(live, octets):
    live.submit(octets, sender=MARIO, recipients=(ANNA,))
    live.clock.advance(timedelta(minutes=7))
    live.work()
    answers = [read_received(one).facts for one in live.mailbox(MARIO)]
    assert [facts.instant for facts in answers] == [INSTANT]
    issued = live.alfa.events(LogEvent.SUBMISSION, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT, LogEvent.NON_ACCEPTANCE)
    assert {row.instant for row in issued} == {INSTANT}
    dues = {job.due - INSTANT for job in live.alfa.store.jobs(kind=JobKind.DEADLINE)}
    accepted = octets == submission()
    assert dues == ({timedelta(hours=12), timedelta(hours=23)} if accepted else set())


@pytest.mark.requirement("AP-21", "GE-31")
def test_the_trace_of_the_listener_goes_in_front_of_the_original(live):
    live.submit(submission())
    live.carry()
    (envelope,) = live.mailbox(ANNA)
    original = bytes(read_received(envelope).original)
    assert original.startswith(TRACE)
    assert original.endswith(submission().partition(b"From:")[2])


@pytest.mark.requirement("AP-17", "AP-19", "VI-1")
def test_the_virus_notice_wins_over_the_formal_one_and_the_message_is_kept_as_it_is(live):
    octets = submission(fields="Bcc: bruno.verdi@pec.beta.example\r\nSubject: Prova\r\n", body=INFECTED)
    live.submit(octets)
    live.carry()
    assert live.told() == {MARIO: [2]}
    (row,) = live.alfa.events(LogEvent.VIRUS_FOUND)
    (kept,) = live.alfa.store.infected(row.identifier)
    assert bytes(live.alfa.store.octets(kept.digest)) == octets
    assert (kept.virus, kept.recipients, kept.sender) == (row.error_detail, (ANNA,), MARIO)
    assert kept.engine


@pytest.mark.requirement("AP-18", "AP-26")
def test_nothing_is_accepted_without_a_verdict_and_t0_stays(live):
    live.alfa.scanner.away = True
    live.submit(submission())
    live.carry()
    assert live.told() == {}
    assert live.alfa.store.log == []
    live.clock.advance(timedelta(hours=1))
    live.alfa.scanner.away = False
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    assert live.sent().accepted == INSTANT


@pytest.mark.requirement("AP-18", "AP-26")
def test_a_scanner_that_stays_away_ends_in_a_refusal_that_says_so(live):
    live.alfa.scanner.away = True
    live.submit(submission())
    live.carry()
    live.pass_time(hours=5)
    assert live.told() == {MARIO: [1]}
    (notice,) = live.mailbox(MARIO)
    assert read_received(notice).facts.error_detail == "il servizio non e' disponibile"


@pytest.mark.requirement("IP-5", "AP-24")
def test_without_a_directory_nothing_is_decided_and_nothing_lost(live):
    for provider in live.providers:
        provider.directory.directory = None
    live.submit(submission())
    live.carry()
    assert live.told() == {}
    live.alfa.directory.directory = live.cast.directory
    live.clock.advance(timedelta(days=1))
    live.carry()
    assert live.told() == {MARIO: [3, 5], ANNA: [4]}  # a day late: the final notice alone (TI-10)
    live.beta.directory.directory = live.cast.directory
    live.clock.advance(timedelta(hours=1))
    live.carry()
    assert live.mailbox(ANNA) == []  # the relay had given up before the final notice (AM-19)


@pytest.mark.requirement("AP-2")
def test_somebody_elses_address_is_refused_after_data_too(live):
    live.alfa.submit(submission(), sender=MARIO, recipients=(ANNA,))
    stored = live.alfa.store._inbound["submission-1"]
    live.alfa.store._inbound["submission-1"] = replace(stored, authenticated=CARLA.text, tls="")
    live.carry()
    assert live.told() == {MARIO: [1]}
    (notice,) = live.mailbox(MARIO)
    detail = read_received(notice).facts.error_detail
    assert "non e' stata utilizzata la cifratura del canale" in detail  # AP-1
    assert "le credenziali di autenticazione" in detail


@pytest.mark.requirement("AM-29", "AP-20")
def test_the_same_message_twice_is_two_transactions(live):
    live.submit(submission())
    live.submit(submission())
    live.carry()
    assert live.told()[MARIO] == [3, 3, 10, 10]
    assert len({read_received(one).facts.original.identifier for one in live.mailbox(ANNA)}) == 2


# -- the incoming point -------------------------------------------------------------------------------------


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


# -- the delivery point -------------------------------------------------------------------------------------


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


# -- the relay ----------------------------------------------------------------------------------------------


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


# -- the log ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("LO-1", "LO-2", "LO-9")
def test_every_event_of_a_transaction_is_logged_with_what_it_is_about(live):
    live.submit(submission(to=[ANNA, NOBODY]))
    live.carry()
    original = live.sent().original
    for provider in live.providers:
        for row in provider.store.log_of(original.identifier):
            assert (row.sender, row.subject, row.client_message_id) == (MARIO, "Prova", "<4711@client.alfa.example>")
            assert row.recipients == original.recipients
    alfa = [row.event for row in live.alfa.store.log]
    assert alfa[:3] == [LogEvent.SUBMISSION, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT]
    assert {LogEvent.RELAYED, LogEvent.TAKING_IN_CHARGE_RECEIVED, LogEvent.RECEIPT_RECEIVED} < set(alfa)
    beta = [row.event for row in live.beta.store.log]
    wanted = {LogEvent.ARRIVAL, LogEvent.TAKING_IN_CHARGE_ISSUED, LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE}
    assert wanted < set(beta)
    issued = {row.message_id for provider in live.providers for row in provider.store.log if row.message_id}
    letters = {letter.message_id for provider in live.providers for letter in provider.store._letters.values()}
    assert letters <= issued


@pytest.mark.requirement("IP-15")
def test_a_late_receipt_is_delivered_logged_late_and_changes_nothing(live):
    SCRIPTS["F13 c"].play(live)
    late = [row for row in live.alfa.events(LogEvent.RECEIPT_RECEIVED) if row.detail == "late"]
    assert [row.kind for row in late] == ["avvenuta-consegna"]
    assert live.state(ANNA) is RecipientState.EXPIRED
    assert live.told()[MARIO] == [3, 5, 5, 10]
