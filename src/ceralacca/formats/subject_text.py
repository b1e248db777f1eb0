"""The subject of the original message as text: what `{oggetto}` and the certification data show.

A reader's module: it composes nothing. Carrying the subject over into a header is
`formats.subject`.

Clauses: XM-3, SE-8; 0.3 and 8.2 of the technical rules for the decoded form.
"""

import re

from ceralacca.formats.mime.words import decode_words
from ceralacca.formats.neutral import one_line

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_LINE_END = re.compile(rb"[\r\n]+")
_ROOM = 64
_LONG_SPACE = re.compile(rb"[ \t]{%d,}" % (_ROOM + 1))


def decoded_subject(field_body: bytes | None) -> str | None:
    """Return the subject as Unicode text on one line, as `{oggetto}` and `oggetto` show it (8.2, XM-3).

    None stays None: the original has no Subject. Characters that XML does not allow become U+FFFD.
    """
    if field_body is None:
        return None
    return one_line(decode_words(subject_octets(field_body)))


def subject_octets(body: bytes) -> bytes:
    """Return the field body unfolded and stripped, as both views of the subject begin from it.

    Whatever line end is left is an attack or an accident and becomes a space (SE-8); white space
    that would not fit in a line becomes one space.
    """
    if b"\n" in body or b"\r" in body:
        body = _LINE_END.sub(b" ", _FOLD.sub(b"", body))
    if len(body) > _ROOM:
        body = _LONG_SPACE.sub(b" ", body)
    return body.strip(b" \t")
