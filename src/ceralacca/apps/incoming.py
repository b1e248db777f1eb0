"""The incoming point's process: mail of other providers and of everybody else, on 25.

Faces the Internet, writes arrivals, holds no signing key. Clauses: IP-1 to IP-5, IP-21, TI-1.
"""

from ceralacca.apps.clock_guard import clock_guard
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.listening import limits_of, serve_listener
from ceralacca.apps.second_site import takes_mail
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import provider_store, scanner
from ceralacca.net.smtp_server import Door, IncomingRules


def run_incoming(settings: Settings, duty: Duty) -> None:
    """Take arrivals until the duty ends. Raises UserError."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    store = provider_store(settings, reads_are_durable=False)
    scans, clock_is_trusted = scanner(settings), clock_guard(settings)
    site_takes = takes_mail(settings)

    def could_be_judged() -> bool:
        """IP-5: without directory, scanner or clock nothing can be decided, and the peer keeps its message.

        Nor may it be taken on one site only (SL-6).
        """
        return clock_is_trusted() and (folder.directory / "current").exists() and scans.ready() and site_takes()

    try:
        rules = IncomingRules(
            domains=store.domains,
            own=(settings.provider.address, settings.provider.service_mailbox),
            mailbox=store.mailbox,
            ready=could_be_judged,
            accept_unknown=settings.incoming.accept_unknown_rcpt,
            postmaster=settings.provider.service_mailbox,
        )
        incoming = settings.incoming
        doors = {"port": Door(host=incoming.host, port=incoming.port)}
        serve_listener(settings, duty, store, rules, doors, limits_of(incoming, recipients=incoming.recipients))
    finally:
        store.close()
