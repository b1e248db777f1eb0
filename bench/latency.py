"""From the final dot to the delivery receipt in the sender's mailbox, at a third of what the provider can do (B2).

Subject: one provider, 10 KB, one recipient, messages sent at fixed instants at 30 % of the rate that
`transaction.py` recorded last (or `--rate`). Bound: three RSA 2048 signatures and four appends of 4 KB, each with
its `fdatasync`, timed right before and after each sample. Floors: half of the messages within 8 times the bound,
99 of 100 within 30 times.

    python bench/latency.py [--quick] [--rate TRANSACTIONS_A_SECOND]
"""

import re
import sys

from _live import Arrivals, Live, durable_append, seconds, signing
from _senders import Senders, message
from ceralacca.apps.demo.cast import ALFA, CARLA, MARIO
from measure import Comparison, Spread, Table, option, recorded

OCTETS, CONNECTIONS, SHARE = 10_000, 16, 0.3
FLOORS = {0.5: 8, 0.99: 30}
MESSAGE_ID = re.compile(rb"Message-ID: (<[^>]+>)")
REFERENCE = re.compile(rb"(?mi)^X-Riferimento-Message-ID:\s*(<[^>]+>)")
DELIVERED = re.compile(rb"(?mi)^X-Ricevuta:\s*avvenuta-consegna")


def main() -> int:
    quick, table = "--quick" in sys.argv, Table("latency")
    rate = SHARE * float(option("--rate") or recorded_rate())
    number = max(int(rate * (4 if quick else 15)), 20)
    floor, floors, samples = bound(), [], []
    with Live(ALFA) as live:
        senders = live.senders(ALFA, MARIO, connections=CONNECTIONS)
        senders.connect()
        sample(live, senders, 10, rate)  # warm
        for _ in range(5):
            samples.append(sample(live, senders, number, rate))
            floors.append((floor + (floor := bound())) / 2)
        senders.close()
    for share, most in FLOORS.items():
        found = [ordered[min(int(len(ordered) * share), len(ordered) - 1)] for ordered in samples]
        table.add(row(f"p{share * 100:.0f} at {rate:.0f}/s, of {number}", found, floors, most))
    return 0 if table.finish() else 1


def row(name: str, found: list[float], floors: list[float], most: float) -> Comparison:
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
