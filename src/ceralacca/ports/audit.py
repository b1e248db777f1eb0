"""The audit trail: who did what with the service, kept apart from the message log and sealed like it.

    store.audit.record(AuditEvent(instant=now, act=AuditAct.LOG_EXTRACTED, actor=..., origin=..., mailbox=anna))

Entries are only ever added. Their numbers are 1, 2, 3 ... in the order in which they became durable, on every
engine: whoever has read up to a number will never find a new entry below it, and a missing number is a deletion.

Clauses: SE-3, SE-4, LO-8 (each extract is itself recorded).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct, AuditEvent, AuditOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An event with its place in the trail."""

    seq: int
    event: AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries are asked for: all that fit every field that is set, the newest first."""

    acts: frozenset[AuditAct] = frozenset()
    """Any of these; empty: whatever act."""
    mailbox: Address | None = None
    """The mailbox that the event is about."""
    actor: str = ""
    """Name of whoever did it."""
    about: str = ""
    outcome: AuditOutcome | None = None
    since: datetime | None = None
    """At this instant or later."""
    until: datetime | None = None
    """Before this instant."""
    before: int | None = None
    """Below this number: how the next page is asked for."""
    limit: int = 100


class AuditTrail(Protocol):
    """Where events are recorded. Safe between threads and processes. Every method may raise WorldError."""

    def record(self, *events: AuditEvent) -> None:
        """Make events durable, all with one sync, in this order."""
        ...

    def search(self, query: AuditQuery) -> list[AuditEntry]:
        """Return what fits, the newest first."""
        ...

    def entry(self, seq: int) -> AuditEntry | None:
        """Return one entry."""
        ...

    def after(self, seq: int, *, limit: int = 1000) -> Sequence[AuditEntry]:
        """Return the entries above a number, in order: how the trail is read to be sealed; 0 is before the first."""
        ...
