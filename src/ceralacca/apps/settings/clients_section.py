"""The section of what mail programs are told (see `sections`).

Clauses: AP-1, DP-7.
"""

from ceralacca.apps.settings.kinds import Place, Site
from ceralacca.apps.settings.sections import Section


class ClientsSection(Section):
    """What mail programs and holders are told: where the services are reached from outside.

    Only names that stand in the TLS certificate work.
    """

    imap: Place = ""
    """`HOST` or `HOST:PORT`; by default `provider.hostname` and `mailboxes.imap_port`."""
    pop3: Place = ""
    """The same for POP3; by default `provider.hostname` and `mailboxes.pop3_port`."""
    submissions: Place = ""
    """The same for sending with implicit TLS; by default `provider.hostname` and `access.port`."""
    submission: Place = ""
    """The same for sending with STARTTLS; by default `provider.hostname` and `access.starttls_port`."""
    web: Site = ""
    """Address of the web pages; by default `https://`, `provider.hostname` and `web.port`."""
