"""Verifies files of a sealed log, each by itself and all as one chain, with nothing but the files (LO-5).

    1. the files are put in the order of their numbers;
    2. each: its seal, its content line by line (`lint.log_file`), its time stamp;
    3. each leans on the one before: number, hash, period, rows, blocks;
    4. what a witness keeps is what the blocks say.

Whoever has files only cannot know of files after the last one or before the first: that is said, and a witness knows
more. Nothing here is a sentence.

Clauses: LO-4, LO-5, LO-6.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from ceralacca.core.log_chain import NOTHING_BEFORE
from ceralacca.core.model.log_proof import LogFault, LogFinding, LogRemark
from ceralacca.lint.log_file.content import Believed, Content, ContentReader
from ceralacca.lint.log_file.lines import file_head
from ceralacca.ports.log_proof import OpensLog, SealFinding, StampFinding

_LATE: Final = timedelta(hours=1)
_FILE_DUE: Final = timedelta(hours=25)
"""After which the blocks of a day must be in a file."""
_PEEK: Final = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file to be verified."""

    name: str
    octets: Callable[[], AbstractContextManager[bytes]]
    """Opens it; what it gives may be a mapped file."""
    stamp: bytes | None
    """What is beside it as its time stamp."""


@dataclass(slots=True, kw_only=True)
class FileReport:
    """What was found about one file."""

    name: str
    octets: int
    head: Mapping[str, Any] | None
    """Members of its first line; None when they cannot be had."""
    digest: str
    rows: int
    blocks: int
    seal: SealFinding | None
    stamp: StampFinding | None
    findings: list[LogFinding] = field(default_factory=list)
    remarks: list[LogRemark] = field(default_factory=list)

    @property
    def judged(self) -> bool:
        """True when seal and stamp lead to given anchors."""
        return bool(self.seal and self.seal.judged and self.stamp and self.stamp.judged)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What was found about all of them."""

    files: Sequence[FileReport]

    @property
    def findings(self) -> list[LogFinding]:
        """Everything that is wrong."""
        return [finding for file in self.files for finding in file.findings]

    @property
    def rows(self) -> int:
        """Rows that were looked at."""
        return sum(file.rows for file in self.files)

    @property
    def valid(self) -> bool:
        """True when nothing is wrong and everything could be judged."""
        return bool(self.files) and not self.findings and all(file.judged for file in self.files)


@dataclass(slots=True)
class _Chain:
    """How far one ledger has been read."""

    file: FileReport | None = None
    block: dict[str, Any] | None = None
    block_hash: str | None = None
    hashes: dict[int, str] = field(default_factory=dict)
    """Of the blocks, by number."""


def verify_log(
    files: Iterable[GivenFile],
    opener: OpensLog,
    *,
    present: datetime,
    witness: Iterable[tuple[str, bytes]] = (),
    progress: Callable[[FileReport], None] = lambda _: None,
) -> LogReport:
    """Verify files, given in any order; `witness` are names and octets of sealed heads of blocks.

    `progress` is told of each file when it is done. Raises what opening a file raises.
    """
    chains: dict[str, _Chain] = {}
    reports = []
    for file in sorted(files, key=_order):
        with file.octets() as octets:
            report = _one_file(file, octets, opener, chains)
        reports.append(report)
        progress(report)
    _hear_witness(reports, chains, opener, witness, present)
    for chain in chains.values():
        if chain.file is not None and chain.file.head is not None:
            chain.file.remarks.append(_remark("ends", chain.file.name, until=chain.file.head["until"]))
    return LogReport(files=reports)


def _order(file: GivenFile) -> tuple[str, int, str]:
    """Order by ledger and number, as the first lines say, believed or not."""
    with file.octets() as octets:
        start = max(octets.find(b'{"file":', 0, _PEEK), 0)
        end = octets.find(b"\n", start, start + _PEEK)
        record = file_head(octets[start : end if end >= 0 else start]).record
    try:
        head = json.loads(record or b"")
        return str(head["ledger"]), int(head["number"]), file.name
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", 0, file.name


# -- one file ---------------------------------------------------------------------------------------------


def _one_file(file: GivenFile, octets: bytes, opener: OpensLog, chains: dict[str, _Chain]) -> FileReport:
    digest = sha256(octets)
    opened = opener.file(octets)
    stamp = opener.stamp(file.stamp, digest.digest()) if file.stamp is not None else None
    ledger = _order(file)[0]
    chain = chains.setdefault(ledger, _Chain())
    follows = chain.file is not None and _number(chain.file) + 1 == _order(file)[1]
    reader = ContentReader(file.name, _opens(opener), before=chain.block if follows else None)
    content = reader.read(octets, opened.start, opened.end, before_hash=chain.block_hash if follows else None)
    report = FileReport(
        name=file.name,
        octets=len(octets),
        head=content.head,
        digest=digest.hexdigest(),
        rows=content.rows,
        blocks=len(content.blocks),
        seal=opened.seal,
        stamp=stamp,
        findings=list(content.findings),
    )
    _seal_of(report, opened.seal, opened.fault)
    _stamp_of(report, stamp)
    _name_of(report)
    _lean(report, content, chain)
    return report


def _opens(opener: OpensLog) -> Callable[[bytes], Believed | None]:
    def opens(p7m: bytes) -> Believed | None:
        opened = opener.record(p7m)
        if opened is None:
            return None
        return Believed(record=opened.record, holds=opened.seal.holds, reason=opened.seal.reason)

    return opens


def _seal_of(report: FileReport, seal: SealFinding | None, fault: str) -> None:
    if seal is None:
        _found(report, LogFault.UNREADABLE, evidence={"fault": fault})
    elif not seal.holds:
        _found(report, LogFault.FILE_SEAL, evidence={"reason": seal.reason})
    elif not seal.judged:
        report.remarks.append(_remark("seal-unjudged", report.name, reason=seal.reason))


def _stamp_of(report: FileReport, stamp: StampFinding | None) -> None:
    if stamp is None:
        _found(report, LogFault.STAMP_MISSING)
    elif not stamp.holds:
        fault = LogFault.STAMP_FOREIGN if stamp.reason == "imprint" else LogFault.STAMP_BAD
        _found(report, fault, evidence={"reason": stamp.reason})
    else:
        if not stamp.judged:
            report.remarks.append(_remark("stamp-unjudged", report.name, reason=stamp.reason))
        late = stamp.instant - datetime.fromisoformat(report.head["until"]) if stamp.instant and report.head else None
        if late is not None and late > _LATE:
            hours = str(int(late.total_seconds() // 3600))
            report.remarks.append(_remark("stamp-late", report.name, hours=hours))


def _name_of(report: FileReport) -> None:
    """A file is named by the day that it begins on."""
    if report.head is not None and report.name.startswith("PEC-") and report.head["from"][:10] not in report.name:
        _found(report, LogFault.FILE_MOVED, field="name", evidence={"from": report.head["from"]})


# -- the chain --------------------------------------------------------------------------------------------


def _lean(report: FileReport, content: Content, chain: _Chain) -> None:
    """Hold a file against the one before it."""
    head, before = report.head, chain.file
    if head is None:
        return
    if before is None:
        if head["number"] != 1:
            report.remarks.append(_remark("begins", report.name, number=str(head["number"]), row=str(head["first"])))
        elif head["prev_hash"] != NOTHING_BEFORE or head["first"] != 1:
            _found(report, LogFault.CHAIN_BROKEN, field="prev_hash")
    elif before.head is not None:
        gap = head["number"] - before.head["number"]
        if gap == 0:
            _found(report, LogFault.FILE_MOVED, field="number", evidence={"twin": before.name})
            return
        if gap > 1:
            evidence = {"numbers": f"{before.head['number'] + 1}-{head['number'] - 1}", "rows": _between(before, head)}
            evidence |= {"from": before.head["until"], "until": head["from"]}
            _found(report, LogFault.FILE_MISSING, row=before.head["last"] + 1, evidence=evidence)
        else:
            _lean_directly(report, head, before)
    chain.file = report
    if content.blocks:
        chain.block, chain.block_hash = content.blocks[-1], content.hashes[-1]
    chain.hashes |= {one["number"]: digest for one, digest in zip(content.blocks, content.hashes, strict=True)}


def _lean_directly(report: FileReport, head: Mapping[str, Any], before: FileReport) -> None:
    assert before.head is not None, "the caller has looked"
    if head["prev_hash"] != before.digest and not before.findings:
        _found(report, LogFault.CHAIN_BROKEN, field="prev_hash", evidence={"before": before.name})
    if head["from"] != before.head["until"]:
        _found(report, LogFault.CHAIN_BROKEN, field="from", evidence={"before": before.name})
    if head["first"] != before.head["last"] + 1:
        _found(report, LogFault.CHAIN_BROKEN, field="first", evidence={"before": before.name})


def _between(before: FileReport, head: Mapping[str, Any]) -> str:
    first = before.head["last"] + 1 if before.head else 0
    return f"{first}-{head['first'] - 1}" if head["first"] > first else "-"


def _number(report: FileReport) -> int:
    return report.head["number"] if report.head else -1


# -- the witness ------------------------------------------------------------------------------------------


def _hear_witness(
    reports: list[FileReport],
    chains: Mapping[str, _Chain],
    opener: OpensLog,
    witness: Iterable[tuple[str, bytes]],
    present: datetime,
) -> None:
    for name, record in _testimonies(opener, witness):
        chain = chains.get(record["ledger"])
        if chain is None or chain.file is None:
            continue
        number, digest = record["number"], record["digest"]
        known = chain.hashes.get(number)
        place = next((one for one in reports if _holds(one, record)), chain.file)
        if known is not None and known != digest:
            _found(place, LogFault.WITNESS_DIFFERS, block=number, evidence={"witness": name})
        is_newer = bool(chain.hashes) and number > max(chain.hashes)
        if known is None and is_newer and present - datetime.fromisoformat(record["sealed"]) > _FILE_DUE:
            _found(chain.file, LogFault.WITNESS_AHEAD, block=number, row=record["first"], evidence={"witness": name})


def _testimonies(opener: OpensLog, witness: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, p7m in witness:
        opened = opener.record(p7m)
        if opened is None or not opened.seal.holds:
            continue  # says nothing that could be believed
        try:
            record = json.loads(opened.record)
            yield (
                name,
                {
                    **{key: record[key] for key in ("ledger", "number", "sealed", "first")},
                    "digest": sha256(opened.record).hexdigest(),
                },
            )
        except (ValueError, KeyError, TypeError):
            continue


def _holds(report: FileReport, record: Mapping[str, Any]) -> bool:
    head = report.head
    return (
        head is not None
        and head["ledger"] == record["ledger"]
        and any(one[0] == record["number"] for one in head["blocks"])
    )


def _found(report: FileReport, fault: LogFault, **where: Any) -> None:
    report.findings.append(LogFinding(fault=fault, file=report.name, **where))


def _remark(code: str, name: str, **evidence: str) -> LogRemark:
    return LogRemark(code=code, file=name, evidence=evidence)
