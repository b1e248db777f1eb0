"""Alarms for a holder: somebody came in from a new place, or what guards the mailbox was changed.

An alarm is a row that is raised in the moment of the act. The web pages show it on every browser but the one that
caused it, until the holder says that it is known; whoever sends notices by other ways takes those that were not sent
(`unsent`), oldest first, and marks them (`mark_sent`). The list of accesses has the same acts from the audit trail.

A *place* is a browser that carries our mark, or a network that a mail program came from. The first place of a mailbox
is learnt without an alarm.

Clauses: SE-3.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from ceralacca.core.model.address import Address

SHOWN_FOR: Final = timedelta(days=30)
"""How long an alarm stands on the pages when nobody says that it is known."""
KEPT_FOR: Final = timedelta(days=180)
"""How long an alarm is kept, seen and sent or not; the audit trail has what it told."""
PLACE_KNOWN_FOR: Final = timedelta(days=180)
"""A place is new again when nobody came from it for so long."""


class AlarmKind(StrEnum):
    """What it is about."""

    NEW_DEVICE = "new-device"
    """A browser that never was here, in a network that was."""
    NEW_PLACE = "new-place"
    """From a network that never was here."""
    FACTOR_ADDED = "factor-added"
    FACTOR_REMOVED = "factor-removed"
    FACTORS_RESET = "factors-reset"
    """By the provider."""
    RECOVERY_CODE_USED = "recovery-code-used"
    RECOVERY_CODES_MADE = "recovery-codes-made"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlarm:
    """What is raised."""

    mailbox: Address
    kind: AlarmKind
    instant: datetime
    way: str = ""
    """The protocol of a sign-in, the factor, or empty."""
    peer: str = ""
    """IP address; empty when it was done at the provider's."""
    agent: str = ""
    """What the browser said it is."""
    place: str = ""
    """Digest of the mark of the browser that caused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyAlarm:
    """One alarm as it is kept."""

    number: int
    """Never given twice."""
    alarm: NewAlarm
    seen: datetime | None = None
    """When the holder said that it is known."""
    sent: datetime | None = None
    """When a notice went out by another way."""


class SafetyAlarms(Protocol):
    """Keeps alarms and places. Safe between threads and processes; every call may raise WorldError."""

    def raise_alarm(self, alarm: NewAlarm) -> None:
        """Keep an alarm."""
        ...

    def unseen(self, mailbox: Address, *, now: datetime, place: str = "") -> Sequence[SafetyAlarm]:
        """Return what the holder has not seen, newest first, without what that place caused itself."""
        ...

    def mark_seen(self, mailbox: Address, numbers: Collection[int], *, now: datetime, place: str = "") -> int:
        """Record that the holder knows of them, save those that the place caused; return how many."""
        ...

    def unsent(self, *, limit: int = 100) -> Sequence[SafetyAlarm]:
        """Return what no notice went out for, of all mailboxes, the oldest first."""
        ...

    def mark_sent(self, number: int, *, now: datetime) -> None:
        """Record that a notice went out."""
        ...

    def knows(self, mailbox: Address, place: str, *, now: datetime) -> bool:
        """Say whether somebody came in from that place of late."""
        ...

    def learn(self, mailbox: Address, places: Collection[str], *, now: datetime) -> Collection[str] | None:
        """Record that somebody came in from these places; return the new ones, None when no place was known at all."""
        ...

    def forget(self, *, now: datetime) -> int:
        """Remove alarms as old as `KEPT_FOR` and places that nobody came from for long; return how many."""
        ...
