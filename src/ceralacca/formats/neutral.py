"""Text from outside made safe to be interpolated: in a line of text, in HTML, in XML (SE-8, XM-3).

Escaping is the business of each writer; here characters that no generated message may carry are
replaced, so that nothing can begin a new line or a new field, and nothing is silently lost.
Readers and writers alike use this module; it composes nothing.
"""

import re

_LINE_ENDS = re.compile("[ \t]*[\t\n\v\f\r\x85\u2028\u2029]+[ \t]*")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def one_line(text: str) -> str:
    """Return the text as one line: line ends and tabs become one space, other controls U+FFFD.

    White space at either end is removed. What comes out is valid XML 1.0 character data before
    escaping, and can be encoded as UTF-8.
    """
    if text.isprintable():  # then it has none of them
        return text.strip(" ") if " " in (text[:1], text[-1:]) else text
    return _FORBIDDEN.sub("\ufffd", _LINE_ENDS.sub(" ", text)).strip(" ")


def some_lines(text: str) -> str:
    r"""Return the text as lines parted by `\n`: for descriptions that list several failures (3.2).

    Each line is as of `one_line`, except that its indentation is kept; empty lines go.
    """
    lines = (line.rstrip(" \t") for line in re.split("\r\n|[\n\r]", text))
    kept = [_FORBIDDEN.sub("\ufffd", _LINE_ENDS.sub(" ", line)) for line in lines if line.strip(" \t")]
    return "\n".join(kept).strip(" ")
