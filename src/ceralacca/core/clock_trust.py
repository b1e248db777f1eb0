"""May this machine's clock be believed? Pure rule; nobody is asked here.

Every receipt proves an instant (TI-1), so a clock that nobody keeps, or that has jumped, proves nothing. It is
believed while the kernel says that a time service keeps it, and after a jump only when the kernel has gone on saying
so for a while: then the jump was that service's, setting it right. How far it is from UTC the kernel does not tell;
keeping it within a second is the time service's work.

Clauses: TI-1, TI-2, IP-5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(seconds=1)
"""TI-1: what the clock may be wrong by, and so what it may jump by."""
SETTLING: Final = timedelta(seconds=10)
"""How long after a jump the clock must be kept and quiet before it is believed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLook:
    """What was seen at one moment."""

    wall: datetime
    elapsed: timedelta
    """By a counter that nobody sets, from any start; it runs on while the machine sleeps."""
    kept: bool
    """Whether the kernel says that a time service keeps the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTrust:
    """What follows from all looks so far."""

    trusted: bool = False
    last: ClockLook | None = None
    doubtful_since: timedelta | None = None
    """When, by the counter, the clock had jumped and was kept again; None without doubt."""

    def after(self, look: ClockLook) -> "ClockTrust":
        """Return what follows once the clock is looked at again."""
        doubtful = self.doubtful_since
        if self._jumped(look) or (doubtful is not None and not look.kept):
            doubtful = look.elapsed
        elif doubtful is not None and look.elapsed - doubtful >= SETTLING:
            doubtful = None
        return ClockTrust(trusted=look.kept and doubtful is None, last=look, doubtful_since=doubtful)

    def _jumped(self, look: ClockLook) -> bool:
        if self.last is None:
            return False
        return abs((look.wall - self.last.wall) - (look.elapsed - self.last.elapsed)) > TOLERANCE
