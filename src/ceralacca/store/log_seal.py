"""Blocks and files of the sealed log on the database: `ports.log_seal.LogSealStore`.

Rows of transactions that run side by side become visible out of the order of their places. On PostgreSQL
`settled` therefore looks for the highest place that can be seen, then waits until every transaction that
holds the writers' lock on the table at that moment has ended: one with a lower place took that lock before
its place was given, so it is among them or has ended already. Nobody is locked out meanwhile. SQLite has one
writer at a time, and the audit trail gives its places under a lock: what is seen there is settled.

A block is taken with its number as the key: of two processes that seal at once, one wins.

Clauses: LO-4, LO-5.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Integer, Row, Select, Table, bindparam, func, insert, select, text, update

from ceralacca.base.errors import WorldError
from ceralacca.core.log_chain import BlockHead, Ledger, Period
from ceralacca.ports.log_seal import FilePlan, LedgerStatus, LogFile, Placed, SealedBlock
from ceralacca.store.audit import read_audit
from ceralacca.store.engine import Database, Raced
from ceralacca.store.log_rows import read_log_line
from ceralacca.store.prepared import Prepared
from ceralacca.store.rows import Values
from ceralacca.store.tables import AUDIT_EVENT, LOG_BLOCK, LOG_FILE, LOG_ROW

_ROWS_AT_ONCE: Final = 1000
_BLOCKS_AT_ONCE: Final = 16
_MOST_COUNTED: Final = 1_000_000
_LOOK_AGAIN: Final = 0.02
_DAY: Final = timedelta(days=1)

_TABLES: Final[dict[Ledger, Table]] = {Ledger.MESSAGES: LOG_ROW, Ledger.AUDIT: AUDIT_EVENT}

_WRITERS: Final = text(
    "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted"
    " AND mode = 'RowExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND relation IN "
    "(SELECT relid FROM pg_partition_tree(CAST(:table AS regclass)) UNION SELECT CAST(:table AS regclass))"
)


@cache
def _next(table: Table) -> Prepared:
    wanted = select(table).where(table.c.seq > bindparam("after"), table.c.seq <= bindparam("until"))
    return Prepared(wanted.order_by(table.c.seq).limit(bindparam("most", type_=Integer)))


class DatabaseLogSeal:
    """Blocks and files in the database of a store. Safe between threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- rows ---------------------------------------------------------------------------------------

    def settled(self, ledger: Ledger, *, patience: float) -> int:
        """Return a place below which nothing will appear any more. Raises WorldError when writers take too long."""
        table = _TABLES[ledger]
        with self._database.reading() as connection:
            highest: int = connection.scalar(select(func.max(table.c.seq))) or 0
        if not self._database.is_sqlite and ledger is Ledger.MESSAGES:
            self._await_writers(table, patience)
        return highest

    def _await_writers(self, table: Table, patience: float) -> None:
        """Wait until whoever writes to the table now has ended; those who come after have higher places."""
        waited_for: set[str] | None = None
        until = time.monotonic() + patience
        while True:
            with self._database.reading() as connection:
                writing = set(connection.scalars(_WRITERS, {"table": table.name}))
            waited_for = writing if waited_for is None else waited_for & writing
            if not waited_for:
                return
            if time.monotonic() > until:
                raise WorldError(
                    "somebody has been writing to the log for too long: nothing is sealed meanwhile",
                    remedy="look for a transaction that was left open (pg_stat_activity)",
                )
            time.sleep(_LOOK_AGAIN)

    def rows(self, ledger: Ledger, *, after: int, until: int) -> Iterator[Placed]:
        """Give rows in their order, a thousand in memory at a time. Raises WorldError."""
        table, is_audit = _TABLES[ledger], ledger is Ledger.AUDIT
        while after < until:
            with self._database.direct_reading() as connection:
                if is_audit:
                    found = [
                        Placed(seq=row.seq, row=read_audit(row).event)
                        for row in _next(table).all(connection, after=after, until=until, most=_ROWS_AT_ONCE)
                    ]
                else:
                    found = [
                        Placed(seq=line[0], row=read_log_line(line))
                        for line in _next(table).lines(connection, after=after, until=until, most=_ROWS_AT_ONCE)
                    ]
            yield from found
            if len(found) < _ROWS_AT_ONCE:
                return
            after = found[-1].seq

    # -- blocks -------------------------------------------------------------------------------------

    def last_block(self, ledger: Ledger) -> SealedBlock | None:
        """Return the newest block. Raises WorldError."""
        found = self._first(_of(LOG_BLOCK, ledger).order_by(LOG_BLOCK.c.number.desc()))
        return None if found is None else _block(found)

    def blocks(self, ledger: Ledger, *, first: int, last: int) -> Iterator[SealedBlock]:
        """Give blocks by number, a few in memory at a time. Raises WorldError."""
        while first <= last:
            wanted = _of(LOG_BLOCK, ledger).where(LOG_BLOCK.c.number >= first, LOG_BLOCK.c.number <= last)
            found = self._all(wanted.order_by(LOG_BLOCK.c.number).limit(_BLOCKS_AT_ONCE))
            if not found:
                return
            yield from map(_block, found)
            first = found[-1].number + 1

    def block_heads(self, ledger: Ledger, *, first: int, last: int) -> list[BlockHead]:
        """Return what blocks say of themselves. Raises WorldError."""
        column = LOG_BLOCK.c
        wanted = select(*(column[name] for name in _HEAD)).where(column.ledger == ledger)
        return [
            _head(row) for row in self._all(wanted.where(column.number.between(first, last)).order_by(column.number))
        ]

    def last_block_before(self, ledger: Ledger, instant: datetime) -> BlockHead | None:
        """Return the newest block that was sealed before an instant. Raises WorldError."""
        wanted = _of(LOG_BLOCK, ledger).where(LOG_BLOCK.c.sealed < instant)
        found = self._first(wanted.order_by(LOG_BLOCK.c.number.desc()))
        return None if found is None else _head(found)

    def add_block(self, block: SealedBlock) -> bool:
        """Keep a block; False when its number is taken. Raises WorldError."""
        return self._added(LOG_BLOCK, _block_values(block))

    # -- files --------------------------------------------------------------------------------------

    def last_file(self, ledger: Ledger) -> LogFile | None:
        """Return the newest file. Raises WorldError."""
        found = self._first(_of(LOG_FILE, ledger).order_by(LOG_FILE.c.number.desc()))
        return None if found is None else _file(found)

    def parts_of_day(self, ledger: Ledger, day: datetime) -> int:
        """Return how many files have begun on a day. Raises WorldError."""
        column = LOG_FILE.c
        wanted = select(func.count()).where(column.ledger == ledger, column.start >= day, column.start < day + _DAY)
        with self._database.reading() as connection:
            return connection.scalar(wanted) or 0

    def plan_file(self, plan: FilePlan) -> bool:
        """Record that a file is to be written; False when its number is taken. Raises WorldError."""
        return self._added(LOG_FILE, _plan_values(plan))

    def file(self, ledger: Ledger, number: int) -> LogFile | None:
        """Return a file. Raises WorldError."""
        found = self._first(_of(LOG_FILE, ledger).where(LOG_FILE.c.number == number))
        return None if found is None else _file(found)

    def unwritten(self, ledger: Ledger) -> list[LogFile]:
        """Return files that are planned only. Raises WorldError."""
        return [
            _file(row)
            for row in self._all(_of(LOG_FILE, ledger).where(LOG_FILE.c.digest == "").order_by(LOG_FILE.c.number))
        ]

    def unstamped(self, ledger: Ledger, *, limit: int) -> list[LogFile]:
        """Return files that wait for their stamp. Raises WorldError."""
        wanted = _of(LOG_FILE, ledger).where(LOG_FILE.c.digest != "", LOG_FILE.c.stamped.is_(None))
        return [_file(row) for row in self._all(wanted.order_by(LOG_FILE.c.number).limit(limit))]

    def written(self, file: LogFile) -> None:
        """Record that a file is written. Raises WorldError."""
        plan, column = file.plan, LOG_BLOCK.c
        result = {"digest": file.digest, "octets": file.octets, "altered": file.altered}
        in_file = (column.ledger == plan.ledger, column.number.between(plan.first_block, plan.last_block))
        with self._database.transaction() as connection:
            connection.execute(_this_file(plan.ledger, plan.number).values(result))
            connection.execute(update(LOG_BLOCK).where(*in_file).values(marks=None))

    def stamped(self, ledger: Ledger, number: int, instant: datetime) -> None:
        """Record what the time stamp of a file says. Raises WorldError."""
        with self._database.transaction() as connection:
            connection.execute(_this_file(ledger, number).values(stamped=instant))

    # -- witness ------------------------------------------------------------------------------------

    def without_witness(self, ledger: Ledger, *, limit: int) -> list[SealedBlock]:
        """Return blocks that no witness has yet. Raises WorldError."""
        wanted = _of(LOG_BLOCK, ledger).where(~LOG_BLOCK.c.witnessed)
        return [_block(row) for row in self._all(wanted.order_by(LOG_BLOCK.c.number).limit(limit))]

    def witnessed(self, ledger: Ledger, numbers: Iterable[int]) -> None:
        """Record that the witness has these. Raises WorldError."""
        chosen = (LOG_BLOCK.c.ledger == ledger, LOG_BLOCK.c.number.in_(list(numbers)))
        with self._database.transaction() as connection:
            connection.execute(update(LOG_BLOCK).where(*chosen).values(witnessed=True))

    # -- for people ---------------------------------------------------------------------------------

    def status(self, ledger: Ledger) -> LedgerStatus:
        """Return how far it has come. Raises WorldError."""
        last, table, of = self.last_block(ledger), _TABLES[ledger], LOG_FILE.c
        waiting = select(table.c.seq).where(table.c.seq > (last.last_seq if last else 0))
        unstamped = (of.ledger == ledger, of.digest != "", of.stamped.is_(None))
        with self._database.reading() as connection:
            oldest = waiting.with_only_columns(table.c.instant).order_by(table.c.seq).limit(1)
            return LedgerStatus(
                ledger=ledger,
                unsealed=_count(connection, waiting.limit(_MOST_COUNTED)),
                oldest_unsealed=connection.scalar(oldest),
                last_block=last,
                blocks_without_witness=_count(connection, _of(LOG_BLOCK, ledger).where(~LOG_BLOCK.c.witnessed)),
                last_file=self.last_file(ledger),
                files_unwritten=_count(connection, _of(LOG_FILE, ledger).where(of.digest == "")),
                files_unstamped=_count(connection, select(of.number).where(*unstamped)),
                oldest_unstamped=connection.scalar(select(func.min(of.until)).where(*unstamped)),
                altered=list(connection.scalars(select(of.name).where(of.ledger == ledger, of.altered != ""))),
            )

    # -- inside -------------------------------------------------------------------------------------

    def _first(self, wanted: Select[Any]) -> Row[Any] | None:
        with self._database.reading() as connection:
            return connection.execute(wanted.limit(1)).first()

    def _all(self, wanted: Select[Any]) -> list[Row[Any]]:
        with self._database.reading() as connection:
            return list(connection.execute(wanted))

    def _added(self, table: Table, values: Values) -> bool:
        try:
            with self._database.transaction() as connection:
                connection.execute(insert(table).values(values))
        except Raced:
            return False
        return True


