import re
from itertools import product

import pytest

from ceralacca.core.access_point import FormDefect
from ceralacca.formats import lines
from ceralacca.formats.lines import line_defects

CHUNK = 1 << 16


def defects(data):
    assert list(line_defects(memoryview(data))) == list(line_defects(data))
    return list(line_defects(data))


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"a: b\r\n\r\nbody\r\n", b"no line end", b"x" * 998, b"x" * 998 + b"\r\n"]
)
def test_lines_within_the_letter_have_no_defect(data):
    assert defects(data) == []


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\rb\r\n", b"a\r", b"a\r\r\n", b"\n", b"a\r\n\n"])
def test_a_bare_cr_or_lf_is_a_defect(data):
    assert defects(data) == [FormDefect.LINE_END]


@pytest.mark.requirement("AP-5")
def test_nul_is_a_defect():
    assert defects(b"a\0b\r\n") == [FormDefect.NUL]


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("before", [b"", b"short\r\n", b"short\r\n" * 500, b"x" * 998 + b"\r\n"])
@pytest.mark.parametrize("after", [b"", b"\r\n", b"\r\nshort\r\n" * 500])
def test_a_line_over_998_octets_is_a_defect_wherever_it_stands(before, after):
    assert defects(before + b"x" * 998 + after) == []
    assert defects(before + b"x" * 999 + after) == [FormDefect.LONG_LINE]


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("shift", range(-3, 4))
def test_line_ends_are_seen_across_the_pieces_in_which_a_message_is_read(shift):
    padding = (b"x" * 62 + b"\r\n") * (CHUNK // 64 - 1) + b"x" * (62 + shift)
    assert defects(padding + b"\r\n" * 3) == []
    assert defects(padding + b"\r") == [FormDefect.LINE_END]
    assert defects(padding + b"\n") == [FormDefect.LINE_END]
    assert defects(padding + b"\r\r\n") == [FormDefect.LINE_END]


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_lone_line_ends_are_seen_wherever_the_chunks_are_cut(monkeypatch, chunk):
    monkeypatch.setattr(lines, "_CHUNK", chunk)
    for length in range(7):
        for octets in map(bytes, product(b"\r\nx", repeat=length)):
            assert lines.has_bare_end(octets) is bool(lone(octets)), octets
            assert lines.has_bare_feed(octets) is bool(re.search(rb"(?<!\r)\n", octets)), octets


def lone(octets):
    return re.findall(rb"\r(?!\n)|(?<!\r)\n", octets)


@pytest.mark.parametrize("width", range(5))
@pytest.mark.parametrize("lines_before", range(4))
def test_ends_of_lines_of_one_length_are_told_from_those_that_stand_alone(monkeypatch, width, lines_before):
    monkeypatch.setattr(lines, "_WORTH_A_TRY", 0)
    even = (b"x" * width + b"\r\n") * lines_before
    for length in range(6):
        for octets in map(bytes, product(b"\r\nx", repeat=length)):
            found = lines.outside_pairs(even + octets)
            assert sorted(found.translate(None, b"x.")) == sorted(b"".join(lone(even + octets))), octets


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\r\n", b"\r\n\n", b"\n\r"])
def test_one_end_that_stands_alone_is_seen_in_a_long_piece_of_base64(end):
    line = b"A" * 76
    even = b"\r\n".join([line] * 800)
    assert not lone(lines.outside_pairs(even))
    for at in (3, 76, 77, 78, 79, 30_000, len(even) - 76, len(even) - 1):
        octets = even[:at] + end + even[at:]
        assert bytes(lines.outside_pairs(octets).translate(None, b"A.")) == b"".join(lone(octets)), at
