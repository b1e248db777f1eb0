"""The identifier that a user's client had put in `Message-ID`: what it is when the field is written badly (GE-22).

The value goes into header fields, certification data and log of every message of the transaction, so
it is one line of printable US-ASCII with its angle brackets, or nothing. Not here: PEC identifiers
(`base.identifiers`), and the fields in which the value is written again (`formats.original`).

Clauses: GE-22, GE-29, AP-22, SE-8.
"""

import re
from typing import NamedTuple

LONGEST = 998 - len("X-Riferimento-Message-ID: ")
"""Octets of the longest value that stands on one line of its own field (RFC 5322, 2.1.1)."""

_PLAIN = re.compile(rb"<[!-;=?-~]{1,%d}>" % (LONGEST - 2))
_TOKEN = re.compile(rb"<[^<>]*>|\\.|[()]|[^\\<()]+|.", re.DOTALL)
"""An identifier, a quoted pair, an end of a comment, or anything else; no two ways to read the same octets."""
_WHITE = re.compile(r"[\t ]+")
_UNPRINTABLE = re.compile(r"[^ -~]")


class ClientMessageId(NamedTuple):
    """What one `Message-ID` field says."""

    value: str | None
    """With angle brackets, printable US-ASCII on one line; None when the field gives nothing usable (AP-22)."""
    sound: bool
    """The field is empty, or holds exactly one identifier that is taken over as it is, brackets aside."""


def read_message_id(body: bytes) -> ClientMessageId:
    """Read the unfolded body of a `Message-ID` field; any octets are answered.

    Comments beside the identifier are left out; an identifier without its brackets gets them, as some
    clients forget them. Of several identifiers the first is the value, but the field is not sound. Characters
    that no header may carry are replaced by `?` (SE-8); a value that passes `LONGEST` is none.
    """
    if _PLAIN.fullmatch(body):
        return ClientMessageId(value=body.decode("ascii"), sound=True)  # as nearly always
    bracketed, rest = _outside_comments(body.strip())
    if not bracketed and rest and not re.search(rb"[\s<>()]", rest):
        bracketed, rest = [b"<" + rest + b">"], b""
    if not bracketed:
        return ClientMessageId(value=None, sound=not rest)
    raw = bracketed[0].decode("latin-1")
    value = _UNPRINTABLE.sub("?", _WHITE.sub(" ", raw))
    usable = len(value) <= LONGEST and bool(value[1:-1].strip())
    sound = usable and value == raw and len(bracketed) == 1 and not rest
    return ClientMessageId(value=value if usable else None, sound=sound)


def _outside_comments(body: bytes) -> tuple[list[bytes], bytes]:
    """Part a field body into its bracketed tokens and whatever else stands outside comments."""
    bracketed: list[bytes] = []
    rest: list[bytes] = []
    depth = 0
    for token in _TOKEN.findall(body):
        if token == b"(":
            depth += 1
        elif token == b")" and depth:
            depth -= 1
        elif not depth:
            (bracketed if token[:1] == b"<" and len(token) > 1 else rest).append(token)
    if depth:
        rest.append(b"(")  # a comment without end hides nothing
    return bracketed, b"".join(rest).strip()
