"""What the pages are joined with: one value, made by `role`, given to every request.

Clauses: SE-4 (no signing key among them).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ceralacca.apps.errands.desk import ErrandDesk
from ceralacca.apps.mail_client import Account
from ceralacca.apps.preview.looker import Looker
from ceralacca.apps.second_factor.judge import FactorJudge
from ceralacca.apps.settings.sections import MailboxesSection
from ceralacca.apps.web.verdicts import Verdicts
from ceralacca.apps.webhooks import Webhooks
from ceralacca.base.clock import Clock
from ceralacca.base.identifiers import Entropy
from ceralacca.core.access_point import AccessSettings
from ceralacca.core.directory import Directory
from ceralacca.core.model.mail_service import MailServices
from ceralacca.net.imap_mailbox import MailServer
from ceralacca.net.imap_pool import ImapPool
from ceralacca.ports.app_password import AppPasswords
from ceralacca.ports.audit import AuditTrail
from ceralacca.ports.delegation import Delegations
from ceralacca.ports.delivery_rules import RuleBooks
from ceralacca.ports.log_search import LogSearch
from ceralacca.ports.own_messages import OwnMessages
from ceralacca.ports.safety_alarm import SafetyAlarms
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.ports.sign_in import SignsIn
from ceralacca.ports.store import Store
from ceralacca.ports.web_session import WebSession, WebSessions
from ceralacca.services.office import NoticeParts
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.profile_signature import ProfileSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that the pages ask of the rest of the program. All of it may be used by several threads."""

    provider: str
    """Our name, as receipts have it."""
    test: bool
    """A sandbox: every page says TEST."""
    store: Store
    log: LogSearch
    own: OwnMessages
    sessions: WebSessions
    app_passwords: AppPasswords
    delegations: Delegations
    factors: FactorJudge
    alarms: SafetyAlarms
    rules: RuleBooks
    mailboxes: MailboxesSection
    """What is usual for mailboxes, and what holders may choose."""
    audit: AuditTrail
    signs_in: SignsIn
    notices: NoticeParts
    webhooks: Webhooks | None
    """None: this provider calls nobody's server."""
    clock: Clock
    entropy: Entropy
    mail_server: Callable[[], MailServer]
    pool: ImapPool
    account: Callable[[WebSession, str], Account]
    """What submits in the name of a session's mailbox, given the ticket."""
    verifier: Callable[[datetime], VerifiesSeal]
    """Judges seals of what was received before, at their own time (TO-21)."""
    directory: Callable[[], Directory | None]
    access: AccessSettings
    size: int
    """Most octets of a message."""
    session_time: timedelta
    services: Callable[[], MailServices]
    """Where mail programs reach us. Raises WorldError while it is not known yet."""
    web_address: Callable[[], str]
    """Of these pages from outside, without a path. Raises WorldError as well."""
    home: str
    """The provider's own domain."""
    profiles: ProfileSigner
    """Signs profiles for Apple devices, with the key of our TLS certificate."""
    desk: ErrandDesk
    """Takes long work: extracts, exports, imports."""
    signers: TrustStore | None = None
    """Authorities of people's signatures on documents, that the operator has named; None: nobody is named."""
    looker: Looker = field(default_factory=Looker)
    verdicts: Verdicts = field(default_factory=Verdicts)
