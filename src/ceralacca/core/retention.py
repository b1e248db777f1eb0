"""How long records are kept: thirty months, then they go by whole months; what a legal hold names stays (LO-5, VI-1).

A *month* is one of UTC, as the log is cut. It has ended its term when its last instant is thirty months past, so that
no row goes a day too early and none stays more than a month too long. A *hold* keeps a mailbox or a transaction:
whatever has it as sender or among its recipients, also the events of the other recipients of the same message.

Pure: the deleting is `services.keep_log`.

Clauses: LO-5, VI-1, VI-2.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogRow

KEPT_MONTHS: Final = 30
"""DPR 68/2005, art. 11 and 12."""


class Month(NamedTuple):
    """A month of UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, instant: datetime) -> "Month":
        """Return the month of an instant."""
        there = instant.astimezone(UTC)
        return cls(there.year, there.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        """Read `2026-11`. Raises ValueError."""
        there = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return cls(there.year, there.month)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.later(1).start

    def later(self, months: int) -> "Month":
        """Return the month so many months later, or earlier."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def oldest_kept(now: datetime) -> datetime:
    """Return the instant from which on everything is kept: the beginning of a month."""
    return Month.of(now).later(-KEPT_MONTHS).start


def ended(months: Iterable[Month], now: datetime) -> list[Month]:
    """Return the months whose term has ended, the oldest first."""
    return sorted(month for month in months if month.end <= oldest_kept(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """What is kept past its term until somebody lifts it. Names a mailbox or a transaction, not both."""

    number: int
    """0 when it is not set yet."""
    mailbox: Address | None = None
    identifier: str = ""
    """PEC identifier (identificativo) of a transaction."""
    reason: str
    ticket: str = ""
    set_at: datetime
    set_by: str
    """Login name."""
    lifted_at: datetime | None = None
    lifted_by: str = ""
    lift_reason: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError when it names nothing, or two things."""
        if (self.mailbox is None) == (not self.identifier):
            raise ValueError("a hold names a mailbox or a transaction")


class Holds:
    """The holds that are in force, to be asked of many rows."""

    def __init__(self, holds: Iterable[LegalHold]) -> None:
        self._holds = [hold for hold in holds if hold.lifted_at is None]
        self._mailboxes = {hold.mailbox for hold in self._holds if hold.mailbox is not None}
        self._identifiers = {hold.identifier for hold in self._holds if hold.identifier}

    def __bool__(self) -> bool:
        return bool(self._holds)

    def __iter__(self) -> Iterator[LegalHold]:
        return iter(self._holds)

    def keep(self, row: LogRow) -> bool:
        """Ask whether a row of the log stays."""
        addresses = (row.sender, *(recipient.address for recipient in row.recipients), *row.concerned)
        return self.keep_mail(row.identifier, addresses)

    def keep_mail(self, identifier: str | None, addresses: Iterable[Address | None]) -> bool:
        """Ask whether something about this transaction and these addresses stays."""
        return identifier in self._identifiers or not self._mailboxes.isdisjoint(addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFigures:
    """What of one month the log has."""

    month: Month
    rows: int
    first_seq: int
    last_seq: int
    first_instant: datetime
    last_instant: datetime
    held: int = 0
    """Rows that a hold keeps."""

    @property
    def goes(self) -> int:
        """Rows that would be deleted."""
        return self.rows - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A file of the sealed log that has rows of a month."""

    name: str
    digest: str
    """SHA-256, hexadecimal."""
    stamped: datetime | None
