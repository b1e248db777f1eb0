"""The conformance scenarios that need no day of waiting, as the live nation plays them.

Each says who must be told what, by rows of table 1.1, and what else must hold; it raises Unexpected when it
does not. T-14 needs 24 hours and T-18 a crash: the tests play them. Arrivals from strangers and from the
provider on paper are in `strangers`.

Clauses: section 13.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ceralacca.apps.demo import strangers
from ceralacca.apps.demo.cast import (
    ALFA,
    ANNA,
    BRUNO,
    CARLA,
    COUNCIL,
    FULL,
    MARIO,
    NOBODY,
    OUTSIDER,
    REFUSED,
    UNREACHED,
)
from ceralacca.apps.demo.messages import letter, with_attachment
from ceralacca.apps.demo.ordinary_mail import BOUNCING
from ceralacca.apps.demo.sealed_by_author import OPAQUE, SIGNED
from ceralacca.apps.demo.sealed_log import sealed_log
from ceralacca.apps.demo.stage import Stage, Unexpected, expect, facts_of
from ceralacca.apps.mail_client import Refused, submit
from ceralacca.core.access_point import SMALLEST_LIMIT
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, RecipientKind
from ceralacca.formats.message_summary import summarise
from ceralacca.formats.mime.entity import look
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.received import Received, read_received
from ceralacca.net.clamd_child import eicar
from ceralacca.testing.scenario import SUBMITTED

SERVICE: Final = ALFA.service_mailbox
BRIEF: Final = "Subject: Prova\r\nX-TipoRicevuta: breve\r\n"
CONCISE: Final = "Subject: Prova\r\nX-TipoRicevuta: sintetica\r\n"
USUAL: Final = {MARIO: [3, 10], ANNA: [4], SERVICE: [6]}
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario of section 13, or a flow of section 1 beside them."""

    id: str
    expects: str
    """Rows and what else, as short as a table wants it."""
    play: Callable[[Stage], None]
    """Raises Unexpected."""


def _complete(stage: Stage) -> None:
    octets = letter(fields="Subject: Prova\r\nReply-To: altri@ditta.example\r\n")
    came = stage.play(octets, USUAL)
    envelope, receipt = came.the(MessageRow.TRANSPORT_ENVELOPE), came.the(MessageRow.DELIVERY)
    inside = _original(envelope)
    body = octets.partition(b"\r\n\r\n")[2]
    expect(inside.partition(b"\r\n\r\n")[2] == body, "the body inside the envelope is not what was submitted")
    expect(_original(receipt) == inside, "the receipt does not give back what was certified")


def _brief(stage: Stage) -> None:
    place = read_head(SUBMITTED).fields_end
    octets = SUBMITTED[:place] + b"X-TipoRicevuta: breve\r\n" + SUBMITTED[place:]
    came = stage.play(octets, USUAL | {OUTSIDER: [4]})
    hashes = [name for name in _names(came.the(MessageRow.DELIVERY)) if name.endswith(".hash")]
    expect(len(hashes) == 3, f"{len(hashes)} hash files instead of three")


def _brief_of_signed(stage: Stage) -> None:
    came = stage.play(letter(fields=SIGNED, body=""), USUAL)
    names = _names(came.the(MessageRow.DELIVERY))
    expect(names == ["atto.pdf.hash", "smime.p7s"], f"the receipt has {names}")
    came = stage.play(letter(fields=OPAQUE, body=""), USUAL)
    whole = _original(came.the(MessageRow.TRANSPORT_ENVELOPE))
    expect(_original(came.the(MessageRow.DELIVERY)) == whole, "an opaque message was changed")


def _concise(stage: Stage) -> None:
    both = {MARIO: [3, 10, 10], ANNA: [4], BRUNO: [4], SERVICE: [6]}
    came = stage.play(letter(fields=CONCISE, cc=[BRUNO]), both)
    receipts = came.all(MessageRow.DELIVERY)
    expect(all(one.original is None for one in receipts), "a concise receipt has the original")
    came = stage.play(letter(cc=[BRUNO]), both)
    found = {facts_of(one).delivery_recipient: one.original is not None for one in came.all(MessageRow.DELIVERY)}
    expect(found == {ANNA: True, BRUNO: False}, "the receipts are not complete for To and concise for Cc")


def _to_and_cc(stage: Stage) -> None:
    came = stage.play(letter(cc=[Address("Anna.Bianchi@PEC.beta.example")]), USUAL, recipients=[ANNA])
    expect(came.the(MessageRow.DELIVERY).original is not None, "the receipt is not complete")


def _one_provider(stage: Stage) -> None:
    for recipient in (CARLA, COUNCIL):
        stage.play(letter(to=[recipient]), {MARIO: [3, 10], recipient: [4], SERVICE: [6]})
    stage.play(letter(to=[MARIO]), {MARIO: [3, 4, 10], SERVICE: [6]})


