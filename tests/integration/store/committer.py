# ruff: noqa: T201 speaks to its parent
"""A child of the crash tests: receives, claims and commits, and says on standard output what it was told is durable."""

import sys
from pathlib import Path

from ceralacca.core.model.log import LogEvent
from ceralacca.ports.store import Commit, CommitOutcome, JobKind
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

ROW_LIMIT = 200
BATCH = 4
ROUNDS = 6


def octets(name: str) -> bytes:
    """Small ones lie in the row, or letters in a pack; every second has a file."""
    return name.encode() * (100 if int(name.rpartition("-")[2]) % 2 else 2)


def step(job) -> Commit:
    name = job.payload["inbound"]
    return Commit(
        done=job.id,
        sent=(some.sent(name),),
        letters=(some.letter(f"{name}/-/acceptance", octets=octets(name)),),
        log=(some.log_row(name, LogEvent.ACCEPTANCE),),
        jobs=(some.job(f"relay:{name}"),),
    )


def main(url: str, folder: str, run: str) -> None:
    store = open_store(url, Path(folder), StoreSettings(row_limit=ROW_LIMIT, pack_from=1))
    for turn in range(ROUNDS):
        names = [f"{run}-{turn * BATCH + n}" for n in range(BATCH)]
        store.receive([some.inbound(name, octets=octets(name)) for name in names], now=NOON)
        print("received", *names, flush=True)
        jobs = store.claim([JobKind.SUBMISSION], now=NOON, limit=BATCH, lease=some.LEASE)
        outcomes = store.commit([step(job) for job in jobs])
        done = [
            job.payload["inbound"] for job, outcome in zip(jobs, outcomes, strict=True) if outcome is CommitOutcome.DONE
        ]
        print("committed", *done, flush=True)
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
