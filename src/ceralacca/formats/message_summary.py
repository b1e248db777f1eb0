"""What a person wants to know of any message at a glance: header lines and attachments.

Only looks: nothing is decoded until somebody asks for an attachment's content. Names and subjects
are somebody else's text: not paths, and not fit for a terminal until made visible.

Clauses: SE-7, BR-1, BR-2 (what counts as a file in a message).
"""

from dataclasses import dataclass, replace

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.mime.transfer import IDENTITY, decode_transfer
from ceralacca.formats.mime.words import decode_words
from ceralacca.formats.received import Received
from ceralacca.formats.splice import Octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One part of a message that is a file: named, or a message of its own."""

    name: str | None
    """As the message has it, decoded; None for a message without name."""
    media_type: str
    encoding: str
    octets: int
    """Size of the body, still encoded."""
    body: memoryview
    """Still encoded; empty when the content was let go."""

    def content(self) -> bytes:
        """Undo the transfer encoding."""
        return decode_transfer(self.body, self.encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSummary:
    """Header lines as text (None where absent) and the attachments."""

    subject: str | None
    sender: str | None
    recipients: str | None
    date: str | None
    message_id: str | None
    attachments: tuple[Attachment, ...]
    limit_passed: bool = False
    """The message passes a limit of SE-7, so that its attachments are not listed."""

    def without_content(self) -> "MessageSummary":
        """Let the octets of the message go, and keep what they were called and how many they were."""
        return replace(self, attachments=tuple(replace(one, body=memoryview(b"")) for one in self.attachments))


def summarise(data: Octets, *, start: int = 0, end: int | None = None) -> MessageSummary | None:
    """Look at the message in `data[start:end]`; None when not even its header can be read.

    To name a stretch of the whole is quicker than to hand over a view of it.
    """
    try:
        top = look(data, into_messages=False, start=start, end=end)
    except UnreadableMessage:
        return _header_only(data, start, end)
    return _summary(top.head, tuple(_attachment(part, data) for part in _files(top)))


def summarise_original(received: Received) -> MessageSummary | None:
    """Look at the original inside a PEC message; None when there is none."""
    part = received.original_part.entity
    if part is not None and part.encoding in IDENTITY:
        return summarise(received.data, start=part.body_start, end=part.end)
    original = received.original
    return None if original is None else summarise(original)


def _header_only(data: Octets, start: int, end: int | None) -> MessageSummary | None:
    try:
        return _summary(read_head(data, start, end), (), limit_passed=True)
    except UnreadableMessage:
        return None


def _summary(head: Head, attachments: tuple[Attachment, ...], *, limit_passed: bool = False) -> MessageSummary:
    def line(name: str) -> str | None:
        field = head.first(name)
        return None if field is None else decode_words(field.body)

    return MessageSummary(
        subject=line("Subject"),
        sender=line("From"),
        recipients=line("To"),
        date=line("Date"),
        message_id=line("Message-ID"),
        attachments=attachments,
        limit_passed=limit_passed,
    )


def _files(top: Entity) -> list[Entity]:
    return [
        part
        for part in top.walk()
        if not part.is_multipart and (part.filename is not None or part.media_type == "message/rfc822")
    ]


def _attachment(part: Entity, data: Octets) -> Attachment:
    body = part.body(data)
    return Attachment(
        name=part.filename, media_type=part.media_type, encoding=part.encoding, octets=len(body), body=body
    )
