"""What the steps of a transaction within one provider cost a worker: processor time and calls, without listeners.

Subject: submissions of 10 KB, stored as the listener does, worked off in one thread over a real store, mailboxes
and key, batch by batch; processor time of the process, and the calls that Python counts under its profiler. Bound:
the three RSA 2048 seals of B1. The scanner is a stand-in, as in B1. Where B1 is far from its bound, look here first:
calls do not depend on what else the machine does.

    python bench/steps.py [--quick] [--batch JOBS] [--alone] [--profile FILE]      FILE: for `python -m pstats`

`--alone`: the steps of a batch go one after the other, to see what going side by side wins (ADR 20).
"""

import cProfile
import logging
import os
import pstats
import sys
import time
from collections.abc import Sequence
from itertools import pairwise

import structlog
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from _live import Live
from _senders import message
from ceralacca.apps.demo.cast import ALFA, CARLA, MARIO
from ceralacca.apps.offices import signer, worker_office
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.apps.worker import KINDS
from ceralacca.core.model.address import Address
from ceralacca.ports.letters import Inbound, Point
from ceralacca.ports.store import Store
from ceralacca.services import steps
from ceralacca.services.office import Office
from ceralacca.services.steps import LEASE, perform
from ceralacca.testing.keys import private_key
from measure import Comparison, Spread, Table, option

OCTETS = 10_000
BATCH = int(option("--batch") or 64)
GOAL = 0.25
"""Of processor time: three seals over all that the steps cost."""


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    number = 64 if "--quick" in sys.argv else 256
    table = Table("steps")
    if "--alone" in sys.argv:
        steps.side_by_side = lambda items, step: [step(item) for item in items]
    with Live(ALFA) as live:
        live.stop(ALFA)  # it has fetched directory and revocation lists; its steps are ours to do
        settings = live.nation.settings(ALFA)
        store = provider_store(settings, reads_are_durable=False)
        try:
            office = worker_office(settings, store, signer(settings))
            work(office, 16)
            found, bound = [], [seals()]
            for _ in range(5):
                found.append(work(office, number) / number)
                bound.append(seals())
            calls = profiled(office, number)
        finally:
            store.close()
    bounds = [(before + after) / 2 for before, after in pairwise(bound)]
    name = f"steps of a transaction, processor time, {BATCH} a batch"
    table.add(Comparison.of_seconds(name, found, bounds, goal=GOAL))
    print(f"  {Spread.of([1000 * each for each in found]):.1f} ms, {calls:,.0f} calls a transaction", file=sys.stderr)
    return 0 if table.finish() else 1


def work(office: Office, number: int) -> float:
    """Take so many submissions in and work them off; return the seconds of processor time of the second part."""
    take_in(office, number)
    before = time.process_time()
    while jobs := office.store.claim(KINDS, now=CLOCK.now(), limit=BATCH, lease=LEASE):
        perform(jobs, office, claimer="bench")  # keeps, as a worker does
    return time.process_time() - before


def take_in(office: Office, number: int) -> None:
    """Store submissions as the listener does."""
    receive(office.store, Point.ACCESS, [(message(MARIO, CARLA, OCTETS)[:-3], MARIO, (CARLA,)) for _ in range(number)])


def receive(store: Store, point: Point, mails: Sequence[tuple[bytes, Address | None, tuple[Address, ...]]]) -> None:
    """Store octets with their paths as a listener does, a batch at a time."""
    now = CLOCK.now()
    made = [
        Inbound(
            key=os.urandom(12).hex(),
            point=point,
            octets=octets,
            reverse_path=reverse_path,
            forward_paths=forward_paths,
            received=now,
            peer="client.example",
            tls="TLSv1.3",
            authenticated=MARIO.text if point is Point.ACCESS else "",
            trace=b"Received: from client.example by mx.example; Mon, 23 Nov 2026 12:00:00 +0100\r\n",
        )
        for octets, reverse_path, forward_paths in mails
    ]
    for start in range(0, len(made), BATCH):
        store.receive(made[start : start + BATCH], now=now)


def profiled(office: Office, number: int) -> float:
    """Return how many functions a transaction calls."""
    profile = cProfile.Profile()
    profile.enable()
    work(office, number)
    profile.disable()
    if place := option("--profile"):
        profile.dump_stats(place)
    return pstats.Stats(profile).total_calls / number


def seals() -> float:
    """Return the processor time of three signatures, in seconds."""
    key, times = private_key("bench"), 60
    before = time.process_time()
    for _ in range(times):
        key.sign(b"x" * 64, PKCS1v15(), SHA256())
    return (time.process_time() - before) * 3 / times


if __name__ == "__main__":
    sys.exit(main())
