"""Keeping the message log and letting it go: legal holds, and what is deleted after its term.

Deleting a month has three parts, each harmless when done again: its certificate is recorded with a row in the log, the
month is deleted but for what is held, the certificate is marked as carried out.

Clauses: LO-5, VI-1, VI-2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.core.model.log import LogRow
from ceralacca.core.retention import Holds, LegalHold, Month, MonthFigures, SealedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """The certificate of a month that was deleted."""

    month: Month
    at: datetime
    rows: int
    """Deleted."""
    held: int
    """Left."""
    holds: tuple[int, ...]
    """Numbers of the holds in force."""
    record: bytes
    """What is certified, as it was signed."""
    seal: bytes
    """CMS with the record inside."""
    done: bool = False


class LogRetention(Protocol):
    """Whoever keeps the log. Safe between processes. Every method may raise WorldError."""

    def months(self) -> list[Month]:
        """Return the months of which there are rows, the oldest first."""
        ...

    def month_figures(self, month: Month, holds: Holds) -> MonthFigures | None:
        """Count a month; None when it has no row. Reads the whole month when there are holds."""
        ...

    def unsealed(self, month: Month) -> int:
        """Return how many rows of a month no written file of the sealed log has."""
        ...

    def sealed_files(self, month: Month) -> list[SealedFile]:
        """Return the files of the sealed log that have rows of a month, the oldest first."""
        ...

    def record_purge(self, purge: Purge, row: LogRow) -> None:
        """Make a certificate durable, with its row of the log, before anything goes."""
        ...

    def delete_month(self, purge: Purge) -> int:
        """Delete a month but for what the purge's holds or those in force keep; return how many rows went.

        Writers wait for it at most two seconds; WorldError when it found no moment: it is to be tried later.
        """
        ...

    def purged(self, purge: Purge) -> None:
        """Record that a purge was carried out."""
        ...

    def purges(self) -> Sequence[Purge]:
        """Return all certificates, the oldest first."""
        ...

    # -- legal holds --------------------------------------------------------------------------------

    def holds(self) -> list[LegalHold]:
        """Return all holds, those that were lifted too, in the order of their numbers."""
        ...

    def set_hold(self, hold: LegalHold) -> LegalHold:
        """Set a hold and return it with its number. One for the same mailbox or transaction may stand beside it."""
        ...

    def lift_hold(self, number: int, *, now: datetime, by: str, reason: str) -> LegalHold | None:
        """Lift a hold and return it; None when there is none in force of this number."""
        ...
