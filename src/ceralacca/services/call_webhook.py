"""The relay's step for holders who have a server of their own called: the same octets until they are taken, for a day.

A call says as little as a notice by mail. What does not get through in a day is given up and shown to the holder.

Clauses: DP-8.
"""

import json
from datetime import datetime

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.notices import LIFETIME, NoticeKind
from ceralacca.ports.notices import CallsWebhook, NoticeWay, NoWebhook
from ceralacca.ports.store import Commit, Job, JobKind, NewJob
from ceralacca.services import payload
from ceralacca.services.notice_jobs import trouble_job
from ceralacca.services.retry import NotYet, relay_delay


def webhook_job(mailbox: Address, kind: NoticeKind, *, key: str, web: str, now: datetime, **facts: str) -> NewJob:
    """Return the job that calls the holder's server about something."""
    told = {"about": kind.value, "mailbox": mailbox.text, "instant": now.isoformat(), "web": web, **facts}
    return NewJob(
        key=f"webhook:{key.replace('#', '~')}",  # tries are counted behind a #
        kind=JobKind.WEBHOOK,
        due=now,
        payload={
            "mailbox": mailbox.text,
            "key": key,
            "body": json.dumps(told),
            "expires": (now + LIFETIME).isoformat(),
        },
    )


def call_webhook(job: Job, *, calls: CallsWebhook, now: datetime) -> Commit:
    """Call once; what fails becomes a later job, or is given up after a day. Raises NotYet while there is no room."""
    mailbox, key = payload.address(job, "mailbox"), payload.word(job, "key")
    try:
        calls(mailbox, key=key, body=payload.word(job, "body").encode())
    except NoWebhook:
        return Commit(done=job.id, instant=now)
    except (UserError, WorldError) as error:
        if isinstance(error, NotYet) and now < _expires(job):
            raise
        return Commit(done=job.id, instant=now, jobs=(_later(job, mailbox, key, str(error), now),))
    return Commit(done=job.id, instant=now)


def _expires(job: Job) -> datetime:
    return datetime.fromisoformat(payload.word(job, "expires"))


def _later(job: Job, mailbox: Address, key: str, said: str, now: datetime) -> NewJob:
    expires = _expires(job)
    if now >= expires:
        return trouble_job(mailbox, NoticeWay.WEBHOOK, key=f"webhook:{key}", said=said, instant=now)
    tries = int(payload.word(job, "tries") or 0) + 1
    base = job.key.partition("#")[0]
    due = min(now + relay_delay(tries), expires)
    return NewJob(key=f"{base}#{tries}", kind=JobKind.WEBHOOK, due=due, payload={**job.payload, "tries": tries})
