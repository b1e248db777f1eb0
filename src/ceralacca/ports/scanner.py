"""The virus scanner behind an interface (VI-4, AP-17, AP-18): a verdict only when the scanner gave one."""

from dataclasses import dataclass
from typing import Protocol

from ceralacca.formats.splice import Octets


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

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan a whole message. Raises WorldError when there is no verdict: away, slow, over a limit, confused."""
        ...

    def ready(self) -> bool:
        """Say whether a scan would be answered now: asked before a message is let in (AP-18)."""
        ...
