"""The worker: claims what is due, does the steps of a batch, commits them with one sync; a few batches side by side.

The only process that reads the signing key, and so the one that fires the timers as well: their notices
are sealed. It waits for hints of the listeners and of other workers, but what it believes is the queue: it
looks there every second, and when the next job is due.

Clauses: AP-25, IP-21, TI-1, TI-10, SE-4.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from ceralacca.apps.claims import Claims
from ceralacca.apps.clock_guard import clock_guard
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.key_use import key_in_use
from ceralacca.apps.metrics.counts import CountedScanner, Counts
from ceralacca.apps.offices import signer, worker_office
from ceralacca.apps.settings import Settings
from ceralacca.apps.virus_storage import purge, virus_vault, with_vault
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.ports.store import JobKind, Store
from ceralacca.services.office import Office
from ceralacca.services.steps import LEASE, TIMEKEEPER_KINDS, WORKER_KINDS, perform
from ceralacca.store.maildir_files import Owner
from ceralacca.store.wake import LOOK_EVERY, Wake

_LOG = structlog.get_logger(__name__)

KINDS: Final = (*WORKER_KINDS, *TIMEKEEPER_KINDS)
_AWAY: Final = 1.0
"""Seconds to wait when the store is away."""


def run_worker(settings: Settings, duty: Duty, *, name: str = "worker", owner: Owner | None = None) -> None:
    """Work until the duty ends; what is in hand is finished first. Raises UserError."""
    folder, workers = DataFolder(settings.data.folder), settings.workers
    folder.make()
    with ExitStack() as open_now:
        connections = workers.lanes_each * workers.threads + 1
        store = provider_store(settings, connections=connections, reads_are_durable=False)
        open_now.callback(store.close)
        key = open_now.enter_context(key_in_use(lambda: signer(settings), store, folder, role=name))
        office = worker_office(settings, with_vault(store, virus_vault(settings)), key.signer, owner)
        counts = Counts(folder.run, name)
        office = replace(office, scanner=CountedScanner(office.scanner, counts))
        purge(office.store)  # VI-2: what a worker that was cut off has left
        names = [name, *(f"{name}-lane-{number}" for number in range(2, workers.lanes_each + 1))]
        lanes = [_lane(settings, office, duty, open_now, each) for each in names]

        def each_turn() -> None:
            key.record_due()
            counts.write_due()

        lanes[0].each_turn = each_turn
        duty.ready(batch=workers.batch)
        work_side_by_side(lanes, duty)


def _lane(settings: Settings, office: Office, duty: Duty, open_now: ExitStack, name: str) -> "Worker":
    """Make one of the lanes of a worker, with a note and an ear of its own."""
    folder, workers = DataFolder(settings.data.folder), settings.workers
    claims = Claims(folder.run, name)
    open_now.callback(claims.close)
    wake = Wake(folder.run, KINDS)
    open_now.callback(wake.close)
    wake.wait(0)  # listen first, look then: no hint falls between
    threads = None
    if workers.threads > 1:
        threads = open_now.enter_context(ThreadPoolExecutor(workers.threads, thread_name_prefix="step"))
    claims.give_back(office.store, now=CLOCK.now(), lease=LEASE)
    sharing = workers.count * workers.lanes_each
    worker = Worker(office, claims, wake, duty, batch=workers.batch, threads=threads, sharing=sharing)
    worker.clock_is_trusted = clock_guard(settings)
    return worker


def work_side_by_side(lanes: Sequence["Worker"], duty: Duty) -> None:
    """Work in all lanes until the duty ends; when one fails, the others finish what they have and all end."""

    def work(lane: Worker) -> None:
        try:
            lane.work()
        finally:
            duty.end()

    with ThreadPoolExecutor(len(lanes), thread_name_prefix="lane") as threads:
        for ended in [threads.submit(work, lane) for lane in lanes]:
            ended.result()


class Worker:
    """One worker at its queue."""

    def __init__(
        self,
        office: Office,
        claims: Claims,
        wake: Wake,
        duty: Duty,
        *,
        batch: int,
        threads: ThreadPoolExecutor | None,
        kinds: Sequence[JobKind] = KINDS,
        sharing: int = 1,
    ) -> None:
        self._office, self._claims, self._wake, self._duty = office, claims, wake, duty
        self._batch, self._threads, self._kinds, self._sharing = batch, threads, kinds, sharing
        self.clock_is_trusted: Callable[[], bool] = lambda: True
        """While it says no, nothing is issued and every job waits (TI-1)."""
        self.each_turn: Callable[[], None] = lambda: None
        """Called before each batch, and every second when there is none."""
        self._left_undone = False
        self._rested = True
        """Whether it comes from a wait: then others may as well, and share what has come meanwhile."""
        self._next: datetime | None = None
        """When it is to look again without a hint, at the latest; None: it has not asked yet."""

    def work(self) -> None:
        """Do batch after batch until the duty ends."""
        while not self._duty.ending.is_set():
            self._duty.beat()
            self.each_turn()
            if not self.clock_is_trusted():
                self._duty.ending.wait(LOOK_EVERY)
                continue
            try:
                if not self._do_batch():
                    self._wait()
            except WorldError as error:
                _LOG.error("worker.waits", error=type(error).__name__, reason=str(error))
                self._left_undone = True
                self._duty.ending.wait(_AWAY)

    def _do_batch(self) -> bool:
        office = self._office
        now, me = office.clock.now(), self._claims.claimer
        if self._left_undone:  # when the store was away: nobody is at it, whatever its lease says
            self._claims.give_back(office.store, now=now, lease=LEASE)
            self._left_undone = False
        sharing = self._sharing if self._rested else 1  # who rests has been told, and would have taken it
        jobs = office.store.claim(self._kinds, now=now, limit=self._batch, lease=LEASE, claimer=me, sharing=sharing)
        self._rested = not jobs
        if jobs:
            perform(jobs, office, threads=self._threads, claimer=me, in_hand=lambda _: self._duty.beat())
        return bool(jobs)

    def _wait(self) -> None:
        """Wait for a hint, or until something is due; a hint that led to nothing changes nothing of when that is."""
        now = self._office.clock.now()
        if self._next is None or self._next <= now:
            seconds = seconds_until_due(self._office.store, self._kinds, self._office.clock)
            self._next = now + timedelta(seconds=seconds)
        self._wake.wait(min((self._next - now).total_seconds(), LOOK_EVERY))  # the clock may have been set back


def seconds_until_due(store: Store, kinds: Sequence[JobKind], clock: Clock) -> float:
    """Return for how long nothing is known to be due, a second at most."""
    due: datetime | None = store.next_due(kinds)
    return LOOK_EVERY if due is None else min(max((due - clock.now()).total_seconds(), 0.0), LOOK_EVERY)
