"""Section 3, the access point: a message as a client sends it, and what the checks say of it.

Each test takes the sound message below, changes one thing, and reads the failures as the holder would. SMTP
replies (AP-3, AP-4), the virus check (AP-17 to AP-19) and durability (AP-25) belong to the running service.
"""

import pytest

from ceralacca.core.access_point import (
    Accepted,
    AccessSettings,
    Refused,
    classify_recipients,
    decide,
    formal_failures,
)
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind, RecipientKind
from ceralacca.formats.original import prepare_original
from ceralacca.formats.submission import read_submission

IDENTIFIER = "pec202611051015021a2b3c4d5e6f70819@gestore-alfa.example"
CLIENT = "<20261105091455.4711@client.alfa.example>"

SOUND = f"""\
Date: Thu, 05 Nov 2026 10:14:55 +0100
Subject: =?utf-8?q?Citt=C3=A0?=
From: "Mario Rossi" <mario.rossi@pec.alfa.example>
To: "Anna Bianchi" <anna.bianchi@pec.beta.example>
Cc: Verdi <v.verdi@posta.gamma.example>
Message-ID: {CLIENT}
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Buongiorno.
"""

NOT_CONFORMING = "il messaggio non e' conforme alle specifiche RFC 5322"


class Directory:
    """A providers directory in which only pec.alfa.example and pec.beta.example are PEC domains."""

    def is_pec(self, domain):
        return domain in ("pec.alfa.example", "pec.beta.example")


def submit(
    text,
    mail_from="mario.rossi@pec.alfa.example",
    rcpt_to=("anna.bianchi@pec.beta.example", "v.verdi@posta.gamma.example"),
    **session,
):
    octets = text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode("latin-1")
    sender = Address.parse(mail_from) if mail_from else None
    return read_submission(octets, reverse_path=sender, forward_paths=tuple(map(Address.parse, rcpt_to)), **session)


def anomalies(text, settings=None, **session):
    failures = formal_failures(submit(text, **session).facts, settings or AccessSettings())
    return [failure.text for failure in failures]


def decided(submission):
    recipients = classify_recipients(submission.recipients, Directory())
    return decide(submission.facts, AccessSettings(), identifier=IDENTIFIER, recipients=recipients)


def certified(text, **options):
    """The octets of postacert.eml, with LF so that a test can be read."""
    octets = text.replace("\n", "\r\n").encode("latin-1")
    client = submit(text).client_message_id
    made = prepare_original(octets, identifier=IDENTIFIER, client_message_id=client, **options)
    return bytes(made.splice).decode("ascii").replace("\r\n", "\n")


def test_the_sound_message_is_accepted():
    assert anomalies(SOUND) == []


@pytest.mark.requirement("AP-1")
def test_ap_1_a_message_sent_without_encryption_of_the_channel():
    assert anomalies(SOUND, channel_protected=False) == ["non e' stata utilizzata la cifratura del canale"]


@pytest.mark.requirement("AP-2")
def test_ap_2_a_sender_who_is_not_the_authenticated_holder():
    assert anomalies(SOUND, sender_owned=False) == [
        "le credenziali di autenticazione non sono compatibili con l'indirizzo del mittente"
    ]


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("name", ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Sender"])
def test_ap_5_a_field_that_stands_twice(name):
    field = f"{name}: mario.rossi@pec.alfa.example\n"
    once = SOUND if f"\n{name}: " in f"\n{SOUND}" else field + SOUND
    assert NOT_CONFORMING in anomalies(field + once)


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    "field",
    ["X-Note: citt\u00e0\n", "a line without colon\n", "To : x@pec.beta.example\n", "X-Note: " + "x" * 991 + "\n"],
    ids=["8-bit octet", "no colon", "blank before colon", "line of 999 octets"],
)
def test_ap_5_a_header_that_does_not_parse(field):
    assert NOT_CONFORMING in anomalies("X-First: x\n" + field + SOUND)


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    "octets", [b"a\rb", b"a\nb", b"a\0b", b"x" * 999], ids=["bare CR", "bare LF", "NUL", "long line"]
)
def test_ap_5_a_body_that_no_mail_server_carries_unharmed(octets):
    assert anomalies(SOUND.replace("\n", "\r\n").encode() + octets + b"\r\n") == [NOT_CONFORMING]


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    "content",
    [
        "Content-Type: text/html\nContent-Type: text/plain; charset=us-ascii",
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit",
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64",
        "Content-Type: multipart/mixed; boundary=a; boundary=b",
    ],
    ids=["two types", "two encodings", "no base64", "two boundaries"],
)
def test_ap_5_a_structure_that_scanner_and_reader_may_see_differently(content):
    assert anomalies(SOUND.replace("Content-Type: text/plain; charset=us-ascii", content)) == [NOT_CONFORMING]


