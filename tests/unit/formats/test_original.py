import hashlib
import tracemalloc

import pytest

from ceralacca.base.errors import OurError, UnreadableMessage
from ceralacca.formats.original import prepare_original

IDENTIFIER = "pec1a2b3c4d5e6f7081920261105101502@gestore-alfa.example"
CLIENT = "<20261105091455.4711@client.alfa.example>"


def wire(text):
    return text.replace("\n", "\r\n").encode("ascii")


def prepared(data, client=CLIENT, **options):
    return bytes(prepare_original(data, identifier=IDENTIFIER, client_message_id=client, **options).splice)


MESSAGE = wire(f"""\
From: mario.rossi@pec.alfa.example
message-ID:
\t{CLIENT}
To: anna.bianchi@pec.beta.example
Subject:no space   and  much
  folding
X-Ricevuta: accettazione

--not a boundary
.
""")


@pytest.mark.requirement("AP-21", "GE-22", "GE-31")
def test_the_message_id_is_replaced_where_it_stands_and_nothing_else_changes():
    assert prepared(MESSAGE) == wire(f"""\
From: mario.rossi@pec.alfa.example
Message-ID: <{IDENTIFIER}>
X-Riferimento-Message-ID: {CLIENT}
To: anna.bianchi@pec.beta.example
Subject:no space   and  much
  folding
X-Ricevuta: accettazione

--not a boundary
.
""")


@pytest.mark.requirement("AP-22")
def test_without_a_client_message_id_only_ours_is_added_at_the_end_of_the_header():
    data = wire("From: a@pec.alfa.example\nTo: b@pec.beta.example\n\nbody\n")
    assert prepared(data, client=None) == wire(
        f"From: a@pec.alfa.example\nTo: b@pec.beta.example\nMessage-ID: <{IDENTIFIER}>\n\nbody\n"
    )


@pytest.mark.requirement("AP-22")
def test_an_empty_message_id_is_replaced_and_has_no_reference():
    data = wire("Message-ID:\nFrom: a@pec.alfa.example\n\nbody\n")
    assert prepared(data, client=None) == wire(f"Message-ID: <{IDENTIFIER}>\nFrom: a@pec.alfa.example\n\nbody\n")


@pytest.mark.requirement("AP-11", "AP-21")
def test_empty_bcc_fields_are_removed():
    data = wire(f"Bcc:\nFrom: a@pec.alfa.example\nMessage-ID: {CLIENT}\nBCC: \n \t\n\nbody\n").replace(b" \t\r\n", b"")
    assert prepared(data) == wire(
        f"From: a@pec.alfa.example\nMessage-ID: <{IDENTIFIER}>\nX-Riferimento-Message-ID: {CLIENT}\n\nbody\n"
    )


@pytest.mark.requirement("AP-14", "GE-22")
def test_a_forged_reference_stays_but_ours_comes_first():
    forged = "X-Riferimento-Message-ID: <forged@client.alfa.example>\n"
    before = wire(f"{forged}Message-ID: {CLIENT}\n\n")
    after = wire(f"Message-ID: {CLIENT}\n{forged}\n")
    ours = f"X-Riferimento-Message-ID: {CLIENT}\n"
    assert prepared(before) == wire(f"{ours}{forged}Message-ID: <{IDENTIFIER}>\n\n")
    assert prepared(after) == wire(f"Message-ID: <{IDENTIFIER}>\n{ours}{forged}\n")
    head = prepare_original(before, identifier=IDENTIFIER, client_message_id=CLIENT).head
    assert head.text("X-Riferimento-Message-ID") == CLIENT


@pytest.mark.requirement("AP-15", "GE-14")
def test_octets_above_127_leave_the_original_in_an_encoding():
    data = MESSAGE + "città\r\n".encode("latin-1") + b"more text\r\n"
    result = prepared(data)
    assert result.isascii()
    assert b"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" in result
    assert result.endswith(b"\r\ncitt=E0\r\nmore text\r\n")


