"""Lets the log go by whole months when their term has ended, with a signed certificate of each (LO-5).

A month goes only when all its rows stand in written files of the sealed log: what was never sealed would vanish without
proof that it was there. The certificate is durable, with its row in the log, before the first row is deleted; a
deletion that was cut off is finished first. Rows that a hold names stay, and go by another certificate once it is
lifted.

Clauses: LO-5, LO-6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ceralacca.base.instants import to_the_second
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.retention import Holds, MonthFigures, ended
from ceralacca.formats.purge_certificate import certificate_name, purge_record, record_digest
from ceralacca.ports.log_retention import LogRetention, Purge
from ceralacca.ports.log_seal import LogKey


class Obstacle(StrEnum):
    """Why a month whose term has ended does not go."""

    NONE = ""
    UNSEALED = "unsealed"
    """Rows of it stand in no sealed file yet."""
    NO_KEY = "no-key"
    """There is no key of the log to sign a certificate with."""
    ALL_HELD = "all-held"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMonth:
    """A month whose term has ended."""

    figures: MonthFigures
    obstacle: Obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeeper:
    """The parts of keeping the log."""

    node: str
    retention: LogRetention
    key: LogKey | None
    publish: Callable[[str, bytes], None]
    """Puts a certificate where the sealed files are. Raises WorldError."""
    tell: Callable[[Purge], None]
    """Records a purge that was carried out in the audit trail. Raises WorldError."""

    def due(self, now: datetime) -> Iterator[DueMonth]:
        """Give the months whose term has ended, the oldest first. Changes nothing. Raises WorldError."""
        holds = Holds(self.retention.holds())
        for month in ended(self.retention.months(), now):
            figures = self.retention.month_figures(month, holds)
            if figures is not None:
                yield DueMonth(figures=figures, obstacle=self._obstacle(figures))

    def _obstacle(self, figures: MonthFigures) -> Obstacle:
        if not figures.goes:
            return Obstacle.ALL_HELD
        if self.retention.unsealed(figures.month):
            return Obstacle.UNSEALED
        return Obstacle.NO_KEY if self.key is None else Obstacle.NONE

    def do_what_is_due(self, now: datetime) -> list[Purge]:
        """Delete the months whose term has ended, and return their certificates. Raises WorldError."""
        done = [self._carry_out(purge) for purge in self.retention.purges() if not purge.done]
        going = [due.figures for due in self.due(now) if due.obstacle is Obstacle.NONE]
        return done + [self._carry_out(self._certify(figures, to_the_second(now))) for figures in going]

    def _certify(self, figures: MonthFigures, at: datetime) -> Purge:
        assert self.key is not None, "a month without a key has an obstacle"
        holds = list(Holds(self.retention.holds()))
        files = self.retention.sealed_files(figures.month)
        record = purge_record(figures, node=self.node, at=at, files=files, holds=holds)
        purge = Purge(
            month=figures.month,
            at=at,
            rows=figures.goes,
            held=figures.held,
            holds=tuple(hold.number for hold in holds),
            record=record,
            seal=self.key.seal(record, at),
        )
        said = f"{purge.month}: {purge.rows} rows deleted, {purge.held} held; certificate {record_digest(record)}"
        self.retention.record_purge(purge, LogRow(instant=at, event=LogEvent.PURGE, detail=said))
        return purge

    def _carry_out(self, purge: Purge) -> Purge:
        self.publish(certificate_name(self.node, str(purge.month), purge.at), purge.seal)
        self.retention.delete_month(purge)
        self.tell(purge)
        self.retention.purged(purge)
        return purge
