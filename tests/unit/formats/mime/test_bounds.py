"""Hostile input in full size: each test would hang or fill the memory if the work were not bounded (SE-7)."""

import base64
import tracemalloc
from contextlib import contextmanager

import pytest

from ceralacca.formats.mime.entity import look
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.mime.limits import LimitExceeded
from ceralacca.formats.mime.transfer import transfer_defect

pytestmark = pytest.mark.requirement("SE-7")

MIXED = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n'
MIB = 1 << 20


@contextmanager
def peak_below(octets):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < octets
    finally:
        tracemalloc.stop()


def test_thirty_megabytes_of_base64():
    body = base64.encodebytes(bytes(range(256)) * (22 * MIB // 256)).replace(b"\n", b"\r\n")
    data = MIXED % b"b" + b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b"--b--\r\n"
    with peak_below(4 * MIB):
        message = look(data)
        assert len(message.children[0].body(data)) == len(body) - 2
        assert look(memoryview(data)) == message
        assert transfer_defect(message.children[0].body(data), "base64") is None


@pytest.mark.parametrize("line", [b"--\n", b"--\r\n", b"-"])
def test_thirty_megabytes_of_hyphens(line):
    data = MIXED % b"--" + line * (30 * MIB // len(line))
    with peak_below(MIB):
        assert look(data).children == ()


def test_thirty_megabytes_of_almost_delimiters():
    data = MIXED % b"b" + b"--bx\r\n" * (5 * MIB)
    with peak_below(MIB), pytest.raises(LimitExceeded):
        look(data)


def test_two_thousand_nested_parts():
    data = b"".join(MIXED % (b"_%d_" % n) + b"--_%d_\r\n" % n for n in range(2000))
    with peak_below(MIB), pytest.raises(LimitExceeded):
        look(data)


def test_thirty_megabytes_below_fifty_levels():
    data = b"".join(MIXED % (b"_%d_" % n) + b"--_%d_\r\n" % n for n in range(50)) + b"\r\n" + b"--_\r\n" * (6 * MIB)
    with peak_below(MIB):
        assert sum(1 for _ in look(data).walk()) == 51


def test_a_hundred_thousand_parts():
    data = MIXED % b"b" + b"--b\r\n\r\n\r\n" * 100_000
    with peak_below(2 * MIB), pytest.raises(LimitExceeded):
        look(data)


def test_thousands_of_distinct_boundaries():
    """Each of them is looked for in its own part only."""
    inner = [b"--b\r\n" + MIXED % (b"c%d" % n) + b"--c\r\n" * 6000 for n in range(999)]
    data = MIXED % b"b" + b"".join(inner) + b"--b--"
    assert len(data) > 28 * MIB
    with peak_below(16 * MIB):
        assert len(look(data).children) == 999


def test_a_header_line_of_a_mebibyte():
    data = b"Subject: " + b"x" * MIB + b"\r\n\r\n"
    with peak_below(MIB), pytest.raises(LimitExceeded):
        read_head(data)


@pytest.mark.parametrize("line", [b"a: b\r\n", b"\r", b" \r\n", b"a:\r\n ", b"\x00"])
def test_a_header_that_never_ends(line):
    data = line * (30 * MIB // len(line))
    with peak_below(MIB), pytest.raises(LimitExceeded):
        read_head(data)


def test_the_longest_header_of_the_shortest_fields():
    with peak_below(32 * MIB):
        assert len(read_head(b"a:\r\n" * 65_535 + b"\r\n").fields) == 65_535


def test_a_thousand_parts_with_thousands_of_parameters():
    head = b"Content-Type: text/plain" + b"".join(b";n*%d=x" % n for n in range(2500)) + b"\r\n\r\n"
    data = MIXED % b"b" + (b"--b\r\n" + head) * 999
    assert len(look(data).children) == 999
