"""What happens in the flows F1 to F14, as scripts that a paper circuit and live services can both play (1.2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ceralacca.core.delivery_point import DeliveryFailure
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus, OrdinaryMail
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.memory_world import LiveCircuit, OnTheWire
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
