"""Messages of a mailbox with their verdicts, judged when they are first shown and remembered for a while.

A list shows only what was proven: the header's marks of PEC decide nothing but whether a message is worth judging.
What is too large to judge for a list says so, and is judged when it is opened.

Clauses: GE-8, IP-12, TO-20.
"""

from dataclasses import dataclass
from typing import Final

from ceralacca.apps.web.visit import Visit
from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.readable import header_line
from ceralacca.net.imap_mailbox import Listed, Page
from ceralacca.services.read_message import Judged, Standing, judge
from ceralacca.services.verify_message import MessageReport

_JUDGED_IN_LISTS: Final = 2**20
"""Octets; a larger message is judged when somebody opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a list."""

    listed: Listed
    judged: Judged | None
    """None: too large to judge here."""
    sender: str
    to: str
    subject: str
    date: str
    has_files: bool


def rows_of(visit: Visit, page: Page) -> list[Row]:
    """Return the lines of a page, each message judged."""
    return [_row(visit, page, one) for one in page.messages]


def judged_message(visit: Visit, folder: str, validity: int, uid: int, octets: bytes) -> tuple[Judged, MessageReport]:
    """Judge an opened message, and remember the verdict for lists."""
    now = visit.parts.clock.now()
    judged, report = judge(octets, visit.parts.verifier(now), visit.mailbox)
    visit.parts.verdicts.keep((visit.mailbox.key, folder, validity, uid), judged, now)
    return judged, report


def _row(visit: Visit, page: Page, listed: Listed) -> Row:
    try:
        head = read_head(listed.header + b"\r\n")
    except UnreadableMessage:
        return Row(listed=listed, judged=_nothing(), sender="", to="", subject="", date="", has_files=False)
    claims = any(head.first(name) for name in ("X-Ricevuta", "X-Trasporto"))
    media_type = header_line(head, "Content-Type").lower()
    judged: Judged | None = _nothing()
    if claims or media_type.startswith("multipart/signed"):
        judged = _judged(visit, page, listed)
    return Row(
        listed=listed,
        judged=judged,
        sender=judged.sender if judged and judged.sender else header_line(head, "From"),
        to=header_line(head, "To"),
        subject=judged.subject if judged and judged.subject else header_line(head, "Subject"),
        date=header_line(head, "Date"),
        has_files=media_type.startswith("multipart/mixed"),
    )


def _judged(visit: Visit, page: Page, listed: Listed) -> Judged | None:
    place, now = (visit.mailbox.key, page.folder, page.validity, listed.uid), visit.parts.clock.now()
    known = visit.parts.verdicts.of(place, now)
    if known is not None or listed.size > _JUDGED_IN_LISTS:
        return known
    octets = visit.ask(lambda box: box.fetch(page.folder, listed.uid))
    return judged_message(visit, page.folder, page.validity, listed.uid, octets)[0]


def _nothing() -> Judged:
    return Judged(
        standing=Standing.ORDINARY,
        row=None,
        provider="",
        instant=None,
        sealed=None,
        sender="",
        recipients=(),
        subject="",
        identifier="",
        concerned=(),
        detail="",
        verdict="",
        reason="",
        for_us=True,
    )
