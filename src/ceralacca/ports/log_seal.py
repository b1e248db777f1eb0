"""Sealing a log: what `services.seal_log` asks of the store, of the key, of a time-stamping authority and of a witness.

Clauses: LO-4 to LO-7.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.core.log_chain import BlockHead, Ledger, Period
from ceralacca.core.model.audit import AuditEvent
from ceralacca.core.model.log import LogRow

LedgerRow = LogRow | AuditEvent
"""Of the message log, or of the audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A row with its place in the store; places rise in the order of the log and may leave numbers out."""

    seq: int
    row: LedgerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBlock:
    """A block as it is kept: never changed once it is there."""

    head: BlockHead
    record: bytes
    """The head as it was signed."""
    seal: bytes
    """CMS with the record inside."""
    last_seq: int
    """Place of its last row: the rows of a block are those above the last place of the block before it."""
    marks: bytes | None
    """None once its file is written, which has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """A file that is to be written: all that decides its octets but the rows, which its blocks stand over."""

    ledger: Ledger
    number: int
    name: str
    node: str
    period: Period
    sealed: datetime
    first_block: int
    last_block: int
    """One less than `first_block` when there is none."""
    first: int
    """Number of its first row."""
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A file, as far as it has come."""

    plan: FilePlan
    digest: str = ""
    """SHA-256 of the file as sealed; empty: not written yet."""
    octets: int = 0
    stamped: datetime | None = None
    """What its time stamp says."""
    altered: str = ""
    """Numbers of blocks whose rows were no longer what was sealed when the file was written; empty as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStatus:
    """How far the sealing of one ledger has come."""

    ledger: Ledger
    unsealed: int
    """Rows that no block holds yet, at most 1,000,000 counted."""
    oldest_unsealed: datetime | None
    last_block: SealedBlock | None
    blocks_without_witness: int
    last_file: LogFile | None
    files_unwritten: int
    files_unstamped: int
    oldest_unstamped: datetime | None
    """End of the period of the oldest file that waits for its stamp."""
    altered: Sequence[str]
    """Names of files in which rows were no longer what was sealed."""


class LogSealStore(Protocol):
    """Where rows are and blocks are kept. Every method may raise WorldError. Safe between processes."""

    def settled(self, ledger: Ledger, *, patience: float) -> int:
        """Return a place below or at which no row will ever appear that is not there already.

        Waits `patience` seconds for writers that are at it. Raises WorldError when they take longer.
        """
        ...

    def rows(self, ledger: Ledger, *, after: int, until: int) -> Iterator[Placed]:
        """Give the rows above one place, up to another, in their order; not all in memory."""
        ...

    def last_block(self, ledger: Ledger) -> SealedBlock | None:
        """Return the newest block."""
        ...

    def blocks(self, ledger: Ledger, *, first: int, last: int) -> Iterator[SealedBlock]:
        """Give blocks by number; not all in memory."""
        ...

    def block_heads(self, ledger: Ledger, *, first: int, last: int) -> list[BlockHead]:
        """Return what blocks say of themselves."""
        ...

    def add_block(self, block: SealedBlock) -> bool:
        """Keep a block, durably; False when there is one of its number already, which stays."""
        ...

    def last_file(self, ledger: Ledger) -> LogFile | None:
        """Return the newest file, written or not."""
        ...

    def last_block_before(self, ledger: Ledger, instant: datetime) -> BlockHead | None:
        """Return the newest block that was sealed before an instant."""
        ...

    def parts_of_day(self, ledger: Ledger, day: datetime) -> int:
        """Return how many files have begun on a day of UTC."""
        ...

    def plan_file(self, plan: FilePlan) -> bool:
        """Record that a file is to be written; False when one of its number is recorded already, which stays."""
        ...

    def file(self, ledger: Ledger, number: int) -> LogFile | None:
        """Return a file."""
        ...

    def unwritten(self, ledger: Ledger) -> list[LogFile]:
        """Return files that are planned and not written, the oldest first."""
        ...

    def unstamped(self, ledger: Ledger, *, limit: int) -> list[LogFile]:
        """Return files that are written and have no time stamp, the oldest first."""
        ...

    def written(self, file: LogFile) -> None:
        """Record that a file is written; the marks of its blocks are dropped, for it has them."""
        ...

    def stamped(self, ledger: Ledger, number: int, instant: datetime) -> None:
        """Record what the time stamp of a file says."""
        ...

    def without_witness(self, ledger: Ledger, *, limit: int) -> list[SealedBlock]:
        """Return blocks that no witness has yet, the oldest first."""
        ...

    def witnessed(self, ledger: Ledger, numbers: Iterable[int]) -> None:
        """Record that the witness has these."""
        ...

    def status(self, ledger: Ledger) -> LedgerStatus:
        """Return how far it has come."""
        ...


class LogKey(Protocol):
    """The key of the log, never that of the messages (LO-6)."""

    def seal(self, record: bytes, instant: datetime) -> bytes:
        """Return CMS with the record inside. Raises WorldError."""
        ...

    def frame(self, octets: int, digest: bytes, instant: datetime) -> tuple[bytes, bytes]:
        """Return what makes a `.p7m` of a content of this size and SHA-256: before it and after. Raises WorldError."""
        ...


class LogFolder(Protocol):
    """Where files are put: on disk, each whole or not at all."""

    def write(self, name: str, lines: Iterable[bytes], key: LogKey, instant: datetime) -> tuple[str, int]:
        """Write lines as a sealed file, durably; return its SHA-256 and size. Raises WorldError."""
        ...

    def stamp(self, name: str) -> bytes | None:
        """Return the time stamp beside a file, as the authority gave it; None when there is none."""
        ...

    def put_stamp(self, name: str, reply: bytes) -> None:
        """Put a time stamp beside a file, durably. Raises WorldError."""
        ...


class Stamper(Protocol):
    """A time-stamping authority (LO-4)."""

    def __call__(self, digest: bytes, now: datetime, /) -> tuple[bytes, datetime]:
        """Return a stamp over a SHA-256, as it came and believed, and its instant. Raises WorldError, PeerError."""
        ...

    def check(self, reply: bytes, digest: bytes, now: datetime, /) -> datetime:
        """Return the instant of a stamp that is kept. Raises PeerError when it is not believed."""
        ...


class Witness(Protocol):
    """A second place that keeps what blocks say of themselves."""

    def __call__(self, name: str, p7m: bytes, /) -> None:
        """Hand over the sealed head of a block; again does no harm. Raises WorldError."""
        ...