@pytest.mark.requirement("AP-6", "AM-13")
@pytest.mark.parametrize(
    "value",
    ["", "Mario Rossi", "mario.rossi@pec.alfa.example, v.verdi@posta.gamma.example"],
    ids=["empty", "name", "two"],
)
def test_ap_6_a_from_without_exactly_one_address(value):
    message = SOUND.replace('"Mario Rossi" <mario.rossi@pec.alfa.example>', value)
    assert anomalies(message) == ["il campo From e' assente o non contiene un indirizzo valido"]


@pytest.mark.requirement("AP-6")
def test_ap_6_no_from_at_all():
    message = SOUND.replace('From: "Mario Rossi" <mario.rossi@pec.alfa.example>\n', "")
    assert anomalies(message) == ["il campo From e' assente o non contiene un indirizzo valido"]


@pytest.mark.requirement("AP-7")
@pytest.mark.parametrize("field", ["", "To:\n", "To: undisclosed-recipients:;\n"], ids=["none", "empty", "empty group"])
def test_ap_7_a_to_without_an_address(field):
    message = SOUND.replace('To: "Anna Bianchi" <anna.bianchi@pec.beta.example>\n', field)
    assert anomalies(message, rcpt_to=["v.verdi@posta.gamma.example"]) == [
        "il campo To e' assente o non contiene indirizzi validi"
    ]


@pytest.mark.requirement("AP-8", "AM-14")
def test_ap_8_a_from_other_than_the_reverse_path():
    assert anomalies(SOUND, mail_from="altro@pec.alfa.example") == [
        "l'indirizzo del mittente altro@pec.alfa.example non coincide con quello del campo From"
    ]
    assert anomalies(SOUND, mail_from="MARIO.Rossi@Pec.Alfa.Example") == []


@pytest.mark.requirement("AP-9", "AM-5")
def test_ap_9_a_recipient_in_blind_copy():
    to = ["anna.bianchi@pec.beta.example", "v.verdi@posta.gamma.example", "nascosto@pec.beta.example"]
    assert anomalies(SOUND, rcpt_to=to) == ["l'indirizzo email nascosto@pec.beta.example non appare nei campi To o Cc"]


@pytest.mark.requirement("AP-9", "AM-14")
def test_ap_9_recipients_may_be_spelled_in_any_case():
    assert anomalies(SOUND, rcpt_to=["ANNA.bianchi@pec.beta.example", "v.verdi@POSTA.gamma.example"]) == []


@pytest.mark.requirement("AP-10", "AM-5")
def test_ap_10_an_address_in_the_header_that_is_no_recipient():
    to = ["anna.bianchi@pec.beta.example"]
    assert anomalies(SOUND, rcpt_to=to) == [
        "l'indirizzo v.verdi@posta.gamma.example presente nei campi To o Cc non e' tra i destinatari del messaggio"
    ]
    assert anomalies(SOUND, settings=AccessSettings(strict_header_recipients=False), rcpt_to=to) == []


