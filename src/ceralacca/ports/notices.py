"""What holders want to be told of by ordinary ways, and where to (issue of the web pages; no clause asks for it).

An address is told of nothing until its holder has typed in the code that was sent there. The wishes change one after
the other: whoever changes an older version is told so. Which kinds are wanted stands also with the mailbox record, so
that a delivery need not ask.

Clauses: DP-8, SE-3.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind

CODE_LASTS: Final = timedelta(hours=1)
MOST_TRIES: Final = 5
"""Wrong codes before a new one must be asked for."""
MOST_CODES: Final = 5
"""Codes that a mailbox may have sent within `CODES_COUNTED_FOR`: nobody writes to strangers through us."""
CODES_COUNTED_FOR: Final = timedelta(days=1)


class NoticeWay(StrEnum):
    """How a notice goes out."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class WishesChanged(UserError):
    """The wishes were changed meanwhile, in another window."""

    def __init__(self) -> None:
        super().__init__("the notices were changed meanwhile", remedy="load the page again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A notice that could not be handed over."""

    instant: datetime
    text: str
    """What the other side said, or the name of our error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressInWaiting:
    """An address that was typed in and not yet confirmed."""

    address: Address
    code_hash: str
    """SHA-256 of the code with mailbox and address, hexadecimal."""
    since: datetime
    tries: int = 0
    """Wrong codes so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeWishes:
    """What the holder of one mailbox wants."""

    mailbox: Address
    version: int = 0
    """0: never said."""
    kinds: frozenset[NoticeKind] = frozenset()
    language: str = "it"
    email: Address | None = None
    """Confirmed."""
    waiting: AddressInWaiting | None = None
    codes: int = 0
    """Codes sent since `codes_since`."""
    codes_since: datetime | None = None
    webhook: str = ""
    """An https address; empty for none."""
    secret: bytes = field(default=b"", repr=False)
    """What webhook calls are signed with, encrypted."""
    troubles: Mapping[NoticeWay, Trouble] = field(default_factory=dict)
    """The last one of each way, since the way was chosen."""

    @property
    def heard(self) -> frozenset[NoticeKind]:
        """The kinds that reach somebody."""
        return self.kinds if self.email or self.webhook else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice that went out, or is about to: once for ever under its key."""

    key: str
    mailbox: Address
    kind: NoticeKind
    instant: datetime


class NoWebhook(UserError):
    """The mailbox has none, any more."""


class CallsWebhook(Protocol):
    """Calls the server of a mailbox's holder."""

    def __call__(self, mailbox: Address, *, key: str, body: bytes) -> None:
        """Post a notice, signed. Raises NoWebhook, UserError when it may not be called, WorldError when it fails."""
        ...


class Notices(Protocol):
    """Keeps wishes. Safe between threads and processes; every call may raise WorldError."""

    def of(self, mailbox: Address) -> NoticeWishes:
        """Return the wishes of a mailbox."""
        ...

    def change(self, wishes: NoticeWishes) -> NoticeWishes:
        """Keep wishes as the version after the one that they bear, and return them so. Raises WishesChanged.

        From then on the mailbox record says which kinds are `heard`.
        """
        ...

    def trouble(self, mailbox: Address, way: NoticeWay, trouble: Trouble) -> None:
        """Record that a notice did not get through; nothing when the mailbox has no wishes."""
        ...

    def told(self, keys: Collection[str]) -> frozenset[str]:
        """Return which of these notices went out and are not forgotten."""
        ...

    def forget(self, *, before: datetime) -> int:
        """Remove the traces of notices that went out before; return how many."""
        ...
