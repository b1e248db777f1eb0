import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.access_point import AccessSettings, FormDefect, formal_failures
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind, RecipientKind
from ceralacca.formats.original import prepare_original
from ceralacca.formats.submission import read_submission

ROSSI = Address("mario.rossi@pec.alfa.example")
BIANCHI = Address("anna.bianchi@pec.beta.example")
VERDI = Address("v.verdi@posta.gamma.example")

HEADER = """\
From: "Mario Rossi" <mario.rossi@pec.alfa.example>
To: Anna Bianchi <anna.bianchi@pec.beta.example>
Cc: v.verdi@posta.gamma.example
Date: Thu, 05 Nov 2026 10:14:55 +0100
Subject: =?utf-8?q?Citt=C3=A0?=
Message-ID: <20261105091455.4711@client.alfa.example>
"""
BODY = "\nBuongiorno.\n"


class Domains:
    def is_pec(self, domain):
        return domain.startswith("pec.")


def wire(text):
    return text.replace("\n", "\r\n").encode("latin-1")


def read(data, reverse_path=ROSSI, forward_paths=(BIANCHI, VERDI), **session):
    octets = wire(data) if isinstance(data, str) else data
    return read_submission(octets, reverse_path=reverse_path, forward_paths=forward_paths, **session)


def defects(data, **session):
    return read(data, **session).facts.defects


def without(name):
    return "".join(line for line in HEADER.splitlines(keepends=True) if not line.startswith(f"{name}:"))


def mime(content, header=HEADER):
    return header + "MIME-Version: 1.0\n" + content


def test_a_sound_message_is_read_whole():
    submission = read(HEADER + BODY)
    facts = submission.facts
    assert (facts.senders, facts.to, facts.cc) == ((ROSSI,), (BIANCHI,), (VERDI,))
    assert facts.octets == len(wire(HEADER + BODY))
    assert facts.defects == frozenset()
    assert not facts.bcc_filled
    assert submission.subject_body == b"=?utf-8?q?Citt=C3=A0?="
    assert submission.client_message_id == "<20261105091455.4711@client.alfa.example>"
    assert submission.reply_to == "mario.rossi@pec.alfa.example"
    assert submission.recipients == (BIANCHI, VERDI)
    assert formal_failures(facts, AccessSettings()) == ()


def test_the_octets_may_be_a_view():
    assert read(memoryview(wire(HEADER + BODY))).facts == read(HEADER + BODY).facts


@pytest.mark.requirement("AP-1", "AP-2")
def test_findings_of_the_session_are_facts():
    facts = read(HEADER + BODY, channel_protected=False, sender_owned=False).facts
    assert not facts.channel_protected
    assert not facts.sender_owned


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("name", ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Sender"])
def test_a_field_that_may_stand_once_does_not_stand_twice(name):
    field = f"{name.swapcase()}: mario.rossi@pec.alfa.example\n"
    twice = HEADER + field if f"\n{name}:" in f"\n{HEADER}" else HEADER + field * 2
    assert FormDefect.REPEATED_FIELD in defects(twice + BODY)


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    "field",
    ["Received: x\nReceived: y\n", "References: <a@b>\nReferences: <c@d>\n", "X-Any: 1\nX-Any: 2\n", "Keywords:\n"],
)
def test_other_fields_may_stand_more_than_once(field):
    assert defects(HEADER + field + BODY) == frozenset()


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    ("line", "defect"),
    [
        ("no colon here\n", FormDefect.UNREADABLE_HEADER),
        ("two words: x\n", FormDefect.UNREADABLE_HEADER),
        ("Bcc : nascosto@pec.beta.example\n", FormDefect.UNREADABLE_HEADER),
        (" \n", FormDefect.UNREADABLE_HEADER),
        ("X-Note: citt\u00e0\n", FormDefect.EIGHT_BIT_HEADER),
        ("X-Note: a\0b\n", FormDefect.NUL),
        ("X-Note: a\rb\n", FormDefect.LINE_END),
        ("X-Note: " + "x" * 991 + "\n", FormDefect.LONG_LINE),
        ("Content-Type: text/plain\nContent-Type: text/html\n", FormDefect.AMBIGUOUS_MIME),
        ("Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n", FormDefect.AMBIGUOUS_MIME),
        ('Content-Type: text/plain; charset="utf-8\n', FormDefect.AMBIGUOUS_MIME),
    ],
)
def test_a_header_that_can_be_read_in_two_ways_is_a_defect(line, defect):
    assert defect in defects(HEADER + line + BODY)


