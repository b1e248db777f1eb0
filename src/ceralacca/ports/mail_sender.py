"""How a letter leaves: one SMTP transaction with the hosts of one destination, and what was said of each recipient.

Finding the hosts, opening TLS and speaking SMTP is `net`; what follows from an answer is
`services.relay_queue`. An outcome is what the other side said, never a guess.

Clauses: BT-5, BT-6, SE-1, SE-2, AD-3, LO-2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets


class RcptResult(StrEnum):
    """What became of one recipient."""

    ACCEPTED = "accepted"
    """The destination answered 250 to the whole message: responsibility has passed."""
    DEFERRED = "deferred"
    """Not now: 4xx, no connection, no trustworthy TLS, a name server that does not answer, a lost reply."""
    FAILED = "failed"
    """Never: 5xx, or the domain does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RcptOutcome:
    """What the destination said of one recipient."""

    result: RcptResult
    code: int = 0
    """SMTP reply code; 0 when there was no reply."""
    enhanced: str = ""
    """Enhanced status code (RFC 3463) of the reply, empty without one. The sender itself sets `5.1.2` for a domain
    that does not exist or takes no mail, and `4.7.10` when BT-6 forbids the connection that it got."""
    text: str = ""
    """Of the reply, on one line."""
    host: str = ""
    """Name of the host that was spoken to."""
    tls: str = ""
    """Protocol version, for example `TLSv1.3`; empty in clear."""


class SendsMail(Protocol):
    """Sends letters. Blocks; safe from several threads."""

    def send(
        self,
        domain: str,
        *,
        reverse_path: Address | None,
        recipients: Sequence[Address],
        octets: Octets,
        require_tls: bool,
    ) -> Mapping[Address, RcptOutcome]:
        """Send one message to recipients of one domain in one transaction, and return one outcome for each (BT-5).

        With `require_tls` it leaves over verified TLS to a mail exchanger of that domain or not at all (BT-6).
        May raise WorldError instead when nothing is known of any recipient: all are then deferred.
        """
        ...
