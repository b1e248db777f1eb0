"""The memory twin of `ports.log_retention.LogRetention`, over the rows of a memory store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ceralacca.core.model.log import LogRow
from ceralacca.core.retention import Holds, LegalHold, Month, MonthFigures, SealedFile
from ceralacca.ports.log_retention import Purge
from ceralacca.ports.log_search import LogEntry, LogQuery
from ceralacca.testing.memory_store import MemoryStore


@dataclass(slots=True, kw_only=True)
class MemoryRetention:
    """Keeps and deletes rows of a store's log."""

    store: MemoryStore
    files: dict[SealedFile, range] = field(default_factory=dict)
    """Files of the sealed log, each with the numbers of its rows."""
    _purges: list[Purge] = field(default_factory=list)
    _holds: list[LegalHold] = field(default_factory=list)

    def _entries(self, month: Month) -> list[LogEntry]:
        asked = LogQuery(since=month.start, until=month.end, newest_first=False)
        return list(self.store.stream_log(asked))

    def months(self) -> list[Month]:
        """Return the months of which there are rows."""
        return sorted({Month.of(entry.row.instant) for entry in self.store.stream_log(LogQuery())})

    def month_figures(self, month: Month, holds: Holds) -> MonthFigures | None:
        """Count a month."""
        entries = self._entries(month)
        if not entries:
            return None
        numbers = [entry.seq for entry in entries]
        return MonthFigures(
            month=month,
            rows=len(entries),
            first_seq=min(numbers),
            last_seq=max(numbers),
            first_instant=entries[0].row.instant,
            last_instant=entries[-1].row.instant,
            held=len([entry for entry in entries if holds.keep(entry.row)]),
        )

    def unsealed(self, month: Month) -> int:
        """Return how many rows no file has."""
        return len([one for one in self._entries(month) if not any(one.seq in part for part in self.files.values())])

    def sealed_files(self, month: Month) -> list[SealedFile]:
        """Return the files that have rows of a month."""
        numbers = {entry.seq for entry in self._entries(month)}
        return [file for file, part in self.files.items() if not numbers.isdisjoint(part)]

    def record_purge(self, purge: Purge, row: LogRow) -> None:
        """Keep a certificate."""
        self._purges.append(purge)
        self.store.log.append(row)

    def delete_month(self, purge: Purge) -> int:
        """Delete a month but for what is held."""
        in_force = [hold for hold in self._holds if hold.lifted_at is None or hold.number in purge.holds]
        holds = Holds(replace(hold, lifted_at=None) for hold in in_force)
        going = {entry.seq for entry in self._entries(purge.month) if not holds.keep(entry.row)}
        self.store.gone |= going
        return len(going)

    def purged(self, purge: Purge) -> None:
        """Record that a purge was carried out."""
        self._purges = [replace(one, done=True) if one.record == purge.record else one for one in self._purges]

    def purges(self) -> Sequence[Purge]:
        """Return all certificates."""
        return list(self._purges)

    def holds(self) -> list[LegalHold]:
        """Return all holds."""
        return list(self._holds)

    def set_hold(self, hold: LegalHold) -> LegalHold:
        """Set a hold."""
        self._holds.append(replace(hold, number=len(self._holds) + 1))
        return self._holds[-1]

    def lift_hold(self, number: int, *, now: datetime, by: str, reason: str) -> LegalHold | None:
        """Lift a hold."""
        for place, hold in enumerate(self._holds):
            if hold.number == number and hold.lifted_at is None:
                self._holds[place] = replace(hold, lifted_at=now, lifted_by=by, lift_reason=reason)
                return self._holds[place]
        return None
