"""The MIME structures that we emit: octets as of 2.2, folding, quoted-printable, refusals."""

import base64
import email
import email.policy
import quopri
import re

import pytest

from ceralacca.base.errors import OurError
from ceralacca.formats.mime.compose import (
    LINE_LIMIT,
    certification_part,
    fold,
    header_field,
    message_part_head,
    multipart_mixed,
    quoted_printable,
    text_part,
)
from ceralacca.formats.splice import Splice

# Header fields


@pytest.mark.requirement("GE-20", "BT-2")
def test_a_field_is_folded_before_the_address_and_never_inside_quotes():
    value = '"Per conto di: mario.rossi@pec.alfa.example" <posta-certificata@gestore-alfa.example>'
    assert header_field("From", value) == (
        b'From: "Per conto di: mario.rossi@pec.alfa.example"\r\n <posta-certificata@gestore-alfa.example>\r\n'
    )
    quoted = '"' + "a b " * 40 + r"\" c d" + '" <x@y.example>'
    assert header_field("From", quoted) == f"From: {quoted[: -len(' <x@y.example>')]}\r\n <x@y.example>\r\n".encode()


def test_a_quote_that_is_never_closed_loses_nothing():
    value = 'a "b ' + "c " * 60 + "d"
    assert header_field("X-Test", value).replace(b"\r\n", b"") == f"X-Test: {value}".encode()


def test_a_short_field_stays_on_one_line():
    assert header_field("X-Ricevuta", "accettazione") == b"X-Ricevuta: accettazione\r\n"


def test_unfolding_gives_the_value_back():
    value = "uno  due   " + "tre " * 60 + "quattro"
    field = header_field("X-Test", value)
    assert field.replace(b"\r\n", b"") == f"X-Test: {value}".encode()
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))


def test_a_long_word_stands_alone_up_to_the_limit():
    word = "<" + "a" * 995 + ">"
    assert header_field("X-Riferimento-Message-ID", word) == f"X-Riferimento-Message-ID:\r\n {word}\r\n".encode()
    assert header_field("Message-ID", "a" * 100) == b"Message-ID: " + b"a" * 100 + b"\r\n"
    with pytest.raises(OurError):
        header_field("Message-ID", "a" * LINE_LIMIT)


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize(
    "value",
    ["a\r\nBcc: x", "a\n b", "a\rb", "a\x00b", "a\tb", "a\x7fb", "è", "a\x85b", "\u2028", "", "   "],
)
def test_the_one_encoder_of_headers_refuses_what_is_not_printable_ascii(value):
    with pytest.raises(OurError) as caught:
        header_field("X-Mittente", value)
    assert "Bcc" not in str(caught.value)


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("name", ["", "X:", "X Y", "X\r\nY", "È", "X\x00"])
def test_names_are_checked_too(name):
    with pytest.raises(OurError):
        header_field(name, "a")


def test_folding_keeps_every_octet():
    chunks = [b"Subject:", *([b" " + b"x" * 30] * 9)]
    assert fold(chunks).replace(b"\r\n", b"") == b"".join(chunks)


# Text


@pytest.mark.requirement("GE-12", "GE-14", "GE-5", "AM-17")
def test_a_text_part():
    assert text_part("Città\nè qui.\n", None, "A") == (
        b'Content-Type: text/plain; charset="iso-8859-1"\r\n'
        b"Content-Disposition: inline\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"Citt=E0\r\n=E8 qui.\r\n"
    )


@pytest.mark.requirement("GE-19", "AM-17")
@pytest.mark.parametrize(("text", "charset"), [("è", "iso-8859-1"), ("€", "utf-8"), ("\x92", "utf-8"), ("–", "utf-8")])
def test_utf_8_only_when_latin_1_will_not_do(text, charset):
    part = email.message_from_bytes(text_part(text, None, "A"), policy=email.policy.default)
    assert part.get_content_charset() == charset
    assert part.get_content() == text


@pytest.mark.requirement("GE-12", "GE-13")
def test_an_alternative_has_exactly_one_plain_and_one_html():
    octets = text_part("è\n", "<p>&#232;</p>\n", "=_alt")
    part = email.message_from_bytes(octets, policy=email.policy.default)
    assert part.get_content_type() == "multipart/alternative"
    assert [inner.get_content_type() for inner in part.iter_parts()] == ["text/plain", "text/html"]
    assert [inner.get_content() for inner in part.iter_parts()] == ["è\r\n", "<p>&#232;</p>\r\n"]
    assert octets.isascii()


