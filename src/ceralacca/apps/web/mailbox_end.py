"""The end of a mailbox on the pages: the last day, the banner of the weeks before it and after, why nothing is sent.

The record of the mailbox is asked each time: a contract ends, and is renewed, while somebody is signed in.

Clauses: AP-2.
"""

from dataclasses import dataclass
from datetime import date

from ceralacca.apps.web.visit import Visit
from ceralacca.base.errors import WorldError
from ceralacca.core.mailbox_end import days_left, has_ended
from ceralacca.core.notices import EXPIRY_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxEnd:
    """What the pages say of the last day of a mailbox."""

    day: date
    days: int
    """After today; less than 0 when it is over."""

    @property
    def state(self) -> str:
        """Which sentence fits."""
        if self.days < 0:
            return "over"
        return {0: "today", 1: "tomorrow"}.get(self.days, "ahead")

    @property
    def is_near(self) -> bool:
        """Whether every page says so."""
        return self.days <= max(EXPIRY_STEPS)


def mailbox_end(visit: Visit) -> MailboxEnd | None:
    """Return the end of the mailbox that is open; None for none, and for a piece of a page."""
    if visit.by_htmx:
        return None
    try:
        record = visit.parts.store.mailbox(visit.mailbox)
    except WorldError:
        return None  # the page may be the one that says that something is away
    if record is None or record.ends is None:
        return None
    return MailboxEnd(day=record.ends, days=days_left(record.ends, visit.parts.clock.now()))


def why_it_does_not_send(visit: Visit) -> str:
    """Return why nothing leaves from the mailbox that is open, as the key of a sentence; empty when it sends."""
    record, now = visit.parts.store.mailbox(visit.mailbox), visit.parts.clock.now()
    if record is not None and has_ended(record.ends, now):
        return "contract_ended"
    return "" if visit.open.may_send and record is not None and record.sends(now) else "may_not_send"
