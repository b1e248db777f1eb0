"""What the local copy of the directory asks of the world: is this file the manager's, and what is in it (DI-5)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.base.errors import PeerError


class UntrustedDirectoryFile(PeerError):
    """The file is not one sealed by the pinned directory manager; `reason` is a stable code."""

    def __init__(self, what: str, *, reason: str, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedContent:
    """What came out of a `.p7m` whose seal holds under the pinned certificate."""

    ldif: bytes
    signing_time: datetime | None
    """Aware, UTC; None when the seal does not say."""


class OpensDirectoryFile(Protocol):
    """Opens a downloaded directory file; the real one is `trust.directory_file.DirectoryFileOpener`."""

    def __call__(self, p7m: bytes, /) -> VerifiedContent:
        """Return the sealed LDIF. Raises UntrustedDirectoryFile."""
        ...
