"""The memory twin of `store.notices`."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.notices import Notice, NoticeWay, NoticeWishes, Trouble, WishesChanged


class MemoryNotices:
    """Wishes for as long as the process lives; satisfies `ports.notices.Notices`."""

    def __init__(self, mark: Callable[[Address, frozenset[NoticeKind]], None]) -> None:
        """Keep wishes; `mark` writes what is heard into the mailbox record."""
        self._mark = mark
        self._wishes: dict[Address, NoticeWishes] = {}
        self.sent: dict[str, Notice] = {}

    def of(self, mailbox: Address) -> NoticeWishes:
        """Return the wishes of a mailbox."""
        return self._wishes.get(mailbox, NoticeWishes(mailbox=mailbox))

    def change(self, wishes: NoticeWishes) -> NoticeWishes:
        """Keep the next version. Raises WishesChanged."""
        if self.of(wishes.mailbox).version != wishes.version:
            raise WishesChanged
        kept = replace(wishes, version=wishes.version + 1)
        self._wishes[wishes.mailbox] = kept
        self._mark(wishes.mailbox, kept.heard)
        return kept

    def trouble(self, mailbox: Address, way: NoticeWay, trouble: Trouble) -> None:
        """Record that a notice did not get through."""
        if mailbox in self._wishes:
            old = self._wishes[mailbox]
            self._wishes[mailbox] = replace(old, troubles={**old.troubles, way: trouble})

    def keep(self, notices: Iterable[Notice]) -> None:
        """Keep that notices went out, each once."""
        for one in notices:
            self.sent.setdefault(one.key, one)

    def told(self, keys: Collection[str]) -> frozenset[str]:
        """Return which of these notices went out."""
        return frozenset(keys) & self.sent.keys()

    def forget(self, *, before: datetime) -> int:
        """Remove the traces of notices that went out before."""
        gone = [key for key, one in self.sent.items() if one.instant < before]
        for key in gone:
            del self.sent[key]
        return len(gone)
