"""Where holders' mail programs reach a provider: protocol, host, port, how the connection is secured.

Sources: RFC 8314, 3 and 4 (TLS from the first octet is the better way); SE-1, DP-7, AP-1.
"""

from dataclasses import dataclass
from enum import StrEnum


class MailProtocol(StrEnum):
    """What is spoken."""

    IMAP = "imap"
    POP3 = "pop3"
    SUBMISSION = "submission"


class ConnectionSecurity(StrEnum):
    """How TLS begins; there is no service without it (SE-1)."""

    TLS = "tls"
    STARTTLS = "starttls"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailService:
    """One service that a mail program connects to. Its user name is always the whole address."""

    protocol: MailProtocol
    host: str
    port: int
    security: ConnectionSecurity


MailServices = tuple[MailService, ...]
"""In the order of preference: what a program should take stands first."""
