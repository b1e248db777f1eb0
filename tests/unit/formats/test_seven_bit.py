import binascii
import email

import pytest

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.access_point import FormDefect
from ceralacca.formats.edit import apply
from ceralacca.formats.mime.entity import look
from ceralacca.formats.seven_bit import eight_bit_obstacles, is_seven_bit, make_seven_bit

pytestmark = pytest.mark.requirement("AP-15")


def wire(text, charset="utf-8"):
    return text.replace("\n", "\r\n").encode(charset)


def converted(data):
    plan = make_seven_bit(data)
    assert plan.obstacles == frozenset()
    result = bytes(apply(data, plan.edits))
    assert result.isascii()
    return result


def obstacles(data):
    plan = make_seven_bit(data)
    assert plan.edits == ()
    assert plan.obstacles == eight_bit_obstacles(data, look(data))
    return plan.obstacles


def content(data, *path):
    """Decode a part as the standard library reads it, which shares no code with ours."""
    part = email.message_from_bytes(data)
    for number in path:
        part = part.get_payload(number)
    return part.get_payload(decode=True)


TEXT = wire("""\
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Perché no? In questa città piove spesso.
.
""")


def test_a_message_of_ascii_needs_nothing():
    plan = make_seven_bit(b"Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n")
    assert plan.edits == ()
    assert plan.obstacles == frozenset()


def test_text_mostly_ascii_becomes_quoted_printable_in_place_of_its_old_label():
    assert converted(TEXT) == wire("""\
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Perch=C3=A9 no? In questa citt=C3=A0 piove spesso.
=2E
""")
    assert content(converted(TEXT)) == content(TEXT)


def test_text_mostly_not_ascii_becomes_base64_and_ends_with_a_line_end():
    data = wire("MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n\n" + "ελληνικά\n" * 9)
    result = converted(data)
    assert b"Content-Transfer-Encoding: base64\r\n\r\n" in result
    assert result.endswith(b"\r\n")
    assert max(map(len, result.splitlines())) <= 76
    assert content(result) == content(data)


@pytest.mark.parametrize("body", [b"\xe0", b"\xe0 \r\n", b"a" * 200 + b"\xe0", b"\xe0\r\n" + b"b" * 900, b"\xe0 \t"])
def test_soft_line_breaks_are_crlf_and_the_content_is_kept_to_the_octet(body):
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=latin1\r\n"
    result = converted(head + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + body)
    assert result.count(b"\n") == result.count(b"\r\n") == result.count(b"\r")
    assert max(map(len, result.splitlines())) <= 76
    assert content(result) == body


def encodings(body):
    base64 = binascii.b2a_base64(body, newline=False)
    lines = [base64[at : at + 76] for at in range(0, len(base64), 76)]
    return b"\r\n".join(lines), binascii.b2a_qp(body + b"\r\n")[:-2]


def test_text_takes_the_shorter_of_two_encodings_and_quoted_printable_when_equal():
    for plain in range(120):
        for high in range(1, 60):
            body = b"a" * plain + b"\xe0" * high
            base64, quoted = encodings(body)
            part = b"--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body + b"\r\n--b--\r\n"
            result = converted(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part)
            expected = quoted if len(quoted) <= len(base64) else base64
            assert b"\r\n\r\n" + expected + b"\r\n--b--\r\n" in result


def test_a_label_that_is_true_already_is_left_alone():
    head = b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding:  7BIT\r\n\r\n"
    assert converted(head + b"--b\r\n\r\n\xe0\r\n--b--\r\n").startswith(head)


def test_an_unlabelled_message_gets_both_fields_that_make_the_label_count():
    assert converted("Subject: x\r\n\r\ncitt\u00e0\r\n".encode("latin-1")) == (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncitt=E0\r\n"
    )


def test_octets_that_are_no_text_keep_their_line_ends_as_octets():
    body = b"%PDF-1.4\r\n" + b"x" * 90 + b"\n\xe0\r" + b"y" * 40
    data = b"MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
    for one in (data, data.replace(b"application/pdf", b"text/plain")):
        result = converted(one)
        assert b"Content-Transfer-Encoding: base64\r\n\r\n" in result
        assert result.count(b"\n") == result.count(b"\r\n") == result.count(b"\r")
        assert content(result) == body