@pytest.mark.requirement("GE-5", "GE-14")
@pytest.mark.parametrize(
    ("octets", "encoded"),
    [
        (b"", b""),
        (b"a=b", b"a=3Db"),
        (b"fine \n", b"fine=20\r\n"),
        (b"fine\t\n", b"fine=09\r\n"),
        (b"a\r\nb\nc\rd", b"a\r\nb\r\nc=0Dd"),
        (b"From me\nFromage\n>From", b"=46rom me\r\nFromage\r\n>From"),
        (b".\n..\na.", b"=2E\r\n=2E.\r\na."),
        (b"\x00\x7f\xff", b"=00=7F=FF"),
        (b"x" * 76, b"x" * 76),
        (b"." + b"x" * 73, b"=2E" + b"x" * 73),
        (b"." + b"x" * 74, b"=2E" + b"x" * 72 + b"=\r\nxx"),
        (b"From " + b"x" * 70, b"=46rom " + b"x" * 68 + b"=\r\nxx"),
        (b"x" * 77, b"x" * 75 + b"=\r\nxx"),
        (b"x" * 75 + b".y", b"x" * 75 + b"=\r\n=2Ey"),
        (b"x" * 74 + b" From me", b"x" * 74 + b" =\r\n=46rom me"),
        (b"x" * 75 + b"\xe8", b"x" * 75 + b"=\r\n=E8"),
        (b"x" * 73 + b"\xe8", b"x" * 73 + b"=E8"),
        (b"x" * 74 + b"\xe8", b"x" * 74 + b"=\r\n=E8"),
        (b"x" * 75 + b" ", b"x" * 75 + b"=\r\n=20"),
    ],
)
def test_quoted_printable(octets, encoded):
    assert quoted_printable(octets) == encoded
    assert quopri.decodestring(encoded).replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")


# The other parts


@pytest.mark.requirement("GE-11", "GE-14", "AM-1")
def test_the_certification_part():
    xml = b'<?xml version="1.0" encoding="UTF-8"?>\n' + "è".encode() * 60
    part = certification_part(xml)
    head, _, body = part.partition(b"\r\n\r\n")
    assert head == (
        b'Content-Type: application/xml; name="daticert.xml"\r\n'
        b'Content-Disposition: inline; filename="daticert.xml"\r\n'
        b"Content-Transfer-Encoding: base64"
    )
    assert base64.b64decode(body) == xml
    assert all(re.fullmatch(rb"[A-Za-z0-9+/=]{1,76}", line) for line in body.split(b"\r\n"))


@pytest.mark.requirement("GE-10", "AM-20", "BA-5")
@pytest.mark.parametrize("encoding", ["7bit", "8bit"])
def test_the_head_of_the_embedded_message(encoding):
    assert message_part_head(encoding) == (
        b'Content-Type: message/rfc822; name="postacert.eml"\r\n'
        b'Content-Disposition: inline; filename="postacert.eml"\r\n'
        b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n"
    )


@pytest.mark.requirement("GE-14")
@pytest.mark.parametrize(
    ("encoding", "filename"), [("base64", "a"), ("7bit", 'a"'), ("7bit", "a\r\n"), ("7bit", ""), ("7bit", "a/b")]
)
def test_an_embedded_message_has_no_other_encoding_and_a_plain_name(encoding, filename):
    with pytest.raises(OurError):
        message_part_head(encoding, filename)


@pytest.mark.requirement("GE-9", "GE-5")
def test_the_entity_to_be_signed():
    entity = multipart_mixed("=_M", (b"A: 1\r\n\r\na\r\n", Splice.of(b"B: 2\r\n", b"\r\nb")))
    assert bytes(entity) == (
        b'Content-Type: multipart/mixed; boundary="=_M"\r\n'
        b"\r\n--=_M\r\n"
        b"A: 1\r\n\r\na\r\n"
        b"\r\n--=_M\r\n"
        b"B: 2\r\n\r\nb"
        b"\r\n--=_M--\r\n"
    )


@pytest.mark.requirement("GE-31")
def test_what_is_embedded_is_the_same_memory_unless_it_is_short():
    original = memoryview(bytearray(b"Subject: x\r\n\r\n" + b"y" * 100_000))
    entity = multipart_mixed("M", (Splice.of(message_part_head(), original),))
    assert any(piece is original for piece in entity)
    short = multipart_mixed("M", (Splice.of(message_part_head(), original[:1000]),))
    assert short.pieces == (bytes(entity).replace(original[1000:], b""),)


@pytest.mark.parametrize("boundary", ["", "a b", "a\r\n", "è", "x" * 71, 'a"', "a;"])
def test_a_boundary_that_needs_care_is_refused(boundary):
    with pytest.raises(OurError):
        multipart_mixed(boundary, ())
