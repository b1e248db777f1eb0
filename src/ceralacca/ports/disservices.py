"""The register of disservices and announced work: entries are added and closed, never changed otherwise or deleted.

Clauses: SL-7.
"""

from datetime import datetime
from typing import Protocol

from ceralacca.core.model.disservice import Disservice


class Disservices(Protocol):
    """Where entries are kept. Safe between processes. Every method may raise WorldError."""

    def add(self, entry: Disservice) -> int:
        """Enter it, durably; return its number, which is given once."""
        ...

    def close(self, number: int, *, ends: datetime, remedy: str, now: datetime) -> Disservice:
        """Say when it ended and what was done. Raises UserError for one that is not there, or is closed."""
        ...

    def entries(self, *, since: datetime, until: datetime) -> list[Disservice]:
        """Return what was in some part of a stretch of time, by its beginning."""
        ...
