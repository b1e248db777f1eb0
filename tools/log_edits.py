"""Edits sealed log files ten thousand times, each time elsewhere, and counts what `pec log verify` does not find (R23).

    python tools/log_edits.py                   10,000 edits of three days made for it
    python tools/log_edits.py --edits 500 --seed 7

Every edit is drawn from its number; one that is not found, or whose place is not named, is told with it.
Exit status: 0 all are found and named, 1 some are not.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import structlog
from rich.progress import track

from ceralacca.apps.authority.paper_log import paper_log, seal_days
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.services.verify_log import GivenFile, LogReport, verify_log
from ceralacca.testing.clock import FixedClock
from ceralacca.testing.log_edits import Editor, Files
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.log_reading import LogOpener

_BEGIN = datetime(2026, 11, 5, tzinfo=UTC)


def main() -> int:
    """Run the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first edit")
    parser.add_argument("--rows", type=int, default=60, help="rows of a day")
    asked = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        files, verify = sealed_days(Path(folder), rows=asked.rows)
    faults = campaign(files, verify, range(asked.seed, asked.seed + asked.edits))
    for seed, kind, what in faults[:20]:
        print(f"edit {seed} ({kind}): {what}")
    print(f"{asked.edits - len(faults)} of {asked.edits} edits found, each with its place")
    return int(bool(faults))


def sealed_days(folder: Path, *, rows: int, days: int = 3) -> tuple[Files, Callable[[Files], LogReport]]:
    """Make sealed days in a folder; return them, and what verifies any files under the same authority."""
    clock = FixedClock(_BEGIN)
    sandbox = Sandbox.create(folder / "sandbox", clock=clock)
    with paper_log(folder, sandbox) as log:
        seal_days(log, clock, days=days, rows=rows, seed=1)
        files = {path.name: path.read_bytes() for path in log.files.glob("PEC-*")}
    present = clock.now() + timedelta(hours=1)
    trust, anchors = judged_by(sandbox)
    opener = _Remembering(LogOpener(trust=trust, anchors=anchors, present=present))
    return files, lambda given: verify_log(_given(given), opener, present=present)


class _Remembering:
    """Opens a seal or stamp once: an edit leaves most of them as they are, and the same octets get the same answer."""

    def __init__(self, opener: LogOpener) -> None:
        self.record = lru_cache(maxsize=1024)(opener.record)
        self.stamp = lru_cache(maxsize=1024)(opener.stamp)
        self.file = opener.file


def judged_by(sandbox: Sandbox) -> tuple[TrustStore, tuple[bytes, ...]]:
    """Return what the sandbox's seals and stamps are judged by."""
    trust = TrustStore(anchors=sandbox.anchors, crls=(sandbox.crl(ROOT), sandbox.crl(INTERMEDIATE)))
    return trust, (*sandbox.anchors, *sandbox.intermediates)


def campaign(files: Files, verify: Callable[[Files], LogReport], seeds: range) -> list[tuple[int, str, str]]:
    """Make each edit and verify; return those that were not found or not named, and why."""
    assert verify(files).valid, "the files must be good before they are edited"
    editor, faults, kinds = Editor(files), list[tuple[int, str, str]](), Counter[str]()
    for seed in track(seeds, description="edits", disable=not sys.stderr.isatty()):
        edit = editor.draw(seed)
        kinds[edit.kind] += 1
        findings = verify(edit.files).findings
        if not findings:
            faults.append((seed, edit.kind, f"nothing was found in {edit.file}"))
        elif not edit.is_named(findings):
            faults.append((seed, edit.kind, f"{edit.file}: rows {sorted(edit.rows)} {sorted(edit.fields)} not named"))
    print(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    return faults


def _given(files: Files) -> list[GivenFile]:
    return [
        GivenFile(
            name=name,
            octets=lambda octets=octets: nullcontext(octets),  # type: ignore[misc]
            stamp=files.get(name.removesuffix(".p7m") + ".tsr"),
        )
        for name, octets in files.items()
        if name.endswith(".p7m")
    ]


if __name__ == "__main__":
    sys.exit(main())
