"""The audit trail on the database: `ports.audit.AuditTrail`.

A number is given under a lock that lasts until the commit, so that numbers have no gap and nobody who
reads sees a higher one before a lower one. Entries come by the dozen a minute, not by the hundred a second.

Clauses: SE-3, SE-4.
"""

from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select, text

from ceralacca.core.model.audit import Actor, AuditEvent, Origin
from ceralacca.ports.audit import AuditEntry, AuditQuery
from ceralacca.store.engine import Database, until_won
from ceralacca.store.rows import Values
from ceralacca.store.tables import AUDIT_EVENT

_LOCK: Final = 0x70656332  # any number, the same in every process


class DatabaseAuditTrail:
    """The trail in the database of a store. Safe between threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, *events: AuditEvent) -> None:
        """Make events durable, all with one sync. Raises WorldError."""
        if events:
            until_won(lambda: self._record(events))

    def _record(self, events: tuple[AuditEvent, ...]) -> None:
        with self._database.transaction() as connection:
            _lock(connection)
            last = connection.scalar(select(func.max(AUDIT_EVENT.c.seq))) or 0
            rows = [{"seq": seq, **audit_values(event)} for seq, event in enumerate(events, last + 1)]
            connection.execute(insert(AUDIT_EVENT), rows)

    def search(self, query: AuditQuery) -> list[AuditEntry]:
        """Return what fits, the newest first. Raises WorldError."""
        wanted = _matching(query).order_by(AUDIT_EVENT.c.seq.desc()).limit(query.limit)
        with self._database.reading() as connection:
            return [read_audit(row) for row in connection.execute(wanted)]

    def entry(self, seq: int) -> AuditEntry | None:
        """Return one entry. Raises WorldError."""
        with self._database.reading() as connection:
            row = connection.execute(select(AUDIT_EVENT).where(AUDIT_EVENT.c.seq == seq)).first()
        return None if row is None else read_audit(row)

    def after(self, seq: int, *, limit: int = 1000) -> list[AuditEntry]:
        """Return the entries above a number, in order. Raises WorldError."""
        wanted = select(AUDIT_EVENT).where(AUDIT_EVENT.c.seq > seq).order_by(AUDIT_EVENT.c.seq).limit(limit)
        with self._database.reading() as connection:
            return [read_audit(row) for row in connection.execute(wanted)]


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's transaction holds the lock already
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _matching(query: AuditQuery) -> Select[Any]:
    column, wanted = AUDIT_EVENT.c, select(AUDIT_EVENT)
    if query.acts:
        wanted = wanted.where(column.act.in_(sorted(query.acts)))
    if query.mailbox is not None:
        wanted = wanted.where(column.mailbox_key == query.mailbox.key)
    if query.actor:
        wanted = wanted.where(column.actor == query.actor)
    if query.about:
        wanted = wanted.where(column.about == query.about)
    if query.outcome is not None:
        wanted = wanted.where(column.outcome == query.outcome)
    if query.since is not None:
        wanted = wanted.where(column.instant >= query.since)
    if query.until is not None:
        wanted = wanted.where(column.instant < query.until)
    return wanted if query.before is None else wanted.where(column.seq < query.before)


def audit_values(event: AuditEvent) -> Values:
    """Write an event, without its number."""
    return {
        "instant": event.instant,
        "act": event.act,
        "actor_kind": event.actor.kind,
        "actor": event.actor.name,
        "process": event.origin.process,
        "host": event.origin.host,
        "peer": event.origin.peer,
        "outcome": event.outcome,
        "mailbox": event.mailbox,
        "mailbox_key": event.mailbox.key if event.mailbox else None,
        "about": event.about,
        "purpose": event.purpose,
        "ticket": event.ticket,
        "detail": event.detail,
    }


def read_audit(row: Row[Any]) -> AuditEntry:
    """Read an entry."""
    event = AuditEvent(
        instant=row.instant,
        act=row.act,
        actor=Actor(kind=row.actor_kind, name=row.actor),
        origin=Origin(process=row.process, host=row.host, peer=row.peer),
        outcome=row.outcome,
        mailbox=row.mailbox,
        about=row.about,
        purpose=row.purpose,
        ticket=row.ticket,
        detail=row.detail,
    )
    return AuditEntry(seq=row.seq, event=event)
