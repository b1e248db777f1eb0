"""How long a provider takes from its start to its first `250` for a message, its queue empty and full (B9).

Subject: `pec serve` in a folder that was in use before, until a holder has signed in and submitted a message.
Bound: the start of a bare Python that ends at once. Floor: 1.5 s above the bound, and twice as long at most
with a queue of 100,000 jobs (`--million` for a million).

    python bench/start.py [--quick] [--million]
"""

import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta

from _live import Live
from _senders import message
from ceralacca.apps.demo.cast import ALFA, CARLA, MARIO
from ceralacca.base.clock import SystemClock
from ceralacca.ports.store import JobKind, NewJob
from ceralacca.store.bulk import INSERT_JOBS
from ceralacca.store.rows import job_line
from measure import Comparison, Spread, Table

MOST, TIMES = 1.5, 2.0
JOBS = 1_000_000 if "--million" in sys.argv else 100_000


def main() -> int:
    table = Table("start")
    with Live(ALFA) as live:
        empty, bare = samples(live)
        fill(live, JOBS)
        full, bare_too = samples(live)
    for name, found, floors in (("queue empty", empty, bare), (f"{JOBS:,} jobs", full, bare_too)):
        above = [each - floor for each, floor in zip(found, floors, strict=True)]
        told = f"start, {name}: limit {MOST} s over seconds above bare Python"
        table.add(Comparison.within(told, above, MOST))
    limits = [TIMES * each for each in empty]
    table.add(Comparison.of_seconds(f"empty over {JOBS:,} jobs", full, limits, goal=1.0))
    print(
        f"  empty {Spread.of(empty):.2f} s, full {Spread.of(full):.2f} s, bare {Spread.of(bare):.3f} s", file=sys.stderr
    )
    return 0 if table.finish() else 1


def samples(live: Live) -> tuple[list[float], list[float]]:
    """Start five times; return the seconds of each, and of a bare Python around it."""
    found, floors, floor = [], [], bare()
    for _ in range(5):
        live.stop(ALFA)
        found.append(first_reply(live))
        floors.append((floor + (floor := bare())) / 2)
    return found, floors


def first_reply(live: Live) -> float:
    """Start the provider and submit as soon as it listens; return the seconds to the `250`."""
    octets, start = message(MARIO, CARLA, 5_000), live.start(ALFA)
    senders = live.senders(ALFA, MARIO, connections=1)
    while not senders.wires:
        try:
            senders.connect()
        except OSError:
            time.sleep(0.005)
    _, accepted = senders.send(0, octets, CARLA)
    senders.close()
    taken = accepted - start
    print(f"    {taken:.2f} s", file=sys.stderr, flush=True)
    live.wait_for(ALFA)
    return taken


def bare() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - start


def fill(live: Live, number: int) -> None:
    """Make jobs of two kinds, due tomorrow, straight in the table."""
    now = SystemClock().now()
    live.stop(ALFA)
    with closing(live.nation.store(ALFA)) as store, store._database.transaction() as connection:  # noqa: SLF001
        for start in range(0, number, 10_000):
            jobs = [
                NewJob(
                    key=f"bench:{each}",
                    kind=JobKind.RELAY if each % 3 else JobKind.DEADLINE,
                    due=now + timedelta(days=1, milliseconds=each),
                    payload={"identifier": f"bench-{each}"},
                )
                for each in range(start, min(start + 10_000, number))
            ]
            INSERT_JOBS.lines(connection, [job_line(job, job.key, now, until=None, claimer="") for job in jobs])
    live.start(ALFA)
    live.wait_for(ALFA)


if __name__ == "__main__":
    sys.exit(main())