@pytest.mark.parametrize("data", [b"Message-ID: <a@b>\r\nmessage-id: <c@d>\r\n\r\n", b"Subject: \xe0\r\n\r\n"])
def test_what_the_formal_checks_refuse_is_never_prepared(data):
    with pytest.raises(OurError):
        prepared(data)


@pytest.mark.requirement("SE-7")
def test_beyond_the_limits_there_is_no_original():
    with pytest.raises(UnreadableMessage):
        prepared(b"A: " + b"x" * 300_000)


@pytest.mark.requirement("SE-8", "GE-29")
@pytest.mark.parametrize("identifier", ["", "no-at-sign", "a@b\r\nX: y", "<a@b>", "a b@c", "à@b", "a" * 990 + "@b"])
def test_no_identifier_injects_a_field(identifier):
    with pytest.raises(OurError):
        prepare_original(MESSAGE, identifier=identifier, client_message_id=None)


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("value", ["", "a@b", "<a@b>\r\nX: y", "<a\n@b>", "<à@b>", "<" + "a" * 990 + ">"])
def test_no_client_value_injects_a_field(value):
    with pytest.raises(OurError):
        prepared(MESSAGE, client=value)


@pytest.mark.requirement("AP-21", "GE-22")
def test_the_longest_identifiers_fill_a_line_and_no_more():
    ours, theirs = "a" * 982 + "@b", "<" + "a" * 970 + ">"
    octets = bytes(prepare_original(b"\r\n", identifier=ours, client_message_id=theirs).splice)
    assert [len(line) for line in octets.splitlines()] == [998, 998, 0]
    with pytest.raises(OurError):
        prepare_original(b"\r\n", identifier="a" + ours, client_message_id=theirs)
    with pytest.raises(OurError):
        prepare_original(b"\r\n", identifier=ours, client_message_id="<a" + theirs[1:])


def test_the_trace_of_the_access_point_goes_before_everything():
    trace = b"Received: from client.alfa.example\r\n by smtp.gestore-alfa.example; Thu, 05 Nov 2026 10:15:02 +0100\r\n"
    assert prepared(MESSAGE, trace=trace) == trace + prepared(MESSAGE)
    made = prepare_original(MESSAGE, identifier=IDENTIFIER, client_message_id=CLIENT, trace=trace)
    assert made.head.fields[0].raw == trace


@pytest.mark.requirement("GE-24")
def test_the_header_given_back_is_that_of_the_new_message():
    data = MESSAGE + "città\r\n".encode()
    made = prepare_original(data, identifier=IDENTIFIER, client_message_id=CLIENT)
    octets = bytes(made.splice)
    assert made.head.text("Message-ID") == f"<{IDENTIFIER}>"
    assert b"".join(field.raw for field in made.head.fields) == octets[: made.head.fields_end]
    assert octets[: made.head.end].endswith(b"\r\n\r\n")
    assert made.head.text("Content-Transfer-Encoding") is not None


@pytest.mark.parametrize("data", [b"", b"From: a@b", b"From: a@b\r\n", b"\r\nbody", b"Message-ID: <a@b>", b"Bcc:"])
def test_messages_without_header_or_body_are_prepared_too(data):
    made = prepare_original(data, identifier=IDENTIFIER, client_message_id=CLIENT)
    assert made.head.text("Message-ID") == f"<{IDENTIFIER}>"
    assert made.head.text("X-Riferimento-Message-ID") == CLIENT


@pytest.mark.requirement("GE-31", "AP-21")
def test_a_message_of_30_mb_is_not_copied():
    line = b"0123456789abcdef" * 4 + b"\r\n"
    data = MESSAGE + line * (30 * 2**20 // len(line))
    tracemalloc.start()
    try:
        made = prepare_original(data, identifier=IDENTIFIER, client_message_id=CLIENT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20
    digest = hashlib.sha256()
    made.splice.feed(digest)
    assert digest.digest() == hashlib.sha256(bytes(made.splice)).digest()
