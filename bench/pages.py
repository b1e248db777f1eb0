"""What a transaction within one provider writes into SQLite's write-ahead log: pages, by table and index.

Counts, no times: they do not depend on the machine, and nothing is recorded. Each page costs two calls of the system in
the log (a frame has a head of its own) and two more when it is moved into the database. The steps are those of
`steps.py`, over messages of 10 KB; `blob` is the octets of the messages. A database that has seen much has larger
indexes, and what a batch adds to them in no order lies on more pages: `--before` so many transactions.

    python bench/pages.py [--quick] [--batch JOBS] [--before TRANSACTIONS]
"""

import logging
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import structlog

from _live import Live
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.demo.cast import ALFA
from ceralacca.apps.offices import signer, worker_office
from ceralacca.apps.wiring import provider_store
from measure import help_if_asked, option
from steps import BATCH, work

_LOG_HEAD, _FRAME_HEAD = 32, 24
"""Octets before the first frame, and before the page of each (SQLite's file format, 4.1)."""
_TELL = 0.05
"""Pages a transaction from which on a table or index is named."""


def main() -> int:
    help_if_asked()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    number = 64 if "--quick" in sys.argv else 256
    before = int(option("--before") or BATCH)
    with Live(ALFA) as live:
        live.stop(ALFA)
        settings = live.nation.settings(ALFA)
        database = DataFolder(settings.data.folder).database
        with closing(provider_store(settings, reads_are_durable=False)) as store:
            office = worker_office(settings, store, signer(settings))
            work(office, before)
            with closing(sqlite3.connect(database, isolation_level=None)) as reader:
                reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # what is written from here on stays
                work(office, number)
                pages = Counter(frames(database))
    print(f"{pages.total() / number:.1f} pages a transaction, {BATCH} a batch, after {before}")
    for name, count in pages.most_common():
        if count >= _TELL * number:
            print(f"{count / number:6.2f}  {name}")
    return 0


def frames(database: Path) -> Iterator[str]:
    """Yield the table or index of each page in the write-ahead log."""
    log = database.with_name(f"{database.name}-wal").read_bytes()
    size = int.from_bytes(log[8:12], "big")
    with closing(sqlite3.connect(database)) as connection:
        owner = {page: name for name, page in connection.execute("SELECT name, pageno FROM dbstat")}
    for at in range(_LOG_HEAD, len(log) - size, _FRAME_HEAD + size):
        yield owner.get(int.from_bytes(log[at : at + 4], "big"), "no longer used")


if __name__ == "__main__":
    sys.exit(main())
