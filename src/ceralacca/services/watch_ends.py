"""Looks at the calendar for mailboxes that end soon, and leaves the jobs that tell their holders.

Nothing happens in a mailbox on these days, so nothing else leaves such a job. Looking again is harmless: a job has the
key of its notice, and one that went out is known by it.
"""

from datetime import datetime, timedelta
from typing import Final

from ceralacca.base.instants import legal_day
from ceralacca.core.notices import EXPIRY_STEPS
from ceralacca.ports.notices import Notices
from ceralacca.ports.store import Commit, Store
from ceralacca.services.notice_jobs import expiry_job

_AT_ONCE: Final = 100
"""Jobs in one commit."""


def watch_ends(store: Store, notices: Notices, now: datetime) -> int:
    """Leave jobs for the mailboxes whose holders are to be told of the end now; return how many. Raises WorldError."""
    today = legal_day(now)
    ending = store.ending(today, today + timedelta(days=max(EXPIRY_STEPS)))
    jobs = [job for mailbox in ending if (job := expiry_job(mailbox, now)) is not None]
    told = notices.told([job.key for job in jobs])
    wanted = [job for job in jobs if job.key not in told]
    for start in range(0, len(wanted), _AT_ONCE):
        store.commit([Commit(instant=now, jobs=tuple(wanted[start : start + _AT_ONCE]))])
    return len(wanted)
