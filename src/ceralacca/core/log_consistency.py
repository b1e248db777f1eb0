"""The consistency report over the message log: whether every transaction tells one story, and all of it (LO-10).

Pure, over a stream of numbered rows in the order of writing, of which one transaction after the other is put together,
judged and forgotten: a day of a large provider needs memory for the transactions of a day, or for a part of them when
the log is read in several passes. What is judged of one transaction is `core.log_rules`.

A transaction is judged when its time is over: 24 hours settle every recipient (TI-8, BT-7), an hour more lets the rows
be written. What is younger at the end of the stream is judged only for what cannot be mended by waiting.

Reading the log: `services.check_log`. Clauses: LO-10, MO-6, AC-1, AD-1, PC-1, RV-1, MV-1, TI-8.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from ceralacca.core.log_rules import Finding, Transaction
from ceralacca.core.model.log import LogRow

LIFE: timedelta = timedelta(hours=25)
"""From the first row of a transaction until everything that it owes must stand in the log."""

Numbered = tuple[int, LogRow]
"""A row with its number in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """How much was looked at: a report without findings is worth what it has read."""

    rows: int
    transactions: int
    findings: tuple[Finding, ...]
    """By the number of their first row."""


def examine(
    read: Callable[[], Iterable[Numbered]],
    *,
    own_domains: frozenset[str],
    until: datetime,
    whole: Callable[[str], Iterable[Numbered]] | None = None,
    passes: int = 1,
) -> Examined:
    """Judge every transaction of a stream of rows.

    Args:
        read: gives the rows, in the order of writing, anew at each call: it is called once a pass.
        own_domains: the mail domains that we serve, lower case: whose senders we accept from.
        until: up to when the log is complete; what began less than `LIFE` before may still be under way.
        whole: gives all rows of one transaction. With it a finding is told only when it holds over all of them, so that
            what lies outside the stream accuses nobody; and a transaction whose beginning is not in the stream, such as
            one to which a late receipt came, is judged over all of them too.
        passes: how often to read; each pass keeps its part of the transactions in memory.
    """
    rows = transactions = 0
    findings: list[Finding] = []
    for number in range(passes):
        for transaction in _gathered(read(), part=number, passes=passes):
            rows += len(transaction)
            transactions += 1
            findings += _judged(transaction, own_domains, until, whole)
    found = tuple(sorted(findings, key=lambda finding: (finding.rows[:1], finding.rule)))
    return Examined(rows=rows, transactions=transactions, findings=found)


def _gathered(rows: Iterable[Numbered], *, part: int, passes: int) -> Iterator[Transaction]:
    """Put transactions together; give each away once its time is over, oldest first."""
    at_hand: dict[str, Transaction] = {}
    for number, row in rows:
        if row.identifier is None or crc32(row.identifier.encode("utf-8", "surrogatepass")) % passes != part:
            continue
        while at_hand and next(iter(at_hand.values())).begun + LIFE < row.instant:
            yield at_hand.pop(next(iter(at_hand)))
        transaction = at_hand.get(row.identifier)
        if transaction is None:
            transaction = at_hand[row.identifier] = Transaction(row.identifier, row.instant)
        transaction.add(number, row)
    yield from at_hand.values()


def _judged(
    transaction: Transaction,
    own_domains: frozenset[str],
    until: datetime,
    whole: Callable[[str], Iterable[Numbered]] | None,
) -> list[Finding]:
    findings = transaction.judge(own_domains, over=transaction.begun + LIFE <= until)
    if whole is None or (not findings and transaction.begins_here):
        return findings
    everything: Transaction | None = None
    for number, row in whole(transaction.identifier):
        if row.identifier == transaction.identifier:
            everything = everything or Transaction(row.identifier, row.instant)
            everything.add(number, row)
    return everything.judge(own_domains, over=everything.begun + LIFE <= until) if everything else findings
