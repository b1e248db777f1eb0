"""Rules of mailboxes, kept in versions: each change makes a new one, and an earlier one can be had again.

Clauses: DP-8.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from ceralacca.base.errors import UserError
from ceralacca.core.delivery_rules import Rule
from ceralacca.core.model.address import Address

VERSIONS_KEPT: Final = 20
"""Of one mailbox: how far back a change can be undone."""


class RulesChanged(UserError):
    """Somebody changed the rules meanwhile, in another window perhaps: nothing was stored."""

    def __init__(self) -> None:
        super().__init__("the rules have changed meanwhile", remedy="look at them again, then change them")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """The rules of one mailbox in the order in which they are tried."""

    mailbox: Address
    version: int = 0
    """0: there were never any."""
    rules: tuple[Rule, ...] = ()
    made: datetime | None = None


class RuleBooks(Protocol):
    """Keeps the rules of mailboxes. Safe between threads and processes; every call may raise WorldError."""

    def current(self, mailbox: Address) -> RuleBook:
        """Return the rules of a mailbox as they are now."""
        ...

    def earlier(self, mailbox: Address, version: int) -> RuleBook | None:
        """Return an earlier version; None when there was none, or it is kept no more. Version 0 has no rules."""
        ...

    def change(self, book: RuleBook, *, now: datetime) -> RuleBook:
        """Make the rules of `book` the next version after `book.version`, and return that. Raises RulesChanged."""
        ...
