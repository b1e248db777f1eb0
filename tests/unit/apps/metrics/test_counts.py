"""Scans are counted by what came of them, and last from their beginning to their verdict."""

from pathlib import Path

import pytest

from ceralacca.apps.metrics import counts
from ceralacca.apps.metrics.counts import CountedScanner, Counts, read_counts
from ceralacca.formats.splice import Octets
from ceralacca.ports.scanner import NotScanned, NotScannedReason, Scanner, ScanVerdict


class ByWord(Scanner):
    """Finds what is asked of it."""

    def edition(self) -> str:
        return "edition"

    def scan(self, octets: Octets) -> ScanVerdict:
        if octets == b"none":
            raise NotScanned("no verdict", reason=NotScannedReason.AWAY)
        return ScanVerdict(virus="Found" if octets == b"virus" else "", engine="edition")

    def ready(self) -> bool:
        return True


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize("begun", [False, True])
def test_what_came_of_each_scan_and_how_long_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    watch = Watch()
    monkeypatch.setattr(counts, "time", watch)
    kept = Counts(tmp_path, "worker-1")
    scanner = CountedScanner(ByWord(), kept)
    asked = [(scanner.begin if begun else scanner.scan, octets) for octets in (b"clean", b"virus", b"clean")]
    verdicts = [ask(octets) for ask, octets in asked]
    watch.now += 2.0
    if begun:
        verdicts = [verdict() for verdict in verdicts]
    assert [verdict.virus for verdict in verdicts] == ["", "Found", ""]
    with pytest.raises(NotScanned):
        scanner.begin(b"none")() if begun else scanner.scan(b"none")
    watch.now += 10.0
    kept.write_due()
    seconds = 6.0 if begun else 0.0
    assert read_counts(tmp_path) == {"worker-1": {"clean": 2, "infected": 1, "none": 1, "seconds": seconds}}
    assert scanner.ready()
    assert scanner.edition() == "edition"
