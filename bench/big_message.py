"""What messages of 30 MB cost in memory and time, from a sender at one provider to the receipts from another (B3).

One, and ten at once.

Memory: for each process of both providers the most that was resident while the message went through, above idle:
as the kernel counts it (`VmHWM`: with pages of mapped files, which cost nobody anything) and its own alone
(`RssAnon`, looked at every 3 ms). Floor: 32 MiB each for the worker; access and relay under 64 MiB (issue: peak). Of
ten at once own pages alone, for each message. Time: from the first octet to the last delivery receipt, of ten for each.
Bound: three SHA-256 of the message and three durable copies.

    python bench/big_message.py [--quick]
"""

import hashlib
import sys
import time

from _live import Arrivals, Live, Memory, durable_append, seconds
from _senders import Senders, message
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, MARIO
from measure import Comparison, Spread, Table

OCTETS, WORTH, MANY = 30_000_000, 6, 10
LIMITS = {"access": 64.0, "relay": 64.0, "incoming": 64.0, "worker-1": 32.0}


def main() -> int:
    table = Table("big_message")
    octets = message(MARIO, ANNA, OCTETS * 74 // 76)
    with Live(ALFA, BETA, workers=1) as live:
        first: dict[str, Memory] = {}
        for at_once in (1, MANY):
            floor, floors, taken, peaks = bound(octets), [], [], []
            senders = live.senders(ALFA, MARIO, connections=at_once)
            senders.connect()
            transact(live, senders, message(MARIO, ANNA, 10_000))  # warm
            for _ in range(5):
                memories = {one.key: Memory(live.pids(one), first.get(one.key)) for one in (ALFA, BETA)}
                first = first or memories
                taken.append(transact(live, senders, octets, at_once=at_once) / at_once)
                floors.append((floor + (floor := bound(octets))) / 2)
                peaks.append(
                    {f"{key} {name}": most for key, one in memories.items() for name, most in one.above_idle().items()}
                )
            name = "30 MB" if at_once == 1 else f"30 MB, {at_once} at once"
            told = f"{name}, seconds each, two providers"
            table.add(Comparison.of_seconds(told, taken, floors, goal=1 / WORTH))
            add_memory(table, name, peaks, at_once)
            senders.close()
    return 0 if table.finish() else 1


def add_memory(table: Table, name: str, peaks: list[dict[str, tuple[float, float]]], at_once: int) -> None:
    """Add the memory of each process that has a limit, for each message."""
    for process in peaks[0]:
        limit = LIMITS.get(process.partition(" ")[2])
        for what, index in (("resident", 0), ("own", 1)) if at_once == 1 else (("own", 1),):
            if limit:
                used = [one[process][index] / at_once for one in peaks]
                table.add(memory_row(f"{name}, {process}, MiB {what} for each", used, limit))


def memory_row(name: str, found: list[float], limit: float) -> Comparison:
    """Return a row whose ratio is the limit over what was used."""
    used = [max(each, 0.1) for each in found]
    return Comparison(
        name=name,
        subject=Spread.of(used),
        bound=Spread.of([limit]),
        ratio=Spread.of([limit / each for each in used]),
        goal=1.0,
    )


def bound(octets: bytes) -> float:
    """Return the seconds of three hashes and three durable copies."""
    return 3 * seconds(lambda: hashlib.sha256(octets), times=3) + 3 * seconds(durable_append(octets), times=3)


def transact(live: Live, senders: Senders, octets: bytes, *, at_once: int = 1) -> float:
    """Send it, or so many of it; return the seconds until the last delivery receipt."""
    arrivals = Arrivals(live.inbox(ALFA, MARIO))

    try:
        start = time.perf_counter()
        senders.send_all([octets] * at_once, ANNA)
        return arrivals.wait_for(2 * at_once, within=120.0 * at_once) - start
    finally:
        arrivals.close()


if __name__ == "__main__":
    sys.exit(main())
