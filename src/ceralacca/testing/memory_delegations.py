"""The memory twin of `store.delegations`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import MOST_DELEGATIONS, Delegation, DelegationRefused
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus


class MemoryDelegations:
    """Delegations for as long as the process lives; satisfies `ports.delegation.Delegations`."""

    def __init__(self, mailbox: Callable[[Address], MailboxRecord | None]) -> None:
        """Look mailboxes up by `mailbox` (`Store.mailbox`)."""
        self._mailbox = mailbox
        self._kept: dict[str, Delegation] = {}

    def give(self, one: Delegation) -> None:
        """Keep a new one. Raises DelegationRefused."""
        lasting = [other for other in self.given_by(one.mailbox) if other.lasts(one.created)]
        if len(lasting) >= MOST_DELEGATIONS:
            raise DelegationRefused("most")
        if any(other.delegate == one.delegate for other in lasting):
            raise DelegationRefused("already")
        self._kept[one.key] = one

    def in_force(self, key: str, *, now: datetime) -> Delegation | None:
        """Return one that is in force."""
        one = self._kept.get(key)
        return one if one and one.lasts(now) and self._open(one.mailbox) and self._open(one.delegate) else None

    def between(self, mailbox: Address, delegate: Address, *, now: datetime) -> Delegation | None:
        """Return the one in force that lets a delegate into a mailbox."""
        return next((one for one in self.given_to(delegate, now=now) if one.mailbox == mailbox), None)

    def given_to(self, delegate: Address, *, now: datetime) -> list[Delegation]:
        """Return those in force that a holder has from others, by mailbox."""
        found = [one for one in self._kept.values() if one.delegate == delegate and self.in_force(one.key, now=now)]
        return sorted(found, key=lambda one: one.mailbox.key)

    def given_by(self, mailbox: Address) -> list[Delegation]:
        """Return all of a mailbox, the newest first."""
        found = [one for one in self._kept.values() if one.mailbox == mailbox]
        return sorted(sorted(found, key=lambda one: one.key), key=lambda one: one.created, reverse=True)

    def end(self, mailbox: Address, key: str, *, now: datetime) -> Delegation | None:
        """End one of a mailbox's."""
        one = self._kept.get(key)
        if one is None or one.mailbox != mailbox or not one.lasts(now):
            return None
        self._kept[key] = replace(one, ended=now)
        return one

    def end_all(self, mailbox: Address, *, now: datetime) -> int:
        """End all that a mailbox has given or got."""
        lasting = [one for one in self._kept.values() if mailbox in {one.mailbox, one.delegate} and one.lasts(now)]
        self._kept |= {one.key: replace(one, ended=now) for one in lasting}
        return len(lasting)

    def _open(self, address: Address) -> bool:
        record = self._mailbox(address)
        return record is not None and not record.is_service and record.status is not MailboxStatus.CLOSED