@pytest.mark.requirement("AP-5", "AP-11")
def test_a_bcc_with_a_space_before_its_colon_is_seen():
    assert read(HEADER + "Bcc : nascosto@pec.beta.example\n" + BODY).facts.bcc_filled


@pytest.mark.requirement("AP-5")
def test_a_message_needs_its_date_and_no_message_id():
    assert defects(without("Date") + BODY) == {FormDefect.NO_DATE}
    assert defects(without("Message-ID") + BODY) == frozenset()


@pytest.mark.requirement("AP-5", "GE-22")
@pytest.mark.parametrize("value", ["<a@x> <b@x>", "<" + "a" * 600 + "\n " + "a" * 600 + ">", "two words"])
def test_a_message_id_that_cannot_be_referred_to_is_a_defect(value):
    assert defects(without("Message-ID") + f"Message-ID: {value}\n" + BODY) == {FormDefect.MESSAGE_ID}


@pytest.mark.requirement("AP-5")
def test_lines_and_nul_are_looked_at_in_the_body_too():
    assert defects(wire(HEADER + BODY) + b"a\nb\r\n") == {FormDefect.LINE_END}
    assert defects(HEADER + BODY + "a\0b\n") == {FormDefect.NUL}
    assert defects(HEADER + BODY + "x" * 999 + "\n") == {FormDefect.LONG_LINE}
    assert defects(HEADER + BODY + "x" * 998 + "\n") == frozenset()


@pytest.mark.requirement("AP-6", "AP-8", "AM-13")
@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("mario.rossi@pec.alfa.example", 1),
        ('"Rossi, M. <x@y.example>" <mario.rossi@pec.alfa.example> (home)', 1),
        ("<mario.rossi@pec.alfa.example>, v.verdi@posta.gamma.example", 2),
        ("", 0),
        ("Mario Rossi", 0),
        ("mario.rossi", 0),
        ("<>", 0),
        ("mario@localhost", 0),
    ],
)
def test_from_is_read_by_the_strict_grammar(value, count):
    facts = read(without("From") + f"From: {value}\n" + BODY).facts
    assert len(facts.senders) == count
    assert facts.defects == frozenset()


@pytest.mark.requirement("AP-6")
def test_two_from_fields_are_two_senders():
    assert len(read(HEADER + "From: mario.rossi@pec.alfa.example\n" + BODY).facts.senders) == 2


@pytest.mark.requirement("AP-7")
@pytest.mark.parametrize("value", ["", "undisclosed-recipients:;", "a:;, b:;", "nobody", "(anna@pec.beta.example)"])
def test_a_to_without_an_address_is_read_as_such(value):
    assert read(without("To") + f"To: {value}\n" + BODY).facts.to == ()


@pytest.mark.requirement("AP-9", "AM-15")
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Ufficio: anna@pec.beta.example, luca@pec.beta.example;", ["anna@pec.beta.example", "luca@pec.beta.example"]),
        ("(hidden@pec.beta.example) anna@pec.beta.example", ["anna@pec.beta.example"]),
        ('"hidden@pec.beta.example, x"@pec.beta.example', ['"hidden@pec.beta.example, x"@pec.beta.example']),
        ("anna@xn--citt-loa.example", ["anna@xn--citt-loa.example"]),
        ("anna@pec.beta.example,, luca@pec.beta.example,", ["anna@pec.beta.example", "luca@pec.beta.example"]),
    ],
)
def test_no_recipient_hides_in_group_comment_or_quotes(value, found):
    facts = read(without("To") + f"To: {value}\n" + BODY).facts
    assert [str(address) for address in facts.to] == found
    assert facts.defects == frozenset()


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("name", ["From", "To", "Cc"])
@pytest.mark.parametrize("odd", ["nobody", "a@b@c.example", "<@x.example:luca@pec.beta.example>"])
def test_an_element_that_is_no_address_beside_one_that_is_leaves_a_doubt(name, odd):
    header = without(name) + f"{name}: mario.rossi@pec.alfa.example, {odd}\n"
    assert defects(header + BODY) == {FormDefect.ADDRESS_SYNTAX}


