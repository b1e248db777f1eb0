"""Only CR LF . CR LF ends a message, wherever the chunks are cut; nothing is repaired."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.net.smtp_server.end_of_data import Defect, EndOfData

ALPHABET = (b"\r", b"\n", b".", b"\0", b"x")
TRICKS = [b"".join(run) for length in range(1, 6) for run in product(ALPHABET, repeat=length)]


def read(stream, cuts=()):
    """Feed the stream cut at the given places; return content, what was left over, ended, defect."""
    scan, content, fed = EndOfData(), b"", 0
    for cut in [*cuts, len(stream)]:
        content += scan.feed(stream[fed:cut])
        fed = cut
        if scan.ended:
            return content, scan.rest + stream[fed:], True, scan.defect
    return content, b"", False, scan.defect


def judge(stream):
    """Say the same of a whole stream, in the plainest way there is."""
    lines, rest = [], stream
    while b"\r\n" in rest:
        line, _, rest = rest.partition(b"\r\n")
        if line == b".":
            return lines, rest, True
        lines.append(line)
    return [*lines, rest], b"", False


def expected_of(stream):
    lines, rest, ended = judge(stream)
    if any(bad in line for line in lines for bad in (b"\r", b"\n", b"\0")):
        return None
    content = b"".join((line[1:] if line.startswith(b".") else line) + b"\r\n" for line in lines)
    return (content, rest) if ended else None


def test_there_are_3905_tricks():
    assert len(TRICKS) == 3905


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_every_trick_is_seen_alike_however_it_is_cut(step):
    for trick in TRICKS:
        stream = b"a" + trick + b"b\r\n.\r\nrest"
        content, rest, ended, defect = read(stream, range(step, len(stream), step))
        expected = expected_of(stream)
        if expected is None:
            assert ended
            assert defect is not None, trick
        else:
            assert (content, rest, defect) == (*expected, None), trick


@given(st.lists(st.sampled_from([b"\r\n", b".", b"\r\n.", b"\r\n..", b"xy", b"\r\n.\r\n"]), max_size=8), st.data())
def test_chunks_do_not_matter(pieces, data):
    stream = b"".join(pieces) + b"\r\n.\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    assert read(stream, cuts) == read(stream)


@given(st.lists(st.binary(max_size=12).map(lambda line: line.translate(None, b"\r\n\0")), max_size=8))
def test_what_a_client_stuffs_comes_out_as_it_was(lines):
    content = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    assert read(stuffed + b".\r\nQUIT\r\n") == (content, b"QUIT\r\n", True, None)


def test_an_empty_message_is_a_message():
    assert read(b".\r\n") == (b"", b"", True, None)


def test_the_first_line_may_begin_with_a_dot():
    assert read(b"..x\r\n.\r\n")[0] == b".x\r\n"


@pytest.mark.parametrize(
    ("stream", "defect"),
    [
        (b"a\nb\r\n.\r\n", Defect.BARE_LINE_END),
        (b"a\n.\nb\r\n.\r\n", Defect.BARE_LINE_END),
        (b"a\r.\rb\r\n.\r\n", Defect.BARE_LINE_END),
        (b"a\r\r\n.\r\n", Defect.BARE_LINE_END),
        (b"\n.\r\n.\r\n", Defect.BARE_LINE_END),
        (b"a\0b\r\n.\r\n", Defect.NUL),
    ],
)
def test_a_defect_is_named_and_nothing_is_given_out_after_it(stream, defect):
    content, _, ended, found = read(stream)
    assert (content, ended, found) == (b"", True, defect)


def test_nothing_is_read_past_the_end():
    scan = EndOfData()
    scan.feed(b".\r\n")
    with pytest.raises(ValueError, match="ended"):
        scan.feed(b"x")
