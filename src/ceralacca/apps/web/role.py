"""The web role: HTTPS for holders, with the parts that the pages need. Faces the Internet; holds no signing key.

Clauses: SE-3, SE-4, DP-7, AP-1.
"""

import asyncio
import socket
import ssl
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial

import structlog
import uvicorn

from ceralacca.apps.access import sign_in
from ceralacca.apps.client_settings import mail_services, web_address
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.errands.desk import Elsewhere, ErrandDesk
from ceralacca.apps.errands.task import Server
from ceralacca.apps.mail_client import Account
from ceralacca.apps.notices import notice_parts
from ceralacca.apps.offices import LocalDirectory, Verifiers
from ceralacca.apps.second_factor.judge import FactorJudge
from ceralacca.apps.second_factor.key_file import factor_key
from ceralacca.apps.second_factor.passkeys import RelyingParty
from ceralacca.apps.settings import Settings
from ceralacca.apps.status import read_status
from ceralacca.apps.web.application import make_application
from ceralacca.apps.web.parts import Parts
from ceralacca.apps.web.static_files import check_assets
from ceralacca.apps.webhooks import webhooks
from ceralacca.apps.wiring import CLOCK, database_url, provider_store
from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.net.imap_mailbox import MailServer
from ceralacca.net.imap_pool import ImapPool
from ceralacca.net.smtp_server import server_context
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.ports.sign_in import SignsIn
from ceralacca.ports.web_session import WebSession, as_password
from ceralacca.store.database import DatabaseStore
from ceralacca.store.sign_in_attempts import SignInAttempts
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.material import read_material
from ceralacca.trust.profile_signature import ProfileSigner

_LOG = structlog.get_logger(__name__)
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 told apart, not listened on
_GRACE = 10


def run_web(settings: Settings, duty: Duty) -> None:
    """Serve the pages until the duty ends. Raises UserError when the port cannot be had or a file is missing."""
    check_assets()
    DataFolder(settings.data.folder).make()
    store = provider_store(settings, connections=8)
    try:
        with sign_in(settings, store) as judge:
            parts = web_parts(settings, store, judge)
            try:
                asyncio.run(_serve(settings, duty, parts))
            finally:
                parts.desk.close()
                parts.pool.close()
    finally:
        store.close()


def web_parts(settings: Settings, store: DatabaseStore, judge: SignsIn) -> Parts:
    """Join the pages with the rest. Raises UserError."""
    directory = LocalDirectory(DataFolder(settings.data.folder).directory)
    verifiers = Verifiers(settings)
    tls = _client_context(settings)

    def mail_server() -> MailServer:
        place = _place(settings, "mailboxes", settings.mailboxes.host, settings.mailboxes.imap_port, "imap_port")
        return MailServer(host=place[0], port=place[1], name=settings.provider.hostname, tls=tls)

    def account(session: WebSession, ticket: str) -> Account:
        host, port = _place(settings, "access", settings.access.host, settings.access.port, "port")
        return Account(
            address=session.mailbox,
            password=as_password(ticket).decode("ascii"),
            host=host,
            submission_port=port,
            imap_port=0,
            ca_file=settings.web.ca_file,
            name=settings.provider.hostname,
        )

    def verifier(now: datetime) -> VerifiesSeal:
        return verifiers(now, directory(), signing=True)

    return Parts(
        provider=settings.provider.name,
        test=settings.provider.sandbox,
        store=store,
        log=store,
        own=store.own_messages(),
        sessions=store.web_sessions(idle=settings.web.idle_time),
        app_passwords=store.app_passwords(),
        delegations=store.delegations(),
        factors=_factor_judge(settings, store),
        alarms=store.safety_alarms(),
        rules=store.rule_books(),
        mailboxes=settings.mailboxes,
        audit=store.audit,
        signs_in=judge,
        notices=notice_parts(settings, store),
        webhooks=webhooks(settings),
        clock=CLOCK,
        entropy=system_entropy,
        mail_server=mail_server,
        pool=ImapPool(now=time.monotonic),
        account=account,
        verifier=verifier,
        directory=directory,
        access=settings.access.rules(),
        size=settings.access.size,
        session_time=settings.web.session_time,
        services=partial(mail_services, settings),
        web_address=partial(web_address, settings),
        home=settings.provider.address.domain,
        profiles=ProfileSigner(settings.tls.certificate, settings.tls.key),
        signers=_signers(settings),
        desk=_desk(settings, store),
    )


