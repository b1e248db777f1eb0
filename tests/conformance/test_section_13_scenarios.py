"""Section 13: the conformance scenarios, played by two providers on paper over real octets.

Each test submits, lets the circuit carry, and reads who was told what: numbers are rows of table 1.1. The deadlines
(T-14, T-16) are in `test_section_13_timers`, wrong signers, forms and authors (T-11, T-12, IP-15) in
`test_section_13_strangers`, the providers directory (T-17) in `test_section_13_directory`.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from ceralacca.apps.demo.sealed_by_author import OPAQUE, SIGNED
from ceralacca.core.access_point import SMALLEST_LIMIT
from ceralacca.core.delivery_point import DeliveryFailure
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, RecipientKind
from ceralacca.core.routing import Connection
from ceralacca.core.story import RecipientOutcome, Witness, tell
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.brief import HashForm, matching_hash
from ceralacca.formats.certification_xml import dtd
from ceralacca.formats.message_summary import summarise
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.received import Received, read_received
from ceralacca.testing.authority import pem
from ceralacca.testing.circuit import Circuit
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
    VIRUS_NAME,
    find_nothing,
    submission,
)
from ceralacca.testing.paper_sender import Letter
from ceralacca.testing.scenario import SUBMITTED

INFECTED = f"\r\n{VIRUS_MARK.decode()}\r\n"
BRIEF, CONCISE = "Subject: Prova\r\nX-TipoRicevuta: breve\r\n", "Subject: Prova\r\nX-TipoRicevuta: sintetica\r\n"


@pytest.fixture
def circuit() -> Circuit:
    return Circuit.at()


def play(circuit: Circuit, octets: bytes, **options) -> dict[Address, list[int]]:
    """Submit and carry to the end; say who was told what."""
    circuit.submit(octets, **options)
    circuit.carry()
    assert circuit.wire == []
    return circuit.told()


def opened(letter: Letter) -> Received:
    return read_received(letter.octets)


def the(circuit: Circuit, row: MessageRow) -> Received:
    """The one message of that row."""
    (letter,) = circuit.of(row)
    return opened(letter)


def original_in(received: Received) -> bytes | None:
    return None if received.original is None else bytes(received.original)


def parts_of(octets: bytes) -> list[Entity]:
    return [one for one in look(octets, into_messages=False).walk() if not one.children]


# -- F1 to F4: all well --------------------------------------------------------------------------------


@pytest.mark.scenario("T-01")
@pytest.mark.requirement("AC-1", "AC-2", "BT-1", "PC-2", "DR-1", "DR-3", "MO-9", "MO-10")
def test_t_01_two_providers_and_a_complete_receipt(circuit):
    told = play(circuit, submission(fields="Subject: Prova\r\nReply-To: altri@ditta.example\r\n"))
    assert told == {MARIO: [3, 10], ANNA: [4], ALFA_SERVICE: [6]}
    (envelope,) = circuit.mailbox(ANNA)
    assert envelope == circuit.of(MessageRow.TRANSPORT_ENVELOPE)[0].octets
    assert original_in(read_received(envelope)) == circuit.sent().certified
    assert original_in(the(circuit, MessageRow.DELIVERY)) == circuit.sent().certified
    assert circuit.mailbox(MARIO) == [one.octets for one in circuit.issued if one.forward_paths == (MARIO,)]
    assert len(circuit.mailbox(ALFA_SERVICE)) == 1
    assert circuit.state(ANNA) is RecipientState.DELIVERED


@pytest.mark.scenario("T-01")
def test_t_01_messages_that_the_holder_keeps_tell_the_same_story(circuit):
    play(circuit, submission())
    kept = [read_received(octets).facts for octets in circuit.mailbox(MARIO)]
    witnesses = [Witness(name=str(number), certification=facts, proven=True) for number, facts in enumerate(kept)]
    ((recipient,),) = [story.recipients for story in tell(witnesses)]
    assert (recipient.address, recipient.outcome) == (ANNA, RecipientOutcome.DELIVERED)


@pytest.mark.scenario("T-01")
@pytest.mark.requirement("TO-18")
def test_t_01_fields_that_the_author_put_into_the_original_are_data_of_the_author(circuit):
    fields = "Subject: Prova\r\nX-Sensitivity: company\r\nX-Ricevuta: errore-consegna\r\nX-Trasporto: errore\r\n"
    told = play(circuit, submission(fields=fields))
    assert told == {MARIO: [3, 10], ANNA: [4], ALFA_SERVICE: [6]}
    assert fields.encode() in circuit.sent().certified
    envelope = the(circuit, MessageRow.TRANSPORT_ENVELOPE)
    assert (envelope.outer.receipt_marks, envelope.outer.transport_marks) == ((), ("posta-certificata",))
    assert all(read_head(letter.octets).first("X-Sensitivity") is None for letter in circuit.issued)


@pytest.mark.scenario("T-02")
@pytest.mark.requirement("BR-1", "BR-2", "BR-3", "BR-4", "BR-5", "BR-9")
def test_t_02_brief_receipt_of_two_attachments_and_a_forwarded_message(circuit):
    place = read_head(SUBMITTED).fields_end
    told = play(circuit, SUBMITTED[:place] + b"X-TipoRicevuta: breve\r\n" + SUBMITTED[place:])
    assert told == {MARIO: [3, 10], ANNA: [4], ORDINARY_RECIPIENT: [4], ALFA_SERVICE: [6]}
    reduced = original_in(the(circuit, MessageRow.DELIVERY))
    hashes = {
        part.filename: bytes(part.body(reduced))
        for part in parts_of(reduced)
        if (part.filename or "").endswith(".hash")
    }
    assert list(hashes) == ["perizia.pdf.hash", "quantità.csv.hash", "messaggio.eml.hash"]
    whole = circuit.sent().certified
    replaced = [part for part in parts_of(whole) if part.filename or part.media_type == "message/rfc822"]
    assert list(hashes.values()) == [
        hashlib.sha1(part.body(whole), usedforsecurity=False).hexdigest().encode() for part in replaced
    ]
    attachment = summarise(whole).attachments[0]
    assert matching_hash(attachment.content(), hashes["perizia.pdf.hash"].decode()) in set(HashForm)
    assert bytes(reduced[: look(reduced).body_start]) == whole[: look(whole).body_start]


@pytest.mark.scenario("T-03")
@pytest.mark.requirement("BR-6")
def test_t_03_brief_receipt_keeps_the_signature_of_the_author(circuit):
    told = play(circuit, submission(fields=SIGNED, body=""))
    assert told[MARIO] == [3, 10]
    reduced = original_in(the(circuit, MessageRow.DELIVERY))
    assert [part.filename for part in parts_of(reduced)] == [None, "atto.pdf.hash", "smime.p7s"]
    assert bytes(parts_of(reduced)[-1].body(reduced)) == b"MIIBdGVzdA=="


@pytest.mark.scenario("T-03")
@pytest.mark.requirement("BR-7")
def test_t_03_brief_receipt_replaces_nothing_of_an_opaque_message(circuit):
    told = play(circuit, submission(fields=OPAQUE, body=""))
    assert told[MARIO] == [3, 10]
    assert original_in(the(circuit, MessageRow.DELIVERY)) == circuit.sent().certified


def receipts(circuit: Circuit) -> dict[Address | None, bool]:
    """Whether the delivery receipt about each recipient has an original inside."""
    found = map(opened, circuit.of(MessageRow.DELIVERY))
    return {one.facts.delivery_recipient: one.original is not None for one in found}


@pytest.mark.scenario("T-04")
@pytest.mark.requirement("DR-2", "DR-4")
def test_t_04_concise_receipt_is_text_and_certification_alone(circuit):
    told = play(circuit, submission(fields=CONCISE, cc=[BRUNO]))
    assert told == {MARIO: [3, 10, 10], ANNA: [4], BRUNO: [4], ALFA_SERVICE: [6]}
    assert receipts(circuit) == {ANNA: False, BRUNO: False}


@pytest.mark.scenario("T-04")
@pytest.mark.requirement("DR-2", "PC-1", "DP-4")
def test_t_04_complete_for_the_primary_recipient_and_concise_for_the_copy(circuit):
    told = play(circuit, submission(cc=[BRUNO]))
    assert told == {MARIO: [3, 10, 10], ANNA: [4], BRUNO: [4], ALFA_SERVICE: [6]}
    assert receipts(circuit) == {ANNA: True, BRUNO: False}
    assert the(circuit, MessageRow.TAKING_IN_CHARGE).facts.taken_recipients == (ANNA, BRUNO)


@pytest.mark.scenario("T-05")
@pytest.mark.requirement("DR-2", "AM-30")
def test_t_05_a_recipient_in_to_and_cc_is_a_primary_one(circuit):
    told = play(circuit, submission(cc=[Address("Anna.Bianchi@PEC.beta.example")]))
    assert told[MARIO] == [3, 10]
    assert receipts(circuit) == {ANNA: True}


@pytest.mark.scenario("T-06")
@pytest.mark.requirement("MO-7")
@pytest.mark.parametrize("recipient", [CARLA, COUNCIL], ids=["one domain", "two domains"])
def test_t_06_one_provider_gives_the_full_treatment(circuit, recipient):
    told = play(circuit, submission(to=[recipient]))
    assert told == {MARIO: [3, 10], recipient: [4], ALFA_SERVICE: [6]}
    assert circuit.state(recipient) is RecipientState.DELIVERED


@pytest.mark.scenario("T-06")
@pytest.mark.requirement("MO-7")
def test_t_06_even_to_oneself(circuit):
    told = play(circuit, submission(to=[MARIO]))
    assert told == {MARIO: [3, 4, 10], ALFA_SERVICE: [6]}


@pytest.mark.scenario("T-07")
@pytest.mark.requirement("AP-24", "AC-1", "BT-5", "TN-4", "TI-6")
def test_t_07_certified_and_ordinary_recipients(circuit):
    told = play(circuit, submission(to=[ANNA, ORDINARY_RECIPIENT], cc=[CARLA]))
    assert told == {MARIO: [3, 10, 10], ANNA: [4], ORDINARY_RECIPIENT: [4], CARLA: [4], ALFA_SERVICE: [6, 6]}
    acceptance = the(circuit, MessageRow.ACCEPTANCE)
    assert {one.address: one.kind for one in acceptance.facts.original.recipients} == {
        ANNA: RecipientKind.CERTIFIED,
        ORDINARY_RECIPIENT: RecipientKind.EXTERNAL,
        CARLA: RecipientKind.CERTIFIED,
    }
    lines = acceptance.plain_text().splitlines()
    assert f'{ANNA} ("posta certificata")' in lines
    assert f'{ORDINARY_RECIPIENT} ("posta ordinaria")' in lines
    (outside,) = circuit.outside
    assert outside.octets == circuit.mailbox(ANNA)[0]
    circuit.pass_time(hours=24)
    assert circuit.of(MessageRow.DELIVERY_TIMEOUT) == []
    assert circuit.state(ORDINARY_RECIPIENT) is RecipientState.SENT_EXTERNAL


# -- F5, F6: refused at the access point ------------------------------------------------------------------


MANY = tuple(Address(f"utente{number}@pec.beta.example") for number in range(51))
NOT_ACCEPTED = {
    "Bcc": (
        submission(fields="Subject: Prova\r\nBcc: bruno.verdi@pec.beta.example\r\n"),
        {},
        "il messaggio contiene destinatari in copia nascosta (Bcc)",
    ),
    "hidden recipient": (
        submission(),
        {"recipients": (ANNA, BRUNO)},
        "l'indirizzo email bruno.verdi@pec.beta.example non appare nei campi To o Cc",
    ),
    "another sender": (
        submission(),
        {"sender": CARLA},
        "l'indirizzo del mittente carla.neri@pec.alfa.example non coincide con quello del campo From",
    ),
    "too large": (
        submission(to=[ANNA, BRUNO], body="\r\n" + "0123456789\r\n" * (SMALLEST_LIMIT // 24)),
        {},
        "ecceduta la dimensione massima del messaggio",
    ),
    "too many": (submission(to=MANY), {}, "ecceduto il numero massimo di destinatari"),
    "no To": (
        submission(cc=[ANNA]).replace(b"To: anna.bianchi@pec.beta.example\r\n", b""),
        {},
        "il campo To e' assente o non contiene indirizzi validi",
    ),
}


@pytest.mark.scenario("T-08")
@pytest.mark.requirement("NA-1", "NA-2", "AP-26", "GE-15")
@pytest.mark.parametrize("name", NOT_ACCEPTED)
def test_t_08_a_formal_failure_is_told_to_the_sender_and_nothing_leaves(circuit, name):
    octets, options, text = NOT_ACCEPTED[name]
    sender = options.get("sender", MARIO)
    assert play(circuit, octets, **options) == {sender: [1]}
    notice = the(circuit, MessageRow.NON_ACCEPTANCE)
    assert (notice.facts.error, notice.facts.error_detail) == (ErrorKind.OTHER, text)
    assert text in notice.plain_text()
    assert notice.original is None
    assert circuit.mailbox(sender) == [circuit.issued[0].octets]


@pytest.mark.scenario("T-08")
@pytest.mark.requirement("NA-1")
def test_t_08_one_notice_lists_every_failure(circuit):
    octets = submission(fields="Subject: Prova\r\nBcc: nascosto@pec.beta.example\r\n")
    assert play(circuit, octets, recipients=(ANNA, BRUNO)) == {MARIO: [1]}
    detail = the(circuit, MessageRow.NON_ACCEPTANCE).facts.error_detail
    assert [line for line in detail.splitlines() if "Bcc" in line or "bruno" in line] == detail.splitlines()[1:]


@pytest.mark.scenario("T-09")
@pytest.mark.requirement("NV-1", "GE-15")
def test_t_09_virus_at_the_access_point(circuit):
    octets = submission(body=INFECTED)
    assert play(circuit, octets) == {MARIO: [2]}
    notice = the(circuit, MessageRow.NON_ACCEPTANCE_VIRUS)
    assert (notice.facts.error, notice.facts.error_detail) == (ErrorKind.VIRUS, VIRUS_NAME)
    assert notice.outer.security == "errore"
    assert notice.original is None
    assert circuit.alfa.desk.infected == [octets]
    assert circuit.mailbox(MARIO) == [circuit.issued[0].octets]


# -- F7, F11, F12: accepted, and not delivered --------------------------------------------------------------


@pytest.mark.scenario("T-10")
@pytest.mark.requirement("RV-1", "RV-2", "MV-1", "MV-2", "MV-3", "PC-3", "AM-7", "AM-21")
def test_t_10_virus_at_the_incoming_point(circuit):
    circuit.alfa.desk.scan = find_nothing
    told = play(circuit, submission(to=[ANNA, BRUNO], body=INFECTED))
    assert told == {MARIO: [3, 9, 9], ANNA: [4], BRUNO: [4], ALFA_SERVICE: [6, 8, 8]}
    for row in (MessageRow.VIRUS_DETECTION, MessageRow.NON_DELIVERY_VIRUS):
        notices = list(map(opened, circuit.of(row)))
        assert [one.facts.delivery_recipient for one in notices] == [ANNA, BRUNO]
        assert {one.original for one in notices} == {None}
        assert {one.facts.error_detail for one in notices} == {VIRUS_NAME}
    assert {opened(one).outer.original_sender for one in circuit.of(MessageRow.VIRUS_DETECTION)} == {MARIO.text}
    assert circuit.beta.desk.infected == [circuit.of(MessageRow.TRANSPORT_ENVELOPE)[0].octets]
    assert circuit.mailbox(ANNA) == circuit.mailbox(BRUNO) == []
    assert circuit.state(ANNA) is circuit.state(BRUNO) is RecipientState.FAILED_VIRUS
    assert [one for one in circuit.alfa.desk.remarks if one.startswith("alert-operator")] == [
        f"alert-operator: {ANNA}",
        f"alert-operator: {BRUNO}",
    ]


@pytest.mark.scenario("T-13")
@pytest.mark.requirement("AD-1", "AD-5", "ER-1", "DP-5")
@pytest.mark.parametrize(
    ("recipient", "failure", "error", "code"),
    [
        (NOBODY, None, ErrorKind.NO_RECIPIENT, "5.1.1"),
        (ANNA, DeliveryFailure.OVER_QUOTA, ErrorKind.OTHER, "5.2.2"),
        (ANNA, DeliveryFailure.DISABLED, ErrorKind.OTHER, "5.2.1"),
    ],
    ids=["unknown mailbox", "quota", "disabled"],
)
def test_t_13_delivery_is_impossible(circuit, recipient, failure, error, code):
    circuit.beta.mailboxes[ANNA].failure = failure
    told = play(circuit, submission(to=[recipient]))
    assert told == {MARIO: [3, 11], recipient: [4], ALFA_SERVICE: [6]}
    notice = the(circuit, MessageRow.NON_DELIVERY)
    assert (notice.facts.error, notice.facts.delivery_recipient) == (error, recipient)
    assert notice.facts.issuer == "Gestore Beta S.r.l."
    assert notice.facts.error_detail.startswith(f"{code} - Gestore Beta S.r.l. - ")
    assert notice.original is None
    assert circuit.mailbox(ANNA) == []
    assert circuit.state(recipient) is RecipientState.FAILED


@pytest.mark.scenario("T-15")
@pytest.mark.requirement("AD-3")
@pytest.mark.parametrize(
    ("recipient", "refused", "error"),
    [
        (ANNA, DeliveryFailure.NO_MAILBOX, ErrorKind.NO_RECIPIENT),
        (ANNA, DeliveryFailure.UNSPECIFIED, ErrorKind.OTHER),
        (OUT_OF_REACH, None, ErrorKind.NO_DOMAIN),
    ],
    ids=["refused recipient", "refused message", "unresolvable domain"],
)
def test_t_15_permanent_refusal_is_told_by_the_own_provider(circuit, recipient, refused, error):
    if refused:
        circuit.refused[recipient] = refused
    told = play(circuit, submission(to=[recipient]))
    assert told == {MARIO: [3, 11], recipient: [4]}
    notice = the(circuit, MessageRow.NON_DELIVERY)
    assert (notice.facts.error, notice.facts.issuer) == (error, "Gestore Alfa S.p.A.")
    assert circuit.state(recipient) is RecipientState.FAILED
    circuit.pass_time(hours=12)
    circuit.pass_time(hours=12)
    assert circuit.of(MessageRow.DELIVERY_TIMEOUT) == []


@pytest.mark.scenario("T-15")
@pytest.mark.requirement("AD-3", "BT-5")
def test_t_15_refusal_of_one_recipient_leaves_the_other_alone(circuit):
    circuit.refused[BRUNO] = DeliveryFailure.NO_MAILBOX
    told = play(circuit, submission(to=[ANNA, BRUNO]))
    assert told == {MARIO: [3, 11, 10], ANNA: [4], BRUNO: [4], ALFA_SERVICE: [6]}
    assert the(circuit, MessageRow.TAKING_IN_CHARGE).facts.taken_recipients == (ANNA,)


@pytest.mark.scenario("T-15")
@pytest.mark.requirement("BT-6", "BT-7")
@pytest.mark.parametrize(
    "connection",
    [
        Connection(host="mx.pec.beta.example", tls=None),
        Connection(host="mx.pec.beta.example", tls=(1, 1)),
        Connection(host="smarthost.ditta.example", tls=(1, 3)),
    ],
    ids=["in clear", "old TLS", "third party"],
)
def test_t_15_an_envelope_waits_for_a_connection_that_it_may_take_until_the_queue_ends(circuit, connection):
    circuit.connections["pec.beta.example"] = connection
    circuit.submit(submission())
    circuit.carry()
    assert [letter.row for letter in circuit.wire] == [MessageRow.TRANSPORT_ENVELOPE]
    circuit.pass_time(hours=12)
    circuit.pass_time(hours=10)
    circuit.connections.clear()
    circuit.carry()
    circuit.pass_time(hours=2)
    circuit.carry()
    assert circuit.told() == {MARIO: [3, 5, 5], ANNA: [4]}
    assert circuit.mailbox(ANNA) == []


# -- subjects -----------------------------------------------------------------------------------------------


SUBJECTS: dict[str, tuple[bytes, str | None, bytes]] = {
    "missing": (b"", None, b""),
    "plain": (b"Subject: Prova\r\n", "Prova", b"Prova"),
    "encoded-words": (
        b"Subject: =?iso-8859-1?Q?Citt=E0?= e =?utf-8?b?w6gg?=\r\n =?utf-8?q?vero?=\r\n",
        "Città e è vero",
        b"=?iso-8859-1?Q?Citt=E0?= e =?utf-8?b?w6gg?=\r\n =?utf-8?q?vero?=",
    ),
    "beyond Latin-1": (
        b"Subject: =?utf-8?b?zpHOuM6uzr3OsSDinJMg8J+Tjg==?=\r\n",
        "Αθήνα ✓ 📎",
        b"=?utf-8?b?zpHOuM6uzr3OsSDinJMg8J+Tjg==?=",
    ),
    "markup": (b"Subject: <&> \"]]>\" 'x'\r\n", "<&> \"]]>\" 'x'", b"<&> \"]]>\" 'x'"),
}


@pytest.mark.scenario("T-19")
@pytest.mark.requirement("GE-28", "GE-19", "XM-3", "AM-31")
@pytest.mark.parametrize("name", SUBJECTS)
def test_t_19_subject_is_kept_in_header_text_and_certification(circuit, name):
    field, text, octets = SUBJECTS[name]
    play(circuit, submission(fields=field.decode("latin-1")))
    assert len(circuit.issued) == 4
    for letter in circuit.issued:
        received, prefix = opened(letter), letter.row.facts.subject_prefix
        raw = read_head(letter.octets).first("Subject").raw
        assert b"".join(raw.split()) == b"".join((b"Subject:" + prefix.encode() + octets).split())
        assert received.outer.subject == f"{prefix} {text or ''}".strip()
        assert received.facts.original.subject == text
        assert f'"{text or ""}"' in received.plain_text()


@pytest.mark.scenario("T-19")
@pytest.mark.requirement("SE-8", "XM-3", "GE-28")
@pytest.mark.parametrize(
    "word", ["=?utf-8?q?Prova=0D=0ABcc:_nascosto=40ditta.example?=", "=?utf-8?b?UHJvdmENCg0KVGVzdG8=?="]
)
def test_t_19_line_ends_in_a_subject_begin_no_line(circuit, word):
    play(circuit, submission(fields=f"Subject: {word}\r\n"))
    assert len(circuit.issued) == 4
    for letter in circuit.issued:
        received = opened(letter)
        assert received.head.first("Bcc") is None
        assert "\n" not in received.facts.original.subject
        assert "\r" not in received.facts.original.subject
        quoted = f'"{received.facts.original.subject}"'
        assert any(quoted in line for line in received.plain_text().split("\n"))


# -- independent tools --------------------------------------------------------------------------------------


def _everything(circuit: Circuit) -> list[Letter]:
    """Play until every row of table 1.1 was issued at least once."""
    play(circuit, submission(to=[ANNA, ORDINARY_RECIPIENT], cc=[CARLA], fields=BRIEF))
    play(circuit, submission(), recipients=(ANNA, BRUNO))
    play(circuit, submission(body=INFECTED))
    circuit.alfa.desk.scan = find_nothing
    play(circuit, submission(body=INFECTED, fields="Subject: <&> \r\n"))
    play(circuit, submission(to=[NOBODY], fields=CONCISE))
    circuit.post(Letter(octets=submission(sender=ORDINARY_RECIPIENT), reverse_path=None, forward_paths=(ANNA,)))
    circuit.submit(submission())
    circuit.carry(holding=[MessageRow.TRANSPORT_ENVELOPE])
    circuit.pass_time(hours=12)
    circuit.pass_time(hours=11)
    assert {letter.row for letter in circuit.issued} == set(MessageRow)
    return circuit.issued


def certifications(letters: list[Letter]) -> list[bytes]:
    found = [opened(letter) for letter in letters]
    parts = [(one, one.certification_part.entity) for one in found if one.row is not MessageRow.ANOMALY_ENVELOPE]
    return [decode_transfer(part.body(one.data), part.encoding) for one, part in parts]


@pytest.mark.scenario("T-20")
@pytest.mark.requirement("XM-1", "XM-5")
def test_t_20_every_certification_data_validates(circuit):
    found, rule = certifications(_everything(circuit)), dtd()
    assert len(found) == len(circuit.issued) - 1
    for xml in found:
        assert rule.validate(etree.fromstring(xml)), rule.error_log
        assert xml.count(b"<oggetto>") <= 1


def run(tool: str, *arguments: str | Path, expect: Callable[[int], bool] = lambda code: code == 0) -> None:
    done = subprocess.run([tool, *arguments], capture_output=True, check=False)
    assert expect(done.returncode), done.stderr.decode()


@pytest.mark.system
@pytest.mark.scenario("T-20")
@pytest.mark.requirement("XM-5")
@pytest.mark.skipif(shutil.which("xmllint") is None, reason="needs xmllint")
def test_t_20_every_certification_data_validates_with_xmllint(circuit, tmp_path):
    source = Path(__file__).parents[2] / "src" / "ceralacca" / "formats" / "postacert.dtd"
    paths = []
    for number, xml in enumerate(certifications(_everything(circuit))):
        paths.append(tmp_path / f"{number}.xml")
        paths[-1].write_bytes(xml)
    run("xmllint", "--nonet", "--noout", "--dtdvalid", source, *paths)
    paths[0].write_bytes(paths[0].read_bytes().replace(b"</postacert>", b"<altro/></postacert>"))
    run("xmllint", "--nonet", "--noout", "--dtdvalid", source, paths[0], expect=lambda code: code == 3)


@pytest.mark.system
@pytest.mark.scenario("T-20")
@pytest.mark.requirement("GE-1", "GE-2", "GE-5")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_t_20_every_seal_verifies_with_openssl(circuit, tmp_path):
    (tmp_path / "root.pem").write_bytes(pem(circuit.cast.authority.root.certificate))
    for number, letter in enumerate(_everything(circuit)):
        message = tmp_path / f"{number}.eml"
        message.write_bytes(letter.octets)
        at = str(int(circuit.clock.now().timestamp()))
        trust = ("-CAfile", tmp_path / "root.pem", "-attime", at)
        run("openssl", "cms", "-verify", "-in", message, *trust, "-out", tmp_path / "content")
