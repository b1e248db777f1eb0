"""What each process of a provider costs for a transaction: processor time, within one provider and between two.

Where B1 and B1c (`transaction.py`) are far from their bounds, this says whose time it is. It depends on what else the
machine does far less than a rate does. Subject: all processes and the client together; bound: the RSA 2048 seals that
B1 and B1c count, on one core. No goal: the floors are those of `transaction.py`.

    python bench/roles.py [--quick]
"""

import os
import sys
from pathlib import Path

from _live import Live
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, CARLA, MARIO
from ceralacca.core.model.address import Address
from measure import Comparison, Spread, Table
from steps import seals
from transaction import transactions

_TICKS = os.sysconf("SC_CLK_TCK")
_TELL = 0.0005
"""Seconds a transaction from which on a process is named."""


def main() -> int:
    quick = "--quick" in sys.argv
    table = Table("roles")
    for name, to, providers, signs in (
        ("one provider", CARLA, (ALFA,), 3),
        ("two providers", ANNA, (ALFA, BETA), 4),
    ):
        with Live(*providers) as live:
            print(f"  {name}:", file=sys.stderr)
            found = samples(live, to, number=100 if quick else 300, times=3 if quick else 5)
        bounds = [seals() * signs / 3 for _ in found]
        table.add(
            Comparison(
                name=f"{name}, processor time of all",
                subject=Spread.of([1 / each for each in found]),
                bound=Spread.of([1 / each for each in bounds]),
                ratio=Spread.of([limit / each for each, limit in zip(found, bounds, strict=True)]),
            )
        )
        print(f"  {name}: {Spread.of([1000 * each for each in found]):.1f} ms a transaction", file=sys.stderr)
    return 0 if table.finish() else 1


def samples(live: Live, to: Address, *, number: int, times: int) -> list[float]:
    """Do so many transactions so many times; return the seconds of processor time of each, told by process."""
    senders = live.senders(ALFA, MARIO)
    senders.connect()
    transactions(live, senders, to, 60)
    pids = {"client": os.getpid()}
    for provider in live.providers:
        pids |= {f"{provider.key} {role}": pid for role, pid in live.pids(provider).items()}
    found = []
    for _ in range(times):
        before = {name: processor(pid) for name, pid in pids.items()}
        transactions(live, senders, to, number)
        spent = {name: (processor(pid) - before[name]) / number for name, pid in pids.items()}
        tell(spent)
        found.append(sum(spent.values()))
    senders.close()
    return found


def processor(pid: int) -> float:
    """Return the seconds that a process has had, of its own and of the system for it (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def tell(spent: dict[str, float]) -> None:
    told = [f"{name} {1000 * each:.1f}" for name, each in spent.items() if each >= _TELL]
    print(f"    ms: {', '.join(told)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
