"""Who signs in with a name and a password, whatever the protocol: one home for lockout, app passwords and audit (SE-3).

The listeners for submission, IMAP, POP3 and the web all ask here, so that guesses count together.
An implementation hashes (argon2id) and therefore blocks for long: callers ask off their event loop.
It takes the same time for a mailbox that does not exist as for a wrong password.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from ceralacca.core.model.address import Address


class SignInProtocol(StrEnum):
    """Where somebody signs in."""

    SUBMISSION = "submission"
    IMAP = "imap"
    POP3 = "pop3"
    WEB = "web"


class SignInVerdict(StrEnum):
    """How an attempt ended."""

    SIGNED_IN = "signed-in"
    REFUSED = "refused"
    """Unknown mailbox, wrong password, closed mailbox: never said which."""
    TOO_MANY = "too-many"
    """The limiter did not even look: too many attempts of late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInOutcome:
    """The answer to one attempt."""

    verdict: SignInVerdict
    mailbox: Address | None = None
    """Who signed in, as the mailbox is spelled; None unless signed in."""
    may_send_as: frozenset[Address] = field(default=frozenset())
    """Reverse paths that belong to the identity (AP-2): its address and aliases; empty when it may only read."""
    ends: date | None = None
    """Last day on which the mailbox sends, in Italian legal time; whoever stays signed in is asked again after it."""
    app_password: str = ""
    """Selector of the app password that was given; empty for the main password."""
    owes_factor: bool = False
    """The password was right, and a second factor is still to be shown (web pages only)."""
    by_web_session: bool = False
    """The web pages asked, with the ticket of a session: nobody typed anything."""
    delegate: Address | None = None
    """Who is signed in there, where it is not the holder of the mailbox."""
    delay: float = 0.0
    """Seconds for which the asker holds its answer back: grows with the failures of a peer or mailbox."""

    @property
    def signed_in(self) -> bool:
        """Whether the attempt succeeded."""
        return self.verdict is SignInVerdict.SIGNED_IN


class SignsIn(Protocol):
    """Checks names and passwords. Safe between threads."""

    def check(
        self, mailbox: str, password: bytes, *, protocol: SignInProtocol, peer: str, device: str = ""
    ) -> SignInOutcome:
        """Check one attempt; blocks.

        `mailbox` and `password` are as the client gave them, not yet checked for form; `peer` is the
        client's IP address. `device` is the digest of a browser's mark that the mailbox is known to have been opened
        from: its failures count for it alone. Raises WorldError when nobody can be asked now.
        """
        ...
