"""The scans of a batch: all are begun before the first verdict is waited for, and a failed one stays its own."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from ceralacca.core.model.log import LogEvent
from ceralacca.formats.splice import Octets
from ceralacca.ports.scanner import Scanner, ScanVerdict
from ceralacca.ports.store import JobKind
from ceralacca.testing.memory_world import LiveCircuit, LiveProvider, MemoryScanner, Unplugged
from ceralacca.testing.paper_cast import ANNA, CARLA, VIRUS_MARK, submission

STUBBORN = b"no scanner takes this"


class Watched(Scanner):
    """Writes down what is begun and what is waited for."""

    def __init__(self, scanner: MemoryScanner) -> None:
        self.scanner = scanner
        self.acts: list[str] = []

    def edition(self) -> str:
        return self.scanner.edition()

    def scan(self, octets: Octets) -> ScanVerdict:
        if STUBBORN in bytes(octets):
            raise Unplugged("no verdict")
        return self.scanner.scan(octets)

    def begin(self, octets: Octets, *, digest: str = "") -> Callable[[], ScanVerdict]:
        assert digest == sha256(bytes(octets)).hexdigest()
        self.acts.append("begin")

        def verdict() -> ScanVerdict:
            self.acts.append("verdict")
            return self.scan(octets)

        return verdict

    def ready(self) -> bool:
        return True


def watched(provider: LiveProvider) -> Watched:
    """Give a provider a scanner that is watched."""
    scanner = Watched(provider.scanner)
    provider.office = replace(provider.office, scanner=scanner)
    return scanner


@pytest.mark.requirement("AP-17", "AP-18")
def test_all_submissions_of_a_batch_are_begun_before_the_first_verdict() -> None:
    live = LiveCircuit.at()
    scanner = watched(live.alfa)
    for body in ("one", VIRUS_MARK.decode("latin-1"), "three", STUBBORN.decode()):
        live.submit(submission(to=[CARLA], body="\r\n" + body))
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    assert scanner.acts == ["begin"] * 4 + ["verdict"] * 4
    assert len(live.alfa.events(LogEvent.ACCEPTANCE)) == 2
    assert len(live.alfa.events(LogEvent.VIRUS_FOUND)) == 1


@pytest.mark.requirement("IP-17", "AP-18")
def test_all_arrivals_of_a_batch_are_begun_before_the_first_verdict() -> None:
    live = LiveCircuit.at()
    for body in ("one", "two", "three"):
        live.submit(submission(to=[ANNA], body="\r\n" + body))
    live.alfa.work()
    scanner = watched(live.beta)
    for transaction in live.wire.under_way:
        live.wire.hand_over(transaction)
    live.beta.work(kinds=[JobKind.ARRIVAL])
    assert scanner.acts == ["begin"] * 3 + ["verdict"] * 3


def test_a_scanner_that_takes_one_after_the_other_scans_when_the_verdict_is_wanted() -> None:
    scanner = MemoryScanner()
    begun = [scanner.begin(octets) for octets in (b"one", VIRUS_MARK)]
    assert scanner.scans == 0
    assert [verdict().clean for verdict in begun] == [True, False]
    assert scanner.scans == 2
