"""From the final dot to the delivery receipt in the sender's mailbox, at a third of what the provider can do (B2).

Subject: one provider, 10 KB, one recipient, messages sent at fixed instants at 30 % of the rate that
`transaction.py` recorded last (or `--rate`). Bound: three RSA 2048 signatures and four appends of 4 KB, each with
its `fdatasync`, timed right before and after each sample. Floors: half of the messages within 8 times the bound,
99 of 100 within 30 times.

With `--beside`, the bound is another stand of the project, for example a worktree of the commit before: they take turns
of four seconds, 24 each. Above 100 % this stand is quicker than the other, or takes less processor time for a message:
of all processes of the machine and of the kernel. In 24 turns that tells differences of a fiftieth, in the four of
`--quick` of a tenth; latencies do not, for they depend on who else uses the machine. Nothing is recorded.

    python bench/latency.py [--quick] [--rate TRANSACTIONS_A_SECOND] [--beside FOLDER]
"""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from pathlib import Path

from _live import Arrivals, Live, durable_append, seconds, signing
from _processor import worked
from _senders import Senders, message
from _stands import be_stand, stands
from ceralacca.apps.demo.cast import ALFA, CARLA, MARIO
from measure import Comparison, Spread, Table, option, recorded

OCTETS, CONNECTIONS, SHARE = 10_000, 16, 0.3
FLOORS = {0.5: 8, 0.99: 30}
_TURN = 4.0
"""Seconds of a short sample."""
MESSAGE_ID = re.compile(rb"Message-ID: (<[^>]+>)")
REFERENCE = re.compile(rb"(?mi)^X-Riferimento-Message-ID:\s*(<[^>]+>)")
DELIVERED = re.compile(rb"(?mi)^X-Ricevuta:\s*avvenuta-consegna")


def main() -> int:
    quick, table = "--quick" in sys.argv, Table("latency")
    rate = SHARE * float(option("--rate") or option("--on-command") or recorded_rate())
    other, is_stand = option("--beside"), "--on-command" in sys.argv
    number = max(int(rate * (_TURN if quick or other or is_stand else 15)), 20)
    if is_stand:
        with Live(ALFA) as live:
            return be_stand(samples(live, rate, number=number))
    names = [f"p{share * 100:.0f} at {rate:.0f}/s, of {number}" for share in FLOORS]
    if other:
        names.append(f"processor time at {rate:.0f}/s")
        for name, mine, others in zip(names, *beside(other, rate / SHARE, times=4 if quick else 24), strict=True):
            table.add(Comparison.of_seconds(f"{name}, beside {Path(other).name}", mine, others))
        table.finish(recorded=False)
        return 0
    floor, floors, found = bound(), [], []
    with Live(ALFA) as live:
        for *figures, _ in islice(samples(live, rate, number=number), 1, 6):  # the first was to warm it
            found.append(figures)
            floors.append((floor + (floor := bound())) / 2)
    for name, most, latencies in zip(names, FLOORS.values(), zip(*found, strict=True), strict=True):
        table.add(row(name, latencies, floors, most))
    return 0 if table.finish() else 1


def beside(other: str, rate: float, *, times: int) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Let this stand and another take turns; return the latencies of each by share of the messages, and its work."""
    with stands(other, __file__, str(rate)) as both:
        found: list[list[list[float]]] = [[], []]
        for turn in range(times):
            for place in (0, 1) if turn % 2 else (1, 0):
                both[place].go_on()
                found[place].append(both[place].said())
            print(
                f"  {'; '.join(' and '.join(f'{1000 * each:.1f}' for each in one[-1]) for one in found)} ms",
                file=sys.stderr,
            )
    return [*zip(*found[0], strict=True)], [*zip(*found[1], strict=True)]


def samples(live: Live, rate: float, *, number: int) -> Iterator[list[float]]:
    """Send so many messages again and again; give the seconds within which each share of them was answered.

    The last figure is the seconds that the processors have worked for each.
    """
    senders = live.senders(ALFA, MARIO, connections=CONNECTIONS)
    senders.connect()
    try:
        for count in chain([20], repeat(number)):
            before = worked()
            latencies = sample(live, senders, count, rate)
            yield [*shares(latencies), (worked() - before) / count]
    finally:
        senders.close()


def shares(ordered: list[float]) -> list[float]:
    """Return the latency within which each share of the messages is."""
    return [ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in FLOORS]


def row(name: str, found: Sequence[float], floors: Sequence[float], most: float) -> Comparison:
    """Return a row whose ratio is floor over latency, as a share, and whose terms are latencies turned to rates."""
    times = [each / floor for each, floor in zip(found, floors, strict=True)]
    print(f"  {name}: {Spread.of([1000 * each for each in found]):.1f} ms, ", end="", file=sys.stderr)
    print(f"{Spread.of(times):.1f} times the bound", file=sys.stderr)
    return Comparison.of_seconds(name, found, floors, goal=1 / most)


def recorded_rate() -> float:
    """Return the last transactions a second of one provider."""
    rows = recorded("transaction")[-1]["rows"]
    return next(float(one["subject"]["median"]) for one in rows if "one" in one["name"])


def bound() -> float:
    """Return the seconds of three signatures and four durable appends."""
    return 3 * seconds(signing(), times=100) + 4 * seconds(durable_append(bytes(4096)), times=100)


def sample(live: Live, senders: Senders, number: int, rate: float) -> list[float]:
    """Send so many messages at fixed instants; return the latencies in order."""
    messages = [message(MARIO, CARLA, OCTETS) for _ in range(number)]
    names = [MESSAGE_ID.search(octets) for octets in messages]
    arrivals = Arrivals(live.inbox(ALFA, MARIO))
    sent = zip(names, senders.send_at(rate, messages, CARLA), strict=True)
    dots = {name[1]: dot for name, dot in sent if name}
    arrivals.wait_for(2 * number)
    arrivals.close()
    heads = [(instant, arrivals.head(name)) for instant, name in arrivals.seen]
    found = [(instant, REFERENCE.search(head)) for instant, head in heads if DELIVERED.search(head)]
    return sorted(instant - dots[reference[1]] for instant, reference in found if reference)


if __name__ == "__main__":
    sys.exit(main())
