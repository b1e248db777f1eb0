"""The content of one sealed log file, read line by line: are heads and rows what was signed, and if not, which is not?

    1. the first line: its seal opens, its record is what is inside;
    2. for each block its rows, then its line: the seal opens, the record is what is inside;
    3. the rows give the root, numbers and hashes of that record; if not, the marks say where;
    4. the blocks are those that the first line lists, each over the one before.

What a seal is worth is asked of the caller, who knows keys. One block is in memory at a time.

Clauses: LO-4, LO-5, LO-7.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from ceralacca.core.model.log_proof import LogFault, LogFinding
from ceralacca.lint.log_file.hashes import link, merkle_root
from ceralacca.lint.log_file.lines import ROW_KEYS, HeadLine, block_head, file_head, is_row
from ceralacca.lint.log_file.places import MARK, find_places, split_marks

FORMAT: Final = "ceralacca-log-1"
_HEAD: Final = frozenset(
    {"format", "ledger", "number", "node", "from", "until", "sealed", "first", "last", "rows", "blocks", "prev_hash"}
)
_BLOCK: Final = frozenset(
    {
        *("ledger", "number", "node", "sealed", "first", "last", "rows", "root", "row_hash", "marks"),
        "prev_hash",
    }
)
_MOST_LINE: Final = 1 << 28
_decode: Final = json.JSONDecoder().decode
_NO_ROW: Final = b"0" * 64
"""What the first row of all leans on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The record inside a seal, and whether the seal holds."""

    record: bytes
    holds: bool
    reason: str = ""


OpensRecord = Callable[[bytes], Believed | None]
"""Opens the seal of a head; None when it is none."""


@dataclass(slots=True, kw_only=True)
class Content:
    """What a file says, and what is wrong with it."""

    name: str
    head: dict[str, Any] | None = None
    """Members of the first line, as signed; None when nothing of it can be believed."""
    findings: list[LogFinding] = field(default_factory=list)
    rows: int = 0
    """Lines that are rows."""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    """Heads of blocks, as signed."""
    hashes: list[str] = field(default_factory=list)
    """SHA-256 of their records."""
    latest: str = ""
    """The instant of the last row read."""

    def found(self, fault: LogFault, **where: Any) -> None:
        """Add a finding."""
        self.findings.append(LogFinding(fault=fault, file=self.name, **where))


class ContentReader:
    """Reads one file."""

    def __init__(self, name: str, opens: OpensRecord, *, before: dict[str, Any] | None = None) -> None:
        """`before` is the head of the last block of the file before, when that is known."""
        self.content = Content(name=name)
        self._opens = opens
        self._before = before
        self._before_hash: str | None = None
        self._record = b""
        """Octets of the record that was read last."""
        self._keys: tuple[str, ...] = ROW_KEYS["messages"]
        self._expected: list[list[Any]] | None = None

    def read(self, data: bytes, start: int, end: int, *, before_hash: str | None = None) -> Content:
        """Read the content that stands there; `before_hash` is the hash of the block before it, when that is known."""
        self._before_hash = before_hash
        lines = _lines(data, start, end)
        self._first_line(next(lines, b""))
        rows: list[bytes] = []
        for line in lines:
            if is_row(line):
                rows.append(line)
            else:
                self._block(line, rows)
                rows = []
        if rows:
            self._unfinished(rows)
        self._blocks_that_lack()
        return self.content

    # -- the first line -----------------------------------------------------------------------------

    def _first_line(self, line: bytes) -> None:
        head = file_head(line)
        record = self._signed(head, LogFault.FILE_HEAD, None, _HEAD)
        if record is None:
            return
        self.content.head = record
        self._keys = ROW_KEYS.get(record["ledger"], self._keys)
        self._expected = record["blocks"]

    def _signed(
        self, head: HeadLine, fault: LogFault, number: int | None, members: frozenset[str]
    ) -> dict[str, Any] | None:
        """Return the record that was signed, and say which member is written otherwise."""
        inside = self._opens(head.seal) if head.seal is not None else None
        self._record = inside.record if inside else head.record or b""
        if head.damaged:
            self.content.found(fault, block=number, field=head.damaged)
        if inside is None or not inside.holds:
            if not head.damaged:
                reason = inside.reason if inside else "malformed"
                self.content.found(fault, block=number, field="seal", evidence={"reason": reason})
            return _members(head.record, members)  # unsigned, but for want of better
        signed = _members(inside.record, members)
        if signed is None:
            self.content.found(fault, block=number, field="record", evidence={"reason": "form"})
            return None
        if head.record is not None and head.record != inside.record:
            for name in _differences(head.record, signed):
                self.content.found(fault, block=signed["number"], field=name)
        return signed

    # -- blocks -------------------------------------------------------------------------------------

    def _block(self, line: bytes, rows: list[bytes]) -> None:
        head = block_head(line)
        expected = self._next_expected()
        signed = self._signed(head, LogFault.BLOCK_HEAD, expected, _BLOCK)
        self.content.rows += len(rows)
        if signed is None:
            self.content.found(LogFault.ROWS_DIFFER, block=expected, evidence={"reason": "head"})
            self._advance()
            return
        number = signed["number"]
        if expected is not None and number != expected:
            if self._known(number) and number > expected:
                self._missing_until(number)
            else:
                self.content.found(LogFault.BLOCK_MOVED, block=number)
                return
        self._follows(signed)
        self._rows(signed, head.marks, rows, damaged=bool(head.damaged))
        self.content.blocks.append(signed)
        self.content.hashes.append(sha256(self._record).hexdigest())
        self._before, self._before_hash = signed, self.content.hashes[-1]
        self._advance()

    def _next_expected(self) -> int | None:
        return self._expected[0][0] if self._expected else None

    def _advance(self) -> None:
        if self._expected:
            self._expected = self._expected[1:]

    def _known(self, number: int) -> bool:
        return any(one[0] == number for one in self._expected or ())

    def _missing_until(self, number: int | None) -> None:
        while self._expected and self._expected[0][0] != number:
            block, first, rows, _ = self._expected[0]
            evidence = {"rows": f"{first}-{first + rows - 1}"}
            self.content.found(LogFault.BLOCK_MISSING, block=block, row=first, evidence=evidence)
            self._before = self._before_hash = None
            self._advance()

    def _follows(self, signed: dict[str, Any]) -> None:
        """The block leans on the one before it, and is the one that the first line lists."""
        if self._before_hash is not None and signed["prev_hash"] != self._before_hash:
            self.content.found(LogFault.BLOCK_HEAD, block=signed["number"], field="prev_hash")
        if self._before is not None and signed["first"] != self._before["last"] + 1:
            self.content.found(LogFault.BLOCK_HEAD, block=signed["number"], field="first")
        listed = self._expected[0] if self._expected else None
        if listed is not None and listed[1:] != [signed["first"], signed["rows"], signed["root"]]:
            self.content.found(LogFault.FILE_HEAD, block=signed["number"], field="blocks")

    # -- rows ---------------------------------------------------------------------------------------

    def _rows(self, signed: dict[str, Any], marks: bytes | None, lines: list[bytes], *, damaged: bool) -> None:
        number, first = signed["number"], signed["first"]
        prev = self._before["row_hash"].encode() if self._before else _NO_ROW if first == 1 else None
        marked = marks is not None and sha256(marks).hexdigest() == signed["marks"]
        if self._as_sealed(signed, lines, prev):
            if not marked and not damaged:
                self.content.found(LogFault.BLOCK_HEAD, block=number, field="marks")
            self._well_formed(lines, first, number)
            return
        if not marked:
            if not damaged:
                self.content.found(LogFault.BLOCK_HEAD, block=number, field="marks")
            self.content.found(LogFault.ROWS_DIFFER, block=number, row=first)
            return
        assert marks is not None, "they have the digest that was signed"
        if len(marks) != signed["rows"] * MARK * len(self._keys):
            self.content.found(LogFault.ROWS_DIFFER, block=number, row=first)
            return
        places = find_places(lines, split_marks(marks, self._keys), self._keys, first=first, prev_hash=prev)
        for place in places:
            self.content.found(place.fault, block=number, row=place.row, field=place.field)
        if not places:
            self.content.found(LogFault.ROWS_DIFFER, block=number, row=first)

    def _as_sealed(self, signed: dict[str, Any], lines: list[bytes], prev: bytes | None) -> bool:
        """Take numbers, links, hashes and the root again."""
        if len(lines) != signed["rows"]:
            return False
        leaves, number = [], signed["first"]
        for line in lines:
            here = link(line)
            if prev is not None and here.prev_hash != prev:
                return False
            taken = here.taken.hex().encode()
            if here.hash != taken or not line.startswith(b'{"seq":%d,"ts":"' % number):
                return False
            leaves.append(here.taken)
            prev, number = taken, number + 1
        row_hash = leaves[-1].hex() if leaves else signed["row_hash"]
        found: bool = merkle_root(leaves).hex() == signed["root"] and row_hash == signed["row_hash"]
        return found

    def _well_formed(self, lines: list[bytes], first: int, block: int) -> None:
        """Rows are JSON with the members of the format, in their order (LO-7)."""
        keys = ("seq", *self._keys, "prev_hash", "hash")
        for at, line in enumerate(lines):
            try:
                record = _decode(line.decode())
            except ValueError:
                record = {}
            if tuple(record) != keys:
                self.content.found(LogFault.ROW_ALTERED, block=block, row=first + at, field="form")
            else:
                self.content.latest = record["ts"]

    def _unfinished(self, rows: list[bytes]) -> None:
        """Rows after the last block's line: that line is gone, or they were put there."""
        self.content.rows += len(rows)
        if self._expected:
            block, first, count, _ = self._expected[0]
            evidence = {"rows": f"{first}-{first + count - 1}", "there": str(len(rows))}
            self.content.found(LogFault.BLOCK_MISSING, block=block, row=first + len(rows), evidence=evidence)
            self._advance()
            return
        after = self._before["last"] if self._before else None
        for _ in rows:
            self.content.found(LogFault.ROW_INSERTED, row=after)

    def _blocks_that_lack(self) -> None:
        self._missing_until(None)
        head = self.content.head
        if head is None:
            return
        if self.content.rows < head["rows"] and not self.content.findings:
            self.content.found(LogFault.UNREADABLE, evidence={"rows": str(self.content.rows)})


