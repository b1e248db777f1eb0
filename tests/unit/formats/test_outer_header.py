"""The pieces of an outer header: what is written, what is inherited, what is refused."""

from dataclasses import replace

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.outer_header import OuterHeader, bare, inherited, is_bare, on_behalf_of, reference
from ceralacca.formats.subject import decoded_subject
from ceralacca.testing.scenario import ALFA, INSTANT, Scenario


def field(name):
    return f"{name}: x\r\n".encode()


@pytest.mark.requirement("GE-32", "AM-10", "AM-34")
def test_fields_stand_in_the_order_of_emission():
    header = OuterHeader(
        trace=field("Received") + field("Return-Path"),
        marks=field("X-Trasporto"),
        instant=INSTANT,
        subject=field("Subject"),
        sender=field("From"),
        to=field("To"),
        cc=field("Cc"),
        reply_to=field("Reply-To"),
        message_id=field("Message-ID"),
    ).splice()
    names = [line.partition(b":")[0].decode() for line in bytes(header).splitlines()]
    assert " ".join(names) == "Received Return-Path X-Trasporto Date Subject From To Cc Reply-To Message-ID"


@pytest.mark.requirement("GE-24", "GE-25")
def test_inherited_fields_keep_octets_and_order():
    octets = b"Received: 2\r\n\tx\r\nTo:a\r\nRETURN-PATH :  <>\r\nreceived:1\r\n\r\n"
    assert inherited(read_head(octets), "Received", "Return-Path") == (
        b"Received: 2\r\n\tx\r\nRETURN-PATH :  <>\r\nreceived:1\r\n"
    )
    assert inherited(read_head(octets), "Cc") == b""


@pytest.mark.requirement("SE-8", "GE-25")
@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        (b"To: a\n b\n\n", b"To: a\r\n b\r\n"),
        (b"To: a", b"To: a\r\n"),
        (b"To: a\rBcc: b\r\n\r\n", b"To: a Bcc: b\r\n"),
        (b"To: a\x00b\r\n\r\n", b"To: a b\r\n"),
        (b"To: \xff\r\n\r\n", b"To: \xff\r\n"),
    ],
)
def test_what_would_break_the_header_is_neutralised(octets, kept):
    assert inherited(read_head(octets), "To") == kept


@pytest.mark.requirement("GE-22", "AP-23")
@pytest.mark.parametrize(
    ("client", "value"),
    [
        ("<1@x.example>", "<1@x.example>"),
        (" 1@x.example ", "<1@x.example>"),
        ("<a b@x.example>", "<a b@x.example>"),
        (None, None),
        ("", None),
        ("<>", None),
        ("<à@x.example>", None),
        ("<1@x.example>\nBcc: y", None),
    ],
)
def test_reference(client, value):
    original = replace(Scenario().transaction().original, client_message_id=client)
    assert reference(original) == ("X-Riferimento-Message-ID", value or f"<{original.identifier}>")


@pytest.mark.requirement("SE-8", "GE-21")
@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("mario.rossi@pec.alfa.example", True),
        ("o'brien+x=y@pec.alfa.example", True),
        ('"mario rossi"@pec.alfa.example', True),
        ('"a\\"b"@pec.alfa.example', True),
        ("a@b, c@d", False),
        ("a@b;", False),
        ("<a@b>", False),
        ("a@b (x)", False),
        ('"a"b"@c', False),
        ("à@b.example", False),
        ("a" * 500, False),
    ],
)
def test_only_a_plain_address_stands_by_itself(text, good):
    assert is_bare(Address(text)) is good
    if good:
        assert bare(Address(text)) == text
    else:
        with pytest.raises(OurError):
            bare(Address(text))


@pytest.mark.requirement("BT-2", "SE-8")
@pytest.mark.parametrize(
    ("sender", "written"),
    [
        ("a@b.example", b'"Per conto di: a@b.example"'),
        ('"x y"@b.example', b'"Per conto di: \\"x y\\"@b.example"'),
        ("a\\b@c.example", b'"Per conto di: a\\\\b@c.example"'),
    ],
)
def test_display_name_is_one_quoted_string(sender, written):
    assert on_behalf_of(sender, ALFA).startswith(b"From: " + written)


@pytest.mark.requirement("SE-8", "AM-15")
@pytest.mark.parametrize("sender", ["perché@b.example", "x" * 399 + "@b.example"])
def test_strange_display_name_is_encoded_and_reads_back(sender):
    octets = on_behalf_of(sender, ALFA)
    assert octets.isascii()
    assert octets.count(b"\r\n") == octets.count(b"\r\n ") + 1
    assert max(map(len, octets.split(b"\r\n"))) < 120
    shown = decoded_subject(read_head(octets).fields[0].body.rpartition(b"<")[0])
    assert shown == f"Per conto di: {sender}"[:400]


@pytest.mark.requirement("SE-8")
def test_line_ends_in_a_display_name_begin_no_field():
    octets = on_behalf_of("a\r\nBcc: x@y.example\u2028", ALFA)
    assert octets.startswith(b'From: "Per conto di: a Bcc: x@y.example"\r\n <')
