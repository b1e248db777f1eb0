"""The availability engine against its oracle, on random timelines (R25): `tools/availability.py [--timelines 10000]`.

Every difference of a minute, an outage, an alarm or a verdict is printed with its seed; the exit status is then 1.
"""

import argparse
import sys
from collections import Counter

from rich.progress import track

from ceralacca.testing.availability_oracle import disagreement, expected, random_timeline


def main() -> int:
    """Run them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timelines", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="seed of the first one")
    given = parser.parse_args()
    verdicts: Counter[str] = Counter()
    outages = differences = 0
    for seed in track(range(given.first, given.first + given.timelines), "timelines", transient=True):
        timeline = random_timeline(seed)
        wanted = expected(timeline)
        verdicts[wanted.verdict] += 1
        outages += len(wanted.outages)
        if found := disagreement(timeline, wanted):
            differences += 1
            print(f"timeline {seed}: {found}")
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    print(f"{given.timelines} timelines ({told}), {outages} outages: {differences} differ from the oracle")
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())
