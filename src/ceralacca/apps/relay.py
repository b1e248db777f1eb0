"""The relay: sends letters to other providers and to ordinary mail, several transactions at once.

One job is one transaction with one destination. What was said of several is committed together, as it comes: a
destination that is slow keeps one thread and nobody else. Connections are kept and used again. It faces the network
and holds no key.

Clauses: BT-5, BT-6, AD-3, SE-4.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Condition
from time import monotonic
from typing import Final

import structlog

from ceralacca.apps.claims import Claims
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.offices import relay_office
from ceralacca.apps.settings import Settings
from ceralacca.apps.webhooks import webhook_caller
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.apps.worker import seconds_until_due
from ceralacca.base.errors import WorldError
from ceralacca.net.mail_exchangers import DnsExchangers, Exchanger, StaticRoutes
from ceralacca.net.smtp_client import ClientSettings, SmtpClient, tls_context
from ceralacca.ports.store import Job, Postponed
from ceralacca.services.office import Office
from ceralacca.services.steps import LEASE, RELAY_KINDS, Result, decide, settle
from ceralacca.store.wake import Wake

_LOG = structlog.get_logger(__name__)
_AWAY: Final = 1.0
_IN_HAND: Final = 4
"""Jobs in hand for each thread: those that are sent, wait for a thread, or wait for their commit."""
_COLLECT: Final = 0.003
"""Seconds for which outcomes are collected before they are committed together."""
_LATEST_START: Final = LEASE / 4
"""How long a claimed job may wait for a thread: what it sends then still ends within its lease."""


def run_relay(settings: Settings, duty: Duty, *, name: str = "relay") -> None:
    """Send until the duty ends; transactions under way are finished first. Raises UserError."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    claims = Claims(folder.run, name)
    store = provider_store(settings, connections=settings.relay.threads + 1)
    client = smtp_client(settings)
    wake = Wake(folder.run, RELAY_KINDS)
    try:
        office = replace(relay_office(settings, store, client), calls=webhook_caller(settings, store))
        wake.wait(0)
        claims.give_back(store, now=CLOCK.now(), lease=LEASE)
        duty.ready(threads=settings.relay.threads)
        Relay(office, claims, wake, duty, threads=settings.relay.threads).work()
    finally:
        client.close()
        wake.close()
        store.close()
        claims.close()


def smtp_client(settings: Settings) -> SmtpClient:
    """Return the way out."""
    relay = settings.relay
    routes = {
        domain.lower(): Exchanger(name=route.name or route.host, address=route.host, port=route.port)
        for domain, route in relay.routes.items()
    }
    client = ClientSettings(
        hostname=settings.provider.hostname,
        tls=tls_context(str(relay.ca_file) if relay.ca_file else None),
        timeout=relay.timeout.total_seconds(),
    )
    return SmtpClient(client, StaticRoutes(routes=routes, otherwise=DnsExchangers() if relay.dns else None))


class Relay:
    """One relay at its queue: threads send, one more commits what they were told, as many at once as there are."""

    def __init__(self, office: Office, claims: Claims, wake: Wake, duty: Duty, *, threads: int) -> None:
        self._office, self._claims, self._wake, self._duty = office, claims, wake, duty
        self._threads, self._most = threads, threads * _IN_HAND
        self._in_hand: set[int] = set()
        self._room = Condition()
        self._sent: SimpleQueue[tuple[Job, Result] | None] = SimpleQueue()

    def work(self) -> None:
        """Send letter after letter until the duty ends."""
        with ThreadPoolExecutor(1, thread_name_prefix="settle") as settling:
            settled = settling.submit(self._settle_all)
            try:
                with ThreadPoolExecutor(self._threads, thread_name_prefix="relay") as threads:
                    self._hand_out_all(threads)
            finally:
                self._sent.put(None)
            settled.result()

    def _hand_out_all(self, threads: ThreadPoolExecutor) -> None:
        while not self._duty.ending.is_set():
            self._duty.beat()
            try:
                if not self._hand_out(threads):
                    self._wake.wait(seconds_until_due(self._office.store, RELAY_KINDS, self._office.clock))
            except WorldError as error:
                _LOG.error("relay.waits", error=type(error).__name__, reason=str(error))
                self._duty.ending.wait(_AWAY)

    def _hand_out(self, threads: ThreadPoolExecutor) -> bool:
        """Claim as many jobs as there is room for and give them to the threads; False when there are none."""
        with self._room:
            self._room.wait_for(lambda: len(self._in_hand) <= self._most - self._threads, timeout=_AWAY)
            free = self._most - len(self._in_hand)
        if free < self._threads:
            return True
        now = self._office.clock.now()
        jobs = self._office.store.claim(RELAY_KINDS, now=now, limit=free, lease=LEASE)
        if not jobs:
            return False
        with self._room:
            self._in_hand.update(job.id for job in jobs)
            self._note()
        office = self._office
        with suppress(WorldError):  # each reads for itself then, and waits if it cannot
            office = replace(office, store=office.store.ahead(jobs))
        for job in jobs:
            threads.submit(self._send, job, office, now + _LATEST_START)
        return True

    def _send(self, job: Job, office: Office, latest: datetime) -> None:
        """Send one letter, unless the relay ends or others have kept the threads for too long."""
        now = office.clock.now()
        if self._duty.ending.is_set() or now > latest:
            self._sent.put((job, Postponed(job=job.id, due=now, note="given back before it was sent")))
        else:
            self._sent.put((job, decide(job, office)))

    def _settle_all(self) -> None:
        """Commit what was sent until told that there is no more: what is there, and what comes in a moment."""
        while (first := self._sent.get()) is not None:
            group, until = [first], monotonic() + _COLLECT
            with suppress(Empty):
                while len(group) < self._most:
                    next_ = self._sent.get(timeout=max(until - monotonic(), 0))
                    if next_ is None:
                        self._sent.put(None)  # for the look after this group
                        break
                    group.append(next_)
            self._settle(group)

    def _settle(self, group: Sequence[tuple[Job, Result]]) -> None:
        try:
            settle(group, self._office)
        except WorldError as error:
            _LOG.error("relay.waits", error=type(error).__name__, reason=str(error))
        finally:
            with self._room:
                self._in_hand.difference_update(job.id for job, _ in group)
                self._note()
                self._room.notify_all()

    def _note(self) -> None:
        self._claims.note(tuple(self._in_hand), now=self._office.clock.now())
