"""Counts that only a process itself knows: each role keeps its own in a small file, the metrics role reads them all.

Not durable and need not be: a role that starts again counts from nothing, as counters of Prometheus may.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from ceralacca.formats.splice import Octets
from ceralacca.ports.scanner import NotScanned, Scanner, ScanVerdict

_PREFIX: Final = "counts-"
_EVERY: Final = 1.0
"""Seconds between two writings."""


class Counts:
    """What one role counts. Safe between threads."""

    def __init__(self, folder: Path, role: str) -> None:
        self._path, self._turn = folder / f"{_PREFIX}{role}.json", threading.Lock()
        self._values: Counter[str] = Counter()
        self._written, self._fresh = 0.0, True
        self._write()

    def add(self, **values: float) -> None:
        """Count; the file follows within a second, at the next `write_due` if nothing more is counted."""
        with self._turn:
            self._values.update(values)
            self._fresh = True
            self._write_due()

    def write_due(self) -> None:
        """Write what is not written yet, once a second; for whoever looks around anyway."""
        with self._turn:
            self._write_due()

    def _write_due(self) -> None:
        if self._fresh and time.monotonic() - self._written >= _EVERY:
            self._write()

    def _write(self) -> None:
        self._written, self._fresh = time.monotonic(), False
        aside = self._path.with_suffix(".new")
        with suppress(OSError):  # a full disk is told of elsewhere
            aside.write_text(json.dumps(self._values), "ascii")
            os.replace(aside, self._path)  # noqa: PTH105 over the old one


def read_counts(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """Return what each role has counted."""
    found = {}
    for path in sorted(folder.glob(f"{_PREFIX}*.json")):
        with suppress(OSError, ValueError):
            found[path.stem.removeprefix(_PREFIX)] = json.loads(path.read_bytes())
    return found


class CountedScanner:
    """A scanner whose verdicts are counted; satisfies `ports.scanner.Scanner`.

    A scan lasts from its beginning to its verdict: those of a batch, which are begun before the first verdict, last
    together longer than the time that passes.
    """

    def __init__(self, scanner: Scanner, counts: Counts) -> None:
        self._scanner, self._counts = scanner, counts

    def edition(self) -> str:
        """Return the edition under which verdicts are given now. Raises NotScanned."""
        return self._scanner.edition()

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan. Raises NotScanned."""
        return self._counted(partial(self._scanner.scan, octets), time.monotonic())

    def begin(self, octets: Octets, *, digest: str = "") -> Callable[[], ScanVerdict]:
        """Begin to scan. What is returned raises NotScanned."""
        begun = time.monotonic()
        return partial(self._counted, self._scanner.begin(octets, digest=digest), begun)

    def ready(self) -> bool:
        """Say whether the scanner can give verdicts."""
        return self._scanner.ready()

    def _counted(self, scan: Callable[[], ScanVerdict], begun: float) -> ScanVerdict:
        try:
            verdict = scan()
        except NotScanned:
            self._counts.add(none=1, seconds=time.monotonic() - begun)
            raise
        outcome = "clean" if verdict.clean else "infected"
        self._counts.add(seconds=time.monotonic() - begun, **{outcome: 1})
        return verdict
