"""Whatever the octets of a subject are, what comes out is one harmless field that says the same."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.subject import decoded_subject, prefixed_subject

PREFIXES = st.sampled_from([row.facts.subject_prefix for row in MessageRow])
PIECES = st.sampled_from(
    [
        b"=?utf-8?q?Citt=C3=A0?=",
        b"=?utf-8?q?Citt=C3?=",
        b"=?iso-8859-1?Q?perch=E9?=",
        b"=?utf-8?b?w6g=?=",
        b"=?utf-8?q?=0D=0ABcc:?=",
        b"=?x?q?",
        b"?=",
        b" ",
        b"  ",
        b"\t",
        b"\r\n ",
        b"\r\n",
        b"\r",
        b"\n",
        b"\x00",
        b"\xe8",
        "è".encode(),
        b"word",
        b"a" * 990,
    ]
)
BODIES = st.binary(max_size=200) | st.lists(PIECES | st.binary(max_size=4), max_size=12).map(b"".join)
PLAIN = st.from_regex(rb"[!-~]{1,80}( [!-~]{1,80}){0,20}", fullmatch=True)


@pytest.mark.requirement("GE-28", "SE-8")
@given(PREFIXES, st.none() | BODIES)
@example("CONSEGNA:", b"\xe8" * 5000)
@example("CONSEGNA:", b"=?utf-8?q?a?= \xe8 =?utf-8?q?b?=")
def test_one_field_of_printable_ascii_in_lines_that_fit(prefix, body):
    field = prefixed_subject(prefix, body)
    lines = field.split(b"\r\n")
    assert lines.pop() == b""
    assert re.fullmatch(rb"[\t -~]+", b"".join(lines))
    assert all(line.strip() and line.startswith((b" ", b"\t")) for line in lines[1:])
    assert all(len(line) <= 998 for line in lines)
    head = read_head(field + b"\r\n")
    assert [read.name for read in head.fields] == ["Subject"]


@pytest.mark.requirement("GE-28", "XM-3", "GE-23")
@given(PREFIXES, BODIES)
def test_the_field_decodes_to_prefix_and_the_text_of_the_xml(prefix, body):
    head = read_head(prefixed_subject(prefix, body) + b"\r\n")
    shown = decoded_subject(head.fields[0].body)
    assert shown is not None
    assert shown.startswith(prefix)
    assert shown.removeprefix(prefix).strip(" ") == decoded_subject(body)


@pytest.mark.requirement("GE-28")
@given(PREFIXES, PLAIN)
def test_printable_ascii_is_carried_over_octet_for_octet(prefix, body):
    field = prefixed_subject(prefix, body)
    assert field.replace(b"\r\n", b"") == f"Subject: {prefix} ".encode() + body


@pytest.mark.requirement("XM-3", "SE-8")
@given(BODIES)
def test_the_decoded_subject_has_no_control_character(body):
    text = decoded_subject(body)
    assert text is not None
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]", text)
