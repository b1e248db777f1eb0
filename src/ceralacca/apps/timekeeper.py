"""The timekeeper: what is to be done at its time and needs no key of the messages.

The providers directory daily, the CRLs hourly; old records of deliveries and old infected messages deleted; the
log sealed, with its own key, its consistency examined every night, and its months let go when their term has ended.
Holders who want it are told of what came into their mailboxes. The timers of section 7 are jobs of the workers: their
notices are sealed, and only a worker holds the key.

Clauses: DI-3, IP-9, SE-4, VI-1, VI-2, LO-4 to LO-6, LO-10.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from ceralacca.apps.auditing import by_program
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.directory_agent import DirectoryAgent, directory_agent
from ceralacca.apps.duty import Duty
from ceralacca.apps.errands.tidy import tidy_errands
from ceralacca.apps.key_use import key_in_use
from ceralacca.apps.log_check import check_nightly
from ceralacca.apps.log_keeper import keep_log, log_keeper
from ceralacca.apps.log_sealer import LogSealer
from ceralacca.apps.notices import NoticeDesk
from ceralacca.apps.offices import log_signer
from ceralacca.apps.second_site import follow_now
from ceralacca.apps.settings import Settings
from ceralacca.apps.virus_storage import delete_expired, purge, virus_vault
from ceralacca.apps.wiring import CLOCK, mail_store, provider_store, site_of
from ceralacca.base.errors import WorldError
from ceralacca.core.model.audit import AuditAct
from ceralacca.core.retention import Holds
from ceralacca.ports.log_search import LogEntry
from ceralacca.ports.signer import Signer
from ceralacca.store.database import DatabaseStore
from ceralacca.store.maildir import Maildir
from ceralacca.store.site.state import Site
from ceralacca.store.virus_vault import VirusVault

_LOG = structlog.get_logger(__name__)

_LOOK: Final = 30.0
"""Seconds between two looks at the clock: it may be set, and machines sleep."""
_FORGET: Final = timedelta(days=7)
_TIDY_EVERY: Final = timedelta(days=1)
_PURGE_EVERY: Final = timedelta(hours=1)
_BEAT_EVERY: Final = 1000
"""Rows of the log between two signs of life."""


class _Ended(Exception):
    """The duty has ended in the middle of something long."""


def run_timekeeper(settings: Settings, duty: Duty) -> None:
    """Keep the times until the duty ends. Raises UserError."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    with closing(provider_store(settings, connections=1)) as store, _log_sealer(settings, store, folder) as seal:
        agent, keeper = directory_agent(settings, store), log_keeper(settings, store)
        mail, vault = mail_store(settings), virus_vault(settings)
        notices = NoticeDesk(settings, store)
        tidied = purged = followed = CLOCK.now()
        site = site_of(settings)
        purge(store)  # what a worker that was cut off has left
        _prepare_months(store, tidied)
        duty.ready()
        while not duty.ending.is_set():
            duty.beat()
            now = CLOCK.now()
            _guarded(agent, now)
            seal(now)
            notices.do_what_is_due(now)
            if now - purged >= _PURGE_EVERY:
                purged = now
                purge(store)
                _tidy_errands(folder, store, now)
            if now - tidied >= _TIDY_EVERY:
                tidied = now
                _prepare_months(store, now)
                _tidy(mail, vault, store, now)
                _forget_receipts(settings, store, now)
                keep_log(keeper, now)
                notices.forget(now)
            _check_log(folder, store, duty, now)
            if settings.site is not None and site is not None and now - followed >= settings.site.follow_every:
                followed = now
                _follow(settings, site, now)
            duty.ending.wait(min(_LOOK, settings.message_log.seal_every.total_seconds()))


@contextmanager
def _log_sealer(settings: Settings, store: DatabaseStore, folder: DataFolder) -> Iterator[Callable[[datetime], None]]:
    """Give what seals the log when it is time; nothing without its key, which `pec doctor` finds fault with.

    The use of the key is recorded once a day: each entry is itself to be sealed. Raises UserError, WorldError.
    """
    if settings.message_log.keys is None:
        _LOG.warning("timekeeper.log_not_sealed", reason="message_log.keys is missing")
        yield lambda _: None
        return

    def load() -> Signer:
        signer = log_signer(settings)
        assert signer is not None, "the settings name its key"
        return signer

    with (
        key_in_use(load, store, folder, role="timekeeper", serves="log", every=_TIDY_EVERY) as key,
        closing(LogSealer(settings, key.signer)) as sealer,
    ):

        def seal(now: datetime) -> None:
            sealer.do_what_is_due(now)
            key.record_due()

        yield seal


def _check_log(folder: DataFolder, store: DatabaseStore, duty: Duty, now: datetime) -> None:
    """LO-10: once a day; between rows the supervisor hears of us, and an end is an end."""

    def keep_alive(entry: LogEntry) -> None:
        if entry.seq % _BEAT_EVERY == 0:
            duty.beat()
        if duty.ending.is_set():
            raise _Ended

    try:
        check_nightly(folder, store, store.domains, now, progress=keep_alive)
    except _Ended:
        pass
    except WorldError as error:
        _LOG.warning("timekeeper.waits", error=type(error).__name__, reason=str(error))


def _follow(settings: Settings, site: Site, now: datetime) -> None:
    try:
        follow_now(settings, site, now)
    except (WorldError, OSError) as error:
        _LOG.error("timekeeper.site_waits", error=type(error).__name__, reason=str(error))


def _guarded(agent: DirectoryAgent, now: datetime) -> None:
    try:
        agent.do_what_is_due(now)
    except WorldError as error:
        _LOG.error("timekeeper.waits", error=type(error).__name__, reason=str(error))


def _prepare_months(store: DatabaseStore, now: datetime) -> None:
    """Make the tables of the months to come; a writer makes what is missing all the same."""
    try:
        store.retention.prepare_months(now)
    except WorldError as error:
        _LOG.warning("timekeeper.waits", error=type(error).__name__, reason=str(error))


def _tidy_errands(folder: DataFolder, store: DatabaseStore, now: datetime) -> None:
    """Take away what was made for holders and its day is over."""
    try:
        _LOG.info("timekeeper.handouts", removed=tidy_errands(store.errands(), folder.handouts, now))
    except WorldError as error:
        _LOG.warning("timekeeper.waits", error=type(error).__name__, reason=str(error))


def _forget_receipts(settings: Settings, store: DatabaseStore, now: datetime) -> None:
    """Keep the hash alone of delivered receipts where the contract says so; a legal hold keeps them whole."""
    kept = settings.receipts
    if not kept.any_hash:
        return
    try:
        holds = Holds(store.retention.holds())
        gone = store.forget_receipts(
            before=now - kept.octets_for,
            of=lambda identifier, holder: kept.hash_only(holder) and not holds.keep_mail(identifier, (holder,)),
        )
        _LOG.info("timekeeper.receipts", hash_only=gone)
    except WorldError as error:
        _LOG.warning("timekeeper.waits", error=type(error).__name__, reason=str(error))


def _tidy(mail: Maildir, vault: VirusVault, store: DatabaseStore, now: datetime) -> None:
    try:
        records = mail.forget_deliveries(before=now - _FORGET)
        expired = delete_expired(vault, store, now, Holds(store.retention.holds()))
        if expired:
            store.audit.record(by_program(AuditAct.INFECTED_DELETED, "timekeeper", now, detail={"count": expired}))
        _LOG.info("timekeeper.tidied", records=records, infected=expired)
    except WorldError as error:
        _LOG.warning("timekeeper.waits", error=type(error).__name__, reason=str(error))
