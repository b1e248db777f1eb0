"""Distinguished names as text: RFC 4514 as far as the directory goes."""

import pytest

from ceralacca.formats.distinguished_name import MalformedName, read_name, write_name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("o=postacert", (("o", "postacert"),)),
        ("providerName=A,o=postacert", (("providername", "A"), ("o", "postacert"))),
        ("  PROVIDERNAME = A B  ,  O = postacert  ", (("providername", "A B"), ("o", "postacert"))),
        (r"cn=A\, B\2C C\\,o=x", (("cn", "A, B, C\\"), ("o", "x"))),
        (r"cn=\ a\ ,o=x", (("cn", " a "), ("o", "x"))),
        (r"cn=a\\ ,o=x", (("cn", "a\\"), ("o", "x"))),
        (r"cn=\C3\88 qui", (("cn", "È qui"),)),
        ("cn=È=qui", (("cn", "È=qui"),)),
        ("cn=", (("cn", ""),)),
        (r"cn=\#x", (("cn", "#x"),)),
    ],
)
def test_names_are_read(text: str, parts: tuple[tuple[str, str], ...]) -> None:
    assert read_name(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "o",
        "o=x,",
        ",o=x",
        "=x",
        "cn=a+sn=b",
        'cn="a"',
        "cn=a;o=b",
        "cn=#04024869",
        "cn=a\\",
        r"cn=\zz",
        r"cn=\FF",
        "1.2.3=x",
        "cn=a\0",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(MalformedName):
        read_name(text)


@pytest.mark.parametrize(
    "value", ["A, B", " a ", " ", "#x", "a\\", '"q"', "a+b<c>;", "\0", "È", "a=b", "", "x\n", "\n ", "a  b"]
)
def test_what_is_written_is_read_back(value: str) -> None:
    parts = (("cn", value), ("o", "postacert"))
    assert read_name(write_name(*parts)) == parts


def test_plain_names_are_written_plain() -> None:
    assert (
        write_name(("providerName", "Gestore Alfa S.p.A."), ("o", "postacert"))
        == "providerName=Gestore Alfa S.p.A.,o=postacert"
    )
    assert write_name(("cn", "A, B")) == r"cn=A\, B"
