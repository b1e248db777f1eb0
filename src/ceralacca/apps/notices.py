"""Notices to holders, joined with the rest: their parts, and the turn in which the timekeeper's process sends them.

That process has the sizes of the mailboxes and no key; what leaves, leaves through the relay.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from ceralacca.apps.cli.words import LANGUAGES, Words
from ceralacca.apps.client_settings import web_address
from ceralacca.apps.offices import office_without_key
from ceralacca.apps.settings import Settings
from ceralacca.base.errors import WorldError
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.store import Commit
from ceralacca.services.notice_jobs import notice_job
from ceralacca.services.office import NoticeParts
from ceralacca.services.steps import LEASE, NOTICE_KINDS, perform
from ceralacca.services.watch_ends import watch_ends
from ceralacca.store.database import DatabaseStore

_LOG = structlog.get_logger(__name__)
_BATCH: Final = 100
_TURNS: Final = 20
"""Batches at a time: the timekeeper has other things to do."""
_KEEP: Final = timedelta(days=62)
"""How long it is known that a notice went out: longer than the month of a step of the quota, and than the days
between the first notice of an end and the end."""
_LOOK_EVERY: Final = timedelta(hours=1)
"""How often the calendar is looked at: a mailbox whose end is set late hears of it the same day."""


def notice_parts(settings: Settings, store: DatabaseStore) -> NoticeParts:
    """Return what notices are made with."""
    return NoticeParts(
        wishes=store.notices(),
        words=notice_words,
        web=partial(web_address, settings),
        provider=settings.provider.name,
        sender=settings.notices.sender,
    )


def notice_words(language: str, what: str, **facts: str) -> tuple[str, str]:
    """Return subject and text of ordinary mail to a holder; satisfies `services.office.NoticeWords`."""
    words = Words(language if language in LANGUAGES else "it", package="ceralacca.apps.web")
    section = f"notice_{what.replace('-', '_')}"
    text = words(section, "text", **facts)
    return words(section, "subject", **facts), f"{text}\n\n{words('notices', 'mail_foot', **facts)}\n"


class NoticeDesk:
    """Sends what is due, when it is looked after."""

    def __init__(self, settings: Settings, store: DatabaseStore) -> None:
        self._store = store
        self._office = replace(office_without_key(settings, store), notices=notice_parts(settings, store))
        self._looked: datetime | None = None

    def do_what_is_due(self, now: datetime) -> None:
        """Do the jobs that are due; what goes wrong waits, and no more."""
        try:
            self._pick_up_alarms(now)
            if self._looked is None or now - self._looked >= _LOOK_EVERY:
                watch_ends(self._store, self._store.notices(), now)
                self._looked = now
            for _ in range(_TURNS):
                jobs = self._store.claim(NOTICE_KINDS, now=now, limit=_BATCH, lease=LEASE)
                if not jobs:
                    break
                perform(jobs, self._office)
        except WorldError as error:
            _LOG.warning("notices.wait", error=type(error).__name__, reason=str(error))

    def _pick_up_alarms(self, now: datetime) -> None:
        """Leave jobs for alarms that nobody has looked at; done again, it leaves the same ones."""
        alarms = self._store.safety_alarms()
        for one in alarms.unsent(limit=_BATCH):
            mailbox = self._store.mailbox(one.alarm.mailbox)
            if mailbox is not None and NoticeKind.NEW_PLACE in mailbox.notices:
                job = notice_job(mailbox.address, NoticeKind.NEW_PLACE, one.alarm.instant)
                self._store.commit([Commit(instant=now, jobs=(job,))])
            alarms.mark_sent(one.number, now=now)

    def forget(self, now: datetime) -> None:
        """Remove the traces of old notices."""
        try:
            self._store.notices().forget(before=now - _KEEP)
        except WorldError as error:
            _LOG.warning("notices.wait", error=type(error).__name__, reason=str(error))
