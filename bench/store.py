"""How near the store comes to the disk, and whether its queue stays quick as it grows (B4).

Rows of durability: messages received and steps committed per second, one by one and in batches of
16. Bound: as many octets appended to a file with one `fdatasync` for each batch. Rows of growth: claims and
new jobs on a queue of a million rows. Bound: the same on a thousand. A step is what a worker does to a
submission: its job goes, two letters of 5 KB, two log rows, a sent message and three jobs come.

    python bench/store.py [--quick] [--sqlite]

`--quick` grows the queue to 20,000 rows only; `--sqlite` leaves PostgreSQL out.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO

from ceralacca.core.model.log import LogEvent
from ceralacca.ports.store import Commit, Job, JobKind, NewJob
from ceralacca.store.bulk import INSERT_JOBS
from ceralacca.store.database import DatabaseStore, open_store
from ceralacca.store.rows import job_line
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import PostgresCluster, postgresql_programs, sqlite_url
from measure import WINDOW, Table, compare

BODY = b"Lorem ipsum dolor sit amet, consectetur adipisci elit, sed eiusmod tempor.\r\n" * 64  # 5 KB
BATCH = 16
SMALL, LARGE, QUICK_LARGE = 1_000, 1_000_000, 20_000
NUMBERS = count(1)
FOLDER = os.environ.get("TMPDIR", "/var/tmp")  # on a disk: /tmp may be memory


def main() -> int:
    quick = "--quick" in sys.argv
    table = Table("store")
    with places(sqlite_only="--sqlite" in sys.argv) as engines:
        for name, new_store in engines.items():
            durability(table, name, new_store(), window=0.1 if quick else WINDOW)
            growth(table, name, new_store(), new_store(), QUICK_LARGE if quick else LARGE, 0.1 if quick else WINDOW)
    return 0 if table.finish() else 1


@contextmanager
def places(*, sqlite_only: bool) -> Iterator[dict[str, Callable[[], DatabaseStore]]]:
    """Give a maker of empty stores for each engine; everything is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="pec-bench-", dir=FOLDER) as root:
        opened: list[DatabaseStore] = []

        def new(url: Callable[[Path], str]) -> DatabaseStore:
            folder = Path(tempfile.mkdtemp(dir=root))
            opened.append(open_store(url(folder), folder))
            return opened[-1]

        engines = {"SQLite": lambda: new(sqlite_url)}
        programs = None if sqlite_only else postgresql_programs()
        cluster = PostgresCluster(programs) if programs else None
        try:
            if cluster:
                engines["PostgreSQL"] = lambda: new(lambda _: cluster.new_database())
            yield engines
        finally:
            for store in opened:
                store.close()
            if cluster:
                cluster.close()


# -- durability -------------------------------------------------------------------------------------


def durability(table: Table, engine: str, store: DatabaseStore, *, window: float) -> None:
    with tempfile.TemporaryFile(dir=FOLDER) as file:
        for size in (1, BATCH):
            steps = steps_of(store, size)
            rows = {
                "receive": (partial(receive, store, size), BODY * size),
                "commit": (partial(commit, store, steps), BODY * 2 * size),
            }
            for act, (subject, octets) in rows.items():
                bound = partial(append, file, octets)
                table.add(compare(f"{engine}: {act} {size}", subject=subject, bound=bound, window=window))


def append(file: IO[bytes], octets: bytes) -> None:
    file.write(octets)
    file.flush()
    os.fdatasync(file.fileno())


def commit(store: DatabaseStore, steps: Iterator[list[Commit]]) -> None:
    store.commit(next(steps))


def receive(store: DatabaseStore, size: int) -> None:
    names = [f"in-{next(NUMBERS)}" for _ in range(size)]
    store.receive([some.inbound(name, octets=name.encode() + BODY) for name in names], now=NOON)


def steps_of(store: DatabaseStore, size: int) -> Iterator[list[Commit]]:
    """Make batches of steps on jobs that are there, which costs the subject nothing."""
    while True:
        store.commit([Commit(jobs=tuple(some.job(f"step-{next(NUMBERS)}", JobKind.DELIVERY) for _ in range(1024)))])
        while jobs := store.claim([JobKind.DELIVERY], now=NOON, limit=1024, lease=timedelta(hours=1)):
            commits = [step(job) for job in jobs]
            for start in range(0, len(commits), size):
                yield commits[start : start + size]


def step(job: Job) -> Commit:
    name = f"pec{next(NUMBERS):032x}20261105120000@alfa.example"
    return Commit(
        done=job.id,
        instant=NOON,
        sent=(some.sent(name),),
        letters=tuple(some.letter(f"{name}/-/{kind}", octets=kind.encode() + name.encode() + BODY) for kind in "ae"),
        log=(some.log_row(name), some.log_row(name, LogEvent.ENVELOPE_SENT)),
        jobs=(
            some.job(f"relay:{name}", JobKind.RELAY, due=NOON + timedelta(days=1)),
            some.job(f"deadline:{name}/anna", JobKind.DEADLINE, due=NOON + timedelta(hours=12)),
            some.job(f"deadline:{name}/bruno", JobKind.DEADLINE, due=NOON + timedelta(hours=12)),
        ),
    )


# -- growth -----------------------------------------------------------------------------------------


def growth(table: Table, engine: str, small: DatabaseStore, large: DatabaseStore, rows: int, window: float) -> None:
    fill(small, SMALL)
    fill(large, rows)
    for name, act in (("claim 20", claim), ("3 new jobs", add)):
        subject, bound = partial(act, large), partial(act, small)
        table.add(
            compare(f"{engine}: {name} at {rows:,} rows", subject=subject, bound=bound, goal=1 / 1.2, window=window)
        )


def fill(store: DatabaseStore, rows: int) -> None:
    """Make jobs of two kinds, all due, about in the order in which they were made, straight in the table."""
    with store._database.transaction() as connection:  # noqa: SLF001 a million jobs past the port
        for start in range(0, rows, 10_000):
            jobs = [job_of(number) for number in range(start, min(start + 10_000, rows))]
            INSERT_JOBS.lines(connection, [job_line(job, job.key, NOON, until=None, claimer="") for job in jobs])


def job_of(number: int) -> NewJob:
    kind = JobKind.DELIVERY if number % 3 else JobKind.RELAY
    due = NOON + timedelta(milliseconds=number * 10 + number * 7919 % 2_000)
    return NewJob(key=f"{kind}:{number * 7919:09x}", kind=kind, due=due, payload={"letter": f"letter-{number}"})


def claim(store: DatabaseStore) -> None:
    """Claim jobs for no time at all: they go to the end of what is due, and the queue keeps its size."""
    later = NOON + timedelta(days=1)
    store.claim([JobKind.DELIVERY, JobKind.RELAY], now=later, limit=20, lease=timedelta(0))


def add(store: DatabaseStore) -> None:
    """Make jobs whose keys and times fall anywhere in the index."""
    numbers = [next(NUMBERS) * 104_729 % 10_000_000 for _ in range(3)]
    store.commit([Commit(jobs=tuple(job_of(10_000_000 + number) for number in numbers))])


if __name__ == "__main__":
    sys.exit(main())
