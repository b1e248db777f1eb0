"""The memory twin of `store.second_factors`."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import MOST_PASSKEYS, FactorsSet, Passkey, Totp


class MemorySecondFactors:
    """Second factors for as long as the process lives; satisfies `ports.second_factor.SecondFactors`."""

    def __init__(self) -> None:
        self._totp: dict[str, Totp] = {}
        self._passkeys: dict[str, Passkey] = {}
        self._codes: dict[str, set[str]] = {}
        self._spent: dict[str, datetime] = {}

    def is_on(self, mailbox: Address) -> bool:
        """Say whether a second factor is asked for."""
        return self.of_mailbox(mailbox).on

    def of_mailbox(self, mailbox: Address) -> FactorsSet:
        """Return what a mailbox has."""
        mine = [one for one in self._passkeys.values() if one.mailbox.key == mailbox.key]
        return FactorsSet(
            totp=self._totp.get(mailbox.key),
            passkeys=tuple(sorted(mine, key=lambda one: (one.created, one.credential))),
            recovery_codes=len(self._codes.get(mailbox.key, ())),
        )

    def put_totp(self, totp: Totp) -> None:
        """Keep the app of a mailbox."""
        self._totp[totp.mailbox.key] = totp

    def accept_step(self, mailbox: Address, step: int, *, now: datetime) -> bool:
        """Take a code of that step, once."""
        kept = self._totp.get(mailbox.key)
        if kept is None or step <= kept.last_step:
            return False
        self._totp[mailbox.key] = replace(kept, last_step=step, used=now)
        return True

    def put_recovery_codes(self, mailbox: Address, hashes: Collection[str]) -> None:
        """Keep these, in place of all before."""
        self._codes[mailbox.key] = set(hashes)

    def use_recovery_code(self, mailbox: Address, kept: str) -> bool:
        """Take one, once."""
        codes = self._codes.get(mailbox.key, set())
        there = kept in codes
        codes.discard(kept)
        return there

    def add_passkey(self, passkey: Passkey) -> None:
        """Keep a new one. Raises UserError."""
        if passkey.credential in self._passkeys or len(self.of_mailbox(passkey.mailbox).passkeys) >= MOST_PASSKEYS:
            raise UserError("there is one like it, or too many", remedy="remove those that nobody uses")
        self._passkeys[passkey.credential] = passkey

    def passkey(self, credential: str) -> Passkey | None:
        """Return the passkey with that id."""
        return self._passkeys.get(credential)

    def accept_passkey(self, passkey: Passkey, sign_count: int, *, now: datetime) -> bool:
        """Record a use with its new count."""
        kept = self._passkeys.get(passkey.credential)
        if kept is None or kept.sign_count != passkey.sign_count:
            return False
        self._passkeys[passkey.credential] = replace(kept, sign_count=sign_count, used=now)
        return True

    def spend_challenge(self, digest: str, *, ends: datetime) -> bool:
        """Take a challenge, once."""
        return digest not in self._spent and self._spent.setdefault(digest, ends) is ends

    def remove(self, mailbox: Address, *, totp: bool = False, passkey: str = "") -> bool:
        """Take the app or a passkey away."""
        there = totp and self._totp.pop(mailbox.key, None) is not None
        kept = self._passkeys.get(passkey)
        if kept is not None and kept.mailbox.key == mailbox.key:
            del self._passkeys[passkey]
            there = True
        if not self.is_on(mailbox):
            self._codes.pop(mailbox.key, None)
        return there

    def reset(self, mailbox: Address) -> FactorsSet:
        """Take everything away; return what there was."""
        before = self.of_mailbox(mailbox)
        self._totp.pop(mailbox.key, None)
        self._codes.pop(mailbox.key, None)
        for one in before.passkeys:
            del self._passkeys[one.credential]
        return before

    def forget_spent(self, *, now: datetime) -> int:
        """Remove the challenges that have ended."""
        ended = [digest for digest, ends in self._spent.items() if ends <= now]
        for digest in ended:
            del self._spent[digest]
        return len(ended)
