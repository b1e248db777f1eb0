"""Traffic figures for the supervisor, each counted from rows of the message log and from nothing else (SL-7).

Two rules are in use and they differ, so both are kept. The *two-monthly* one (circular CR/51 of 2006, point 5.1 and its
notes) counts messages by day: an envelope sent is one out, an envelope received or an anomaly envelope made is one in,
also when both providers are the same one; receipts do not count. The *four-monthly* one (AgID's guidelines of 2019,
record P01) counts an acceptance receipt as one out, a taking in charge for another provider as one in.

A day is a day of legal time. Which row counts as what is `counted_as`: the figures can be reproduced to the row.

Clauses: SL-7.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from ceralacca.base.instants import ROME
from ceralacca.core.log_consistency import Numbered
from ceralacca.core.model.log import LogEvent, LogRow


class Figure(StrEnum):
    """What is counted; the values are the names that the records use."""

    MESSAGES_OUT = "messages-out"
    """CR/51: transport envelopes sent."""
    MESSAGES_IN = "messages-in"
    """CR/51: transport envelopes received and anomaly envelopes made."""
    VIRUSES_OUT = "viruses-out"
    """CR/51: infected messages of own users."""
    VIRUSES_IN = "viruses-in"
    """CR/51: infected messages that came in, ordinary mail too."""
    P01_OUT = "MsgUscita"
    """P01: acceptance receipts issued."""
    P01_IN = "MsgIngresso"
    """P01: takings in charge issued in favour of other providers."""
    P01_VIRUSES_IN = "VirusIngresso"
    """P01: infected messages that other providers or we had sealed."""
    P01_VIRUSES_OUT = "VirusUscita"
    """P01: infected messages of own users."""


BY_DAY = (Figure.MESSAGES_OUT, Figure.MESSAGES_IN, Figure.VIRUSES_OUT, Figure.VIRUSES_IN)
"""The figures of the two-monthly rule."""
IN_ALL = (Figure.P01_OUT, Figure.P01_IN, Figure.P01_VIRUSES_IN, Figure.P01_VIRUSES_OUT)
"""The figures of the four-monthly rule."""

_PLAIN = {LogEvent.ACCEPTANCE: (Figure.P01_OUT,), LogEvent.ENVELOPE_SENT: (Figure.MESSAGES_OUT,)}
_PERIOD = re.compile(r"([0-9]{4})-?(?:([QqBb])([1-6])|(0[1-9]|1[0-2]))?")
_MONTHS = {"Q": 4, "B": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole months of legal time."""

    name: str
    first: date
    beyond: date
    """The first day after it."""

    @classmethod
    def read(cls, text: str) -> "Period":
        """Read `2026Q1` (four months, Q1 to Q3), `2026B4` (two months, B1 to B6), `2026-07` or `2026`.

        Raises ValueError.
        """
        found = _PERIOD.fullmatch(text.strip())
        if found is None or (found[2] in {"Q", "q"} and int(found[3]) > 3) or int(found[1]) < 1:
            raise ValueError("not a period: write 2026Q1 to 2026Q3, 2026B1 to 2026B6, 2026-07 or 2026")
        year, kind, ordinal, month = int(found[1]), (found[2] or "").upper(), found[3], found[4]
        if month:
            first, months, name = int(month), 1, f"{year:04d}-{month}"
        elif kind:
            first, months, name = 1 + (int(ordinal) - 1) * _MONTHS[kind], _MONTHS[kind], f"{year:04d}{kind}{ordinal}"
        else:
            first, months, name = 1, 12, f"{year:04d}"
        last = year * 12 + first - 1 + months
        return cls(name=name, first=date(year, first, 1), beyond=date(last // 12, last % 12 + 1, 1))

    @property
    def since(self) -> datetime:
        """Its first instant."""
        return _midnight(self.first)

    @property
    def until(self) -> datetime:
        """The first instant after it."""
        return _midnight(self.beyond)

    @property
    def days(self) -> list[date]:
        """Its days."""
        return [self.first + timedelta(days=number) for number in range((self.beyond - self.first).days)]

    @property
    def four_months(self) -> int | None:
        """Which four months of the year it is, 1 to 3; None when it is another length."""
        start, rest = divmod(self.first.month - 1, 4)
        whole = not rest and (self.beyond - self.first).days > 100 and self.beyond.month in {5, 9, 1}
        return start + 1 if whole and (self.beyond - self.first).days < 130 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One row that counts, and as what."""

    number: int
    row: LogRow
    day: date
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The figures of one period."""

    period: Period
    rows: int
    """How many rows of the log were read."""
    by_day: Mapping[date, Mapping[Figure, int]]
    """Every day of the period, every figure of `BY_DAY`."""
    totals: Mapping[Figure, int]
    """Every figure."""


def counted_as(row: LogRow, own_domains: frozenset[str]) -> tuple[Figure, ...]:
    """Return what one row counts as; most rows count as nothing.

    An envelope that came in counts by its taking in charge: a repeat of it causes no second one (IP-21).
    """
    if row.event is LogEvent.TAKING_IN_CHARGE_ISSUED:
        foreign = row.sender is not None and row.sender.domain not in own_domains
        return (Figure.MESSAGES_IN, Figure.P01_IN) if foreign else (Figure.MESSAGES_IN,)
    if row.event is LogEvent.ANOMALY:
        made = row.message_id and not row.detail.startswith("dropped")
        return (Figure.MESSAGES_IN,) if made else ()
    if row.event is LogEvent.VIRUS_FOUND:
        if not row.concerned:  # the access point's: it was for nobody yet
            return Figure.VIRUSES_OUT, Figure.P01_VIRUSES_OUT
        return (Figure.VIRUSES_IN, Figure.P01_VIRUSES_IN) if row.identifier else (Figure.VIRUSES_IN,)
    return _PLAIN.get(row.event, ())


def counted(rows: Iterable[Numbered], own_domains: frozenset[str]) -> Iterator[Counted]:
    """Give the rows that count, in their order."""
    for number, row in rows:
        figures = counted_as(row, own_domains)
        if figures:
            yield Counted(number=number, row=row, day=row.instant.astimezone(ROME).date(), figures=figures)


class Tallying:
    """Counts a stream of rows: feed it, then ask for the tally."""

    def __init__(self, period: Period, own_domains: frozenset[str]) -> None:
        self._period = period
        self._own_domains = own_domains
        self._rows = 0
        self._days: dict[date, Counter[Figure]] = {day: Counter() for day in period.days}

    def feed(self, rows: Iterable[Numbered]) -> Iterator[Counted]:
        """Count rows and give those that count. Rows outside the period are passed over."""
        for one in counted(self._read(rows), self._own_domains):
            if one.day in self._days:
                self._days[one.day].update(one.figures)
                yield one

    def tally(self) -> Tally:
        """Return the figures of what was fed so far."""
        totals = sum(self._days.values(), Counter[Figure]())
        return Tally(
            period=self._period,
            rows=self._rows,
            by_day={day: {figure: found[figure] for figure in BY_DAY} for day, found in self._days.items()},
            totals={figure: totals[figure] for figure in Figure},
        )

    def _read(self, rows: Iterable[Numbered]) -> Iterator[Numbered]:
        for number, row in rows:
            self._rows += 1
            yield number, row


def tally(rows: Iterable[Numbered], period: Period, own_domains: frozenset[str]) -> Tally:
    """Count all rows of a stream."""
    tallying = Tallying(period, own_domains)
    for _ in tallying.feed(rows):
        pass
    return tallying.tally()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=ROME).astimezone(UTC)
