"""The memory twin of `store.app_passwords`."""

from dataclasses import replace
from datetime import datetime, timedelta

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.app_password import MOST_APP_PASSWORDS, AppPassword


class MemoryAppPasswords:
    """App passwords for as long as the process lives; satisfies `ports.app_password.AppPasswords`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], AppPassword] = {}

    def add(self, one: AppPassword) -> None:
        """Keep a new one. Raises UserError."""
        if len(self.of_mailbox(one.mailbox)) >= MOST_APP_PASSWORDS or self.find(one.mailbox, one.selector):
            raise UserError("there is one like it, or too many", remedy="revoke those that nobody uses")
        self._kept[one.mailbox.key, one.selector] = one

    def find(self, mailbox: Address, selector: str) -> AppPassword | None:
        """Return the one of a mailbox with that selector."""
        return self._kept.get((mailbox.key, selector))

    def of_mailbox(self, mailbox: Address) -> list[AppPassword]:
        """Return those of a mailbox, the newest first."""
        found = [one for one in self._kept.values() if one.mailbox.key == mailbox.key]
        return sorted(sorted(found, key=lambda one: one.selector), key=lambda one: one.created, reverse=True)

    def touch(self, mailbox: Address, selector: str, *, now: datetime) -> None:
        """Record that it was used, at most once an hour."""
        one = self.find(mailbox, selector)
        if one is not None and (one.used is None or one.used <= now - timedelta(hours=1)):
            self._kept[mailbox.key, selector] = replace(one, used=now)

    def revoke(self, mailbox: Address, selector: str) -> bool:
        """End one."""
        return self._kept.pop((mailbox.key, selector), None) is not None
