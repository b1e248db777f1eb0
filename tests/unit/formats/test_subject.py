"""Subjects: carried over octet for octet behind the prefix, and decoded for text and XML."""

import email
import email.policy

import pytest

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.subject import decoded_subject, prefixed_subject

PREFIX = "POSTA CERTIFICATA:"


@pytest.mark.requirement("GE-28")
@pytest.mark.parametrize(
    ("row", "field"),
    [
        (1, b"AVVISO DI NON ACCETTAZIONE: Prova"),
        (2, b"AVVISO DI NON ACCETTAZIONE PER VIRUS: Prova"),
        (3, b"ACCETTAZIONE: Prova"),
        (4, b"POSTA CERTIFICATA: Prova"),
        (5, b"AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO: Prova"),
        (6, b"PRESA IN CARICO: Prova"),
        (7, b"ANOMALIA MESSAGGIO: Prova"),
        (8, b"PROBLEMA DI SICUREZZA: Prova"),
        (9, b"AVVISO DI MANCATA CONSEGNA PER VIRUS: Prova"),
        (10, b"CONSEGNA: Prova"),
        (11, b"AVVISO DI MANCATA CONSEGNA: Prova"),
    ],
)
def test_the_prefix_of_each_row(row, field):
    (facts,) = (member.facts for member in MessageRow if member.facts.number == row)
    assert prefixed_subject(facts.subject_prefix, b"Prova") == b"Subject: " + field + b"\r\n"


@pytest.mark.requirement("GE-28")
@pytest.mark.parametrize("body", [None, b"", b"   ", b"\r\n ", b"\r\n"])
def test_a_missing_subject_gives_the_prefix_with_its_colon(body):
    assert prefixed_subject(PREFIX, body) == b"Subject: POSTA CERTIFICATA:\r\n"


@pytest.mark.requirement("GE-28")
@pytest.mark.parametrize(
    "body",
    [
        b"=?utf-8?q?Citt=C3=A0?=",
        b"=?UTF-8?B?Q2l0dMOg?= e =?iso-8859-1?Q?perch=E9?=",
        b"=?utf-8?q?a?=  =?utf-8?q?b?=\tc",
        b"=?unknown?x?odd?= =?broken",
        b'Re: [x] <a@b.example> "q" \\',
    ],
)
def test_encoded_words_are_kept_octet_for_octet(body):
    assert prefixed_subject(PREFIX, body).replace(b"\r\n", b"") == b"Subject: POSTA CERTIFICATA: " + body


@pytest.mark.requirement("GE-28")
def test_a_folded_body_is_unfolded_and_folded_anew():
    body = b"uno due\r\n tre\n\tquattro"
    assert prefixed_subject(PREFIX, body) == b"Subject: POSTA CERTIFICATA: uno due tre\tquattro\r\n"


@pytest.mark.requirement("GE-28")
@pytest.mark.parametrize(
    "body",
    [
        b"parola " * 300,
        b"=?utf-8?q?Citt=C3=A0_Citt=C3=A0_Citt=C3=A0_Citt=C3=A0_Citt=C3=A0?= " * 20,
        b"x" * 998,
        b"x" * 5000,
        b"a" + b" " * 5000 + b"b",
        (b"x" * 900 + b" ") * 3,
        b"\xe8" * 3000,
    ],
)
def test_no_line_passes_998_octets(body):
    lines = prefixed_subject(PREFIX, body).split(b"\r\n")
    assert lines.pop() == b""
    assert all(line.strip() for line in lines)
    assert max(map(len, lines)) <= 998
    assert all(len(line) <= 78 or b" " not in line.strip() for line in lines if not line.startswith(b"Subject:"))


@pytest.mark.requirement("GE-28")
def test_the_aim_is_78_octets():
    lines = prefixed_subject(PREFIX, b"parola " * 60).split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert min(len(line) for line in lines[:-2]) > 68


