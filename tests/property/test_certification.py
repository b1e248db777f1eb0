"""Certification data: write then read is the identity, and no stranger's octets do harm."""

import quopri
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.certification_plain import read_plain
from ceralacca.formats.certification_writer import write_certification
from ceralacca.formats.certification_xml import MalformedCertification, dtd, read_certification, read_strictly
from ceralacca.formats.mime.compose import header_field, quoted_printable, text_part
from ceralacca.formats.texts.html import html_text
from ceralacca.formats.texts.plain import plain_text
from ceralacca.testing.strategies import ROWS, certification_data, hostile_text

EXAMPLES = [
    path.read_bytes() for path in sorted((Path(__file__).parents[1] / "interop" / "certification").glob("*.xml"))
]


@pytest.mark.requirement("XM-1", "XM-2", "XM-3", "XM-6", "ER-1", "TI-5")
@given(certification_data())
def test_what_is_written_is_read_back_by_the_letter(data):
    octets = write_certification(data)
    read = read_certification(octets)
    assert read.data == data
    assert read.deviations == ()
    assert write_certification(read.data) == octets  # spelling of addresses included


@pytest.mark.requirement("XM-1", "XM-3", "SE-8")
@given(certification_data(texts=hostile_text))
def test_whatever_the_texts_the_file_is_valid_and_stable(data):
    octets = write_certification(data)
    assert dtd().validate(etree.fromstring(octets))
    read = read_certification(octets)
    assert read.deviations == ()
    assert write_certification(read.data) == octets
    assert b"\r" not in octets
    assert octets.count(b"<!") == 0


cuts = st.tuples(st.sampled_from(EXAMPLES), st.integers(0, 1000), st.integers(0, 40))
spices = st.sampled_from(
    [
        b"",
        b"<",
        b">",
        b"&",
        b"&amp;",
        b"&x;",
        b"&#0;",
        b"<!-- -->",
        b"<![CDATA[x]]>",
        b"]]>",
        b"<!DOCTYPE p [",
        b"<?x?>",
        b"</dati>",
        b"<dati>",
        b"\x00",
        b"\xff",
        b" xmlns='a'",
        b"\xc2\x9b",
        b"\xe2\x80\xa8",
    ]
)


def spiced(cut: tuple[bytes, int, int], spice: bytes) -> bytes:
    octets, at, length = cut
    return octets[:at] + spice + octets[at + length :]


@pytest.mark.requirement("XM-4")
@settings(max_examples=400)
@given(st.builds(spiced, cuts, spices | st.binary(max_size=4)) | st.binary(max_size=200))
def test_reading_raises_nothing_but_malformed_certification(octets):
    try:
        data = read_certification(octets).data
    except MalformedCertification as error:
        assert re.fullmatch("[a-z0-9-]+", error.reason)  # noqa: PT017 either outcome is right
        return
    for text in (data.original.subject, data.issuer, data.original.identifier, data.original.reply_to):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", text or "")


@pytest.mark.requirement("XM-4", "XM-5")
@settings(max_examples=400)
@given(st.builds(spiced, cuts, spices | st.sampled_from([b" ", b"\n", b"\t", b'"', b"/", b"\xc2\xa0", b"&lt;"])))
def test_the_quick_reading_is_never_another_than_the_strict_one(octets):
    quick = read_plain(octets)
    if quick is not None:
        assert read_strictly(octets).data == quick
        assert read_strictly(octets) == read_certification(octets)


@pytest.mark.requirement("XM-4", "XM-6")
@given(certification_data(texts=hostile_text))
def test_both_readings_of_what_is_written_are_one(data):
    octets = write_certification(data)
    assert read_strictly(octets) == read_certification(octets)


class _Shown(HTMLParser):
    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert attrs in ([], [("lang", "it")])
        if tag == "body":
            self.text = ""

    def handle_data(self, data):
        self.text += data


@pytest.mark.requirement("GE-12", "GE-13", "SE-8")
@given(
    st.sampled_from(ROWS).flatmap(lambda row: st.tuples(st.just(row), certification_data(st.just(row), hostile_text)))
)
def test_plain_and_html_say_the_same_whatever_the_values(row_and_data):
    row, data = row_and_data
    plain = plain_text(row, data)
    shown = _Shown(html_text(row, data))
    assert shown.text.split() == plain.split()
    assert shown.tags <= {"html", "head", "title", "body", "h1", "p", "ul", "li", "bdi", "br"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", plain)


@pytest.mark.requirement("GE-5", "GE-12", "GE-14", "GE-19")
@given(certification_data(st.just(MessageRow.NON_ACCEPTANCE), hostile_text))
def test_every_text_becomes_a_part_of_seven_bits_and_comes_back(data):
    plain = plain_text(MessageRow.NON_ACCEPTANCE, data)
    octets = text_part(plain, html_text(MessageRow.NON_ACCEPTANCE, data), "=_A")
    assert octets.isascii()
    assert all(len(line) <= 76 for line in octets.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"")
    first = octets.split(b"\r\n--=_A")[1]
    head, _, body = first.partition(b"\r\n\r\n")
    charset = "utf-8" if b"utf-8" in head else "iso-8859-1"
    assert quopri.decodestring(body).decode(charset).replace("\r\n", "\n") == plain


@pytest.mark.requirement("GE-5", "GE-14")
@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"From ", b".", b" ", b"\n", b"\r\n", b"=", b"x" * 74])).map(b"".join)
)
def test_quoted_printable_is_safe_and_comes_back(octets):
    encoded = quoted_printable(octets)
    lines = encoded.split(b"\r\n")
    assert all(re.fullmatch(rb"[ -~]{0,76}", line) for line in lines)
    assert not any(line.endswith(b" ") or line.startswith((b".", b"From ")) for line in lines)
    assert quopri.decodestring(encoded).replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")


@pytest.mark.requirement("SE-8")
@given(st.from_regex(r"[ -~]{1,300}", fullmatch=True).filter(str.strip))
def test_a_header_field_unfolds_to_its_value(value):
    field = header_field("X-Mittente", value)
    assert field.replace(b"\r\n", b"") == f"X-Mittente: {value.strip()}".encode()
    assert all(line.strip() for line in field.split(b"\r\n")[:-1])
