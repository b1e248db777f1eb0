import pytest

from ceralacca.formats.mime.ambiguity import ambiguities
from ceralacca.formats.mime.defects import AMBIGUOUS, Defect
from ceralacca.formats.mime.entity import look

BASE64 = b"Content-Transfer-Encoding: base64\r\n\r\n"


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    ("data", "defect"),
    [
        (b"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n", Defect.REPEATED_CONTENT_TYPE),
        (b"Content-Transfer-Encoding: 7bit\r\n" + BASE64, Defect.REPEATED_ENCODING),
        (BASE64 + b"QUJDRA", Defect.BAD_BASE64),
        (b"Subject: x\r\n\r\na\x00b", Defect.NUL),
        (b"Subject: x\r\n\r\na\rb", Defect.BARE_CR),
        (b"Subject: x\r\n\r\na\nb", Defect.BARE_LF),
        (b"Subject: x\r\n\r\n" + b"x" * 999, Defect.LONG_LINE),
        (b"Subject: \xe9\r\n\r\n", Defect.EIGHT_BIT),
        (b"Content-Type: a/b; name=x; name*=utf-8''y\r\n\r\n", Defect.RFC2231_CLASH),
        (b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n" + BASE64, Defect.ENCODED_COMPOSITE),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", Defect.UNTERMINATED),
        (b"Content-Type: multipart/mixed\r\n\r\n", Defect.NO_BOUNDARY),
    ],
)
def test_two_readings_are_found_wherever_they_are(data, defect):
    assert ambiguities(look(data), data) == (defect,)
    wrapped = b"Content-Type: multipart/mixed; boundary=_o_\r\n\r\n--_o_\r\n" + data + b"\r\n--_o_--\r\n"
    assert ambiguities(look(wrapped), wrapped) == (defect,)


@pytest.mark.requirement("AP-5", "AP-15")
@pytest.mark.parametrize(
    "data",
    [
        b"Subject: x\r\n\r\ntesto con perch\xe9\r\n",
        b"Subject: x\r\n",
        b"Subject : x\r\n\r\n",
        BASE64 + b"QUJD\r\nRA==\r\n",
        b"Content-Type: text/plain; name=a b\r\n\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\na = b\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--",
    ],
)
def test_ordinary_sins_are_not_ambiguous(data):
    assert ambiguities(look(data), data) == ()


def test_every_ambiguity_is_a_defect():
    assert set(Defect) > AMBIGUOUS
