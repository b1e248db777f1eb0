"""A mailbox of ours as the store keeps it: whose it is, what it may, and what becomes of ordinary mail for it.

Clauses: MO-4, IP-20.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ceralacca.core.mailbox_end import has_ended
from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind


class MailboxStatus(StrEnum):
    """Phases of a mailbox."""

    ACTIVE = "active"
    RECEIVE_ONLY = "receive-only"
    CLOSED = "closed"


class OrdinaryMail(StrEnum):
    """What happens to ordinary mail for a mailbox (IP-20)."""

    ANOMALY = "anomaly"
    DISCARD = "discard"
    REJECT = "reject"
    FORWARD = "forward"
    """Passed on to an address outside PEC, that of the mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRecord:
    """A holder's mailbox, or the service mailbox."""

    address: Address
    status: MailboxStatus = MailboxStatus.ACTIVE
    quota: int = 2**30
    """Octets."""
    ordinary_mail: OrdinaryMail = OrdinaryMail.ANOMALY
    forward_to: Address | None = None
    """Where ordinary mail goes under the policy *forward*, else None."""
    is_service: bool = False
    """Not reachable by holders (MO-4)."""
    password_hash: str = ""
    """argon2id; empty: nobody signs in."""
    created: datetime | None = None
    notices: frozenset[NoticeKind] = frozenset()
    """Of what the holder hears by ordinary ways. Written by `ports.notices` alone: `put_mailbox` leaves it."""
    ends: date | None = None
    """Last day of its contract, in Italian legal time; None: no end is recorded. Changed by `set_end` alone."""

    def __post_init__(self) -> None:
        if (self.ordinary_mail is OrdinaryMail.FORWARD) is (self.forward_to is None):
            raise ValueError("the policy forward has an address, and no other has")

    def sends(self, now: datetime) -> bool:
        """Say whether its holder may send at that instant."""
        return self.status is MailboxStatus.ACTIVE and not has_ended(self.ends, now)
