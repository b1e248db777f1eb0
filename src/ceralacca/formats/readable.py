"""A message as a person reads it in a browser: header lines, one text, one HTML body, files; looked at once, in bounds.

Only looks (SE-7): what it gives is somebody else's text, to be escaped or sanitised before it is shown, and proves
nothing. A message that passes a limit gives its header lines and no parts.

Clauses: SE-7, BR-2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.message_summary import Attachment
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.mime.words import decode_octets, decode_words
from ceralacca.formats.splice import Octets

LONGEST_TEXT: Final = 2**20
"""Octets of a body, still encoded, that are shown; the rest is to be downloaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """What there is to read. Fields are decoded text without control characters, empty when absent."""

    subject: str
    sender: str
    to: str
    cc: str
    date: str
    message_id: str
    client_message_id: str
    """`X-Riferimento-Message-ID`."""
    text: str | None
    html: str | None
    cut: bool
    """A body is longer than what is shown."""
    files: tuple[Attachment, ...]
    inline: dict[str, Attachment]
    """Pictures that the HTML may name, by Content-ID."""
    limit_passed: bool = False


def read_for_people(data: Octets) -> Readable:
    """Look at a message. Raises UnreadableMessage when not even its header can be read."""
    try:
        top = look(data, into_messages=False)
    except UnreadableMessage:
        return _readable(read_head(data), data, (), limit_passed=True)
    return _readable(top.head, data, tuple(one for one in top.walk() if not one.is_multipart), limit_passed=False)


def header_line(head: Head, name: str) -> str:
    """Return a field as text, decoded; empty when it is not there."""
    field = head.first(name)
    return "" if field is None else decode_words(field.body).strip()


def _readable(head: Head, data: Octets, parts: tuple[Entity, ...], *, limit_passed: bool) -> Readable:
    text, html = _body(parts, "text/plain"), _body(parts, "text/html")
    pictures = {} if html is None else dict(_pictures(parts, data))
    shown = [one for one in (text, html) if one is not None]
    inside = {id(one) for one, _ in pictures.values()}
    files = tuple(_attachment(one, data) for one in parts if one not in shown and id(one) not in inside)
    return Readable(
        subject=header_line(head, "Subject"),
        sender=header_line(head, "From"),
        to=header_line(head, "To"),
        cc=header_line(head, "Cc"),
        date=header_line(head, "Date"),
        message_id=header_line(head, "Message-ID"),
        client_message_id=header_line(head, "X-Riferimento-Message-ID"),
        text=None if text is None else _decoded(text, data),
        html=None if html is None else _decoded(html, data),
        cut=any(one.end - one.body_start > LONGEST_TEXT for one in shown),
        files=files,
        inline={name: attachment for name, (_, attachment) in pictures.items()},
        limit_passed=limit_passed,
    )


def _body(parts: tuple[Entity, ...], media_type: str) -> Entity | None:
    """Return the part that is the message's own text: the first of its kind that is no file."""
    for one in parts:
        is_file = one.filename is not None or (one.disposition is not None and one.disposition.value == "attachment")
        if one.media_type == media_type and not is_file:
            return one
    return None


def _decoded(part: Entity, data: Octets) -> str:
    octets = decode_transfer(part.body(data)[:LONGEST_TEXT], part.encoding)
    charset = part.content_type.params.get("charset", "utf-8")
    return decode_octets(octets, charset).replace("\r\n", "\n").replace("\x00", "�")


def _pictures(parts: tuple[Entity, ...], data: Octets) -> Iterator[tuple[str, tuple[Entity, Attachment]]]:
    for one in parts:
        name = header_line(one.head, "Content-ID").strip("<> ")
        if name and one.media_type.startswith("image/"):
            yield name, (one, _attachment(one, data))


def _attachment(part: Entity, data: Octets) -> Attachment:
    body = part.body(data)
    return Attachment(
        name=part.filename, media_type=part.media_type, encoding=part.encoding, octets=len(body), body=body
    )