def _lines(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Give lines without their ends; the last one also when it has none."""
    while start < end:
        at = data.find(b"\n", start, min(end, start + _MOST_LINE))
        stop = at if at >= 0 else end
        yield data[start:stop]
        start = stop + 1


def _members(record: bytes | None, wanted: frozenset[str]) -> dict[str, Any] | None:
    """Read a record; None unless its members are those of the format, each of its kind."""
    if record is None:
        return None
    try:
        read = json.loads(record)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) and frozenset(read) == wanted and _of_their_kinds(read) else None


def _of_their_kinds(read: dict[str, Any]) -> bool:
    numbers = {"number", "first", "last", "rows"}
    blocks = read.get("blocks", [])
    return (
        all(type(read[name]) is int for name in numbers)
        and all(isinstance(value, str) for name, value in read.items() if name not in numbers and name != "blocks")
        and isinstance(blocks, list)
        and all(isinstance(one, list) and len(one) == 4 for one in blocks)
    )


def _differences(written: bytes, signed: dict[str, Any]) -> list[str]:
    """Name the members of a record that are written otherwise than they were signed."""
    try:
        read = json.loads(written)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        return [_first_difference(written, signed)]
    names = [name for name, value in signed.items() if read.get(name, _NOTHING) != value]
    return names or [name for name in read if name not in signed] or ["form"]


def _first_difference(written: bytes, signed: dict[str, Any]) -> str:
    """Name the first member that does not stand in a damaged record as it was signed."""
    for name, value in signed.items():
        spelt = f'"{name}":{json.dumps(value, separators=(",", ":"), ensure_ascii=False)}'.encode()
        if spelt not in written:
            return name
    return "form"


_NOTHING: Final = object()