@pytest.mark.requirement("SE-8", "GE-28")
@pytest.mark.parametrize(
    "body",
    [
        b"a\r\nBcc: evil@x.example",
        b"a\rBcc: evil@x.example",
        b"a\nBcc: evil@x.example",
        b"a\r\n\r\n<html>",
        b"a\r\n \r\nBcc: x",
        b"a\x00b\x1b[31m\x7f",
        b"=?utf-8?q?a=0D=0ABcc:_evil@x.example?=",
        b"=?utf-8?b?DQpCY2M6IHg=?=",
        b"\x85\xe2\x80\xa8Bcc: x",
    ],
)
def test_injection_is_impossible(body):
    field = prefixed_subject(PREFIX, body)
    assert field.endswith(b"\r\n")
    message = email.message_from_bytes(field + b"X-End: 1\r\n\r\n", policy=email.policy.default)
    assert message.keys() == ["Subject", "X-End"]
    assert all(0x20 <= octet < 0x7F for octet in field.replace(b"\r\n", b"").replace(b"\t", b""))
    text = decoded_subject(body)
    assert text is not None
    assert not any(character < " " or "\x7f" <= character <= "\x9f" or character == "\u2028" for character in text)


@pytest.mark.requirement("SE-8", "AP-5")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("Città".encode(), b"=?utf-8?q?Citt=C3=A0?="),
        ("la Città è qui".encode(), b"la =?utf-8?q?Citt=C3=A0_=C3=A8?= qui"),
        (b"caff\xe8", b"=?utf-8?q?caff=EF=BF=BD?="),
        ("=?utf-8?q?a?= è =?utf-8?q?b?= c".encode(), b"=?utf-8?q?a?= =?utf-8?q?_=C3=A8_?= =?utf-8?q?b?= c"),
        ("è =?utf-8?q?b?=".encode(), b"=?utf-8?q?=C3=A8_?= =?utf-8?q?b?="),
        ("è  b  è".encode(), b"=?utf-8?q?=C3=A8?=  b  =?utf-8?q?=C3=A8?="),
        ("=?utf-8?q?caf é x?=".encode(), b"=?utf-8?q?caf_=C3=A9_x?="),
    ],
)
def test_raw_octets_are_decoded_as_well_as_can_be_and_encoded(body, field):
    assert prefixed_subject(PREFIX, body).replace(b"\r\n", b"") == b"Subject: POSTA CERTIFICATA: " + field


@pytest.mark.requirement("GE-28")
def test_encoded_words_that_we_write_are_whole_and_short():
    field = prefixed_subject(PREFIX, ("però€😀" * 100).encode())
    words = field.split()[3:]
    assert all(len(word) <= 75 and word.startswith(b"=?utf-8?q?") for word in words)
    for word in words:
        email.message_from_bytes(b"Subject: " + word + b"\r\n\r\n", policy=email.policy.default)["Subject"].encode(
            "utf-8"
        )
    message = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert message["Subject"] == "POSTA CERTIFICATA: " + "però€😀" * 100


@pytest.mark.requirement("XM-3")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, None),
        (b"", ""),
        (b"Prova", "Prova"),
        (b"=?utf-8?q?Citt=C3=A0?=\r\n =?iso-8859-1?q?_perch=E9?=", "Città perché"),
        (b"=?utf-8?q?a=00b?=", "a\ufffdb"),
        (b"=?utf-8?q?a=0D=0Ab?=", "a  b"),
        (b"a\r\nb", "a b"),
        (b"caff\xe8", "caff\ufffd"),
        (b"<&>", "<&>"),
    ],
)
def test_decoded_subjects(body, text):
    assert decoded_subject(body) == text


@pytest.mark.requirement("TO-16")
def test_a_subject_that_already_has_a_prefix_gets_one_more():
    assert prefixed_subject(PREFIX, b"POSTA CERTIFICATA: x") == b"Subject: POSTA CERTIFICATA: POSTA CERTIFICATA: x\r\n"