def _factor_judge(settings: Settings, store: DatabaseStore) -> FactorJudge:
    """Return the judge of second factors, which counts guesses where that of passwords does. Raises UserError."""
    return FactorJudge(
        store.second_factors(),
        factor_key(settings),
        attempts=SignInAttempts(DataFolder(settings.data.folder).attempts),
        mailbox=store.mailbox,
        trail=store.audit,
        clock=CLOCK,
        party=lambda: RelyingParty(web_address(settings).lower(), settings.provider.name),
    )


def _client_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.web.ca_file) if settings.web.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"web.ca_file {settings.web.ca_file}: not a certificate file", remedy="give PEM") from error
    return context


def _desk(settings: Settings, store: DatabaseStore) -> ErrandDesk:
    web = settings.web
    elsewhere = Elsewhere(private=web.import_private, ca_file=str(web.import_ca_file or ""), size=settings.access.size)

    def ours() -> Server:
        mailboxes = settings.mailboxes
        host, port = _place(settings, "mailboxes", mailboxes.host, mailboxes.imap_port, "imap_port")
        return Server(address=host, port=port, name=settings.provider.hostname, ca_file=str(web.ca_file or ""))

    return ErrandDesk(
        store.errands(),
        handouts=DataFolder(settings.data.folder).handouts,
        database=database_url(settings),
        ours=ours,
        elsewhere=elsewhere,
        extracts=settings.message_log.keys is not None,
        now=CLOCK.now,
        entropy=system_entropy,
    )


def _signers(settings: Settings) -> TrustStore | None:
    """Return who is trusted for signatures on documents; their revocation is nowhere asked for. Raises UserError."""
    if not settings.web.document_anchors:
        return None
    material = read_material(settings.web.document_anchors)
    return TrustStore(anchors=material.anchors, intermediates=material.intermediates)


def _place(settings: Settings, role: str, host: str, port: int, fact: str) -> tuple[str, int]:
    """Return where a role of ours listens; a port of 0 is asked of the supervisor's notes."""
    if not port:
        status = read_status(DataFolder(settings.data.folder)).roles.get(role)
        port = int(status.facts.get(fact, 0)) if status else 0
        if not port:
            raise WorldError(f"the role {role} does not listen yet", remedy="try again in a moment")
    return _EVERYWHERE.get(host, host), port


async def _serve(settings: Settings, duty: Duty, parts: Parts) -> None:
    web = settings.web
    try:
        listening = socket.create_server(
            (web.host, web.port), family=socket.AF_INET6 if ":" in web.host else socket.AF_INET, backlog=128
        )
    except OSError as error:
        raise UserError(
            f"cannot listen on {web.host}:{web.port}: {error.strerror}",
            remedy="stop what listens there, choose web.port, or run as a user who may (ports below 1024)",
        ) from error
    config = uvicorn.Config(
        make_application(parts),
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
        limit_concurrency=500,
        h11_max_incomplete_event_size=32 * 1024,
        http="h11",
        loop="asyncio",
    )
    config.load()
    config.ssl = server_context(settings.tls.certificate, settings.tls.key)
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    forgetting = asyncio.create_task(_forget(parts))
    duty.ready(port=listening.getsockname()[1])
    ended = asyncio.create_task(duty.ended())
    await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    forgetting.cancel()
    await asyncio.gather(serving, forgetting, return_exceptions=True)
    ended.cancel()


class _Server(uvicorn.Server):
    """One that leaves signals to the duty."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Capture none."""
        return nullcontext()


async def _forget(parts: Parts, *, every: float = 600.0) -> None:
    """Remove sessions, challenges and places that have ended, now and then."""
    while True:
        await asyncio.sleep(every)
        try:
            for forget in (
                parts.sessions.forget_ended,
                parts.factors.factors.forget_spent,
                parts.alarms.forget,
            ):
                await asyncio.to_thread(partial(forget, now=parts.clock.now()))
        except WorldError as error:
            _LOG.warning("web.away", reason=str(error))