@pytest.mark.requirement("AP-5")
def test_a_reply_to_that_is_no_address_harms_nobody():
    submission = read(HEADER + "Reply-To: nobody\n" + BODY)
    assert submission.facts.defects == frozenset()
    assert submission.reply_to == "mario.rossi@pec.alfa.example"


def test_several_reply_addresses_stand_with_comma_and_space():
    submission = read(HEADER + "Reply-To: A <a@pec.alfa.example>,b@pec.alfa.example,\n A@pec.alfa.example\n" + BODY)
    assert submission.reply_to == "a@pec.alfa.example, b@pec.alfa.example, A@pec.alfa.example"


@pytest.mark.requirement("AP-11")
@pytest.mark.parametrize(
    ("fields", "filled"),
    [
        ("Bcc:\n", False),
        ("Bcc: \t\nbcc:\n", False),
        ("Bcc: x@pec.beta.example\n", True),
        ("Bcc:\n x@pec.beta.example\n", True),
        ("Bcc:\nBCC: x@pec.beta.example\n", True),
        ("Bcc: undisclosed-recipients:;\n", True),
        ("Bcc: (nobody)\n", True),
    ],
)
def test_a_bcc_is_filled_by_any_value(fields, filled):
    assert read(HEADER + fields + BODY).facts.bcc_filled is filled


@pytest.mark.requirement("AP-16")
@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ("", ReceiptKind.COMPLETE),
        ("X-TipoRicevuta: breve\n", ReceiptKind.BRIEF),
        ("x-tiporicevuta:  SINTETICA \n", ReceiptKind.CONCISE),
        ("X-TipoRicevuta: normale\n", ReceiptKind.COMPLETE),
        ("X-TipoRicevuta: breve\nX-TipoRicevuta: Breve\n", ReceiptKind.BRIEF),
        ("X-TipoRicevuta: breve\nX-TipoRicevuta: sintetica\n", ReceiptKind.COMPLETE),
    ],
)
def test_the_requested_receipt_is_read_in_any_case_and_complete_otherwise(fields, kind):
    submission = read(HEADER + fields + BODY)
    assert submission.requested_receipt is kind
    assert submission.facts.defects == frozenset()


@pytest.mark.requirement("AP-14")
def test_fields_of_provider_messages_have_no_effect():
    forged = "X-Ricevuta: avvenuta-consegna\nX-Trasporto: posta-certificata\nX-Trasporto: errore\n"
    assert read(HEADER + forged + BODY).facts.defects == frozenset()


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    ("content", "defect"),
    [
        ("Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n", FormDefect.AMBIGUOUS_MIME),
        ("Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n\nx\n--b--\n", FormDefect.AMBIGUOUS_MIME),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", FormDefect.AMBIGUOUS_MIME),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n\ny\n", FormDefect.AMBIGUOUS_MIME),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b--\n",
            FormDefect.AMBIGUOUS_MIME,
        ),
        (
            "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n--b--\n",
            FormDefect.AMBIGUOUS_MIME,
        ),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b\nContent-Type: a/c\n\nx\n--b--\n",
            FormDefect.AMBIGUOUS_MIME,
        ),
        ("Content-Transfer-Encoding: base64\n\nQUJD\nQUI\n", FormDefect.BAD_ENCODING),
        ("Content-Transfer-Encoding: base64\n\nQUI=\ntrailer\n", FormDefect.BAD_ENCODING),
        ("Content-Transfer-Encoding: base64\n\nQU-JD\n", FormDefect.BAD_ENCODING),
    ],
)
def test_a_structure_that_can_be_read_in_two_ways_is_a_defect(content, defect):
    assert defects(mime(content)) == {defect}


