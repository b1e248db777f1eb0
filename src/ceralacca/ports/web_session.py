"""Sessions of the web pages, kept by the server: who is signed in, until when, and by which digest they are known.

The browser holds a random *token*; the store holds its digest, so that whoever reads the database opens nothing.
From the token a second secret is derived, the *ticket*: with it the web role opens the mailbox at Dovecot and the
access point in the holder's name, without ever keeping a password. A ticket is good while its session lasts and for
its one mailbox; ending the session ends both (threats.md 26, 29).

`holder` is who signed in, `mailbox` what is open: two where a mailbox is delegated (`ports.delegation`). Then the
session opens mail only while its delegation is in force, which the store looks up each time. The ticket is made of the
token and of a salt that only the server has: a browser cannot make it, so nobody goes round the pages with it.
`stage` says whether a second factor is still owed; only FULL opens mail.

Clauses: AP-1, AP-2, DP-7, SE-3.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol

from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import Delegation, DelegationRight

TICKET_MARK: Final = b"web-ticket:"
"""What the password of a sign-in begins with when it is a ticket."""


class SessionStage(StrEnum):
    """How far a sign-in has come."""

    PASSWORD = "password"  # noqa: S105 a word, no password
    """The password was right; a second factor is still to be shown."""
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """One sign-in at the web pages."""

    digest: str
    """SHA-256 of the browser's token, hexadecimal: the key."""
    ticket: str
    """SHA-256 of the ticket, hexadecimal."""
    holder: Address
    mailbox: Address
    stage: SessionStage
    may_send: bool
    """Whether who signed in may; the mailbox itself may still not (`MailboxRecord.sends`)."""
    created: datetime
    seen: datetime
    """To the minute."""
    ends: datetime
    """Whatever the holder does."""
    peer: str
    """IP address of the browser."""
    agent: str
    """What the browser says it is; shown to the holder, never relied on."""
    confirmed: datetime | None = None
    """When the holder last showed again, or with a second factor, that it is them."""
    salt: str = ""
    """What the ticket is made of beside the token."""
    delegation_key: str = ""
    """Of the delegation that it was opened under; empty for the holder's own mailbox."""
    delegation: Delegation | None = None
    """That delegation while it is in force; the store looks it up, and never keeps it."""

    @property
    def is_own(self) -> bool:
        """Whether the mailbox that is open is that of who signed in."""
        return self.holder == self.mailbox

    @property
    def opens_mail(self) -> bool:
        """Whether all factors were shown, and for a mailbox of another's a delegation is in force."""
        delegation = self.delegation
        there = delegation is not None and (delegation.mailbox, delegation.delegate) == (self.mailbox, self.holder)
        return self.stage is SessionStage.FULL and (self.is_own or there)

    @property
    def may_write(self) -> bool:
        """Whether anything in the mailbox may change by it: a delegate who may only read changes nothing."""
        return self.is_own or (self.delegation is not None and self.delegation.right is DelegationRight.SEND)


class WebSessions(Protocol):
    """Keeps sessions. Safe between threads and processes; every call may raise WorldError."""

    def open(self, session: WebSession) -> None:
        """Keep a new session."""
        ...

    def find(self, digest: str, *, now: datetime) -> WebSession | None:
        """Return the session of a token's digest; None when there is none or it has ended."""
        ...

    def find_ticket(self, ticket: str, *, now: datetime) -> WebSession | None:
        """Return the session of a ticket's digest, likewise."""
        ...

    def touch(self, digest: str, *, now: datetime, stage: SessionStage | None = None) -> None:
        """Record that a session is in use, and that it has come further."""
        ...

    def confirm(self, digest: str, *, now: datetime) -> None:
        """Record that the holder has shown again that it is them."""
        ...

    def close(self, digest: str) -> None:
        """End a session; harmless when it has ended."""
        ...

    def of_holder(self, holder: Address, *, now: datetime) -> Sequence[WebSession]:
        """Return the open sessions of a holder, the newest first."""
        ...

    def close_all(self, holder: Address, *, but: str = "") -> int:
        """End every session of a holder but one; return how many."""
        ...

    def forget_ended(self, *, now: datetime) -> int:
        """Remove what has ended; return how many."""
        ...


def token_digest(token: str) -> str:
    """Return what the store knows a token or a ticket by."""
    return sha256(token.encode()).hexdigest()


def derived(token: str, purpose: str) -> str:
    """Return a secret that only who has the token can make, and that does not lead back to it."""
    return hmac.digest(token.encode(), purpose.encode(), "sha256").hex()


def ticket_of(token: str, salt: str = "") -> str:
    """Return the ticket of a session, by its token and salt."""
    return derived(token, f"ticket{salt}")


def as_password(ticket: str) -> bytes:
    """Return what the web role gives as a password where only a password is asked for."""
    return TICKET_MARK + ticket.encode()
