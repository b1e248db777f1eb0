"""The jobs by which a holder is told of something by ordinary ways: made in the commit of what is told of.

All that happens within the same five minutes finds the same job there, and so shares one notice. The end of a mailbox
happens by itself: whoever looks at the calendar makes its job.

Clauses: DP-8.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind, called_for, expiry_step, window_end
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.notices import NoticeWay
from ceralacca.ports.store import JobKind, NewJob

_LONGEST: Final = 300


def jobs_for(mailbox: MailboxRecord, stored: MessageClass, instant: datetime) -> Iterable[NewJob]:
    """Return the jobs for a message that now lies in a mailbox."""
    for kind in called_for(mailbox.notices, stored):
        yield notice_job(mailbox.address, kind, instant)


def notice_job(mailbox: Address, kind: NoticeKind, instant: datetime) -> NewJob:
    """Return the job that tells of something that happened at that instant, at the end of its five minutes."""
    due = window_end(instant)
    return NewJob(
        key=f"notice:{kind}:{due:%Y%m%dT%H%M}:{mailbox.key}",
        kind=JobKind.NOTICE,
        due=due,
        payload={"mailbox": mailbox.text, "about": kind.value},
    )


def expiry_job(mailbox: MailboxRecord, now: datetime) -> NewJob | None:
    """Return the job that tells of the end of a mailbox at the step that is reached; None when nobody is to be told.

    Its key is that of the notice: each step is told of once for each last day.
    """
    ends = mailbox.ends
    step = None if ends is None else expiry_step(ends, now)
    wanted = NoticeKind.EXPIRY in mailbox.notices and mailbox.status is not MailboxStatus.CLOSED
    if ends is None or step is None or not wanted:
        return None
    return NewJob(
        key=f"notice:{NoticeKind.EXPIRY}:{ends}:{step}:{mailbox.address.key}",
        kind=JobKind.NOTICE,
        due=now,
        payload={
            "mailbox": mailbox.address.text,
            "about": NoticeKind.EXPIRY.value,
            "ends": ends.isoformat(),
            "step": step,
        },
    )


def trouble_job(mailbox: Address, way: NoticeWay, *, key: str, said: str, instant: datetime) -> NewJob:
    """Return the job that lets the holder find out that a notice did not get through."""
    return NewJob(
        key=f"notice-trouble:{key}",
        kind=JobKind.NOTICE,
        due=instant,
        payload={"mailbox": mailbox.text, "way": way.value, "trouble": said[:_LONGEST] or "refused"},
    )
