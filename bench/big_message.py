"""What a message of 30 MB costs in memory and time, from a sender at one provider to the receipt from another (B3).

Memory: for each process of both providers the most that was resident while the message went through, above idle:
as the kernel counts it (`VmHWM`: with pages of mapped files, which cost nobody anything) and its own alone
(`RssAnon`, looked at every 3 ms). Floor: 32 MiB each for the worker; access and relay under 64 MiB (issue: peak).
Time: from the first octet to the delivery receipt. Bound: three SHA-256 of the message and three durable copies.

    python bench/big_message.py [--quick]
"""

import asyncio
import hashlib
import sys
import time

from _live import Arrivals, Live, Memory, durable_append, message, seconds
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, MARIO
from measure import Comparison, Spread, Table

OCTETS, WORTH = 30_000_000, 6
LIMITS = {"access": 64.0, "relay": 64.0, "incoming": 64.0, "worker-1": 32.0}


def main() -> int:
    table = Table("big_message")
    octets = message(MARIO, ANNA, OCTETS * 74 // 76)
    floor, floors, taken, peaks = bound(octets), [], [], []
    with Live(ALFA, BETA, workers=1) as live, asyncio.Runner() as runner:
        senders = live.senders(ALFA, MARIO, connections=1)
        runner.run(senders.connect())
        transact(runner, live, senders, message(MARIO, ANNA, 10_000))  # warm
        first: dict[str, Memory] = {}
        for _ in range(5):
            memories = {one.key: Memory(live.pids(one), first.get(one.key)) for one in (ALFA, BETA)}
            first = first or memories
            taken.append(transact(runner, live, senders, octets))
            floors.append((floor + (floor := bound(octets))) / 2)
            peaks.append(
                {f"{key} {name}": most for key, one in memories.items() for name, most in one.above_idle().items()}
            )
        runner.run(senders.close())
    table.add(
        Comparison(
            name="30 MB, seconds, two providers",
            subject=Spread.of([1 / each for each in taken]),
            bound=Spread.of([1 / each for each in floors]),
            ratio=Spread.of([bound / each for bound, each in zip(floors, taken, strict=True)]),
            goal=1 / WORTH,
        )
    )
    for name in peaks[0]:
        limit = LIMITS.get(name.partition(" ")[2])
        if limit:
            for what, index in (("resident", 0), ("own", 1)):
                table.add(memory_row(f"{name}, MiB {what}", [one[name][index] for one in peaks], limit))
    return 0 if table.finish() else 1


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


def transact(runner: asyncio.Runner, live: Live, senders, octets: bytes) -> float:
    """Send it; return the seconds until the delivery receipt."""
    arrivals = Arrivals(live.inbox(ALFA, MARIO))
    try:
        start = time.perf_counter()
        runner.run(senders.send(0, octets, ANNA))
        return arrivals.wait_for(2) - start
    finally:
        arrivals.close()


if __name__ == "__main__":
    sys.exit(main())
