"""Notices to a holder about the own mailbox, by ordinary ways: which there are, and when one is due.

Pure. A notice is no PEC message and says nothing of any message: that something is in the mailbox, and where to read
it. Messages of the same few minutes share one notice.

Clauses: DP-8.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.mailbox_end import days_left

WINDOW: Final = timedelta(minutes=5)
"""At most one notice of a kind goes out for a mailbox in so long."""
LIFETIME: Final = timedelta(hours=24)
"""How long it is tried to hand a notice over."""
QUOTA_STEPS: Final = (80, 90, 95)
"""Per cent of the quota of which a holder is told."""
EXPIRY_STEPS: Final = (30, 7, 1)
"""How many days before the end of a mailbox its holder is told."""


class NoticeKind(StrEnum):
    """What a holder may want to be told of."""

    NEW_MESSAGE = "new-message"
    """A certified message has come."""
    QUOTA = "quota"
    """The mailbox has reached one of `QUOTA_STEPS`."""
    NEW_PLACE = "new-place"
    """Somebody came in from a new place, or what guards the mailbox was changed."""
    EXPIRY = "expiry"
    """The contract of the mailbox ends in one of `EXPIRY_STEPS`."""


def called_for(wanted: Collection[NoticeKind], stored: MessageClass) -> Iterable[NoticeKind]:
    """Return what is to be looked at once a message of that class lies in the mailbox."""
    if NoticeKind.NEW_MESSAGE in wanted and stored is MessageClass.ENVELOPE:
        yield NoticeKind.NEW_MESSAGE
    if NoticeKind.QUOTA in wanted:
        yield NoticeKind.QUOTA


def window_end(instant: datetime) -> datetime:
    """Return when the notice of what happens now goes out: the end of its five minutes, always later."""
    since = datetime(1970, 1, 1, tzinfo=UTC)
    return since + ((instant - since) // WINDOW + 1) * WINDOW


def quota_step(used: int, quota: int) -> int | None:
    """Return the highest step that so many octets of the quota have reached; None below all."""
    if quota <= 0:
        return None
    return max((step for step in QUOTA_STEPS if used * 100 >= quota * step), default=None)


def expiry_step(ends: date, now: datetime) -> int | None:
    """Return the last step before the end that has been reached; None above all, and when the end is over."""
    left = days_left(ends, now)
    return min((step for step in EXPIRY_STEPS if 0 <= left <= step), default=None)
