"""What mail programs are told of a provider, out of its settings; a port of 0 is asked of the supervisor's notes.

Clauses: AP-1, DP-7, SE-1.
"""

from typing import Final

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.kinds import read_place
from ceralacca.apps.status import ports_of, read_status
from ceralacca.base.errors import WorldError
from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailService, MailServices

_HTTPS: Final = 443


def mail_services(settings: Settings) -> MailServices:
    """Return what holders connect to, the better first. Raises WorldError while a port is not known yet."""
    told, mailboxes, access = settings.clients, settings.mailboxes, settings.access
    tls, starttls = ConnectionSecurity.TLS, ConnectionSecurity.STARTTLS
    rows = [
        (MailProtocol.IMAP, tls, told.imap, mailboxes.imap_port, "imaps"),
        (MailProtocol.POP3, tls, told.pop3, mailboxes.pop3_port, "pop3s"),
        (MailProtocol.SUBMISSION, tls, told.submissions, access.port, "submissions"),
    ]
    if access.starttls:
        rows.append((MailProtocol.SUBMISSION, starttls, told.submission, access.starttls_port, "submission"))
    services = []
    for protocol, security, place, listening, name in rows:
        host, port = read_place(place, host=settings.provider.hostname, port=listening)
        services.append(
            MailService(protocol=protocol, host=host, port=port or _listened_on(settings, name), security=security)
        )
    return tuple(services)


def web_place(settings: Settings) -> tuple[str, int]:
    """Return host and port of the web pages, as they are reached from outside. Raises WorldError as above."""
    given = settings.clients.web.removeprefix("https://")
    if given:
        return read_place(given, host="", port=_HTTPS)
    return settings.provider.hostname, settings.web.port or _listened_on(settings, "https")


def web_address(settings: Settings) -> str:
    """Return the address of the web pages, without a path. Raises WorldError as above."""
    host, port = web_place(settings)
    return f"https://{host}" if port == _HTTPS else f"https://{host}:{port}"


def _listened_on(settings: Settings, name: str) -> int:
    port = ports_of(read_status(DataFolder(settings.data.folder))).get(name, 0)
    if not port:
        raise WorldError(f"nobody listens for {name} yet", remedy="start pec serve, or write the port in the settings")
    return port