@pytest.mark.requirement("AP-11", "MO-6")
def test_ap_11_a_bcc_with_a_value_is_refused_and_an_empty_one_removed():
    assert anomalies("Bcc: nascosto@pec.beta.example\n" + SOUND) == [
        "il messaggio contiene destinatari in copia nascosta (Bcc)"
    ]
    assert anomalies("Bcc:\n" + SOUND) == []
    assert certified("Bcc:\n" + SOUND) == certified(SOUND)


@pytest.mark.requirement("AP-12", "AM-16")
def test_ap_12_size_times_recipients_over_30_mb():
    head = SOUND.replace("\n", "\r\n").encode()
    line = b"x" * 62 + b"\r\n"
    half = head + line * ((15 * 2**20 - len(head)) // len(line))
    assert 15 * 2**20 - 64 < len(half) <= 15 * 2**20
    assert anomalies(half) == []
    assert anomalies(half + line) == ["ecceduta la dimensione massima del messaggio"]
    assert anomalies(half + line, settings=AccessSettings(limit_octets=40 * 2**20)) == []


@pytest.mark.requirement("AP-13")
@pytest.mark.parametrize(("number", "accepted"), [(50, True), (51, False)])
def test_ap_13_fifty_recipients_and_one_more(number, accepted):
    to = [f"utente{n}@pec.beta.example" for n in range(number)]
    message = SOUND.replace('"Anna Bianchi" <anna.bianchi@pec.beta.example>', ",\n ".join(to)).replace(
        "Cc: Verdi <v.verdi@posta.gamma.example>\n", ""
    )
    assert anomalies(message, rcpt_to=to) == ([] if accepted else ["ecceduto il numero massimo di destinatari"])


@pytest.mark.requirement("AP-14")
def test_ap_14_the_null_reverse_path_is_refused():
    assert anomalies(SOUND, mail_from=None) == ["l'indirizzo del mittente <> non coincide con quello del campo From"]


@pytest.mark.requirement("AP-14")
def test_ap_14_fields_of_provider_messages_are_content():
    forged = "X-Ricevuta: accettazione\nX-Trasporto: posta-certificata\nX-VerificaSicurezza: errore\n"
    assert anomalies(forged + SOUND) == []
    assert certified(forged + SOUND) == forged + certified(SOUND)


@pytest.mark.requirement("AP-15", "GE-14")
def test_ap_15_a_part_labelled_8bit_is_encoded():
    message = SOUND.replace("charset=us-ascii", "charset=iso-8859-1\nContent-Transfer-Encoding: 8bit").replace(
        "Buongiorno.", "Buongiorno dalla citt\u00e0 di Torino."
    )
    assert anomalies(message) == []
    made = certified(message)
    assert "Content-Transfer-Encoding: quoted-printable\n\nBuongiorno dalla citt=E0 di Torino.\n" in made


@pytest.mark.requirement("AP-15")
def test_ap_15_a_part_that_the_user_has_signed_is_refused():
    part = "--s\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nCitt\u00e0\n"
    signature = "--s\nContent-Type: application/pkcs7-signature\nContent-Transfer-Encoding: base64\n\nMAAA\n--s--\n"
    head = SOUND.partition("Content-Type")[0] + 'Content-Type: multipart/signed; boundary="s"\n\n'
    assert anomalies(head + part + signature) == [NOT_CONFORMING]
    assert anomalies(head + part.replace("\u00e0", "=E0").replace("8bit", "quoted-printable") + signature) == []


@pytest.mark.requirement("AP-16", "TO-12")
@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("", ReceiptKind.COMPLETE),
        ("X-TipoRicevuta: Breve\n", ReceiptKind.BRIEF),
        ("x-tiporicevuta: SINTETICA\n", ReceiptKind.CONCISE),
        ("X-TipoRicevuta: normale\n", ReceiptKind.COMPLETE),
    ],
)
def test_ap_16_the_kind_of_receipt_asked_for(field, kind):
    assert submit(field + SOUND).requested_receipt is kind


