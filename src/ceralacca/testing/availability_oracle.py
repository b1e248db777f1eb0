"""A second, plain way to compute availability, and random timelines to hold both against each other (SL-2, SL-3, R25).

The way (`expected`) shares nothing with `core.availability` but the words of its input. Periods come from the calendar
and the two known offsets, not from a time zone database; a timeline is a string of one letter a minute, and outages
are found in it by regular expressions.
"""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 timelines are made by seed

from ceralacca.core.availability import Function, Loop, PlannedWork, Tried, Watch
from ceralacca.core.four_months import FourMonths

_OFFSET_HOURS = {1: 1, 2: 2, 3: 2}
"""Italian legal time at the first midnight of January, May and September."""
_CLOCK_CHANGE = {1: -60, 2: 0, 3: 60}
"""Minutes that March loses and October gains."""
_SERVICE = ("authenticate", "submit", "acceptance", "delivery", "imap", "pop3", "webmail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What some probes saw of one period."""

    year: int
    number: int
    loops: tuple[Loop, ...]
    planned: tuple[PlannedWork, ...]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an engine must say of a timeline."""

    minutes: int
    outages: tuple[tuple[datetime, int, int, int], ...]
    """Beginning, minutes, of them unseen, of them announced."""
    unseen: int
    longest_possible: int
    verdict: str
    alarms: frozenset[tuple[str, int, datetime]]


def first_minute(year: int, number: int) -> datetime:
    """Return the first instant of a period."""
    return datetime(year, number * 4 - 3, 1, tzinfo=UTC) - timedelta(hours=_OFFSET_HOURS[number])


def minutes_of(year: int, number: int) -> int:
    """Return how many minutes a period has."""
    days = sum(monthrange(year, month)[1] for month in range(number * 4 - 3, number * 4 + 1))
    return days * 1440 + _CLOCK_CHANGE[number]


def expected(timeline: Timeline) -> Expected:
    """Compute it the plain way."""
    first, total = first_minute(timeline.year, timeline.number), minutes_of(timeline.year, timeline.number)
    whole = min(max(int((timeline.until - first).total_seconds() // 60), 0), total)
    letters = ["?"] * whole
    by_minute = defaultdict(list)
    for loop in timeline.loops:
        minute = int((loop.at - first).total_seconds() // 60)
        if loop.at >= first and minute < whole:
            by_minute[minute].append(loop)
    for minute, loops in by_minute.items():
        letters[minute] = "D" if _is_down(loops) else "u"
    line = "".join(letters)
    announced = _announced(first, whole, timeline.planned)
    filled = re.sub(r"(?<=D)\?+(?=D)", lambda gap: "G" * len(gap[0]), line)
    outages = tuple(
        (
            first + timedelta(minutes=run.start()),
            len(run[0]),
            run[0].count("G"),
            announced.count(b"P", run.start(), run.end()),
        )
        for run in re.finditer(r"[DG]+", filled)
    )
    unseen = filled.count("?")
    longest_possible = max((len(run) for run in re.findall(r"[DG?]+", filled)), default=0)
    # In thousandths of a minute, whole numbers: the budget is total * 2, one outage may have total * 1.
    down, longest = sum(one[1] for one in outages), max((one[1] for one in outages), default=0)
    if down * 1000 > total * 2 or longest * 1000 > total:
        verdict = "broken"
    elif (down + unseen) * 1000 > total * 2 or longest_possible * 1000 > total:
        verdict = "unproven"
    else:
        verdict = "kept"
    return Expected(
        minutes=total,
        outages=outages,
        unseen=unseen,
        longest_possible=longest_possible,
        verdict=verdict,
        alarms=frozenset(_alarms(filled, first, total)),
    )


def _is_down(loops: Sequence[Loop]) -> bool:
    if all(any(not one.ok for function, one in loop.tried.items() if function.value in _SERVICE) for loop in loops):
        return True
    for name in _SERVICE:
        verdicts = []
        for probe in {loop.probe for loop in loops}:
            tries = [
                loop.tried[Function(name)].ok for loop in loops if loop.probe == probe and Function(name) in loop.tried
            ]
            if tries:
                verdicts.append(tries.count(False) > tries.count(True))
        if verdicts.count(True) > verdicts.count(False):
            return True
    return False


def _announced(first: datetime, whole: int, planned: Sequence[PlannedWork]) -> bytearray:
    line = bytearray(b"." * whole)
    for work in planned:
        minute = first + timedelta(minutes=int((work.begins - first).total_seconds() // 60) - 1)
        while minute + timedelta(seconds=60) <= work.ends:
            index = int((minute - first).total_seconds() // 60)
            if minute >= work.begins and 0 <= index < whole:
                line[index : index + 1] = b"P"
            minute += timedelta(minutes=1)
    return line


def _alarms(filled: str, first: datetime, total: int) -> list[tuple[str, int, datetime]]:
    found = []
    down = [letter.start() for letter in re.finditer("[DG]", filled)]
    for percent in (25, 50, 75, 100):
        of_budget, of_outage = -(-total * 2 * percent // 100_000), -(-total * percent // 100_000)  # rounded up
        if len(down) >= of_budget:
            found.append(("budget", percent, first + timedelta(minutes=down[of_budget - 1] + 1)))
        for run in re.finditer("[DG]+", filled):
            if len(run[0]) >= of_outage:
                found.append(("outage", percent, first + timedelta(minutes=run.start() + of_outage)))
                break
    return found


def disagreement(timeline: Timeline, wanted: Expected) -> str:
    """Say where the engine and this module differ; empty when they agree to the minute."""
    period = FourMonths(year=timeline.year, number=timeline.number)
    watch = Watch(period)
    for loop in timeline.loops:
        watch.add(loop)
    found = watch.result(timeline.until, timeline.planned)
    pairs = {
        "minutes": (period.minutes, wanted.minutes),
        "outages": (tuple((o.begins, o.minutes, o.unseen, o.planned) for o in found.outages), wanted.outages),
        "unseen": (found.unseen, wanted.unseen),
        "longest possible": (found.longest_possible, wanted.longest_possible),
        "verdict": (found.verdict.value, wanted.verdict),
        "alarms": (frozenset((a.limit, a.percent, a.at) for a in found.alarms), wanted.alarms),
    }
    return "; ".join(f"{what}: {mine}, by the oracle {its}" for what, (mine, its) in pairs.items() if mine != its)


# -- random timelines -----------------------------------------------------------------------------------------


def random_timeline(seed: int) -> Timeline:
    """Make one: probes that come and go, functions that fail alone or together, gaps, edges, both clock changes."""
    random = Random(seed)  # noqa: S311 test data
    year, number = random.randrange(2024, 2034), random.randrange(1, 4)
    first, total = first_minute(year, number), minutes_of(year, number)
    if random.random() < 0.06:
        return _well_watched(random, year, number)
    probes = ["roma", "milano", "bari"][: random.choice((1, 2, 2, 2, 3))]
    loops: list[Loop] = []
    for _ in range(random.randrange(1, 4)):
        begins = _somewhere(random, year, number, first, total)
        length = random.choice((2, 3, 5, 10, 20, 30, 40, 190))
        for probe in probes:
            if random.random() < 0.85:
                loops += _walks(random, probe, begins, length)
    loops += _sparse(random, probes, first, total)
    random.shuffle(loops)
    planned = tuple(_work(random, random.choice(loops).at) for _ in range(random.choice((0, 0, 1, 2)))) if loops else ()
    until = first + timedelta(
        minutes=random.choice((total, total, total + 500, random.randrange(total))), seconds=random.randrange(60)
    )
    return Timeline(year=year, number=number, loops=tuple(loops), planned=planned, until=until)


def _somewhere(random: Random, year: int, number: int, first: datetime, total: int) -> datetime:
    """Choose where to look: the edges, the night of the clock change, 29 February, or anywhere."""
    change = {1: datetime(year, 3, 31, 1, tzinfo=UTC), 2: first, 3: datetime(year, 10, 31, 1, tzinfo=UTC)}[number]
    if number != 2:
        change -= timedelta(days=(change.weekday() - 6) % 7)
    return random.choice(
        (
            first - timedelta(minutes=random.randrange(60)),
            first + timedelta(minutes=total - random.randrange(1, 240)),
            change - timedelta(minutes=random.randrange(90)),
            datetime(year, 2, monthrange(year, 2)[1], 22, tzinfo=UTC) if number == 1 else change,
            first + timedelta(minutes=random.randrange(total)),
        )
    )


def _walks(random: Random, probe: str, begins: datetime, length: int) -> list[Loop]:
    """A probe at its work every 30 s for some minutes, with troubles that begin, last and end."""
    found, trouble, every = [], frozenset[str](), random.choice((20, 30, 30, 30, 45, 75))
    names = [function.value for function in Function if random.random() < 0.9] or ["imap"]
    calm = random.choice((0.5, 0.9, 0.97, 0.99))
    second = random.uniform(0, every)
    while second < length * 60:
        if random.random() > calm:
            trouble = frozenset(random.sample(names, random.randrange(len(names) + 1))) if not trouble else frozenset()
        flaky = random.random() < 0.05
        tried = {
            Function(name): Tried(ok=name not in trouble and not (flaky and random.random() < 0.5), seconds=0.1)
            for name in names
        }
        if random.random() < 0.96:
            found.append(Loop(probe=probe, at=begins + timedelta(seconds=second), tried=tried))
        second += every
    return found


def _well_watched(random: Random, year: int, number: int) -> Timeline:
    """The first days of a period seen in nearly every minute, with outages about as long as the limits."""
    first, total, whole = first_minute(year, number), minutes_of(year, number), random.randrange(1200, 3000)
    up, down = {Function.SUBMIT: Tried(ok=True)}, {Function.SUBMIT: Tried(ok=False)}
    bad = bytearray(whole)
    for _ in range(random.randrange(4)):
        begins, length = random.randrange(whole - 400), random.choice((20, 90, total // 1000, total // 1000 + 1))
        bad[begins : begins + length] = b"\1" * length
    lost = set(random.sample(range(whole), random.choice((0, 5, 200))))
    loops = tuple(
        Loop(probe="roma", at=first + timedelta(minutes=minute), tried=down if bad[minute] else up)
        for minute in range(whole)
        if minute not in lost
    )
    until = first + timedelta(minutes=whole)
    return Timeline(year=year, number=number, loops=loops, planned=(), until=until)


def _sparse(random: Random, probes: Sequence[str], first: datetime, total: int) -> list[Loop]:
    """A few minutes far apart: their gaps are long outages, or long unseen stretches."""
    ok = random.random() < 0.5
    return [
        Loop(
            probe=random.choice(probes),
            at=first + timedelta(minutes=random.randrange(total)),
            tried={Function.IMAP: Tried(ok=ok or random.random() < 0.3)},
        )
        for _ in range(random.choice((0, 0, 2, 5)))
    ]


def _work(random: Random, near: datetime) -> PlannedWork:
    begins = near - timedelta(seconds=random.randrange(1200))
    return PlannedWork(begins=begins, ends=begins + timedelta(seconds=random.randrange(30, 7200)), what="prova")
