"""Availability of the service: from what probes saw to minutes down, budget used and the longest outage.

Pure. A *loop* is one probe's walk through every function at one instant; it belongs to the minute of UTC in which it
began. A minute is **down** when

1. some function of the service fails for more than half of the probes that tried it in that minute, where it fails
   for a probe when more than half of that probe's tries did; or
2. every loop of every probe in that minute failed, in whatever function.

A minute that no probe looked at is *unseen*. Between two minutes down it is down as well: nobody saw the service
come back. Any other unseen minute is neither up nor down: the verdict on the period is `UNPROVEN` when those minutes
could break the limit. Directory and log look-ups are watched, but are no service to holders and bring no minute down.

Clauses: SL-2, SL-3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

from ceralacca.core.four_months import MINUTE, FourMonths

ALLOWED: Final = Fraction(2, 1000)
"""Of a period, at most so much down: availability of 99.8 % (SL-2, DM 2 November 2005, art. 12(3))."""
SINGLE: Final = Fraction(1, 2)
"""Of what is allowed, at most so much in one outage (SL-3, art. 12(5))."""
ALARMS: Final = (25, 50, 75, 100)
"""Percentages of each limit at which an alarm is raised; 100: it is used up."""


class Function(StrEnum):
    """What a probe tries."""

    AUTHENTICATE = "authenticate"
    SUBMIT = "submit"
    ACCEPTANCE = "acceptance"
    DELIVERY = "delivery"
    IMAP = "imap"
    POP3 = "pop3"
    WEBMAIL = "webmail"
    DIRECTORY = "directory"
    LOG = "log"


SERVICE: Final = frozenset(Function) - {Function.DIRECTORY, Function.LOG}
"""What holders are owed (art. 12): sending, receipts, reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How one function did in one loop."""

    ok: bool
    seconds: float | None = None
    """How long it took; None where nothing was measured."""
    reason: str = ""
    """Why it failed, without an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One walk of one probe. A function that could not be tried because an earlier one failed has failed."""

    probe: str
    at: datetime
    """When it began."""
    tried: Mapping[Function, Tried]

    @property
    def ok(self) -> bool:
        """Whether every function of the service worked."""
        return all(one.ok for function, one in self.tried.items() if function in SERVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """Work on the service that was announced before it began; it counts as down, and is told apart in P02 (SL-7)."""

    begins: datetime
    ends: datetime
    what: str = ""

    def minutes_of(self, begins: datetime, length: int) -> range:
        """Return which of so many minutes from an instant lie in it whole."""
        first, after = -((begins - self.begins) // MINUTE), (self.ends - begins) // MINUTE
        return range(max(first, 0), min(after, length))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Minutes down without a break."""

    begins: datetime
    ends: datetime
    """The first minute up, or the end of what is known."""
    functions: frozenset[Function]
    """Which were seen failing (rule 1), or failed in some loop (rule 2)."""
    unseen: int = 0
    """How many of its minutes no probe looked at."""
    planned: int = 0
    """How many of them were announced."""

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (self.ends - self.begins) // MINUTE


class Verdict(StrEnum):
    """Whether the limits of the period were kept."""

    KEPT = "kept"
    """Also if every unseen minute had been down."""
    BROKEN = "broken"
    UNPROVEN = "unproven"
    """Kept by what was seen, but too much was not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A limit was used up to a percentage."""

    limit: str
    """`budget` (SL-2) or `outage` (SL-3)."""
    percent: int
    at: datetime
    """End of the minute that crossed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFigures:
    """One function over the period."""

    tries: int = 0
    failures: int = 0
    minutes_down: int = 0
    """Minutes in which it failed for more than half of the probes."""
    mean_seconds: float = 0.0
    """Of the tries that worked."""
    slowest_seconds: float = 0.0
    """Likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """What is known of a period, or of its part up to `until`."""

    period: FourMonths
    until: datetime
    """Up to here (the end of the period, when it is over)."""
    outages: tuple[Outage, ...] = ()
    seen: int = 0
    """Minutes that some probe looked at."""
    unseen: int = 0
    """Minutes neither seen nor between two minutes down."""
    functions: Mapping[Function, FunctionFigures] = field(default_factory=dict)
    longest_possible: int = 0
    """Minutes of the longest outage if every unseen minute had been down."""
    probes: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()

    @property
    def down(self) -> int:
        """Minutes down."""
        return sum(one.minutes for one in self.outages)

    @property
    def longest(self) -> int:
        """Minutes of the longest outage."""
        return max((one.minutes for one in self.outages), default=0)

    @property
    def budget(self) -> Fraction:
        """Minutes that the whole period may be down (SL-2)."""
        return self.period.minutes * ALLOWED

    @property
    def single_limit(self) -> Fraction:
        """Minutes that one outage may last (SL-3)."""
        return self.budget * SINGLE

    @property
    def verdict(self) -> Verdict:
        """Whether both limits were kept; a claim that unseen minutes could make false is not made."""
        if self.down > self.budget or self.longest > self.single_limit:
            return Verdict.BROKEN
        if self.down + self.unseen > self.budget or self.longest_possible > self.single_limit:
            return Verdict.UNPROVEN
        return Verdict.KEPT

    @property
    def percent_available(self) -> Fraction:
        """Of the minutes up to `until` that are known to be up or down, how many were up, in percent."""
        known = (self.until - self.period.begins) // MINUTE - self.unseen
        return Fraction(100 * (known - self.down), known) if known else Fraction(100)


