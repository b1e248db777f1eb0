"""Record P02 of the four-monthly statistics: each disservice by day, with type, minutes and whether it counts (SL-7).

What probes measured as down counts for the service level (`SLA` = `S`). Its type is `01` when all of it had been
announced, else that of the entry of the register that it falls together with, else `03`. An entry of the register in
which nothing was measured down is told too, and counts for nothing (`N`). What passes midnight of legal time is one
record a day.

Clauses: SL-7.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ceralacca.base.instants import ROME
from ceralacca.core.availability import Availability, Outage
from ceralacca.core.four_months import MINUTE, FourMonths
from ceralacca.core.model.disservice import Disservice, DisserviceKind

COLUMNS: Final = ("CodGestPEC", "Quadrimestre", "Anno", "Giorno", "TipoDisservizio", "Durata", "SLA")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageRecord:
    """One record P02."""

    period: FourMonths
    day: int
    """Of the year, 1 to 366."""
    kind: DisserviceKind
    minutes: int
    counts: bool

    def values(self, provider: str) -> tuple[str, ...]:
        """Return it as the columns want it; `provider` is `CodGestPEC`, such as `VAT-IT00000000000`."""
        number, year = str(self.period.number), str(self.period.year)
        return (provider, number, year, str(self.day), self.kind.value, str(self.minutes), "S" if self.counts else "N")


def outage_records(known: Availability, register: Sequence[Disservice]) -> list[OutageRecord]:
    """Return the records of a period, by day."""
    period = known.period
    found: list[OutageRecord] = []
    for outage in known.outages:
        kind = _kind(outage, register)
        found += _by_day(period, outage.begins, outage.ends, kind, counts=True)
    for entry in register:
        ends = min(entry.ends or known.until, known.until)
        begins = max(entry.begins, period.begins)
        if begins < ends and not any(entry.overlaps(one.begins, one.ends) for one in known.outages):
            found += _by_day(period, begins, ends, entry.kind, counts=False)
    return sorted(found, key=lambda one: (one.day, one.kind, one.minutes))


def _kind(outage: Outage, register: Sequence[Disservice]) -> DisserviceKind:
    if outage.planned == outage.minutes:
        return DisserviceKind.PLANNED
    kinds = {one.kind for one in register if one.overlaps(outage.begins, outage.ends)}
    return DisserviceKind.INCIDENT if DisserviceKind.INCIDENT in kinds else DisserviceKind.MALFUNCTION


def _by_day(
    period: FourMonths, begins: datetime, ends: datetime, kind: DisserviceKind, *, counts: bool
) -> Iterator[OutageRecord]:
    while begins < ends:
        local = begins.astimezone(ROME)
        midnight = (local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=1)).astimezone(
            begins.tzinfo
        )
        until = min(midnight, ends)
        minutes = -((begins - until) // MINUTE)  # a part of a minute is one
        yield OutageRecord(period=period, day=local.timetuple().tm_yday, kind=kind, minutes=minutes, counts=counts)
        begins = until
