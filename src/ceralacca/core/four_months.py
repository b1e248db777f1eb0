"""The four-month period (*quadrimestre*) that the law measures availability by, in minutes of UTC.

January to April, May to August, September to December, from midnight to midnight of Italian legal time. The hour that
March loses and October gains back is real time that the service was owed or not: hence minutes of UTC, never days
times 1,440.

Clauses: SL-2, SL-3, SL-7.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from ceralacca.base.errors import UserError
from ceralacca.base.instants import ROME
from ceralacca.core.statistics import Period

MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FourMonths:
    """One period, such as `2026-Q3`: September to December of 2026."""

    year: int
    number: int
    """1, 2 or 3."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-Q3`, or `2026Q3`. Raises UserError."""
        try:
            period = Period.read(text)
        except ValueError:
            period = None
        if period is None or period.four_months is None or period.first.year < 2:
            raise UserError(f"{text}: not a four-month period", remedy="write one such as 2026-Q3 (September on)")
        return cls(year=period.first.year, number=period.four_months)

    @classmethod
    def of(cls, instant: datetime) -> Self:
        """Return the period that an instant lies in."""
        local = instant.astimezone(ROME)
        return cls(year=local.year, number=(local.month - 1) // 4 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-Q{self.number}"

    @property
    def months(self) -> Period:
        """Its months, as the counters of traffic take them."""
        return Period.read(str(self))

    @property
    def begins(self) -> datetime:
        """Its first instant, in UTC."""
        return self.months.since

    @property
    def ends(self) -> datetime:
        """The first instant after it, in UTC."""
        return self.months.until

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (self.ends - self.begins) // MINUTE