class Watch:
    """Takes loops in any order, from any number of probes, and says what follows. One a period."""

    def __init__(self, period: FourMonths) -> None:
        self.period = period
        self._begins, self._ends, self._length = period.begins, period.ends, period.minutes
        self._minutes: dict[int, _Minute] = {}
        self._probes: set[str] = set()
        self._tries: dict[Function, list[int]] = {function: [0, 0] for function in Function}
        self._seconds: dict[Function, list[float]] = {function: [0.0, 0.0] for function in Function}

    def add(self, loop: Loop) -> None:
        """Take one loop; one of another period is passed over."""
        if not self._begins <= loop.at < self._ends:
            return
        self._probes.add(loop.probe)
        number = (loop.at - self._begins) // MINUTE
        self._minutes.setdefault(number, _Minute()).add(loop)
        for function, one in loop.tried.items():
            self._tries[function][0] += 1
            self._tries[function][1] += not one.ok
            if one.ok and one.seconds is not None:
                took = self._seconds[function]
                took[0], took[1] = took[0] + one.seconds, max(took[1], one.seconds)

    def result(self, until: datetime, planned: Sequence[PlannedWork] = ()) -> Availability:
        """Return what is known up to an instant; minutes that have not ended by then are left out."""
        end = min(max(until, self._begins), self._ends)
        length = (end - self._begins) // MINUTE
        failing = {n: found for n, minute in self._minutes.items() if n < length and (found := minute.failing())}
        outages = tuple(self._outages(failing, planned))
        seen = sum(n < length for n in self._minutes)
        covered = sum(one.unseen for one in outages)
        return Availability(
            period=self.period,
            until=self._begins + length * MINUTE,
            outages=outages,
            seen=seen,
            unseen=length - seen - covered,
            functions=self._figures(length),
            longest_possible=self._longest_without_up(failing, length),
            probes=tuple(sorted(self._probes)),
            alarms=tuple(self._alarms(outages)),
        )

    def _outages(self, failing: Mapping[int, frozenset[Function]], planned: Sequence[PlannedWork]) -> Iterator[Outage]:
        """Join minutes down; unseen ones between two of them belong to the outage."""
        run: list[int] = []
        for number in sorted(failing):
            if run and any(n in self._minutes for n in range(run[-1] + 1, number)):
                yield self._outage(run, failing, planned)
                run = []
            run.append(number)
        if run:
            yield self._outage(run, failing, planned)

    def _outage(
        self, run: Sequence[int], failing: Mapping[int, frozenset[Function]], planned: Sequence[PlannedWork]
    ) -> Outage:
        begins = self._begins + run[0] * MINUTE
        ends = self._begins + (run[-1] + 1) * MINUTE
        length = run[-1] - run[0] + 1
        announced = set().union(*(work.minutes_of(begins, length) for work in planned))
        return Outage(
            begins=begins,
            ends=ends,
            functions=frozenset().union(*(failing[n] for n in run)),
            unseen=length - len(run),
            planned=len(announced),
        )

    def _longest_without_up(self, failing: Mapping[int, frozenset[Function]], length: int) -> int:
        up = sorted(n for n in self._minutes if n < length and n not in failing)
        return max(after - before - 1 for before, after in pairwise((-1, *up, length)))

    def _figures(self, length: int) -> dict[Function, FunctionFigures]:
        down = dict.fromkeys(Function, 0)
        for number, minute in self._minutes.items():
            if number < length:
                for function in minute.failing_functions():
                    down[function] += 1
        return {
            function: FunctionFigures(
                tries=tries,
                failures=failures,
                minutes_down=down[function],
                mean_seconds=self._seconds[function][0] / max(tries - failures, 1),
                slowest_seconds=self._seconds[function][1],
            )
            for function, (tries, failures) in self._tries.items()
            if tries
        }

    def _alarms(self, outages: Iterable[Outage]) -> Iterator[Alarm]:
        """Say when each percentage of each limit was reached for the first time."""
        budget = self._length * ALLOWED
        limits = {"budget": budget, "outage": budget * SINGLE}
        left = {limit: list(ALARMS) for limit in limits}
        used = 0
        for outage in outages:
            for minute in range(1, outage.minutes + 1):
                if not any(left.values()):
                    return
                used += 1
                for limit, value in (("budget", used), ("outage", minute)):
                    while left[limit] and value * 100 >= left[limit][0] * limits[limit]:
                        yield Alarm(limit=limit, percent=left[limit].pop(0), at=outage.begins + minute * MINUTE)


class _Minute:
    """What all probes saw in one minute."""

    __slots__ = ("_all_failed", "_failed_in", "_tries")

    def __init__(self) -> None:
        self._tries: dict[tuple[Function, str], list[int]] = {}
        self._all_failed = True
        self._failed_in: set[Function] = set()

    def add(self, loop: Loop) -> None:
        """Count one loop."""
        self._all_failed = self._all_failed and not loop.ok
        for function, one in loop.tried.items():
            tries = self._tries.setdefault((function, loop.probe), [0, 0])
            tries[0] += 1
            tries[1] += not one.ok
            if not one.ok and function in SERVICE:
                self._failed_in.add(function)

    def failing_functions(self) -> frozenset[Function]:
        """Return what fails for more than half of the probes (rule 1), watched functions included."""
        probes: dict[Function, list[int]] = {}
        for (function, _), (tries, failures) in self._tries.items():
            votes = probes.setdefault(function, [0, 0])
            votes[0] += 1
            votes[1] += 2 * failures > tries
        return frozenset(function for function, (number, against) in probes.items() if 2 * against > number)

    def failing(self) -> frozenset[Function]:
        """Return why the minute is down; empty when it is not."""
        found = self.failing_functions() & SERVICE
        return frozenset(self._failed_in) if self._all_failed and not found else found
