"""How many whole transactions a second, over what RSA alone would allow (B1, B1c).

Subject: messages of 10 KB to one recipient, submitted over kept TLS connections to a live provider with two
workers, until the last delivery receipt is in the sender's mailbox: submission, acceptance, envelope,
taking in charge, delivery, receipt, log, timers, each durable. Bound: RSA 2048 signatures of two processes a
second, over three; between two providers, over four. (Ours makes four seals also within one provider: its
taking in charge is an ordinary one.) Client, scanner stand-in and providers share the cores. See `_live.py`.

A sample lasts some seconds: of one of a second, a tenth is the last batch of one worker, beside which the other has
nothing to do any more.

    python bench/transaction.py [--quick]
"""

import sys
import time

from _live import Arrivals, Live, Signatures
from _senders import Senders, message
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, CARLA, MARIO
from ceralacca.core.model.address import Address
from measure import Comparison, Table, compare

OCTETS = 10_000
FLOORS = {"one provider": 0.20, "two providers": 0.15}


def main() -> int:
    quick = "--quick" in sys.argv
    table, signatures = Table("transaction"), Signatures()
    try:
        for name, to, providers, signs in (
            ("one provider", CARLA, (ALFA,), 3),
            ("two providers", ANNA, (ALFA, BETA), 4),
        ):
            with Live(*providers) as live:
                row = measure(name, live, to, signatures, signs, number=100 if quick else 1200, quick=quick)
                table.add(row)
    finally:
        signatures.close()
    return 0 if table.finish() else 1


def measure(
    name: str, live: Live, to: Address, signatures: Signatures, signs: int, *, number: int, quick: bool
) -> Comparison:
    """Compare samples of so many transactions with the bound."""
    senders = live.senders(ALFA, MARIO)
    senders.connect()
    subject = lambda: transactions(live, senders, to, number)  # noqa: E731
    row = compare(
        f"{name}, 10 KB, {number} at a time",
        subject=subject,  # once before: memory and disk that nobody has touched yet cost more
        subject_rate=subject,
        bound_rate=lambda: signatures.rate(0.3 if quick else 0.6) / signs,
        goal=FLOORS[name],
        samples=5,
    )
    senders.close()
    return row


def transactions(live: Live, senders: Senders, to: Address, number: int) -> float:
    """Do so many transactions; return how many were done a second, from the first MAIL to the last receipt."""
    messages = [message(MARIO, to, OCTETS) for _ in range(number)]
    arrivals = Arrivals(live.inbox(ALFA, MARIO))
    try:
        start = time.perf_counter()
        senders.send_all(messages, to)
        taken = time.perf_counter() - start
        end = arrivals.wait_for(2 * number)  # acceptance and delivery
        print(f"    {number / taken:,.0f} taken/s, {number / (end - start):,.0f} done/s", file=sys.stderr)
        return number / (end - start)
    finally:
        arrivals.close()


if __name__ == "__main__":
    sys.exit(main())
