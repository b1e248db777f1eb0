"""Where holders' mail lies: the delivery point's last act (DP-2, DP-3)."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets, Splice


class PutOutcome(StrEnum):
    """How putting a message into a mailbox ended."""

    STORED = "stored"
    ALREADY_THERE = "already-there"
    """Found under its name: an earlier try had succeeded; as good as STORED."""
    OVER_QUOTA = "over-quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """One message for one mailbox."""

    mailbox: Address
    name: str
    """Derived from (identificativo, recipient, kind): makes a redo harmless."""
    octets: Octets
    quota: int
    """Octets that the mailbox may hold."""
    folder: str = ""
    """Where its holder wants it, as the holder writes the folder's name; empty for the inbox, where it also goes when
    there is no such folder (DP-8). A redo finds the message wherever an earlier try put it."""
    ends_in_crlf: bool = False
    """Whether every line is known to end in CRLF; where it is not, the mail store looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One message that is put soon, unless what is being decided about it does not come about."""

    mailbox: Address
    name: str
    octets: Octets | Splice


class MailInHand(Protocol):
    """Mailboxes for one round of a worker, which goes on with its work while the disk does its own."""

    def expect(self, messages: Iterable[Coming]) -> None:
        """Begin to write what is put soon, where that saves time; never fails, never waits, may not look at all."""
        ...

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        """Store messages as `MailStore.put` does; they are durable once `settle` has returned."""
        ...

    def settle(self) -> None:
        """Wait until all that was put is durable. Raises WorldError: nothing is then certain, put it again."""
        ...


class MailStore(Protocol):
    """Mailboxes that an IMAP server shows."""

    def in_hand(self) -> AbstractContextManager[MailInHand]:
        """Give the same mailboxes for one round; what was expected and not put in it is forgotten."""
        ...

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        """Store messages durably, with one sync; what is stored is the octets, unmodified.

        Raises WorldError when the disk refuses: nothing is then certain, and the same call again is right.
        """
        ...

    def holds(self, mailbox: Address, name: str) -> bool:
        """Say whether a message of that name is in the mailbox, seen or not."""
        ...

    def used(self, mailbox: Address, *, quota: int) -> int:
        """Return how many octets of its quota a mailbox uses. Raises WorldError."""
        ...
