"""What each process of a provider costs for a transaction: processor time, within one provider and between two.

Where B1 and B1c (`transaction.py`) are far from their bounds, this says whose time it is. It depends on what else the
machine does far less than a rate does. Subject: all processes and the client together; bound: the RSA 2048 seals that
B1 and B1c count, on one core. No goal: the floors are those of `transaction.py`.

With `--beside`, the bound is another stand of the project, for example a worktree of the commit before: both work at
the same time on the same cores, so that a machine which is slow for a while is so for both. Above 100 % this stand
costs less than the other. Three hundredths are noise; against what was measured a minute ago a fifth may be. Nothing
is recorded.

    python bench/roles.py [--quick] [--beside FOLDER]
"""

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from _live import Live
from _processor import processor
from _stands import be_stand, stands
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, CARLA, MARIO
from ceralacca.core.model.address import Address
from measure import Comparison, Spread, Table, option
from steps import seals
from transaction import transactions

_TELL = 0.0005
"""Seconds a transaction from which on a process is named."""
CASES = {"one provider": (CARLA, (ALFA,), 3), "two providers": (ANNA, (ALFA, BETA), 4)}
"""To whom, through whom, and how many seals the bound has."""


def main() -> int:
    quick, other = "--quick" in sys.argv, option("--beside")
    if case := option("--on-command"):
        return work_on_command(case, number=int(sys.argv[-1]))
    table = Table("roles")
    number, times = (100, 3) if quick else (300, 5)
    for name, (to, providers, signs) in CASES.items():
        if other:
            table.add(beside(name, other, number=2 * number, times=times))
            continue
        with Live(*providers) as live:
            print(f"  {name}:", file=sys.stderr)
            found = list(islice(samples(live, to, number=number), times))
        bounds = [seals() * signs / 3 for _ in found]
        table.add(Comparison.of_seconds(f"{name}, processor time of all", found, bounds))
        print(f"  {name}: {Spread.of([1000 * each for each in found]):.1f} ms a transaction", file=sys.stderr)
    return 0 if table.finish(recorded=not other) else 1


def beside(name: str, other: str, *, number: int, times: int) -> Comparison:
    """Let this stand and another do transactions at the same time; compare what each costs."""
    with stands(other, __file__, name, str(number)) as both:
        pairs = []
        for _ in range(times):
            for one in both:
                one.go_on()
            pairs.append([one.said()[0] for one in both])
            print(f"  {name}: {1000 * pairs[-1][0]:.2f} ms, beside {1000 * pairs[-1][1]:.2f} ms", file=sys.stderr)
    mine, others = zip(*pairs, strict=True)
    return Comparison.of_seconds(f"{name}, beside {Path(other).name}", mine, others)


def work_on_command(name: str, *, number: int) -> int:
    """Be a stand: do so many transactions, and again for each line that comes in; say what each of them cost."""
    to, providers, _ = CASES[name]
    with Live(*providers) as live:
        return be_stand([spent] for spent in samples(live, to, number=number))


def samples(live: Live, to: Address, *, number: int) -> Iterator[float]:
    """Do so many transactions again and again; give the seconds of processor time of each, told by process."""
    senders = live.senders(ALFA, MARIO)
    senders.connect()
    try:
        transactions(live, senders, to, 60)
        pids = {"client": os.getpid()}
        for provider in live.providers:
            pids |= {f"{provider.key} {role}": pid for role, pid in live.pids(provider).items()}
        while True:
            before = {name: processor(pid) for name, pid in pids.items()}
            transactions(live, senders, to, number)
            spent = {name: (processor(pid) - before[name]) / number for name, pid in pids.items()}
            tell(spent)
            yield sum(spent.values())
    finally:
        senders.close()


def tell(spent: dict[str, float]) -> None:
    told = [f"{name} {1000 * each:.1f}" for name, each in spent.items() if each >= _TELL]
    print(f"    ms: {', '.join(told)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
