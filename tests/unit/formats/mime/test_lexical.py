import pytest

from ceralacca.formats.mime.lexical import Quoted, comment, quoted_string, space_and_comments


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('"a b" c', Quoted("a b", 5, closed=True)),
        ('""', Quoted("", 2, closed=True)),
        ('"a\\"b\\\\"', Quoted('a"b\\', 8, closed=True)),
        ('"a\r\n b"', Quoted("a\r\n b", 7, closed=True)),
        ('"abc', Quoted("abc", 4, closed=False)),
        ('"abc\\"', Quoted('abc"', 6, closed=False)),
        ('"abc\\', Quoted("abc", 5, closed=False)),
        ('"', Quoted("", 1, closed=False)),
    ],
)
def test_quoted_strings(text, quoted):
    assert quoted_string(text, 0) == quoted
    assert quoted_string("xy" + text, 2) == quoted._replace(end=quoted.end + 2)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("(a) b", (3, True)),
        ("(a(b)c)(d)", (7, True)),
        ("(a\\)b)", (6, True)),
        ("(a(b)", (5, False)),
        ("(\\", (2, False)),
    ],
)
def test_comments_nest_and_escape(text, end):
    assert comment(text, 0) == end


def test_space_and_comments_are_passed_together():
    assert space_and_comments(" \r\n\t(a) (b) c", 0) == (12, True)
    assert space_and_comments("c", 0) == (0, True)
    assert space_and_comments(" (a", 0) == (3, False)
