"""The memory twin of `store.delivery_rules`."""

from dataclasses import replace
from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.ports.delivery_rules import VERSIONS_KEPT, RuleBook, RulesChanged


class MemoryRuleBooks:
    """Rules for as long as the process lives; satisfies `ports.delivery_rules.RuleBooks`."""

    def __init__(self) -> None:
        self._versions: dict[Address, list[RuleBook]] = {}

    def current(self, mailbox: Address) -> RuleBook:
        """Return the rules of a mailbox as they are now."""
        return self._versions.get(mailbox, [RuleBook(mailbox=mailbox)])[-1]

    def earlier(self, mailbox: Address, version: int) -> RuleBook | None:
        """Return an earlier version."""
        kept = self._versions.get(mailbox, [RuleBook(mailbox=mailbox)])
        return next((one for one in kept if one.version == version), None)

    def change(self, book: RuleBook, *, now: datetime) -> RuleBook:
        """Make the next version. Raises RulesChanged."""
        kept = self._versions.get(book.mailbox, [RuleBook(mailbox=book.mailbox)])
        if kept[-1].version != book.version:
            raise RulesChanged
        changed = replace(book, version=book.version + 1, made=now)
        self._versions[book.mailbox] = [*kept, changed][-VERSIONS_KEPT:]
        return changed