@pytest.mark.requirement("NA-1")
def test_several_anomalies_are_listed_one_a_line():
    submission = submit(
        "Bcc: x@pec.beta.example\n" + SOUND,
        mail_from="altro@pec.alfa.example",
        rcpt_to=["anna.bianchi@pec.beta.example", "nascosto@pec.beta.example"],
    )
    refused = decided(submission)
    assert isinstance(refused, Refused)
    assert refused.description == (
        "Sono state riscontrate le seguenti anomalie:\n"
        "  - l'indirizzo del mittente altro@pec.alfa.example non coincide con quello del campo From\n"
        "  - l'indirizzo email nascosto@pec.beta.example non appare nei campi To o Cc\n"
        "  - l'indirizzo v.verdi@posta.gamma.example presente nei campi To o Cc"
        " non e' tra i destinatari del messaggio\n"
        "  - il messaggio contiene destinatari in copia nascosta (Bcc)"
    )


@pytest.mark.requirement("NA-3", "AM-6")
def test_what_cannot_be_read_is_told_as_smtp_said_it():
    submission = submit("X-Note: x\n" * 40_000 + SOUND)
    assert anomalies("X-Note: x\n" * 40_000 + SOUND) == [NOT_CONFORMING]
    data = submission.original_data(IDENTIFIER, Directory())
    assert str(data.sender) == "mario.rossi@pec.alfa.example"
    assert [str(one.address) for one in data.recipients] == [
        "anna.bianchi@pec.beta.example",
        "v.verdi@posta.gamma.example",
    ]
    assert data.reply_to == "mario.rossi@pec.alfa.example"


@pytest.mark.requirement("SE-7")
def test_se_7_a_message_beyond_the_limits_of_the_reader():
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(2000))
    parts = "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 1001 + "--b--\n"
    for content in (nested, parts):
        assert anomalies(SOUND.partition("Content-Type")[0] + content) == [NOT_CONFORMING]


@pytest.mark.requirement("AP-20", "AP-26")
def test_ap_20_each_submission_has_one_outcome_under_its_identifier():
    sound, refused = submit(SOUND), submit("Bcc: x@pec.beta.example\n" + SOUND)
    outcomes = [decided(sound), decided(refused)]
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused]
    assert [outcome.identifier for outcome in outcomes] == [IDENTIFIER, IDENTIFIER]


@pytest.mark.requirement("AP-21", "GE-22", "GE-31")
def test_ap_21_the_original_under_its_pec_identifier():
    assert certified(SOUND) == SOUND.replace(
        f"Message-ID: {CLIENT}\n", f"Message-ID: <{IDENTIFIER}>\nX-Riferimento-Message-ID: {CLIENT}\n"
    )


@pytest.mark.requirement("AP-22", "AM-12")
def test_ap_22_a_client_that_gives_no_message_id():
    silent = SOUND.replace(f"Message-ID: {CLIENT}\n", "")
    assert anomalies(silent) == []
    assert certified(silent) == silent.replace("us-ascii\n", f"us-ascii\nMessage-ID: <{IDENTIFIER}>\n")
    assert submit(silent).original_data(IDENTIFIER, Directory()).client_message_id is None


@pytest.mark.requirement("AP-24", "MO-8")
def test_ap_24_recipients_by_the_directory():
    recipients = submit(SOUND).original_data(IDENTIFIER, Directory()).recipients
    assert [(str(one.address), one.kind) for one in recipients] == [
        ("anna.bianchi@pec.beta.example", RecipientKind.CERTIFIED),
        ("v.verdi@posta.gamma.example", RecipientKind.EXTERNAL),
    ]


@pytest.mark.requirement("SE-8")
def test_se_8_nothing_read_from_the_message_carries_a_line_end():
    message = SOUND.replace(CLIENT, "<a\n\tX-Forged: yes@x>").replace(
        "=?utf-8?q?Citt=C3=A0?=", "=?utf-8?q?a=0D=0ABcc:_x@pec.beta.example?="
    )
    data = submit(message).original_data(IDENTIFIER, Directory())
    for value in (data.subject, data.client_message_id, data.reply_to, str(data.sender)):
        assert not set(value) & set("\r\n\0")
