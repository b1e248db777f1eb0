"""App passwords: one for each program or device of a holder, good for some protocols and never for the web pages.

A program that reads mail keeps its password for years on a device that may be lost. So each gets one of its own, made
by us and shown once: 20 letters, of which the first four, the *selector*, say which one it is, so that a sign-in
hashes one password however many there are. What is kept is a hash like that of the main password.

Clauses: AP-1, DP-7, SE-3.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from ceralacca.base.identifiers import Entropy, spoken_letters
from ceralacca.core.model.address import Address
from ceralacca.ports.sign_in import SignInProtocol

APP_PROTOCOLS: Final = (SignInProtocol.IMAP, SignInProtocol.POP3, SignInProtocol.SUBMISSION)
"""What an app password can be good for."""
MOST_APP_PASSWORDS: Final = 50
"""Of one mailbox."""
LONGEST_LABEL: Final = 80
"""Characters."""
_GROUPS: Final = 5
_SELECTOR: Final = 4
_FORM: Final = re.compile(rb"[a-z2-9]{20}")
_BETWEEN: Final = re.compile(rb"[- ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPassword:
    """One app password, as it is kept."""

    mailbox: Address
    selector: str
    """Its first four letters: no secret; unique in its mailbox."""
    label: str
    """What the holder calls the program or device."""
    protocols: frozenset[SignInProtocol]
    password_hash: str
    """Of the letters without what stands between their groups."""
    created: datetime
    used: datetime | None = None
    """When it last opened the mailbox, to the hour; None for never."""


class AppPasswords(Protocol):
    """Keeps app passwords. Safe between threads and processes; every call may raise WorldError."""

    def add(self, one: AppPassword) -> None:
        """Keep a new one. Raises UserError when the mailbox has the most already, or that selector."""
        ...

    def find(self, mailbox: Address, selector: str) -> AppPassword | None:
        """Return the one of a mailbox with that selector."""
        ...

    def of_mailbox(self, mailbox: Address) -> Sequence[AppPassword]:
        """Return those of a mailbox, the newest first."""
        ...

    def touch(self, mailbox: Address, selector: str, *, now: datetime) -> None:
        """Record that it was used, at most once an hour."""
        ...

    def revoke(self, mailbox: Address, selector: str) -> bool:
        """End one; return whether there was one. It counts at once."""
        ...


def new_app_password(entropy: Entropy) -> str:
    """Return an app password as it is shown: five groups of four letters, 80 bits beside the selector."""
    return spoken_letters(entropy, _GROUPS)


def bare_letters(given: bytes) -> bytes | None:
    """Return the letters of what may be an app password, without what stands between groups; None for what is none."""
    letters = _BETWEEN.sub(b"", given) if len(given) < 2 * _GROUPS * _SELECTOR else b""
    return letters if _FORM.fullmatch(letters) else None


def selector_of(letters: bytes) -> str:
    """Return the selector of an app password's letters."""
    return letters[:_SELECTOR].decode("ascii")
