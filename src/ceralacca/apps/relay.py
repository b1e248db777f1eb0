"""The relay: sends letters to other providers and to ordinary mail, several transactions at once.

One job is one transaction with one destination. All are held in one thread (`net.switchboard`), and what was said of
several is committed together, as it comes: a destination that is slow keeps its own transaction and nobody else's.
Connections are kept and used again. It faces the network and holds no key.

Clauses: BT-5, BT-6, AD-3, SE-4.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Condition, Lock
from typing import Final

import structlog

from ceralacca.apps.claims import Claims
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.offices import relay_office
from ceralacca.apps.settings import Settings
from ceralacca.apps.webhooks import webhook_caller
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.base.errors import WorldError
from ceralacca.net.mail_exchangers import DnsExchangers, Exchanger, StaticRoutes
from ceralacca.net.smtp_client import ClientSettings, SmtpClient, tls_context
from ceralacca.net.switchboard import Switchboard, aside
from ceralacca.ports.store import Job, JobKind, Postponed
from ceralacca.services.office import Office
from ceralacca.services.steps import LEASE, RELAY_KINDS, Result, decide, settle
from ceralacca.store.wake import LOOK_EVERY, Wake

_LOG = structlog.get_logger(__name__)
_AWAY: Final = 1.0
_IN_HAND: Final = 4
"""Jobs in hand for each transaction: those that are sent, wait for their turn, or wait for their commit."""
_COLLECT: Final = 0.02
"""Seconds for which outcomes are collected before they are committed together, while more are to come."""
_LATEST_START: Final = LEASE / 4
"""How long a claimed job may wait for its turn: what it sends then still ends within its lease."""


def run_relay(settings: Settings, duty: Duty, *, name: str = "relay") -> None:
    """Send until the duty ends; transactions under way are finished first. Raises UserError."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    claims = Claims(folder.run, name)
    store = provider_store(settings, connections=settings.relay.threads + 1, reads_are_durable=False)
    client = smtp_client(settings)
    wake = Wake(folder.run, RELAY_KINDS)
    try:
        office = replace(relay_office(settings, store, client), calls=webhook_caller(settings, store))
        wake.wait(0)
        claims.give_back(store, now=CLOCK.now(), lease=LEASE)
        duty.ready(threads=settings.relay.threads)
        Relay(office, claims, wake, duty, at_once=settings.relay.threads).work()
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
        most_kept=relay.threads,  # else each transaction beyond costs a handshake
    )
    return SmtpClient(client, StaticRoutes(routes=routes, otherwise=DnsExchangers() if relay.dns else None))


class Relay:
    """One relay at its queue: one thread sends, one more commits what was said, as many at once as there are.

    `at_once` is how many transactions go on at the same time.
    """

    def __init__(self, office: Office, claims: Claims, wake: Wake, duty: Duty, *, at_once: int) -> None:
        self._office, self._claimer, self._wake, self._duty = office, claims.claimer, wake, duty
        self._at_once, self._most = at_once, at_once * _IN_HAND
        lock = Lock()
        self._room, self._news = Condition(lock), Condition(lock)
        self._in_hand = 0
        self._sent: list[tuple[Job, Result]] = []
        self._all_sent = False

    def work(self) -> None:
        """Send letter after letter until the duty ends."""
        with ThreadPoolExecutor(1, thread_name_prefix="settle") as settling:
            settled = settling.submit(self._settle_all)
            try:
                with Switchboard(self._at_once, name="relay") as board:
                    self._hand_out_all(board)
            finally:
                with self._news:
                    self._all_sent = True
                    self._news.notify()
            settled.result()

    def _hand_out_all(self, board: Switchboard) -> None:
        while not self._duty.ending.is_set():
            self._duty.beat()
            try:
                if not self._hand_out(board):
                    self._wake.wait(LOOK_EVERY)
            except WorldError as error:
                _LOG.error("relay.waits", error=type(error).__name__, reason=str(error))
                self._duty.ending.wait(_AWAY)

    def _hand_out(self, board: Switchboard) -> bool:
        """Claim as many jobs as there is room for and have them sent; False when no more are due.

        Raises OurError when nothing is sent any more: then the role is to end and to begin anew.
        """
        board.submit()
        with self._room:
            self._room.wait_for(lambda: self._in_hand <= self._most - self._at_once, timeout=_AWAY)
            free = self._most - self._in_hand
        if free < self._at_once:
            return True
        now = self._office.clock.now()
        jobs = self._office.store.claim(RELAY_KINDS, now=now, limit=free, lease=LEASE, claimer=self._claimer)
        if not jobs:
            return False
        with self._room:
            self._in_hand += len(jobs)
        office = self._office
        with suppress(WorldError):  # each reads for itself then, and waits if it cannot
            office = replace(office, store=office.store.ahead(jobs))
        board.submit(*(partial(self._send, job, office, now + _LATEST_START) for job in jobs))
        return len(jobs) == free

    def _send(self, job: Job, office: Office, latest: datetime) -> None:
        """Send one letter, unless the relay ends or others have kept it waiting for too long."""
        now = office.clock.now()
        result: Result
        if self._duty.ending.is_set() or now > latest:
            result = Postponed(job=job.id, due=now, note="given back before it was sent")
        elif job.kind is JobKind.RELAY:
            result = decide(job, office)
        else:
            result = aside(partial(decide, job, office))
        with self._news:
            self._sent.append((job, result))
            if len(self._sent) == 1 or self._is_whole():
                self._news.notify()

    def _is_whole(self) -> bool:
        """Whether nothing more is to be expected of the jobs in hand."""
        return len(self._sent) == self._in_hand

    def _settle_all(self) -> None:
        """Commit what was sent until there is no more: what is there, and what comes in a moment."""
        while group := self._next_group():
            self._settle(group)

    def _next_group(self) -> list[tuple[Job, Result]]:
        with self._news:
            self._news.wait_for(lambda: self._sent or self._all_sent)
            self._news.wait_for(self._is_whole, timeout=_COLLECT)
            group, self._sent = self._sent, []
            return group

    def _settle(self, group: Sequence[tuple[Job, Result]]) -> None:
        try:
            settle(group, self._office)
        except WorldError as error:
            _LOG.error("relay.waits", error=type(error).__name__, reason=str(error))
        finally:
            with self._room:
                self._in_hand -= len(group)
                self._room.notify_all()
