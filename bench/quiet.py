"""How quiet the machine is: what Python does in the time of one RSA signature, against the best hour of its kind.

Who shares a processor's caches with us makes Python up to twice as slow, and RSA, which needs hardly any memory, less
so: then the floors of B1, B1c and B2, whose bounds are made of RSA, are harder to reach than in a quiet hour.
Subject: a message of 10 KB read by the standard library's `email`, which is the same for every commit of ours; bound:
an RSA 2048 signature. What is told at the end is this hour's ratio over the highest that was recorded on a processor of
the same name with the same Python. No goal: it judges the hour, not us.

    python bench/quiet.py
"""

import sys
from email import message_from_bytes, policy

from _live import signing
from _senders import message
from ceralacca.apps.demo.cast import ANNA, MARIO
from measure import Table, compare, machine, recorded

BENCHMARK = "quiet"
QUIET = 0.85
"""Of the best hour: below that, others are at work."""


def main() -> int:
    table, octets, best = Table(BENCHMARK), message(MARIO, ANNA, 10_000), best_recorded()

    def read() -> None:
        found = message_from_bytes(octets, policy=policy.SMTP)
        assert found["Message-ID"]
        assert found.get_payload()

    row = compare("10 KB read by `email`", subject=read, bound=signing())
    table.add(row)
    table.finish()
    share = row.ratio.median / max(best, row.ratio.median)
    judged = "quiet" if share >= QUIET else "others are at work: judge the floors in another hour"
    print(f"{share:.0%} of the best hour recorded on such a processor: {judged}")
    return 0


def best_recorded() -> float:
    """Return the highest ratio recorded on a machine of this kind; 0 when there is none."""
    here = machine()
    return max(
        (one["rows"][0]["ratio"]["median"] for one in recorded(BENCHMARK) if one["machine"] == here), default=0.0
    )


if __name__ == "__main__":
    sys.exit(main())
