"""Seals a log: rows into blocks, blocks into files, a time stamp beside each, block heads to a witness (LO-4 to LO-7).

Each act can be cut off anywhere and done again. A block is there when its row is, and its number can be taken
once. A file is planned before it is written, and the plan decides its octets; so a file that was
written and not recorded is written again the same. A stamp that is beside its file already is kept. What waits for
somebody else (writers, the time-stamping authority, the witness) is made up for later, and shown meanwhile.

Rows are read from the store once for their block and again for their file. If they are not the same any more the file
is written all the same, with what is there: its seals then show the change, and the operator hears of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Final

import structlog

from ceralacca.base.errors import PeerError, WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.log_chain import (
    MOST_ROWS,
    NOTHING_BEFORE,
    BlockHead,
    BlockName,
    FileHead,
    Ledger,
    Period,
    ended_periods,
    file_name,
    midnight_before,
    sealing_instant,
    witness_name,
)
from ceralacca.core.model.audit import AuditEvent
from ceralacca.formats.log_file.audit_row import audit_members
from ceralacca.formats.log_file.chain import RowChain
from ceralacca.formats.log_file.heads import block_line, block_record, file_line, file_record, record_hash
from ceralacca.formats.log_file.message_row import Members, message_members
from ceralacca.ports.log_seal import (
    FilePlan,
    LedgerRow,
    LogFile,
    LogFolder,
    LogKey,
    LogSealStore,
    Placed,
    SealedBlock,
    Stamper,
    Witness,
)

_LOG = structlog.get_logger(__name__)

_PATIENCE: Final = 5.0
_WITNESSED_AT_ONCE: Final = 100
_STAMPED_AT_ONCE: Final = 50
_SECOND: Final = timedelta(seconds=1)
"""Instants of seals have no fractions: a block of the very second of a cut belongs before it."""


@dataclass(slots=True, kw_only=True)
class Sealed:
    """What one round has done."""

    blocks: int = 0
    rows: int = 0
    files: list[str] = field(default_factory=list)
    stamps: list[str] = field(default_factory=list)
    witnessed: int = 0
    waits: list[str] = field(default_factory=list)
    """What had to wait, and for what: sentences for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSeal:
    """The parts of sealing one ledger."""

    ledger: Ledger
    node: str
    store: LogSealStore
    key: LogKey
    folder: LogFolder
    stamper: Stamper | None = None
    """None: nobody stamps, and `pec doctor` says so."""
    witness: Witness | None = None

    def do_what_is_due(self, now: datetime, *, close: bool = False) -> Sealed:
        """Seal what is settled, write files whose period has ended, stamp and hand over what waits.

        `close` ends the present period now. Raises WorldError when database or disk are away.
        """
        done = Sealed()
        self.seal_rows(now, done)
        self.write_files(now, done, close=close)
        self.stamp_files(now, done)
        self.tell_witness(done)
        return done

    # -- blocks -------------------------------------------------------------------------------------

    def seal_rows(self, now: datetime, done: Sealed) -> None:
        """Put every settled row into a block. Raises WorldError."""
        try:
            until = self.store.settled(self.ledger, patience=_PATIENCE)
        except WorldError as error:
            self._waits(done, "rows", error)
            return
        before = self.store.last_block(self.ledger)
        rows = self.store.rows(self.ledger, after=before.last_seq if before else 0, until=until)
        last_file = self.store.last_file(self.ledger)
        while block := self._next_block(before, rows, now, last_file):
            reach("log_seal.block.before")
            if not self.store.add_block(block):  # another process was quicker: its block stands
                return
            reach("log_seal.block.after")
            done.blocks, done.rows, before = done.blocks + 1, done.rows + block.head.rows, block

    def _next_block(
        self, before: SealedBlock | None, rows: Iterator[Placed], now: datetime, last_file: LogFile | None
    ) -> SealedBlock | None:
        head = before.head if before else None
        first = head.last + 1 if head else 1
        chain = RowChain(number=first, prev_hash=head.row_hash if head else NOTHING_BEFORE)
        last_seq = 0
        for placed in islice(rows, MOST_ROWS):
            chain.line(members(placed.row, self.node))
            last_seq = placed.seq
        if not chain.rows:
            return None
        closed = last_file.plan.period.until if last_file else None
        made = BlockHead(
            ledger=self.ledger,
            number=head.number + 1 if head else 1,
            node=self.node,
            sealed=sealing_instant(now, head.sealed if head else None, closed),
            first=first,
            rows=chain.rows,
            root=chain.root,
            row_hash=chain.row_hash,
            marks=sha256(chain.marks).hexdigest(),
            prev_hash=record_hash(before.record) if before else NOTHING_BEFORE,
        )
        record = block_record(made)
        seal = self.key.seal(record, made.sealed)
        return SealedBlock(head=made, record=record, seal=seal, last_seq=last_seq, marks=chain.marks)

    # -- files --------------------------------------------------------------------------------------

    def write_files(self, now: datetime, done: Sealed, *, close: bool = False) -> None:
        """Plan every file whose period has ended, and write what is planned. Raises WorldError."""
        last = self.store.last_file(self.ledger)
        start = last.plan.period.until if last else self._beginning()
        if start is not None:
            for period in ended_periods(start, now):
                self._plan(period, now, before=period.until)
                start = period.until
            here = sealing_instant(now)
            if close and here > start:
                self._plan(Period(start=start, until=here), now, before=here + _SECOND)
        for file in self.store.unwritten(self.ledger):
            self._write(file.plan)
            done.files.append(file.plan.name)

    def _beginning(self) -> datetime | None:
        """Return when the first period begins: with the day of the first block."""
        heads = self.store.block_heads(self.ledger, first=1, last=1)
        return midnight_before(heads[0].sealed) if heads else None

    def _plan(self, period: Period, now: datetime, *, before: datetime) -> None:
        """Plan the file of a period: it takes the blocks from the last file's on that were sealed before an instant."""
        last = self.store.last_file(self.ledger)
        older = last.plan if last else None
        part = self.store.parts_of_day(self.ledger, midnight_before(period.start)) + 1
        first_block = older.last_block + 1 if older else 1
        newest = self.store.last_block_before(self.ledger, before)
        last_block = max(newest.number if newest else 0, first_block - 1)
        heads = self.store.block_heads(self.ledger, first=first_block, last=last_block)
        reach("log_seal.plan.before")
        self.store.plan_file(
            FilePlan(
                ledger=self.ledger,
                number=older.number + 1 if older else 1,
                name=file_name(self.ledger, self.node, period, part),
                node=self.node,
                period=period,
                sealed=sealing_instant(now, period.until),
                first_block=first_block,
                last_block=last_block,
                first=older.first + older.rows if older else 1,
                rows=sum(head.rows for head in heads),
            )
        )
        reach("log_seal.plan.after")

    def _write(self, plan: FilePlan) -> None:
        altered: list[int] = []
        digest, octets = self.folder.write(plan.name, self._lines(plan, altered), self.key, plan.sealed)
        wrong = ",".join(map(str, altered))
        self.store.written(LogFile(plan=plan, digest=digest, octets=octets, altered=wrong))
        reach("log_seal.written.after")
        if altered:
            _LOG.error("log_seal.rows_altered", ledger=self.ledger.value, file=plan.name, blocks=wrong)
        _LOG.info("log_seal.file", ledger=self.ledger.value, file=plan.name, rows=plan.rows, octets=octets)

    def _lines(self, plan: FilePlan, altered: list[int]) -> Iterator[bytes]:
        """Give the lines of a file; numbers of blocks over rows that have changed since are put into `altered`."""
        heads = self.store.block_heads(self.ledger, first=plan.first_block, last=plan.last_block)
        record = file_record(self._file_head(plan, heads))
        yield file_line(record, self.key.seal(record, plan.sealed))
        before = next(self.store.blocks(self.ledger, first=plan.first_block - 1, last=plan.first_block - 1), None)
        after, prev_hash = (before.last_seq, before.head.row_hash) if before else (0, NOTHING_BEFORE)
        for block in self.store.blocks(self.ledger, first=plan.first_block, last=plan.last_block):
            chain = RowChain(number=block.head.first, prev_hash=prev_hash)
            for placed in self.store.rows(self.ledger, after=after, until=block.last_seq):
                yield chain.line(members(placed.row, block.head.node))
            if (chain.root, chain.rows) != (block.head.root, block.head.rows):
                altered.append(block.head.number)
            yield block_line(block.record, block.marks if block.marks is not None else chain.marks, block.seal)
            after, prev_hash = block.last_seq, block.head.row_hash

    def _file_head(self, plan: FilePlan, heads: list[BlockHead]) -> FileHead:
        before = self.store.file(self.ledger, plan.number - 1)
        names = (BlockName(number=one.number, first=one.first, rows=one.rows, root=one.root) for one in heads)
        return FileHead(
            ledger=self.ledger,
            number=plan.number,
            node=plan.node,
            period=plan.period,
            sealed=plan.sealed,
            first=plan.first,
            rows=plan.rows,
            blocks=tuple(names),
            prev_hash=before.digest if before else NOTHING_BEFORE,
        )

    # -- stamps and witness -------------------------------------------------------------------------

    def stamp_files(self, now: datetime, done: Sealed) -> None:
        """Have every file stamped that waits for it; what the authority does not give now waits (LO-4)."""
        if self.stamper is None:
            return
        for file in self.store.unstamped(self.ledger, limit=_STAMPED_AT_ONCE):
            try:
                instant = self._stamped(file, self.stamper, now)
            except (WorldError, PeerError) as error:
                self._waits(done, "stamp", error)
                return
            self.store.stamped(self.ledger, file.plan.number, instant)
            done.stamps.append(file.plan.name)

    def _stamped(self, file: LogFile, stamper: Stamper, now: datetime) -> datetime:
        name, digest = file.plan.name, bytes.fromhex(file.digest)
        kept = self.folder.stamp(name)
        if kept is not None:
            try:
                return stamper.check(kept, digest, now)
            except PeerError:
                _LOG.warning("log_seal.stamp_replaced", file=name)
        reply, instant = stamper(digest, now)
        reach("log_seal.stamp.before")
        self.folder.put_stamp(name, reply)
        reach("log_seal.stamp.after")
        late = instant - file.plan.period.until
        _LOG.info("log_seal.stamped", file=name, late_seconds=max(int(late / timedelta(seconds=1)), 0))
        return instant

    def tell_witness(self, done: Sealed) -> None:
        """Hand over the heads of blocks that the witness has not yet; what it does not take now waits."""
        if self.witness is None:
            return
        while blocks := self.store.without_witness(self.ledger, limit=_WITNESSED_AT_ONCE):
            told: list[int] = []
            try:
                for block in blocks:
                    self.witness(witness_name(self.ledger, block.head.node, block.head.number), block.seal)
                    reach("log_seal.witness.after")
                    told.append(block.head.number)
            except WorldError as error:
                self._waits(done, "witness", error)
            self.store.witnessed(self.ledger, told)
            done.witnessed += len(told)
            if len(told) < len(blocks):
                return

    def _waits(self, done: Sealed, what: str, error: WorldError | PeerError) -> None:
        _LOG.warning("log_seal.waits", ledger=self.ledger.value, what=what, reason=str(error))
        done.waits.append(f"{what}: {error}")


def members(row: LedgerRow, node: str) -> Members:
    """Return what the line of a row says."""
    return audit_members(row, node) if isinstance(row, AuditEvent) else message_members(row, node)