@pytest.mark.parametrize("size", [(1 << 16) - 40, (1 << 16) - 39, 1 << 16, 3 << 16])
def test_a_long_text_is_encoded_in_pieces_that_nobody_notices(size):
    body = (b"citt\xe0 e paesi\r\n" * 20_000)[:size] + b"\r\n. \r\n"
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=latin1\r\n"
    result = converted(head + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + body.replace(b"\r\r\n", b"\r\n"))
    assert b"quoted-printable" in result
    assert content(result) == body.replace(b"\r\r\n", b"\r\n")


MIXED = wire("""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="out"
Content-Transfer-Encoding: 8bit

preamble
--out
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 8bit

plain
--out
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Subject: inner
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="in"
Content-Transfer-Encoding: binary

--in

in questa citt\u00e0 piove
--in
Content-Type: text/html

<p>
--in--
--out--
""")


def test_only_the_part_with_such_octets_changes_and_all_labels_around_it_become_true():
    assert converted(MIXED) == wire("""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="out"
Content-Transfer-Encoding: 7bit

preamble
--out
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 8bit

plain
--out
Content-Type: message/rfc822
Content-Transfer-Encoding: 7bit

Subject: inner
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="in"
Content-Transfer-Encoding: 7bit

--in
Content-Transfer-Encoding: quoted-printable

in questa citt=C3=A0 piove
--in
Content-Type: text/html

<p>
--in--
--out--
""")


def test_encoding_never_brings_about_a_delimiter_at_a_soft_line_break():
    hidden = "x" * 75 + "--b" + "y" * 30 + "\u00e0"
    for shift in range(8):
        data = wire(f"""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{hidden[shift:]}
--b--
""")
        result = converted(data)
        assert len(email.message_from_bytes(result).get_payload()) == 1
        assert content(result, 0) == content(data, 0)


def test_encoding_never_brings_about_a_delimiter_by_an_escape():
    data = wire("""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="a=3Db"

--a=3Db
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

città
--a=b
città
--a=3Db--
""")
    result = converted(data)
    assert len(email.message_from_bytes(result).get_payload()) == 1
    assert content(result, 0) == content(data, 0)


SIGNED = wire("""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s

--s
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

citt\u00e0
--s
Content-Type: application/pkcs7-signature
Content-Transfer-Encoding: base64

MAAA
--s--
--o--
""")


def test_what_the_user_has_signed_is_not_touched():
    assert obstacles(SIGNED) == {FormDefect.EIGHT_BIT_SIGNED}


def test_a_message_forwarded_inside_what_the_user_has_signed_is_not_touched():
    inner = "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: inner\n\ncitt\u00e0"
    head = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\ncitt\u00e0"
    data = SIGNED.replace(wire(head), wire(inner))
    assert data != SIGNED
    assert obstacles(data) == {FormDefect.EIGHT_BIT_SIGNED}


@pytest.mark.parametrize(
    ("data", "obstacle"),
    [
        (b"Subject: \xe0\r\n\r\nx\r\n", FormDefect.EIGHT_BIT_HEADER),
        (MIXED.replace(b"Subject: inner", b"Subject: \xe0"), FormDefect.EIGHT_BIT_HEADER),
        (MIXED.replace(b"preamble", b"\xe0"), FormDefect.EIGHT_BIT_ELSEWHERE),
        (MIXED + b"\xe0", FormDefect.EIGHT_BIT_ELSEWHERE),
        (b"Content-Type: multipart/mixed\r\n\r\n\xe0", FormDefect.EIGHT_BIT_ELSEWHERE),
        (b"Content-Type: message/partial\r\n\r\n\xe0", FormDefect.EIGHT_BIT_ELSEWHERE),
        (b"Content-Type: multipart/signed\r\n\r\n\xe0", FormDefect.EIGHT_BIT_SIGNED),
        (b"Content-Transfer-Encoding: base64\r\n\r\n\xe0", FormDefect.BAD_ENCODING),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n\xe0", FormDefect.BAD_ENCODING),
        (b"Content-Transfer-Encoding: x-rot13\r\n\r\n\xe0", FormDefect.BAD_ENCODING),
    ],
)
def test_octets_that_no_encoding_can_carry_are_obstacles(data, obstacle):
    assert obstacles(data) == {obstacle}


def test_beyond_the_limits_of_a_look_there_is_no_plan():
    with pytest.raises(UnreadableMessage):
        make_seven_bit(b"A: " + b"x" * 300_000 + b"\xe0")


def test_seven_bit_is_told_over_all_octets():
    assert is_seven_bit(memoryview(b"a" * 200_000))
    assert not is_seven_bit(b"a" * 200_000 + b"\x80")
