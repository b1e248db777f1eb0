"""The measuring kit of every benchmark: rates as ratios to a bound taken in the same moment.

A machine's speed moves by a factor of two from minute to minute, so an absolute figure says
nothing. Each sample of the subject stands between two measurements of its bound (what the machine
could do at best, or a peer), and its ratio is to their mean. Nine samples, never below five; median and range are
printed of the ratio and of both terms, and one JSON line with machine and commit is appended to
`bench/results/<benchmark>.jsonl`.

    table = Table("seal")
    table.add(compare("5 KB", subject=seal, bound=sign, goal=0.85))
    table.finish()
"""

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

RESULTS = Path(__file__).parent / "results"
SAMPLES = 9
WINDOW = 0.3
"""Seconds of one measurement: short, so that a neighbour's noise falls on subject and bound alike."""

Act = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median and range of some measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise the values."""
        return cls(median=median(values), low=min(values), high=max(values))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}} - {self.high:{spec}})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One row of a benchmark: subject against bound."""

    name: str
    subject: Spread
    """Acts a second."""
    bound: Spread
    """Acts a second."""
    ratio: Spread
    goal: float | None = None

    @classmethod
    def of_seconds(
        cls, name: str, found: Sequence[float], bounds: Sequence[float], *, goal: float | None = None
    ) -> "Comparison":
        """Compare what acts took with what the bound did beside each: the ratio is the bound's seconds over theirs."""
        return cls(
            name=name,
            subject=Spread.of([1 / each for each in found]),
            bound=Spread.of([1 / each for each in bounds]),
            ratio=Spread.of([bound / each for each, bound in zip(found, bounds, strict=True)]),
            goal=goal,
        )

    @classmethod
    def within(cls, name: str, found: Sequence[float], limit: float) -> "Comparison":
        """Compare what acts took with the seconds that each may take: the goal is met when the median does."""
        return cls.of_seconds(name, found, [limit] * len(found), goal=1.0)

    @property
    def met(self) -> bool:
        """True when there is no goal or the median ratio reaches it."""
        return self.goal is None or self.ratio.median >= self.goal


def rate(act: Act, *, window: float = WINDOW, threads: int = 1) -> float:
    """Return how often the act happens in a second, done over and over by each of the threads for one window."""
    counts = [0] * threads
    start_line = threading.Barrier(threads + 1)

    def run(index: int) -> None:
        start_line.wait()
        end = time.perf_counter() + window
        count = 0
        while time.perf_counter() < end:
            act()
            count += 1
        counts[index] = count

    workers = [threading.Thread(target=run, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    start_line.wait()
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - start)


def compare(
    name: str,
    *,
    subject: Act,
    bound: Act | None = None,
    goal: float | None = None,
    samples: int = SAMPLES,
    window: float = WINDOW,
    threads: int = 1,
    bound_rate: Callable[[], float] | None = None,
    subject_rate: Callable[[], float] | None = None,
) -> Comparison:
    """Measure bound, subject, bound, subject, ... bound and compare each subject with its two neighbours.

    `bound_rate` and `subject_rate` replace the plain loop where an act is not a call.
    """
    take_bound = bound_rate or (lambda: rate(_given(bound), window=window, threads=threads))
    take_subject = subject_rate or (lambda: rate(subject, window=window, threads=threads))
    subject()  # warm
    bounds = [take_bound()]
    subjects: list[float] = []
    for _ in range(max(samples, 5)):
        subjects.append(take_subject())
        bounds.append(take_bound())
    ratios = [2 * value / (before + after) for value, before, after in zip(subjects, bounds, bounds[1:], strict=False)]
    return Comparison(
        name=name,
        subject=Spread.of(subjects),
        bound=Spread.of(bounds),
        ratio=Spread.of(ratios),
        goal=goal,
    )


def option(name: str) -> str | None:
    """Return the word after an option of the command; None without the option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def help_if_asked() -> None:
    """Say what the benchmark is, and measure nothing, when the command asks for that."""
    if {"-h", "--help"} & set(sys.argv):
        print(sys.modules["__main__"].__doc__)
        raise SystemExit(0)


@dataclass(slots=True)
class Table:
    """The rows of one benchmark, printed and recorded together."""

    benchmark: str
    rows: list[Comparison] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin, unless help is asked for."""
        help_if_asked()

    def add(self, row: Comparison) -> None:
        """Add a row; says on standard error that it is done."""
        self.rows.append(row)
        print(f"  {row.name}: {row.ratio.median:.1%}", file=sys.stderr)

    def finish(self, *, recorded: bool = True) -> bool:
        """Print the table, append the record; return whether every goal was met."""
        self._print()
        if recorded:
            self._record()
        return all(row.met for row in self.rows)

    def _print(self) -> None:
        table = RichTable(title=f"{self.benchmark} - median (lowest - highest)")
        for heading in ("what", "subject /s", "bound /s", "ratio", "goal"):
            table.add_column(heading)
        for row in self.rows:
            goal = "" if row.goal is None else f"{row.goal:.0%} {'met' if row.met else 'MISSED'}"
            table.add_row(row.name, f"{row.subject:,.0f}", f"{row.bound:,.0f}", f"{row.ratio:.1%}", goal)
        Console(width=140).print(table)

    def _record(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        line = {
            "benchmark": self.benchmark,
            "at": int(time.time()),
            "commit": _commit(),
            "machine": machine(),
            "rows": [asdict(row) for row in self.rows],
        }
        with (RESULTS / f"{self.benchmark}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _given(act: Act | None) -> Act:
    if act is None:
        raise ValueError("give `bound` or `bound_rate`")
    return act


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def recorded(benchmark: str) -> list[dict[str, Any]]:
    """Return what was recorded of a benchmark, the oldest first."""
    path = RESULTS / f"{benchmark}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def machine() -> dict[str, str | int]:
    """Return what kind of machine this is."""
    cpu = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line.split(":", 1)[1].strip() for line in information.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    return {"cpu": cpu, "cores": os.cpu_count() or 0, "python": platform.python_version(), "system": platform.system()}