def _of(table: Table, ledger: Ledger) -> Select[Any]:
    return select(table).where(table.c.ledger == ledger)


def _this_file(ledger: Ledger, number: int) -> Any:
    return update(LOG_FILE).where(LOG_FILE.c.ledger == ledger, LOG_FILE.c.number == number)


def _count(connection: Connection, wanted: Select[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(wanted.subquery())) or 0


_HEAD: Final = ("ledger", "number", "node", "sealed", "first", "rows", "root", "row_hash", "marks_hash", "prev_hash")


def _head(row: Row[Any]) -> BlockHead:
    return BlockHead(
        ledger=row.ledger,
        number=row.number,
        node=row.node,
        sealed=row.sealed,
        first=row.first,
        rows=row.rows,
        root=row.root,
        row_hash=row.row_hash,
        marks=row.marks_hash,
        prev_hash=row.prev_hash,
    )


def _block(row: Row[Any]) -> SealedBlock:
    return SealedBlock(head=_head(row), record=row.record, seal=row.seal, last_seq=row.last_seq, marks=row.marks)


def _block_values(block: SealedBlock) -> Values:
    head = block.head
    return {
        "ledger": head.ledger,
        "number": head.number,
        "node": head.node,
        "sealed": head.sealed,
        "first": head.first,
        "rows": head.rows,
        "last_seq": block.last_seq,
        "root": head.root,
        "row_hash": head.row_hash,
        "marks_hash": head.marks,
        "prev_hash": head.prev_hash,
        "record": block.record,
        "seal": block.seal,
        "marks": block.marks,
    }


def _plan_values(plan: FilePlan) -> Values:
    return {
        "ledger": plan.ledger,
        "number": plan.number,
        "name": plan.name,
        "node": plan.node,
        "start": plan.period.start,
        "until": plan.period.until,
        "sealed": plan.sealed,
        "first_block": plan.first_block,
        "last_block": plan.last_block,
        "first": plan.first,
        "rows": plan.rows,
        "digest": "",
        "octets": 0,
        "altered": "",
    }


def _file(row: Row[Any]) -> LogFile:
    plan = FilePlan(
        ledger=row.ledger,
        number=row.number,
        name=row.name,
        node=row.node,
        period=Period(start=row.start, until=row.until),
        sealed=row.sealed,
        first_block=row.first_block,
        last_block=row.last_block,
        first=row.first,
        rows=row.rows,
    )
    return LogFile(plan=plan, digest=row.digest, octets=row.octets, stamped=row.stamped, altered=row.altered)
