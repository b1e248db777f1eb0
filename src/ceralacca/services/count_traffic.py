"""The figures of a period, counted from the log, with what of the store belongs to them (SL-7).

Domains and mailboxes are those of the moment at which it is counted: the store keeps no history of them.

Clauses: SL-7.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.core.log_consistency import Numbered
from ceralacca.core.statistics import Counted, Period, Tally, Tallying
from ceralacca.ports.log_search import LogQuery, LogSearch
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus


class Holdings(LogSearch, Protocol):
    """What counting asks of a store."""

    def domains(self) -> frozenset[str]:
        """Return the mail domains that we serve."""
        ...

    def mailboxes(self, domain: str | None = None) -> list[MailboxRecord]:
        """Return mailboxes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The figures of one period."""

    tally: Tally
    counted: datetime
    """When it was counted: a period that has not ended has more to come."""
    mailboxes: Mapping[str, int]
    """By domain: mailboxes of holders that are not closed, opened before the period ended."""

    @property
    def is_whole(self) -> bool:
        """Whether the period had ended."""
        return self.counted >= self.tally.period.until


def count_traffic(
    store: Holdings,
    period: Period,
    *,
    now: datetime,
    told: Callable[[Counted], None] | None = None,
    progress: Callable[[datetime], None] | None = None,
) -> Traffic:
    """Count a period; `told` gets every row that counts, `progress` the instant of every row. Raises WorldError."""
    own = store.domains()
    tallying = Tallying(period, own)

    def rows() -> Iterator[Numbered]:
        wanted = LogQuery(since=period.since, until=min(period.until, now), newest_first=False)
        for entry in store.stream_log(wanted):
            if progress is not None:
                progress(entry.row.instant)
            yield entry.seq, entry.row

    for one in tallying.feed(rows()):
        if told is not None:
            told(one)
    open_ = [
        record
        for record in store.mailboxes()
        if not record.is_service
        and record.status is not MailboxStatus.CLOSED
        and (record.created is None or record.created < period.until)
    ]
    counts = dict.fromkeys(sorted(own), 0)
    for record in open_:
        counts[record.address.domain] = counts.get(record.address.domain, 0) + 1
    return Traffic(tally=tallying.tally(), counted=now, mailboxes=counts)
