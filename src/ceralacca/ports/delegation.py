"""Delegations: a holder lets another holder of the same provider into the own mailbox, to read, or to read and send.

The delegate signs in as himself, never with the password of the other; what he may do is said by one row, looked at
each time. A row is never changed but to end it: another right or another term is another delegation.

A delegation is *in force* while it has begun, its term is not over, nobody has ended it, and neither of the two
mailboxes is closed. The stores answer that in one question, so that nobody else has to know.

Clauses: SE-3, AP-2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address

MOST_DELEGATIONS: Final = 20
"""In force at a time, of one mailbox."""
LONGEST_PURPOSE: Final = 200
LONGEST_TERM: Final = timedelta(days=366)


class DelegationRight(StrEnum):
    """What a delegate may do."""

    READ = "read"
    """See and download; nothing in the mailbox changes by it, not even what is unread."""
    SEND = "send"
    """Also mark as read, keep drafts, and send in the name of the mailbox."""


class DelegationRefused(UserError):
    """It cannot be kept; `reason` is `already` or `most`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the delegation is refused: {reason}", remedy="end another one first")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """One holder's leave for another."""

    key: str
    """Its name in the store; no secret."""
    mailbox: Address
    """Whose mailbox is opened."""
    delegate: Address
    right: DelegationRight
    purpose: str
    """In the words of the holder; never empty."""
    created: datetime
    until: datetime
    """The first instant at which it is good no more."""
    ended: datetime | None = None
    """When the holder or the provider ended it before its term."""

    def lasts(self, now: datetime) -> bool:
        """Say whether the term runs and nobody has ended it; whether the mailboxes are open is the store's to know."""
        return self.created <= now < self.until and self.ended is None


class Delegations(Protocol):
    """Keeps delegations. Safe between threads and processes; every call may raise WorldError."""

    def give(self, one: Delegation) -> None:
        """Keep a new one. Raises DelegationRefused when the delegate has one in force, or the mailbox the most."""
        ...

    def in_force(self, key: str, *, now: datetime) -> Delegation | None:
        """Return one that is in force."""
        ...

    def between(self, mailbox: Address, delegate: Address, *, now: datetime) -> Delegation | None:
        """Return the one in force that lets a delegate into a mailbox."""
        ...

    def given_to(self, delegate: Address, *, now: datetime) -> Sequence[Delegation]:
        """Return those in force that a holder has from others, by mailbox."""
        ...

    def given_by(self, mailbox: Address) -> Sequence[Delegation]:
        """Return all of a mailbox, also those that are over, the newest first."""
        ...

    def end(self, mailbox: Address, key: str, *, now: datetime) -> Delegation | None:
        """End one of a mailbox's, and return it as it was; None when it lasts no more. It counts at once."""
        ...

    def end_all(self, mailbox: Address, *, now: datetime) -> int:
        """End all that a mailbox has given or got; return how many lasted."""
        ...
