"""Sending mail to another host: one transaction, one outcome for each recipient (BT-6, F12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import RecipientKind
from ceralacca.formats.splice import Octets


class RcptResult(StrEnum):
    """How sending to one recipient ended."""

    ACCEPTED = "accepted"
    """The peer answered 250 after DATA: the responsibility has passed."""
    DEFERRED = "deferred"
    """Try again: 4xx, no connection, a reply that was lost, TLS that does not hold."""
    FAILED = "failed"
    """5xx, or a domain that takes no mail: trying again is useless."""


class FailureCause(StrEnum):
    """Why sending failed for good: decides `errore` of row 11 (4.11)."""

    NO_RECIPIENT = "no-recipient"
    """The peer refused the recipient: 550 at RCPT, 5.1.1 and its like."""
    NO_DOMAIN = "no-domain"
    """The domain does not exist, or says that it takes no mail."""
    TOO_BIG = "too-big"
    """552, 5.3.4, 5.2.3."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RcptOutcome:
    """What the peer said of one recipient."""

    result: RcptResult
    cause: FailureCause | None = None
    """For FAILED only."""
    code: int = 0
    """SMTP reply code; 0 when there was no reply."""
    text: str = ""
    """The peer's words on one line, printable, cut: for the log, never for decisions."""
    host: str = ""
    tls: str = ""
    """Protocol version, for example `TLSv1.3`; empty in clear."""


class SendsMail(Protocol):
    """Sends one message to one destination domain; safe between threads."""

    def send(
        self,
        domain: str,
        *,
        kind: RecipientKind,
        reverse_path: Address | None,
        recipients: Sequence[Address],
        octets: Octets,
    ) -> Mapping[Address, RcptOutcome]:
        """Send to every recipient in one transaction; returns an outcome for each, and never raises for the peer.

        For CERTIFIED recipients only over verified TLS and only to the domain's own hosts (BT-6);
        EXTERNAL ones by the ordinary rules of SMTP.
        """
        ...
