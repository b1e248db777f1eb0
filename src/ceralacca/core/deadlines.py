"""Deadlines of a transaction: what is owed to the sender when no answer has come.

Pure: from T0 and an instant to the timer events that are due. Waking up on time belongs to the
timekeeper; what an event does is `core.transaction`; wording is `formats.texts`.

The final notice and every patience of ours end before 24 hours, so that whoever was not reached is reported in time
(SL-5, AD-2).

Clauses: TI-6 to TI-11, TN-1, BT-7, AM-19.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ceralacca.base.errors import UserError
from ceralacca.core.transaction import Event

TWELVE_HOURS = timedelta(hours=12)
_FINAL_FROM, _FINAL_UNTIL = timedelta(hours=22), timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineSettings:
    """When the final notice leaves and when the queue gives up, both counted from T0."""

    final_notice: timedelta = timedelta(hours=23)
    """Not before 22 h and not after 24 h (TI-8)."""
    queue_lifetime: timedelta = timedelta(hours=22)
    """How long an envelope for PEC recipients may wait in the queue: never past the final notice (AM-19, TI-11)."""

    def __post_init__(self) -> None:
        if not _FINAL_FROM <= self.final_notice <= _FINAL_UNTIL:
            raise UserError(
                "final_notice lies outside 22 to 24 hours after acceptance", remedy="TI-8 asks for 22 h to 24 h"
            )
        if not timedelta(0) < self.queue_lifetime <= self.final_notice:
            raise UserError(
                "queue_lifetime passes the final notice",
                remedy="a later delivery would contradict the notice: give at most final_notice",
            )


DEFAULT = DeadlineSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The timers of one certified recipient, from T0 on (TI-6).

    Durations are real time: a change of legal time inside the window moves nothing.
    """

    accepted: datetime
    """T0, aware."""
    settings: DeadlineSettings = DEFAULT

    @property
    def twelve_hours(self) -> datetime:
        """The instant of the 12 hour notice (TI-7)."""
        return self.accepted + TWELVE_HOURS

    @property
    def twenty_four_hours(self) -> datetime:
        """The instant of the final notice (TI-8)."""
        return self.accepted + self.settings.final_notice

    @property
    def queue_end(self) -> datetime:
        """The instant at which the relay gives up (BT-7, AM-19)."""
        return self.accepted + self.settings.queue_lifetime

    def due(self, now: datetime) -> Event | None:
        """Return the timer event that is due at an instant, if any.

        After an outage the final one alone fires: the 12 hour notice is skipped when both are due
        (TI-10). Whether it still means anything is decided by the state (`core.transaction`).
        """
        if now >= self.twenty_four_hours:
            return Event.TWENTY_FOUR_HOURS
        return Event.TWELVE_HOURS if now >= self.twelve_hours else None