def _mixed(stage: Stage) -> None:
    expected = {MARIO: [3, 10, 10], ANNA: [4], OUTSIDER: [4], CARLA: [4], SERVICE: [6, 6]}
    came = stage.play(letter(to=[ANNA, OUTSIDER], cc=[CARLA]), expected)
    acceptance = came.the(MessageRow.ACCEPTANCE)
    kinds = {one.address: one.kind for one in facts_of(acceptance).original.recipients}
    certified, external = RecipientKind.CERTIFIED, RecipientKind.EXTERNAL
    expect(kinds == {ANNA: certified, OUTSIDER: external, CARLA: certified}, "a kind of recipient is wrong")
    lines = (acceptance.plain_text() or "").splitlines()
    expect(f'{OUTSIDER} ("posta ordinaria")' in lines, "the text does not say who has ordinary mail")


_MANY: Final = tuple(Address(f"utente{number}@pec.beta.example") for number in range(51))


def _not_accepted(stage: Stage) -> None:
    bcc = letter(fields="Subject: Prova\r\nBcc: bruno.verdi@pec.beta.example\r\n")
    line = f"{'0123456789' * 7}\r\n"
    large = letter(to=[ANNA, BRUNO], body="\r\n" + line * (SMALLEST_LIMIT // (2 * len(line)) + 1))
    cases: list[tuple[bytes, Address, tuple[Address, ...], str]] = [
        (bcc, MARIO, (ANNA,), "il messaggio contiene destinatari in copia nascosta (Bcc)"),
        (letter(), MARIO, (ANNA, BRUNO), f"l'indirizzo email {BRUNO} non appare nei campi To o Cc"),
        (letter(), CARLA, (ANNA,), f"l'indirizzo del mittente {CARLA} non coincide con quello del campo From"),
        (letter(to=[], cc=[ANNA]), MARIO, (ANNA,), "il campo To e' assente o non contiene indirizzi validi"),
        (large, MARIO, (ANNA, BRUNO), "ecceduta la dimensione massima del messaggio"),
        (letter(to=_MANY), MARIO, _MANY, "ecceduto il numero massimo di destinatari"),
    ]
    for octets, sender, recipients, text in cases:
        came = stage.play(octets, {sender: [1]}, sender=sender, recipients=recipients)
        notice = came.the(MessageRow.NON_ACCEPTANCE)
        expect(text in (facts_of(notice).error_detail or ""), f"the notice does not say: {text}")
        expect(text in (notice.plain_text() or ""), f"the text of the notice does not say: {text}")
    huge = letter(body="\r\n" + line * (50 * _MIB // len(line)))
    try:
        submit(stage.running.account(MARIO), huge, recipients=[ANNA])
    except Refused as refusal:
        expect(refusal.answer.startswith("552"), f"a message above the hard limit got {refusal.answer}")
    else:
        raise Unexpected("a message above the hard limit was taken")
    stage.settle({})


def _virus_at_access(stage: Stage) -> None:
    fields, body = with_attachment(eicar(), "prova.com")
    came = stage.play(letter(fields=fields, body=body), {MARIO: [2]})
    facts = came.facts(MessageRow.NON_ACCEPTANCE_VIRUS)
    expect(facts.error is ErrorKind.VIRUS, "the notice does not say virus")
    kept = stage.lookout.stores[ALFA.key].infected(facts.original.identifier)
    expect(len(kept) == 1, f"{len(kept)} messages in the virus storage instead of one")


def _undeliverable(stage: Stage) -> None:
    for recipient, error, code in ((NOBODY, ErrorKind.NO_RECIPIENT, "5.1.1"), (FULL, ErrorKind.OTHER, "5.2.2")):
        came = stage.play(letter(to=[recipient]), {MARIO: [3, 11], SERVICE: [6]})
        facts = came.facts(MessageRow.NON_DELIVERY)
        expect(facts.error is error, f"{recipient}: error {facts.error} instead of {error}")
        expect((facts.error_detail or "").startswith(code), f"{recipient}: {facts.error_detail}")


def _peer_refuses(stage: Stage) -> None:
    for recipient, error in ((REFUSED, None), (UNREACHED, ErrorKind.NO_DOMAIN)):
        came = stage.play(letter(to=[recipient]), {MARIO: [3, 11]})
        facts = came.facts(MessageRow.NON_DELIVERY)
        expect(facts.issuer == ALFA.name, f"{recipient}: {facts.issuer} speaks, not the sender's provider")
        expect(error is None or facts.error is error, f"{recipient}: error {facts.error} instead of {error}")


def _bounce(stage: Stage) -> None:
    came = stage.play(letter(to=[BOUNCING]), {MARIO: [3, 7]})
    subject = came.the(MessageRow.ANOMALY_ENVELOPE).outer.subject or ""
    expect(subject.startswith("ANOMALIA MESSAGGIO:"), f"the bounce came as {subject}")


SUBJECTS: Final[dict[bytes, str | None]] = {
    b"": None,
    b"Subject: =?iso-8859-1?Q?Citt=E0?= e =?utf-8?b?w6gg?=\r\n =?utf-8?q?vero?=\r\n": "Città e è vero",
    b"Subject: =?utf-8?b?zpHOuM6uzr3OsSDinJMg8J+Tjg==?=\r\n": "Αθήνα ✓ 📎",
    b"Subject: <&> \"]]>\" 'x'\r\n": "<&> \"]]>\" 'x'",
}
_INJECTION: Final = "Subject: =?utf-8?q?Prova=0D=0ABcc:_nascosto=40ditta.example?=\r\n"


def _subjects(stage: Stage) -> None:
    for field, text in SUBJECTS.items():
        came = stage.play(letter(fields=field.decode("latin-1")), USUAL)
        for one in came.messages:
            received = read_received(one.sighting.octets)
            prefix = one.row.facts.subject_prefix if one.row else ""
            expect(received.outer.subject == f"{prefix} {text or ''}".strip(), f"header: {received.outer.subject}")
            expect(facts_of(received).original.subject == text, f"certification: {facts_of(received).original.subject}")
            expect(f'"{text or ""}"' in (received.plain_text() or ""), "the text has another subject")
    for one in stage.play(letter(fields=_INJECTION), USUAL).messages:
        received = read_received(one.sighting.octets)
        expect(received.head.first("Bcc") is None, "a line end in a subject began a header field")
        expect("\n" not in (facts_of(received).original.subject or ""), "a line end in the certified subject")


def _independent_tools(stage: Stage) -> None:
    """Everything was checked as it came; here the checks themselves are put to the test."""
    rows = {one.row for one in stage.checked if one.row}
    needed = set(MessageRow) - {MessageRow.DELIVERY_TIMEOUT}
    expect(rows >= needed, f"rows never seen: {sorted(one.facts.number for one in needed - rows)}")
    good = next(one for one in stage.checked if one.row is MessageRow.ACCEPTANCE and not one.faults)
    certified = read_received(good.sighting.octets).signed
    expect(certified is not None, "an acceptance comes apart at its seal")
    octets = good.sighting.octets
    place = octets.index(b"Content-Type: text/plain")
    altered = octets[:place] + octets[place:].replace(b"messaggio", b"massaggio", 1)
    expect(altered != octets, "the check has nothing to alter")
    expect(bool(stage.checker.openssl_refuses(altered)), "openssl does not see an altered message")
    faults = stage.checker.faults_of(altered)
    expect(any(one.startswith("pec verify") for one in faults), "pec verify does not see an altered message")


def _original(received: Received) -> bytes:
    if received.original is None:
        raise Unexpected("no original inside")
    return bytes(received.original)


def _names(received: Received) -> list[str]:
    """Return the file names of the original inside."""
    octets = _original(received)
    expect(summarise(octets) is not None, "the original cannot be read")
    parts = look(octets, into_messages=False).walk()
    return [part.filename for part in parts if part.filename and not part.children]


SCENARIOS: Final = (
    Scenario(id="T-01", expects="3 4 6 10", play=_complete),
    Scenario(id="T-02", expects="3 4 6 10, 3 .hash", play=_brief),
    Scenario(id="T-03", expects="3 4 6 10", play=_brief_of_signed),
    Scenario(id="T-04", expects="3 4 6 10", play=_concise),
    Scenario(id="T-05", expects="3 4 6 10", play=_to_and_cc),
    Scenario(id="T-06", expects="3 4 6 10", play=_one_provider),
    Scenario(id="T-07", expects="3 4 6 10", play=_mixed),
    Scenario(id="T-08", expects="1, 552", play=_not_accepted),
    Scenario(id="T-09", expects="2", play=_virus_at_access),
    Scenario(id="T-10", expects="3 4 6 8 9", play=strangers.virus_at_incoming),
    Scenario(id="T-11", expects="7", play=strangers.wrong_seals),
    Scenario(id="T-12", expects="7", play=strangers.wrong_forms),
    Scenario(id="T-13", expects="3 6 11", play=_undeliverable),
    Scenario(id="T-15", expects="3 11", play=_peer_refuses),
    Scenario(id="T-16", expects="3 4 10 11", play=strangers.late_and_twice),
    Scenario(id="T-17", expects="3 4 6 10", play=strangers.directory),
    Scenario(id="F14", expects="3 7", play=_bounce),
    Scenario(id="T-19", expects="3 4 6 10", play=_subjects),
    Scenario(id="T-20", expects="-", play=_independent_tools),
    Scenario(id="LOG", expects="-", play=sealed_log),
)
