"""An entry of the audit trail as the members of its line (SE-3, SE-4)."""

from ceralacca.core.model.audit import AuditEvent
from ceralacca.formats.log_file.canonical import instant_text
from ceralacca.formats.log_file.message_row import Members


def audit_members(event: AuditEvent, node: str) -> Members:
    """Return what the line of an entry says, in its order, without number and hashes."""
    return [
        ("ts", instant_text(event.instant)),
        ("node", node),
        ("act", event.act.value),
        ("actor_kind", event.actor.kind.value),
        ("actor", event.actor.name),
        ("process", event.origin.process),
        ("host", event.origin.host),
        ("peer", event.origin.peer),
        ("outcome", event.outcome.value),
        ("mailbox", None if event.mailbox is None else event.mailbox.text),
        ("about", event.about),
        ("purpose", event.purpose),
        ("ticket", event.ticket),
        ("detail", dict(event.detail)),
    ]
