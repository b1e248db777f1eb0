"""The chain over a log: which period a file covers, what a block and a file say of themselves (LO-4 to LO-6).

Rows are taken in the order of the store into *blocks*; a block stands over its rows and over the
block before it. *Files* take whole blocks, each file a period, and the periods touch: from the
midnight before the first block on, day by day, in UTC, whose days have 24 hours always (a legal day of
October has 25). A day without rows has a file too; a day that ended while nothing ran gets its
file late, and the file says when it was made.

Pure: signing is `trust.log_seal`, the octets are `formats.log_file`, doing it is `services.seal_log`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from ceralacca.base.instants import to_the_second

MOST_ROWS: Final = 4096
"""Of one block: what is in memory at a time."""
LONGEST: Final = timedelta(hours=24)
"""Between the cuts of two files (LO-4)."""
NOTHING_BEFORE: Final = "0" * 64
"""Stands for the hash of what was before the first row, block or file."""


class Ledger(StrEnum):
    """What is sealed: two records, never mixed, in chains of their own."""

    MESSAGES = "messages"
    """The message log."""
    AUDIT = "audit"
    """The audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHead:
    """What a block says of itself; what is signed."""

    ledger: Ledger
    number: int
    """From 1, without gaps."""
    node: str
    """Who sealed it: `node` of its rows."""
    sealed: datetime
    """UTC; never before that of the block before it."""
    first: int
    """Number of its first row: rows are counted from 1 without gaps, whatever their places in the store."""
    rows: int
    root: str
    """Merkle root over the hashes of its rows, 64 hexadecimal digits."""
    row_hash: str
    """Hash of its last row."""
    marks: str
    """SHA-256 of the marks of its rows (`formats.log_file.chain`)."""
    prev_hash: str
    """Hash of the block before it."""

    @property
    def last(self) -> int:
        """Number of its last row."""
        return self.first + self.rows - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockName:
    """A block as its file's head lists it."""

    number: int
    first: int
    rows: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From an instant, up to another that is no part of it; within one day of UTC."""

    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHead:
    """What a file says of itself, in its first line."""

    ledger: Ledger
    number: int
    """From 1, without gaps."""
    node: str
    period: Period
    sealed: datetime
    """When it was made: late when nothing ran at the end of its period."""
    first: int
    """Number of its first row; of the next row to come when it has none."""
    rows: int
    blocks: tuple[BlockName, ...]
    prev_hash: str
    """SHA-256 of the file before it, as sealed."""

    @property
    def last(self) -> int:
        """Number of its last row; one less than `first` when it has none."""
        return self.first + self.rows - 1


def sealing_instant(now: datetime, *before: datetime | None) -> datetime:
    """Return when a block is sealed: now, but never before what was sealed already, should the clock be set back."""
    return max([to_the_second(now), *(one for one in before if one is not None)])


def ended_periods(start: datetime, now: datetime) -> Iterator[Period]:
    """Give the periods that have ended, from where the last file ended: each is the rest of a day of UTC (LO-4)."""
    while True:
        until = midnight_before(start) + LONGEST
        if until > now:
            return
        yield Period(start=start, until=until)
        start = until


def midnight_before(instant: datetime) -> datetime:
    """Return the beginning of the day of UTC that the instant is in."""
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def file_name(ledger: Ledger, node: str, period: Period, part: int) -> str:
    """Return the name of a file: node and day, as known providers write it (LO-6); further parts of a day are counted.

    `PEC-alfa-2026-11-28.jsonl.p7m`; the audit trail's is `PEC-alfa-audit-2026-11-28.jsonl.p7m`.
    """
    which = "" if ledger is Ledger.MESSAGES else f"{ledger}-"
    count = "" if part == 1 else f".{part}"
    return f"PEC-{node}-{which}{period.start:%Y-%m-%d}{count}.jsonl.p7m"


def stamp_name(name: str) -> str:
    """Return the name of the time stamp beside a file (LO-6)."""
    return f"{name.removesuffix('.p7m')}.tsr"


def witness_name(ledger: Ledger, node: str, number: int) -> str:
    """Return the name under which the sealed head of a block goes to a witness."""
    return f"PEC-{node}-{ledger}-block-{number:010d}.p7m"
