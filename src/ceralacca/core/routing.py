"""Which way an envelope may leave: what each kind of destination demands (BT-6, SE-2).

Pure: the relay asks before it sends. Finding MX hosts and opening TLS is `net`.

Clauses: BT-6, IP-2, SE-1, SE-2, MO-8.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ceralacca.core.model.notification import RecipientKind


class RouteRefusal(StrEnum):
    """Why an envelope must not be sent over a connection: it waits and is tried again."""

    NO_TLS = "no-tls"
    OLD_TLS = "old-tls"
    """Below TLS 1.2 (SE-1)."""
    FOREIGN_HOST = "foreign-host"
    """Not a mail exchanger of the recipient's domain: PEC never passes through third parties (BT-6, SE-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The connection over which an envelope would leave."""

    host: str
    """The name that was connected to."""
    tls: tuple[int, int] | None
    """Version of TLS, `(1, 2)` or `(1, 3)`; None in clear."""


def refusal(recipient: RecipientKind, connection: Connection, mail_exchangers: Collection[str]) -> RouteRefusal | None:
    """Say why an envelope for this kind of recipient must not leave over this connection; None when it may.

    `mail_exchangers` are the MX hosts of the recipient's domain. Ordinary recipients are sent to by
    the ordinary rules of SMTP; a PEC domain is reached over TLS and at its own hosts only (BT-6).
    """
    if recipient is RecipientKind.EXTERNAL:
        return None
    if _host_key(connection.host) not in {_host_key(host) for host in mail_exchangers}:
        return RouteRefusal.FOREIGN_HOST
    if connection.tls is None:
        return RouteRefusal.NO_TLS
    return RouteRefusal.OLD_TLS if connection.tls < (1, 2) else None


def _host_key(host: str) -> str:
    return host.rstrip(".").lower()
