"""Where the time comes from: one injectable port, one real clock (TI-12).

Nothing else in the package asks the operating system for the time.
"""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Gives the present instant; a test gives whatever it needs."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present instant in UTC, to the microsecond."""
        return datetime.now(UTC)
