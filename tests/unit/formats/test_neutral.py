"""Text from outside is made harmless before it is interpolated."""

import pytest

from ceralacca.formats.neutral import one_line, some_lines


@pytest.mark.requirement("SE-8", "XM-3")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("  a  b  ", "a  b"),
        ("a\r\n b\n\n\tc", "a b c"),
        ("a\x0b\x0c\x85\u2028\u2029b", "a b"),
        ("\x00\x1b\x7f\x9b\ud800\ufffe\uffff", "\ufffd" * 7),
        ("\n", ""),
        ("è€😀\u202e", "è€😀\u202e"),
    ],
)
def test_one_line(text, line):
    assert one_line(text) == line
    assert one_line(line) == line


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("a", "a"),
        ("  a\r\n  - b \r\r\n\n  - c\t\n", "a\n  - b\n  - c"),
        ("a\x0bb\n\x00", "a b\n\ufffd"),
        (" \n\t\n", ""),
    ],
)
def test_some_lines(text, lines):
    assert some_lines(text) == lines
    assert some_lines(lines) == lines
