"""The virus scanner behind an interface (VI-4, AP-17, AP-18): a verdict only when the scanner gave one."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Octets


class NotScannedReason(StrEnum):
    """Why there is no verdict."""

    AWAY = "away"
    """Nobody answers, or the connection broke."""
    SLOW = "slow"
    TOO_LARGE = "too-large"
    """More octets than the scanner takes."""
    LIMITS = "limits"
    """The scanner gave up inside: an archive that unfolds too far, too many parts, too long."""
    ENGINE = "engine"
    """The scanner says that it failed."""
    GARBLED = "garbled"
    """The answer is none: cut, doubled, early, or not of the protocol."""
    OLD_SIGNATURES = "old-signatures"
    """The signatures are older than the settings allow, or of an age that cannot be told (VI-3)."""


class NotScanned(WorldError):
    """There is no verdict: nothing may be accepted or delivered on it (AP-18)."""

    def __init__(self, what: str, *, reason: NotScannedReason, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.reason = reason

    @property
    def is_of_content(self) -> bool:
        """True when the same content will have no verdict tomorrow either, so that waiting alone does not help."""
        return self.reason in (NotScannedReason.TOO_LARGE, NotScannedReason.LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanVerdict:
    """What a scanner said of some octets."""

    virus: str
    """Name of what was found; empty for clean octets."""
    engine: str
    """Name, version and signature date."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.virus


class Scanner(Protocol):
    """Scans octets; never guesses."""

    def edition(self) -> str:
        """Return the `engine` of verdicts that are given now: what was clean under it need not be asked again.

        Raises NotScanned when there would be no verdict.
        """
        ...

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan a whole message. Raises NotScanned when there is no verdict: away, slow, over a limit, confused."""
        ...

    def begin(self, octets: Octets, *, digest: str = "") -> Callable[[], ScanVerdict]:
        """Begin to scan a whole message, and return how to get the verdict: called once, in the same thread.

        `digest`: the SHA-256, hexadecimal, under which the store has the octets, where they are from there.

        Whoever has several messages begins with all before the first verdict, and they may be scanned at once.
        Only what is returned raises NotScanned. A scanner that takes one after the other scans when it is wanted.
        """
        del digest
        return partial(self.scan, octets)

    def ready(self) -> bool:
        """Say whether a scan would be answered now: asked before a message is let in (AP-18)."""
        ...
