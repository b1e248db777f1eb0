"""Comments and quoted strings, which every structured header field shares (RFC 5322, 3.2).

Text comes in as latin-1, one character an octet. Each function takes a position and returns the next one; none
looks at a character more than a few times, and nesting is counted, not entered.
"""

import re
from typing import NamedTuple

SPACE = re.compile(r"[ \t\r\n]*+")
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*)(\\?"|\\?\Z)', re.DOTALL)
_IN_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Quoted(NamedTuple):
    """A quoted string: its content without quotes and escapes, where it ends, and whether it was closed."""

    content: str
    end: int
    closed: bool


def quoted_string(text: str, position: int) -> Quoted:
    """Read the quoted string whose opening quote stands at `position`; unclosed, it reaches to the end."""
    found = _QUOTED.match(text, position)
    assert found is not None  # whatever follows a quote matches
    content = found[1]
    if "\\" in content:
        content = _ESCAPE.sub(r"\1", content)
    return Quoted(content, found.end(), closed=found[2] == '"')


def comment(text: str, position: int) -> tuple[int, bool]:
    """Pass the comment whose opening parenthesis stands at `position`: where it ends, and whether it was closed."""
    level = 0
    for found in _IN_COMMENT.finditer(text, position):
        mark = found[0]
        if mark == "(":
            level += 1
        elif mark == ")":
            level -= 1
            if level == 0:
                return found.end(), True
    return len(text), False


def space_and_comments(text: str, position: int) -> tuple[int, bool]:
    """Pass white space and comments: where they end, and whether every comment was closed."""
    closed = True
    while True:
        position = SPACE.match(text, position).end()  # type: ignore[union-attr]  # matches always
        if text[position : position + 1] != "(":
            return position, closed
        position, closed = comment(text, position)
