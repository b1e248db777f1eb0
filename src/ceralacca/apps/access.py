"""The access point's process: submission by holders on 465 and 587.

Faces holders, writes submissions, holds no signing key. Clauses: AP-1 to AP-4, AP-18, AP-25, AM-33, SE-3, TI-1.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ceralacca.apps.clock_guard import clock_guard
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.listening import limits_of, serve_listener
from ceralacca.apps.second_site import takes_mail
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, provider_store, scanner
from ceralacca.base.errors import WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.net.smtp_server import AccessRules, Door
from ceralacca.ports.sign_in import SignsIn
from ceralacca.ports.store import Store
from ceralacca.services.sign_in_audit import AuditedSignIn
from ceralacca.services.watch_places import WatchedSignIn
from ceralacca.store.database import DatabaseStore
from ceralacca.store.sign_in import SignIn
from ceralacca.store.sign_in_attempts import SignInAttempts

_LOG = structlog.get_logger(__name__)

_ALSO_TAKEN = 50
"""Recipients beyond the certified limit that SMTP still takes, so that the refusal is a notice (AP-13)."""


def run_access(settings: Settings, duty: Duty) -> None:
    """Take submissions until the duty ends. Raises UserError."""
    DataFolder(settings.data.folder).make()
    store = provider_store(settings, reads_are_durable=False)
    try:
        with sign_in(settings, store) as judge:
            _serve(settings, duty, store, judge)
    finally:
        store.close()


def _serve(settings: Settings, duty: Duty, store: Store, judge: SignsIn) -> None:
    scans, clock_is_trusted, site_takes = scanner(settings), clock_guard(settings), takes_mail(settings)
    rules = AccessRules(
        judge,
        reserved=(settings.provider.address, settings.provider.service_mailbox),
        ready=lambda: clock_is_trusted() and scans.ready() and site_takes(),  # TI-1, AP-18, SL-6
        clock=CLOCK,
    )
    host, access = settings.access.host, settings.access
    doors = {"port": Door(host=host, port=access.port, implicit_tls=True)}
    if access.starttls:
        doors["starttls_port"] = Door(host=host, port=access.starttls_port)
    limits = limits_of(access, recipients=access.recipients + _ALSO_TAKEN)
    serve_listener(settings, duty, store, rules, doors, limits)


@contextmanager
def sign_in(settings: Settings, store: DatabaseStore) -> Iterator[AuditedSignIn]:
    """Give the one judge of passwords of this host, who records what it says; what it counted is recorded last.

    It also takes the tickets of web sessions, and app passwords; it knows where a second factor is on.
    """
    attempts = SignInAttempts(DataFolder(settings.data.folder).attempts)
    sessions = store.web_sessions(idle=settings.web.idle_time) if settings.web.enabled else None
    judge = SignIn(
        store.mailbox,
        attempts=attempts,
        clock=CLOCK,
        entropy=system_entropy,
        sessions=sessions,
        app_passwords=store.app_passwords(),
        second_factors=store.second_factors(),
    )
    host = socket.gethostname()
    watched = WatchedSignIn(judge, store.safety_alarms(), store.audit, clock=CLOCK, host=host)
    audited = AuditedSignIn(watched, store.audit, clock=CLOCK, host=host)
    try:
        yield audited
    finally:
        try:
            audited.close()
        except WorldError as error:
            _LOG.error("sign-in.unrecorded", reason=str(error))
