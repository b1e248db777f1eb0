"""The outer header of every message that we generate: which fields, in which order, how written (2.3).

Fields are of two sorts: ours, written by `formats.mime.compose.header_field`, which refuses
whatever could begin a new line (SE-8); and inherited ones, which keep the octets they came with
(GE-24, GE-25). `MIME-Version` and `Content-Type` are not here: they belong to the seal's frame.

Clauses: GE-20 to GE-27, GE-32, AP-23, BT-2, BT-3, BA-3, SE-8, AM-10, AM-34.
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from ceralacca.base.errors import OurError
from ceralacca.base.instants import message_date
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.mime.compose import CRLF, header_field
from ceralacca.formats.mime.header import Field, Head
from ceralacca.formats.neutral import one_line
from ceralacca.formats.splice import Splice

_LINE_ENDS = re.compile(rb"\r\n|\n")
_WHOLE_LINES = re.compile(rb"(?:[^\r\n\x00]*+\r\n)+")
_BREAKERS = re.compile(rb"[\r\x00]")
_PLAIN_ADDRESS = re.compile(
    r"""[^\x00-\x20"(),:;<>\[\]\\\x7f-\U0010ffff]+|"(?:[ !#-\[\]-~]|\\[ -~])*"@[A-Za-z0-9.-]+"""
)
_ON_ONE_LINE = re.compile(r"<[ -~]{1,970}>")
_QUOTABLE = re.compile(r"[ -~]{1,400}")
_LONGEST_DISPLAY = 400


_start = attrgetter("start")


class OuterHeader(NamedTuple):
    """The fields of one outer header, each as whole lines with CRLF; absent ones are empty.

    Never a `Sender` (AM-10), never `Auto-Submitted` (AM-34), nothing else of the original (GE-27).
    """

    marks: bytes
    """The X- fields."""
    instant: datetime
    subject: bytes
    sender: bytes
    """The From field."""
    to: bytes
    message_id: bytes
    trace: bytes = b""
    """Received and Return-Path of the original."""
    cc: bytes = b""
    reply_to: bytes = b""

    def splice(self) -> Splice:
        """Write the fields in the order of GE-32, as one piece: it is short, and read again before it is sealed."""
        date = header_field("Date", message_date(self.instant))
        before = self.trace, self.marks, date, self.subject, self.sender
        return Splice((b"".join((*before, self.to, self.cc, self.reply_to, self.message_id)),))


def inherited(head: Head, *names: str) -> bytes:
    """Return the fields of these names as they came, in the order in which they came (GE-24, GE-25)."""
    index = head.lines.index
    fields = [field for name in names for field in index.get(name.lower(), ())]
    if not fields:
        return b""
    fields.sort(key=_start)
    return b"".join(map(as_outer_lines, fields))


def as_outer_lines(field: Field) -> bytes:
    """Return one inherited field, octet for octet unless that would break our own header.

    8-bit octets and long lines stay. A line end that is not CRLF becomes CRLF, a lone CR or a NUL
    becomes a space: a reader might take them for the end of the field.
    """
    if _WHOLE_LINES.fullmatch(field.raw):
        return field.raw  # as nearly always
    lines = _LINE_ENDS.split(field.raw)
    if not lines[-1]:
        lines.pop()
    return b"".join(_BREAKERS.sub(b" ", line) + CRLF for line in lines)


def marks(fields: Iterable[tuple[str, str]]) -> bytes:
    """Write the X- fields of a row."""
    return b"".join([header_field(name, value) for name, value in fields])


def reference(original: OriginalData) -> tuple[str, str]:
    """Return `X-Riferimento-Message-ID`: what the client had put, else the PEC msgid (GE-22, AP-23).

    The brackets are there also where another provider left them out of its certification data. A
    client identifier that no header line can hold counts as none.
    """
    return original.once(_reference)


def _reference(original: OriginalData) -> tuple[str, str]:
    client = bracketed((original.client_message_id or "").strip(" <>"))
    return ("X-Riferimento-Message-ID", client if _ON_ONE_LINE.fullmatch(client) else bracketed(original.identifier))


def bracketed(identifier: str) -> str:
    """Put an identifier into angle brackets, as header fields have it."""
    return f"<{identifier}>"


def is_bare(address: Address) -> bool:
    """Tell whether the address can be the whole value of a field: printable, surely one, surely an address."""
    return len(address.text) <= _LONGEST_DISPLAY and _is_plain(address.text)


@lru_cache(maxsize=1024)
def _is_plain(address: str) -> bool:
    return _PLAIN_ADDRESS.fullmatch(address) is not None


def bare(address: Address) -> str:
    """Return an address as the whole value of a field (GE-21).

    Raises OurError for one that a reader could take for several, or for something else (SE-8).
    """
    if not is_bare(address):
        raise OurError("an address cannot stand in a header field by itself")
    return address.text


def address_field(name: str, address: Address) -> bytes:
    """Write a field that is one bare address. Raises as `bare`."""
    return _address_field(name, address.text)  # equal addresses may be spelled differently


@lru_cache(maxsize=1024)
def _address_field(name: str, text: str) -> bytes:
    return header_field(name, bare(Address(text)))


def on_behalf_of(sender: str, provider: IssuingProvider) -> bytes:
    """Write the From of an envelope: `"Per conto di: {mittente}" <posta-certificata@{dominio}>` (BT-2).

    The display name is one quoted-string, never folded inside. One that is not US-ASCII, or longer
    than any address, can only come from ordinary mail: then it is shortened and written as
    encoded-words.
    """
    text = f"Per conto di: {one_line(sender)}"
    display = _quoted(text) if _QUOTABLE.fullmatch(text) else _encoded(text[:_LONGEST_DISPLAY])
    return header_field("From", f"{display} <{bare(provider.address)}>")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded(text: str) -> str:
    """Write text as encoded-words of RFC 2047, a few characters in each so that none is too long."""
    pieces = (text[at : at + 10].encode("utf-8") for at in range(0, len(text), 10))
    return " ".join(f"=?utf-8?b?{b2a_base64(piece, newline=False).decode('ascii')}?=" for piece in pieces)
