"""Events of the audit trail: who did what with the service, apart from what happened to messages (SE-3, SE-4).

The message log is evidence about messages; this says which administrator, holder or process did something
with the service itself. It never holds message content, and names a mailbox only when the event is about that
mailbox. Who may read it, how it is kept and sealed are other matters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ceralacca.core.model.address import Address


class AuditAct(StrEnum):
    """What was done: the part of the service, a dot, the act."""

    SERVICE_STARTED = "service.started"
    SERVICE_STOPPED = "service.stopped"
    CONFIGURATION_READ = "configuration.read"
    """The settings that the provider runs with; `detail` has their SHA-256."""
    CONFIGURATION_CHANGED = "configuration.changed"
    """They are others than at the last start; `detail` has the names of the keys that differ, never values."""

    KEY_OPENED = "key.opened"
    """A process took a key into use; `about` is the SHA-256 of its certificate."""
    KEY_CHANGED = "key.changed"
    KEY_USED = "key.used"
    """How many signatures a process made in an interval: `count`, `from`, `until` in `detail`."""
    KEY_FAILED = "key.failed"
    """A key could not be opened, or refused to sign."""

    SIGN_IN = "sign-in"
    """Somebody gave name and password; `count` in `detail` when one entry stands for several alike."""

    DOMAIN_ADDED = "domain.added"
    MAILBOX_ADDED = "mailbox.added"
    MAILBOX_CHANGED = "mailbox.changed"
    MAILBOX_PASSWORD = "mailbox.password"  # noqa: S105 names an act
    MAILBOX_CLOSED = "mailbox.closed"
    APP_PASSWORD_ADDED = "app-password.added"  # noqa: S105 names an act
    """`about` is its selector: the first letters, which are no secret."""
    APP_PASSWORD_REVOKED = "app-password.revoked"  # noqa: S105 names an act
    RULES_CHANGED = "rules.changed"
    """`about` is the rule's key; `detail` has what was done and the version that it made, never what rules hold."""
    SESSIONS_ENDED = "sessions.ended"
    """A holder signed other browsers out, or all."""
    FACTOR_ADDED = "second-factor.added"
    """A holder set up an app for codes, or a passkey; `detail` says which."""
    FACTOR_REMOVED = "second-factor.removed"
    FACTORS_RESET = "second-factor.reset"
    """The provider took all second factors of a mailbox away."""
    RECOVERY_CODES_MADE = "recovery-codes.made"
    RECOVERY_CODE_USED = "recovery-code.used"
    DELEGATION_GIVEN = "delegation.given"
    """A holder lets another into the own mailbox; `about` is the delegation, `purpose` why, `detail` whom and how."""
    DELEGATION_ENDED = "delegation.ended"
    DELEGATE_ENTERED = "delegate.entered"
    """The actor, a delegate, opened the mailbox of another; `about` is the delegation."""
    DELEGATE_SENDS = "delegate.sends"
    """The actor, a delegate, sends as the mailbox; `about` is the Message-ID. Recorded before it leaves."""
    NEW_PLACE = "place.new"
    """A mailbox was opened from a browser or network that it was not opened from of late."""

    MAILBOX_EXPORTED = "mailbox.exported"
    """The holder asked for the whole mailbox."""
    MAILBOX_IMPORTED = "mailbox.imported"
    """The holder asked for mail of another provider to be brought in; `host` in `detail`."""

    NOTICES_CHANGED = "notices.changed"
    """A holder chose what to be told of by ordinary ways, or confirmed the address."""

    QUEUE_HELD = "queue.held"
    QUEUE_RELEASED = "queue.released"
    DIRECTORY_REFRESHED = "directory.refreshed"
    DIRECTORY_EXPORTED = "directory.exported"

    LOG_SEARCHED = "log.searched"
    LOG_EXTRACTED = "log.extracted"
    LOG_EXPORTED = "log.exported"
    LOG_SEALED = "log.sealed"
    LOG_PURGED = "log.purged"
    RECEIPT_REISSUED = "receipt.reissued"
    HOLD_SET = "hold.set"
    """A legal hold on a mailbox or a transaction."""
    HOLD_LIFTED = "hold.lifted"
    INFECTED_READ = "infected.read"
    INFECTED_DELETED = "infected.deleted"
    """Deleted at the end of its term (VI-2)."""

    SITE_PAIRED = "site.paired"
    """A second site was paired with this one; `about` is the name of this one in all acts of sites."""
    SITE_ALONE = "site.alone"
    """An operator let this site work without the other."""
    SITE_TOGETHER = "site.together"
    SITE_REPAIRED = "site.repaired"
    SITE_PROMOTED = "site.promoted"
    """The standby took over; `epoch` in `detail`."""

    AUDIT_READ = "audit.read"
    INCIDENT = "incident"
    """The register of incidents and planned work was changed."""


class ActorKind(StrEnum):
    """What somebody is to the provider."""

    STAFF = "staff"
    """A person at the command line or in the back office."""
    HOLDER = "holder"
    PROGRAM = "program"
    """A process of the provider, of itself."""


class AuditOutcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    """It was not allowed."""
    FAILED = "failed"
    """It was allowed and did not succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it."""

    kind: ActorKind
    name: str
    """Login name, address of the mailbox, or name of the process; empty when nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where it was done."""

    process: str
    """The command or role, such as `pec mailbox add` or `access`."""
    host: str = ""
    """Of the process: which machine of the provider."""
    peer: str = ""
    """IP address of whoever asked from elsewhere; empty when it was done on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done. Absent values are None or empty. Raises ValueError for an instant without zone."""

    instant: datetime
    act: AuditAct
    actor: Actor
    origin: Origin
    outcome: AuditOutcome = AuditOutcome.DONE
    mailbox: Address | None = None
    """The mailbox that it is about."""
    about: str = ""
    """What else it is about: an identificativo, a domain, the number of a job, the name of a key or file."""
    purpose: str = ""
    """Why, in the words of whoever did it."""
    ticket: str = ""
    """Number of the request that it answers."""
    detail: Mapping[str, str | int] = field(default_factory=dict)
    """A few more facts by name; no message content, no secret."""

    def __post_init__(self) -> None:
        if self.instant.tzinfo is None:
            raise ValueError("the instant of an audit event has no time zone")
