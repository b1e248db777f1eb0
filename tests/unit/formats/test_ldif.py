"""LDIF syntax: RFC 2849 read with line numbers, written canonically."""

import base64

import pytest

from ceralacca.formats.ldif import Entry, LdifLimits, MalformedDirectory, read_ldif, write_ldif


def values(entry: Entry) -> list[tuple[str, bytes]]:
    return [(attribute.name, attribute.value) for attribute in entry.attributes]


def only(data: bytes) -> Entry:
    (entry,) = read_ldif(data)
    return entry


@pytest.mark.requirement("DI-2")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_entries_comments_folds_and_base64(end: bytes) -> None:
    data = end.join(
        [
            b"version: 1",
            b"# a comment",
            b"  that goes on",
            b"dn: o=posta",
            b" cert",
            b"O: postacert",
            b"# between",
            b"description:: " + base64.b64encode("È qui".encode())[:4],
            b" " + base64.b64encode("È qui".encode())[4:],
            b"seeAlso;LANG-it;X-y:   spaces before",
            b"empty:",
            b"",
            b"",
            b"dn: o=b",
            b"o: b",
        ]
    )
    first, second = read_ldif(data)
    assert first.dn == "o=postacert"
    assert first.line == 4
    assert values(first) == [
        ("o", b"postacert"),
        ("description", "È qui".encode()),
        ("seealso", b"spaces before"),
        ("empty", b""),
    ]
    assert [attribute.line for attribute in first.attributes] == [6, 8, 10, 11]
    assert first.attributes[2].options == {"lang-it", "x-y"}
    assert second.dn == "o=b"


def test_a_fold_in_the_middle_of_a_letter_is_mended() -> None:
    letter = "È".encode()
    assert only(b"dn: o=x\ndescription: " + letter[:1] + b"\n " + letter[1:] + b"\n").attributes[0].value == letter


def test_byte_order_mark_missing_version_and_missing_last_line_end_are_borne() -> None:
    assert only(b"\xef\xbb\xbfdn: o=x\no: x").dn == "o=x"
    assert only(b"\n\n\ndn:: bz14\no: x\n\n\n").dn == "o=x"


def test_nothing_is_an_empty_file() -> None:
    assert list(read_ldif(b"")) == []
    assert list(read_ldif(b"version: 1\n\n# nothing\n")) == []


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        (b"version: 2\n", 1, "version"),
        (b"\nversion:: Mg==\n", 2, "version"),
        (b"dn: o=x\no: x\n\nversion: 1\n", 4, "begin with its dn"),
        (b"dn: o=x\no: x\nversion: 1\n", 3, "version inside"),
        (b"o: x\n", 1, "begin with its dn"),
        (b"dn: o=x\n\n", 1, "without attributes"),
        (b"dn: o=x\no: x\ndn: o=y\n", 3, "dn inside"),
        (b"dn: o=x\nchangetype: add\no: x\n", 2, "changes"),
        (b"dn: o=x\ncontrol: 1.2.3 true\no: x\n", 2, "changes"),
        (b"dn: o=x\no: x\n-\n", 3, "neither"),
        (b"dn: o=x\njpegPhoto:< file:///etc/passwd\n", 2, "URL"),
        (b"dn: o=x\no:: !!!!\n", 2, "base64"),
        (b"dn: o=x\no:: YQ\n", 2, "base64"),
        (b"dn: o=x\no:: YQ==YQ==\n", 2, "base64"),
        (b"dn: o=x\no:: YQ==\n\n\no x\n", 5, "neither"),
        (b"dn: o=x\no x: y\n", 2, "neither"),
        (b"dn: o=x\n: y\n", 2, "neither"),
        (b"dn: o=x\n\xc3\xa9: y\n", 2, "neither"),
        (b" dn: o=x\n", 1, "continuation"),
        (b"dn: o=x\no: x\n\n more\n", 4, "continuation"),
        (b"dn: o=x\no: a\rb\n", 2, "carriage return"),
        (b"dn: o=x\no: a\0b\n", 2, "NUL"),
        (b"dn: o=\xff\no: x\n", 1, "UTF-8"),
        (b"dn;x: o=x\no: x\n", 1, "begin with its dn"),
    ],
)
def test_every_fault_is_refused_with_its_line(data: bytes, line: int, what: str) -> None:
    with pytest.raises(MalformedDirectory, match=f"line {line}: .*{what}") as caught:
        list(read_ldif(data))
    assert caught.value.line == line
    assert caught.value.remedy


def test_limits_are_held() -> None:
    limits = LdifLimits(octets=100, lines=5, line_octets=20)
    for data, line in [
        (b"#" * 101, 1),
        (b"\n" * 6, 6),
        (b"dn: o=x\no: " + b"y" * 20, 2),
        (b"dn: o=x\n" + b" yyyyy\n" * 3, 1),
    ]:
        with pytest.raises(MalformedDirectory, match="more than") as caught:
            list(read_ldif(data, limits))
        assert caught.value.line == line


def test_a_comment_may_not_grow_without_end_either() -> None:
    with pytest.raises(MalformedDirectory):
        list(read_ldif(b"#\n" + b" x\n" * 50, LdifLimits(line_octets=20)))


@pytest.mark.requirement("DI-2")
@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"plain", b"a: plain\n"),
        (b"", b"a:\n"),
        (b"in: side <", b"a: in: side <\n"),
        (b" space", b"a:: IHNwYWNl\n"),
        (b"space ", b"a:: c3BhY2Ug\n"),
        (b":colon", b"a:: OmNvbG9u\n"),
        (b"<less", b"a:: PGxlc3M=\n"),
        (b"a\nb", b"a:: YQpi\n"),
        (b"a\rb", b"a:: YQ1i\n"),
        (b"a\0b", b"a:: YQBi\n"),
        ("È".encode(), b"a:: w4g=\n"),
    ],
)
def test_values_are_written_in_base64_where_they_must(value: bytes, line: bytes) -> None:
    assert write_ldif([("o=x", [("a", value)])]) == b"version: 1\n\ndn: o=x\n" + line


def test_binary_values_are_always_base64() -> None:
    assert b"a;binary:: YWJj\n" in write_ldif([("o=x", [("a;binary", b"abc")])])


@pytest.mark.parametrize("length", [72, 73, 74, 148, 149, 1000])
def test_lines_are_folded_at_76_octets(length: int) -> None:
    written = write_ldif([("o=x", [("a", b"y" * length)])])
    assert max(len(line) for line in written.split(b"\n")) == min(76, length + 3)
    assert only(written).attributes[0].value == b"y" * length
