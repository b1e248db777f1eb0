"""Whether the message log stays quick as it grows (B4): searching and writing at a small and at a large size.

Subject: the large log; bound: the small one, asked the same in turn. Both cover 30 months, as the logs of a small and
of a large provider do. Rows: one transaction by its identifier, the newest 50 of a mailbox in a month, the newest
failures, and steps written (16 of nine rows each, one sync). Beside them is told how long 400 single messages took.

    python bench/log_growth.py [--small 1000000] [--large 10000000] [--sqlite | --postgresql] [--quick]

`--quick` compares 20,000 with 200,000 rows. Needs about 1 GB of disk for each million rows; what it made is deleted.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.log_search import LogQuery
from ceralacca.ports.store import Commit
from ceralacca.store.database import DatabaseStore, open_store
from ceralacca.store.engine import Database
from ceralacca.testing import store_samples as some
from ceralacca.testing.databases import PostgresCluster, postgresql_programs, sqlite_url
from log_maker import EVENTS, FIRST, LAST, MONTHS, ROWS_EACH, Transaction, fill, scattered
from measure import WINDOW, Table, compare
from store import FOLDER

SEARCH_GOAL, INSERT_FLOOR = 1 / 2, 0.5
LOOKED_FOR = 400


@dataclass(slots=True)
class Log:
    """A log of one size, and where one is in asking."""

    store: DatabaseStore
    rows: int
    numbers: Iterator[int] = field(default_factory=count)

    def pick(self) -> Transaction:
        """Return another transaction each time, anywhere in the log."""
        of, chance = self.rows // MONTHS // ROWS_EACH, scattered(next(self.numbers), 9)
        return Transaction((chance >> 8) % of, of, chance % MONTHS)


def main() -> int:
    options = read_options()
    table = Table("log_growth")
    window = 0.1 if options.quick else WINDOW
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pec-bench-", dir=FOLDER)))
        for engine, new in places(stack, root, options).items():
            small, large = (make(new, root, engine, rows) for rows in (options.small, options.large))
            for name, act, goal in ACTS:
                row = f"{engine}: {name}, {large.rows:,} rows against {small.rows:,}"
                table.add(
                    compare(row, subject=partial(act, large), bound=partial(act, small), goal=goal, window=window)
                )
            for log in (small, large):
                tell_slowest(engine, log)
            for log in (small, large):
                log.store.close()
    return 0 if table.finish() else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--quick", action="store_true")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--sqlite", action="store_true")
    one.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.small, options.large = 20_000, 200_000
    return options


def places(stack: ExitStack, root: Path, options: argparse.Namespace) -> dict[str, Callable[[], str]]:
    """Return a maker of empty databases for each engine; everything is deleted in the end."""
    engines: dict[str, Callable[[], str]] = {}
    if not options.postgresql:
        engines["SQLite"] = lambda: sqlite_url(Path(tempfile.mkdtemp(dir=root)))
    programs = postgresql_programs()
    if programs and not options.sqlite:
        engines["PostgreSQL"] = stack.enter_context(PostgresCluster(programs)).new_database
    return engines


def make(new: Callable[[], str], root: Path, engine: str, rows: int) -> Log:
    url, folder = new(), Path(tempfile.mkdtemp(dir=root))
    store = open_store(url, folder)
    database = Database(url, connections=2)
    start = time.perf_counter()
    made = fill(database, url, rows, name=f"{engine}, {rows:,} rows")
    print(f"  {engine}: {made:,} rows in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    database.close()
    return Log(store, made)


# -- acts -------------------------------------------------------------------------------------------


def by_identifier(log: Log) -> None:
    wanted = log.pick()
    assert len(log.store.search_log(LogQuery(identifier=wanted.identifier))) == ROWS_EACH


def newest_of_mailbox(log: Log) -> None:
    wanted = log.pick()
    month = LogQuery(mailbox=wanted.sender, since=wanted.instant - timedelta(days=27), limit=50)
    assert log.store.search_log(replace(month, until=wanted.instant + timedelta(days=3)))


def failures(log: Log) -> None:
    until = FIRST.later(max(log.pick().month, 1)).start
    assert log.store.search_log(LogQuery(failed=True, until=until, limit=20))


def write(log: Log) -> None:
    """Write steps of mailboxes anywhere, as a worker's batch."""
    log.store.commit([Commit(log=tuple(rows_now(log.pick()))) for _ in range(16)])


def rows_now(picked: Transaction) -> Iterator[LogRow]:
    row = some.log_row(f"{next(NEW):x}.{picked.identifier}")._replace(
        instant=LAST.later(1).start - timedelta(seconds=1),
        sender=picked.sender,
        concerned=picked.recipients[:1],
    )
    for event in (*EVENTS, LogEvent.TIMER):
        yield row._replace(event=event)


NEW = count(time.time_ns())

ACTS = (
    ("one transaction by identifier", by_identifier, SEARCH_GOAL),
    ("newest 50 of a mailbox in a month", newest_of_mailbox, SEARCH_GOAL),
    ("newest 20 failures", failures, SEARCH_GOAL),
    ("16 steps written, 144 rows", write, INSERT_FLOOR),
)


def tell_slowest(engine: str, log: Log) -> None:
    """Tell how long single messages took, each by identifier and by the client's Message-ID, asked once."""
    taken = []
    for number in range(LOOKED_FOR):
        wanted = log.pick()
        query = (
            LogQuery(identifier=wanted.identifier)
            if number % 2
            else LogQuery(client_message_id=wanted.client_message_id)
        )
        start = time.perf_counter()
        assert len(log.store.search_log(query)) == ROWS_EACH
        taken.append(time.perf_counter() - start)
    print(
        f"  {engine}, {log.rows:,} rows: one of {LOOKED_FOR} messages found in {median(taken) * 1000:.2f} ms (median), "
        f"{max(taken) * 1000:.1f} ms (slowest)",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
