"""The consistency report over a period of the message log, nightly and on demand (LO-10).

What is found belongs to the period in which its last row stands, so that night after night nothing is told twice and
nothing is left out; what is missing can be told once the time of its transaction is over, `core.log_consistency.LIFE`.

Clauses: LO-10.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ceralacca.core.log_consistency import LIFE, Numbered, examine
from ceralacca.core.log_rules import Finding
from ceralacca.ports.log_search import LogEntry, LogQuery, LogSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyReport:
    """What was looked at, and what does not fit."""

    since: datetime
    until: datetime
    """The first instant after the period."""
    made: datetime
    rows: int
    """How many rows of transactions were read; those that show how the last of them end are among them."""
    transactions: int
    findings: tuple[Finding, ...]

    @property
    def settled(self) -> bool:
        """Whether all that the period owes must stand in the log by now."""
        return self.until + LIFE <= self.made

    def by_rule(self) -> Mapping[str, int]:
        """Return how often each rule was broken."""
        counted: dict[str, int] = {}
        for finding in self.findings:
            counted[finding.rule.value] = counted.get(finding.rule.value, 0) + 1
        return counted


def check_log(
    log: LogSearch,
    *,
    own_domains: frozenset[str],
    since: datetime,
    until: datetime,
    now: datetime,
    passes: int = 1,
    progress: Callable[[LogEntry], None] | None = None,
) -> ConsistencyReport:
    """Examine a period.

    Args:
        log: where the rows are.
        own_domains: the mail domains that we serve.
        since: the beginning of the period.
        until: the first instant after it.
        now: when the report is made; what began less than `LIFE` before may still be under way.
        passes: how often to read the rows: each pass needs memory for its part of a day's transactions.
        progress: told of every row that is read.

    Raises WorldError.
    """

    def read() -> Iterator[Numbered]:
        for entry in log.stream_log(LogQuery(since=since, until=min(until + LIFE, now), newest_first=False)):
            if progress is not None:
                progress(entry)
            yield entry.seq, entry.row

    def whole(identifier: str) -> Iterator[Numbered]:
        for entry in log.stream_log(LogQuery(identifier=identifier, newest_first=False)):
            yield entry.seq, entry.row

    found = examine(read, own_domains=own_domains, until=now, whole=whole, passes=passes)
    return ConsistencyReport(
        since=since,
        until=until,
        made=now,
        rows=found.rows,
        transactions=found.transactions,
        findings=tuple(finding for finding in found.findings if since <= finding.last < until),
    )
