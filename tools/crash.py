"""`make crash`: kills a provider pair at every failpoint of every flow, on both engines; judged from outside.

    tools/crash.py [--engine sqlite|postgresql ...] [--flow NAME ...] [--storm 100] [--seed 1] [--parts 2]
    tools/crash.py --site 20 [--seed 1]      only this: so many losses of a whole site under load, two PostgreSQL

Then the planted bugs must be found, and last comes a storm: so many SIGKILLs at random moments under a
stream of mail. On SQLite each death is a power cut as well, which takes back what was not synced. Ends with 0
only when no invariant was broken, every point was reached and every planted bug was found.
"""

import argparse
import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ceralacca.apps.virus_storage import with_vault
from ceralacca.ports.store import Store
from ceralacca.store.site.files import MirroredVault
from ceralacca.store.site.state import Site
from ceralacca.store.virus_vault import VirusVault
from ceralacca.testing.crash_evidence import VAULT_KEY
from ceralacca.testing.crash_flows import FLOWS
from ceralacca.testing.crash_plants import FOUND_IN, SITE_PLANTS
from ceralacca.testing.crash_sites import SiteYard
from ceralacca.testing.crash_yard import AFTER_THE_DEATH, RigFailure, Verdict, Yard

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Errand:
    """What one process is to do."""

    engine: str
    flow: str = ""
    part: int = 0
    parts: int = 1
    every: int = 1
    plant: str = ""
    storm: int = 0
    site: int = 0
    seed: int = 1

    @property
    def power(self) -> bool:
        """Whether a death is a power cut."""
        return self.engine == "sqlite"

    @property
    def name(self) -> str:
        """What is printed."""
        what = f"planted {self.plant}" if self.plant else self.flow or f"storm of {self.storm}, seed {self.seed}"
        if self.site:
            what = f"{self.site} sites lost, seed {self.seed}{f', planted {self.plant}' if self.plant else ''}"
        return f"{self.engine:10} {what}"


@dataclass
class Result:
    """What came of it."""

    name: str
    cases: int
    broken: list[str]
    seconds: float
    note: str = ""


def do(errand: Errand) -> Result:
    """Run one errand in a yard of its own."""
    start = time.monotonic()
    signal.signal(signal.SIGTERM, _leave)
    try:
        if errand.site:
            return _lose_sites(errand, start)
        with Yard(errand.engine, joined=_joined, plant="" if errand.flow else errand.plant, power=errand.power) as yard:
            cases, broken, note = _do(errand, yard)
    except RigFailure as failure:
        cases, broken, note = 0, [f"the rig failed: {failure}"], ""
    return Result(errand.name, cases, broken, time.monotonic() - start, note)


def _lose_sites(errand: Errand, start: float) -> Result:
    with SiteYard(joined=_joined, seed=errand.seed, plant=errand.plant) as yard:
        answered, broken = yard.campaign(errand.site)
        took = sorted(yard.seconds)
    note = f"{answered} messages answered 250; the other site took over in {took[len(took) // 2]:.1f} s (median), "
    note += f"{took[-1]:.1f} s (longest); died at {', '.join(yard.died_at) or 'random moments'}"
    return Result(errand.name, errand.site, broken, time.monotonic() - start, note)


def _joined(store: Store, folder: Path, site: Site | None) -> Store:
    """Put the virus storage before a store, as the worker does."""
    place = folder / "vault"
    return with_vault(store, VirusVault(place, VAULT_KEY) if site is None else MirroredVault(place, VAULT_KEY, site))


def _leave(number: int, frame: object) -> None:
    """Clean up on the way out, in whichever process."""
    del frame
    sys.exit(128 + number)


def _do(errand: Errand, yard: Yard) -> tuple[int, list[str], str]:
    if errand.storm:
        answered, broken = yard.storm(errand.storm, errand.seed)
        return errand.storm, broken, f"{answered} messages answered 250"
    flow = FLOWS[errand.flow]
    points = yard.points(flow)
    if errand.plant:
        yard.plant(errand.plant)
        first = FOUND_IN[errand.plant][1]
        for count, point in enumerate(sorted(points, key=lambda point: f"{point[0]}:{point[1]}" != first), 1):
            found = yard.kill_at(flow, point).broken
            if found:
                return count, [], f"found at {point[0]}:{point[1]} by {', '.join(_rules(found))}: {found[0][:120]}"
        return len(points), [f"{errand.plant} was not found in {errand.flow}"], ""
    verdicts = [yard.kill_at(flow, point) for point in points[errand.part :: errand.parts * errand.every]]
    names = len({name for name, _ in points})
    return len(verdicts), [*_words(verdicts)], f"{len(points)} points, {names} failpoints"


def _rules(found: Iterable[str]) -> Iterable[str]:
    """Name each rule that is broken, once: which one spoke first depends on what lay in the batch of the death."""
    return dict.fromkeys(words.removeprefix(AFTER_THE_DEATH).partition(":")[0] for words in found)


def _words(verdicts: Iterable[Verdict]) -> Iterable[str]:
    for verdict in verdicts:
        if not verdict.reached:
            yield f"{verdict.flow} {verdict.point}: not reached"
        for words in verdict.broken:
            yield f"{verdict.flow} {verdict.point}: {words}"


def errands(wanted: argparse.Namespace) -> list[Errand]:
    """Return what the words ask for."""
    if wanted.site:
        return [Errand(engine="postgresql", site=wanted.site, seed=wanted.seed, plant=wanted.plant)]
    made = [
        Errand(engine=engine, flow=flow, part=part, parts=wanted.parts, every=wanted.every)
        for engine in wanted.engine
        for flow in wanted.flow
        for part in range(wanted.parts)
    ]
    plants = [wanted.plant] if wanted.plant else list(FOUND_IN) if wanted.plants else []
    made += [Errand(engine=wanted.engine[0], flow=FOUND_IN[plant][0], plant=plant) for plant in plants]
    if wanted.storm:
        made += [Errand(engine=engine, storm=wanted.storm, seed=wanted.seed) for engine in wanted.engine]
    return made


def main(words: Sequence[str]) -> int:
    """Run all errands; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--flow", nargs="*", choices=list(FLOWS), default=list(FLOWS))
    parser.add_argument("--parts", type=int, default=1, help="processes that share one flow")
    parser.add_argument("--storm", type=int, default=100, help="SIGKILLs at random moments, on each engine")
    parser.add_argument("--site", type=int, default=0, help="losses of a whole site, and nothing else")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plants", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--plant", choices=[*FOUND_IN, *SITE_PLANTS], default="", help="one of them")
    parser.add_argument("--every", type=int, default=1, help="kill at one point of so many")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(words)
    signal.signal(signal.SIGTERM, _leave)
    start, results = time.monotonic(), list[Result]()
    for result in _all(errands(wanted), wanted.jobs):
        results.append(result)
        print(json.dumps(vars(result)) if wanted.json else _shown(result), flush=True)
    broken = sum(len(result.broken) for result in results)
    cases = sum(result.cases for result in results)
    print(f"{cases} deaths, {broken} violations, {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 1 if broken else 0


def _all(wanted: Sequence[Errand], jobs: int) -> Iterator[Result]:
    """Run errands in so many processes; a yard forks, so each process has a single thread."""
    if jobs == 1:
        yield from map(do, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(do, wanted)


def _shown(result: Result) -> str:
    line = f"{result.name:44} {result.cases:4} deaths, {len(result.broken)} violations, {result.seconds:4.0f} s"
    return "\n".join([f"{line}  {result.note}", *(f"    {words}" for words in result.broken[:20])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
