"""How long `pec log verify` takes over a million rows, beside the least that anybody must do: SHA-256 and JSON parsing.

    python bench/log_verify.py              a day of 1,000,000 rows, made for it (about 1 GB in a temporary folder)
    python bench/log_verify.py --quick      50,000 rows

The ratio is what holds on any machine: both are taken in the same run over the same octets. Goal: 1,000,000 rows
in less than 30 s.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

from rich.progress import track

from ceralacca.apps.authority.paper_log import SandboxStamper, invented_rows
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.cli.log_verify import given_file
from ceralacca.core.log_chain import (
    MOST_ROWS,
    NOTHING_BEFORE,
    BlockHead,
    BlockName,
    FileHead,
    Ledger,
    Period,
    file_name,
)
from ceralacca.formats.log_file.chain import RowChain
from ceralacca.formats.log_file.heads import block_line, block_record, file_line, file_record, record_hash
from ceralacca.formats.log_file.message_row import message_members
from ceralacca.services.verify_log import verify_log
from ceralacca.store.log_folder import FileLogFolder
from ceralacca.testing.clock import FixedClock
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.log_reading import LogOpener
from ceralacca.trust.log_seal import LogSealKey
from ceralacca.trust.software_key import SoftwareKey
from measure import Comparison, Spread, Table

_DAY = datetime(2026, 11, 5, tzinfo=UTC)
_PERIOD = Period(start=_DAY, until=_DAY + timedelta(days=1))


def main() -> None:
    """Make a day, verify it, measure the floor, tell and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="50,000 rows")
    asked = parser.parse_args()
    rows = 50_000 if asked.quick else asked.rows
    with tempfile.TemporaryDirectory(prefix="pec-log-") as folder:
        figures = measured(Path(folder), rows)
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    table = Table("log_verify")
    one = {name: Spread.of([rows / figures[name]]) for name in ("processor_seconds", "floor_processor_seconds")}
    subject, bound = one["processor_seconds"], one["floor_processor_seconds"]
    ratio = Spread.of([subject.median / bound.median])
    name = f"{rows:,} rows, {figures['seconds']} s in all"
    table.add(Comparison(name=name, subject=subject, bound=bound, ratio=ratio))
    table.finish()


def measured(folder: Path, rows: int) -> dict[str, float]:
    """Return the figures of one run."""
    sandbox = Sandbox.create(folder / "sandbox", clock=FixedClock(_PERIOD.until))
    path = make_day(folder, sandbox, rows)
    trust = TrustStore(anchors=sandbox.anchors, crls=(sandbox.crl(ROOT), sandbox.crl(INTERMEDIATE)))
    present = _PERIOD.until + timedelta(hours=1)
    opener = LogOpener(trust=trust, anchors=(*sandbox.anchors, *sandbox.intermediates), present=present)
    begun, worked = time.perf_counter(), time.process_time()
    report = verify_log([given_file(path)], opener, present=present)
    seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    assert report.valid, report.findings
    assert report.rows == rows
    floor = _floor(path)
    return {
        "rows": rows,
        "octets": path.stat().st_size,
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "floor_processor_seconds": round(floor, 2),
        "times_the_floor": round(processor / floor, 2),
    }


def make_day(folder: Path, sandbox: Sandbox, rows: int) -> Path:
    """Write one sealed day straight from invented rows, without a database between."""
    sandbox.certify_log("Gestore Alfa", into=folder / "keys")
    signer = SoftwareKey.load(folder / "keys" / "key.pem", folder / "keys" / "certificate.pem")
    key = LogSealKey(signer, messages=sandbox.manager_certificate)
    name = file_name(Ledger.MESSAGES, "alfa", _PERIOD, 1)
    aside = folder / "rows"
    heads = list(_write_rows(aside, key, rows))
    blocks = tuple(BlockName(number=one.number, first=one.first, rows=one.rows, root=one.root) for one in heads)
    head = FileHead(
        ledger=Ledger.MESSAGES,
        number=1,
        node="alfa",
        period=_PERIOD,
        sealed=_PERIOD.until,
        first=1,
        rows=rows,
        blocks=blocks,
        prev_hash=NOTHING_BEFORE,
    )
    first = file_line(file_record(head), key.seal(file_record(head), _PERIOD.until))

    def lines() -> Iterator[bytes]:
        yield first
        with aside.open("rb") as file:
            yield from file

    digest, _ = FileLogFolder(folder / "log").write(name, lines(), key, _PERIOD.until)
    reply, _ = SandboxStamper(sandbox)(bytes.fromhex(digest), _PERIOD.until)
    FileLogFolder(folder / "log").put_stamp(name, reply)
    aside.unlink()
    return folder / "log" / name


def _write_rows(path: Path, key: LogSealKey, rows: int) -> Iterator[BlockHead]:
    made = invented_rows(Random(1), rows, since=_DAY, every=timedelta(milliseconds=80))
    prev_row, prev_block, first = NOTHING_BEFORE, NOTHING_BEFORE, 1
    with path.open("wb", buffering=1 << 20) as file:
        for number in track(range(1, -(-rows // MOST_ROWS) + 1), description="rows", disable=not sys.stderr.isatty()):
            chain = RowChain(number=first, prev_hash=prev_row)
            for _ in range(min(MOST_ROWS, rows - first + 1)):
                file.write(chain.line(message_members(next(made), "alfa")))
            head = BlockHead(
                ledger=Ledger.MESSAGES,
                number=number,
                node="alfa",
                sealed=_DAY,
                first=first,
                rows=chain.rows,
                root=chain.root,
                row_hash=chain.row_hash,
                marks=sha256(chain.marks).hexdigest(),
                prev_hash=prev_block,
            )
            record_octets = block_record(head)
            file.write(block_line(record_octets, chain.marks, key.seal(record_octets, _DAY)))
            prev_row, prev_block, first = chain.row_hash, record_hash(record_octets), head.last + 1
            yield head


def _floor(path: Path) -> float:
    """Return the processor time of hashing the file and parsing each of its rows, and nothing else."""
    begun = time.process_time()
    digest = sha256()
    with path.open("rb") as file:
        for line in file:
            digest.update(line)
            if line.startswith(b'{"seq":'):
                json.loads(line)
    return time.process_time() - begun


if __name__ == "__main__":
    main()