@pytest.mark.parametrize(
    "content",
    [
        "Content-Type: multipart/mixed; boundary=b\n\nnot MIME\n--b\n\n--\nsignature\n--b--\nbye\n",
        'Content-Type: application/pdf; name="=?utf-8?q?citt=C3=A0?="\nContent-Transfer-Encoding: base64\n\nQUI=\n\n',
        "Content-Type: text\n\nx\n",
        "Content-Transfer-Encoding: quoted-printable\n\n50=off\n",
        "Content-Transfer-Encoding: BASE64\n\n\n",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQp4DQo=\n",
        "MIME-Version: 1.0 (twice)\n\nx\n",
        "",
    ],
)
def test_odd_mail_of_real_clients_is_no_defect(content):
    assert defects(mime(content)) == frozenset()


@pytest.mark.requirement("AP-15", "GE-14")
def test_octets_above_127_in_a_part_are_no_defect_but_in_a_signed_part_they_are():
    part = "Content-Type: text/plain; charset=latin1\nContent-Transfer-Encoding: 8bit\n\ncitt\u00e0\n"
    signed = f"Content-Type: multipart/signed; boundary=s\n\n--s\n{part}--s\n\nx\n--s--\n"
    assert defects(mime(part)) == frozenset()
    assert defects(mime(signed)) == {FormDefect.EIGHT_BIT_SIGNED}


@pytest.mark.requirement("SE-7")
def test_a_structure_beyond_the_limits_is_a_defect_but_the_header_is_read():
    parts = "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\n" * 1001 + "--b--\n"
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(60))
    for content in (parts, deep):
        facts = read(mime(content)).facts
        assert facts.defects == {FormDefect.LIMITS}
        assert facts.header_read
        assert facts.to == (BIANCHI,)


@pytest.mark.requirement("SE-7", "NA-3")
def test_a_header_beyond_the_limits_leaves_only_what_smtp_said():
    submission = read(HEADER + "X-Note: x\n" * 30_000 + BODY)
    assert submission.facts.defects == {FormDefect.LIMITS}
    assert not submission.facts.header_read
    assert submission.head is None
    assert submission.recipients == (BIANCHI, VERDI)
    assert submission.reply_to == "mario.rossi@pec.alfa.example"
    assert submission.subject_body is None
    assert submission.client_message_id is None


@pytest.mark.requirement("SE-7", "AP-21")
def test_a_header_within_the_limits_is_still_so_with_our_fields():
    filler = "X-Note: " + "x" * 54 + "\n"
    longest = HEADER + filler * ((262_144 - 4096 - len(wire(HEADER))) // 64)
    submission = read(longest + BODY)
    assert submission.facts.defects == frozenset()
    trace = b"Received: " + b"x" * 900 + b"\r\n"
    made = prepare_original(
        wire(longest + BODY), identifier="pec1@alfa.example", client_message_id="<a@b>", trace=trace
    )
    assert made.head.text("Message-ID") == "<pec1@alfa.example>"
    assert read(longest + filler + BODY).facts.defects == {FormDefect.LIMITS}


@pytest.mark.requirement("AP-20", "AP-24", "MO-6")
def test_the_data_of_the_original_are_what_smtp_and_header_said():
    data = read(HEADER + BODY).original_data("pec1@alfa.example", Domains())
    assert data.sender == ROSSI
    assert [(str(one.address), one.kind) for one in data.recipients] == [
        ("anna.bianchi@pec.beta.example", RecipientKind.CERTIFIED),
        ("v.verdi@posta.gamma.example", RecipientKind.EXTERNAL),
    ]
    assert data.subject == "Città"
    assert data.identifier == "pec1@alfa.example"
    assert data.client_message_id == "<20261105091455.4711@client.alfa.example>"


@pytest.mark.requirement("MO-13", "AP-14")
def test_the_null_reverse_path_has_no_data_to_be_told():
    submission = read(HEADER + BODY, reverse_path=None)
    with pytest.raises(OurError):
        submission.original_data("pec1@alfa.example", Domains())


def test_a_submission_without_a_recipient_is_our_error():
    with pytest.raises(OurError):
        read(HEADER + BODY, forward_paths=())
