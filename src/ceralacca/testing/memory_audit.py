"""The memory twin of `ports.audit.AuditTrail`, written straight from the port's words."""

import threading
from dataclasses import dataclass, field

from ceralacca.core.model.audit import AuditEvent
from ceralacca.ports.audit import AuditEntry, AuditQuery


@dataclass(slots=True)
class MemoryAuditTrail:
    """Entries for as long as the process lives."""

    entries: list[AuditEntry] = field(default_factory=list)
    """All of them, in their order."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def events(self) -> list[AuditEvent]:
        """What was recorded, in its order."""
        return [entry.event for entry in self.entries]

    def record(self, *events: AuditEvent) -> None:
        """Keep events in this order."""
        with self._lock:
            self.entries.extend(
                AuditEntry(seq=seq, event=event) for seq, event in enumerate(events, len(self.entries) + 1)
            )

    def search(self, query: AuditQuery) -> list[AuditEntry]:
        """Return what fits, the newest first."""
        return [entry for entry in reversed(self.entries) if _fits(entry, query)][: query.limit]

    def entry(self, seq: int) -> AuditEntry | None:
        """Return one entry."""
        return next((entry for entry in self.entries if entry.seq == seq), None)

    def after(self, seq: int, *, limit: int = 1000) -> list[AuditEntry]:
        """Return the entries above a number, in order."""
        return [entry for entry in self.entries if entry.seq > seq][:limit]


def _fits(entry: AuditEntry, query: AuditQuery) -> bool:
    event = entry.event
    return (
        (not query.acts or event.act in query.acts)
        and query.mailbox in {None, event.mailbox}
        and query.actor in {"", event.actor.name}
        and query.about in {"", event.about}
        and query.outcome in {None, event.outcome}
        and (query.since is None or event.instant >= query.since)
        and (query.until is None or event.instant < query.until)
        and (query.before is None or entry.seq < query.before)
    )
