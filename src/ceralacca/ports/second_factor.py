"""Second factors of holders as they are kept: codes of an app (TOTP), recovery codes, passkeys (WebAuthn).

A second factor is *on* for a mailbox from its first app or passkey to its last. From then on the main password alone
opens nothing: neither the web pages nor IMAP, POP3 and submission, which take app passwords (`ports.app_password`).

What is kept opens nothing by itself: the secret of an app is encrypted, a recovery code is a keyed hash, both under
a key that is in no database (`trust.factor_key`); of a passkey there is only the public key. What was used once is not
taken again: the step of a code, a recovery code, the count of a passkey, a challenge.

Clauses: SE-3.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from ceralacca.core.model.address import Address

MOST_PASSKEYS: Final = 20
"""Of one mailbox."""
LONGEST_LABEL: Final = 80
"""Characters of the name that a holder gives to a passkey."""
RECOVERY_CODES: Final = 10
"""How many are made at a time."""


class Factor(StrEnum):
    """How somebody shows that it is them, beside the password."""

    TOTP = "totp"
    """Six figures of an app (RFC 6238)."""
    PASSKEY = "passkey"
    """WebAuthn."""
    RECOVERY_CODE = "recovery-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """The app that makes codes for a mailbox: one at most."""

    mailbox: Address
    sealed: bytes
    """Its secret, encrypted."""
    last_step: int
    """Of the last code that was taken: steps of 30 seconds since 1970. Only later ones are."""
    created: datetime
    used: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One passkey of a mailbox."""

    mailbox: Address
    credential: str
    """The id that its maker gave it, base64url: unique among all mailboxes."""
    label: str
    """What the holder calls it."""
    public_key: bytes
    """COSE."""
    sign_count: int
    """The last that it told; 0 for ever from makers that do not count."""
    transports: tuple[str, ...] = ()
    """How browsers reach it: hints, as they were told."""
    created: datetime
    used: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsSet:
    """What a mailbox has."""

    totp: Totp | None = None
    passkeys: Sequence[Passkey] = ()
    """The oldest first."""
    recovery_codes: int = 0
    """How many are left."""

    @property
    def on(self) -> bool:
        """Whether the password alone opens nothing."""
        return self.totp is not None or bool(self.passkeys)


class SecondFactors(Protocol):
    """Keeps them. Safe between threads and processes; every call may raise WorldError."""

    def is_on(self, mailbox: Address) -> bool:
        """Say whether a second factor is asked for."""
        ...

    def of_mailbox(self, mailbox: Address) -> FactorsSet:
        """Return what a mailbox has."""
        ...

    def put_totp(self, totp: Totp) -> None:
        """Keep the app of a mailbox, in place of the one before."""
        ...

    def accept_step(self, mailbox: Address, step: int, *, now: datetime) -> bool:
        """Take a code of that step, unless one of it or of a later one was taken; say whether it was."""
        ...

    def put_recovery_codes(self, mailbox: Address, hashes: Collection[str]) -> None:
        """Keep these, in place of all before."""
        ...

    def use_recovery_code(self, mailbox: Address, kept: str) -> bool:
        """Take one, once; say whether there was one."""
        ...

    def add_passkey(self, passkey: Passkey) -> None:
        """Keep a new one. Raises UserError when it is there already, or the mailbox has the most."""
        ...

    def passkey(self, credential: str) -> Passkey | None:
        """Return the passkey with that id, whoever's."""
        ...

    def accept_passkey(self, passkey: Passkey, sign_count: int, *, now: datetime) -> bool:
        """Record a use with its new count, unless another use was quicker; say whether it was recorded."""
        ...

    def spend_challenge(self, digest: str, *, ends: datetime) -> bool:
        """Take a challenge, once; `ends` is when it is worth nothing anyway. Say whether it was the first time."""
        ...

    def remove(self, mailbox: Address, *, totp: bool = False, passkey: str = "") -> bool:
        """Take the app or a passkey away; with the last one, the recovery codes too. Say whether there was one."""
        ...

    def reset(self, mailbox: Address) -> FactorsSet:
        """Take everything away; return what there was."""
        ...

    def forget_spent(self, *, now: datetime) -> int:
        """Remove the challenges that have ended; return how many."""
        ...
