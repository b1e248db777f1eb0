"""The relay: sends letters to other providers and to ordinary mail, several transactions at once.

One job is one transaction with one destination, and is committed for itself: a destination that is slow
keeps one thread and nobody else. Connections are kept and used again. It faces the network and holds no key.

Clauses: BT-5, BT-6, AD-3, SE-4.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Final

import structlog

from ceralacca.apps.claims import Claims
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, provider_store, relay_office
from ceralacca.apps.worker import seconds_until_due
from ceralacca.base.errors import WorldError
from ceralacca.net.mail_exchangers import DnsExchangers, Exchanger, StaticRoutes
from ceralacca.net.smtp_client import ClientSettings, SmtpClient, tls_context
from ceralacca.ports.store import Job
from ceralacca.services.office import Office
from ceralacca.services.steps import LEASE, RELAY_KINDS, perform
from ceralacca.store.wake import Wake

_LOG = structlog.get_logger(__name__)
_AWAY: Final = 1.0


def run_relay(settings: Settings, duty: Duty, *, name: str = "relay") -> None:
    """Send until the duty ends; transactions under way are finished first. Raises UserError."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    claims = Claims(folder.run, name)
    store = provider_store(settings, connections=settings.relay.threads + 1)
    client = smtp_client(settings)
    wake = Wake(folder.run, RELAY_KINDS)
    try:
        office = relay_office(settings, store, client)
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
    """One relay at its queue."""

    def __init__(self, office: Office, claims: Claims, wake: Wake, duty: Duty, *, threads: int) -> None:
        self._office, self._claims, self._wake, self._duty = office, claims, wake, duty
        self._most = threads
        self._in_hand: dict[int, Future[None]] = {}
        self._lock = Lock()

    def work(self) -> None:
        """Send letter after letter until the duty ends."""
        with ThreadPoolExecutor(self._most, thread_name_prefix="relay") as threads:
            while not self._duty.ending.is_set():
                self._duty.beat()
                try:
                    if not self._hand_out(threads):
                        self._wake.wait(seconds_until_due(self._office.store, RELAY_KINDS, self._office.clock))
                except WorldError as error:
                    _LOG.error("relay.waits", error=type(error).__name__, reason=str(error))
                    self._duty.ending.wait(_AWAY)

    def _hand_out(self, threads: ThreadPoolExecutor) -> bool:
        """Give every free thread a job; False when there is none to give."""
        with self._lock:
            under_way = list(self._in_hand.values())
        free = self._most - len(under_way)
        if free <= 0:
            wait(under_way, timeout=_AWAY, return_when="FIRST_COMPLETED")
            return True
        now = self._office.clock.now()
        jobs = self._office.store.claim(RELAY_KINDS, now=now, limit=free, lease=LEASE)
        for job in jobs:
            future: Future[None] = Future()
            with self._lock:
                self._in_hand[job.id] = future
        self._note()
        for job in jobs:
            threads.submit(self._send, job)
        return bool(jobs)

    def _send(self, job: Job) -> None:
        try:
            perform([job], self._office)
        except WorldError as error:
            _LOG.error("relay.waits", error=type(error).__name__, reason=str(error))
        finally:
            with self._lock:
                self._in_hand.pop(job.id).set_result(None)
            self._note()

    def _note(self) -> None:
        with self._lock:
            self._claims.note(tuple(self._in_hand), now=self._office.clock.now())
