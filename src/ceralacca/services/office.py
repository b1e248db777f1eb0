"""The office: everything that a step of one provider asks of the world, in one frozen value.

The services take it as an argument and hold nothing themselves; `apps` builds it, tests build it of
memory ports. Adapters are behind it, so that no service knows a database, a key or a socket.

Clauses: MO-1, MO-3, MO-4, DI-3, TI-1, TI-12, DP-6, AD-2.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ceralacca.base.clock import Clock
from ceralacca.base.identifiers import Entropy
from ceralacca.base.instants import to_the_second
from ceralacca.core.access_point import AccessSettings
from ceralacca.core.deadlines import DeadlineSettings
from ceralacca.core.directory import Directory
from ceralacca.core.model.address import Address
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.ports.letters import Letter
from ceralacca.ports.mail_sender import SendsMail
from ceralacca.ports.mail_store import MailStore
from ceralacca.ports.notices import CallsWebhook, Notices
from ceralacca.ports.scanner import Scanner
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.ports.sealer import Seals
from ceralacca.ports.store import Store
from ceralacca.services.envelope_contents import OwnEnvelopes
from ceralacca.services.moves import Moves
from ceralacca.services.own_seal import OwnSeal, OwnSigner


class VerifierAt(Protocol):
    """Gives the verifier for one instant under one copy of the directory; CRLs and anchors are its own matter."""

    def __call__(self, instant: datetime, directory: Directory | None, /) -> VerifiesSeal:
        """Return what judges seals for that instant (IP-8)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long trouble of our own is borne before the sender is told."""

    scan: timedelta = timedelta(hours=4)
    """Without a verdict of the scanner: then a submission is not accepted and an envelope is not delivered (AP-18)."""
    mailbox: timedelta = timedelta(hours=4)
    """Without a mailbox that can be written: then the envelope is not delivered (DP-6), in time for AD-2."""
    ordinary_mail: timedelta = timedelta(days=5)
    """In our queue for a recipient outside PEC, as ordinary SMTP has it."""
    held: timedelta = timedelta(days=913)
    """A receipt for a mailbox that is full or gone: 30 months (AM-27)."""
    alarm: timedelta = timedelta(hours=1)
    """A job that is older and not done is an error in the diagnostics."""


class NoticeWords(Protocol):
    """Gives subject and text of ordinary mail to a holder."""

    def __call__(self, language: str, what: str, **facts: str) -> tuple[str, str]:
        """Return both in a language; `what` is a NoticeKind or `confirm`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeParts:
    """What notices to holders are made with (`services.notify_holder`)."""

    wishes: Notices
    words: NoticeWords
    web: Callable[[], str]
    """Gives the address of the web pages. Raises WorldError while it is not known yet."""
    provider: str
    """Our name."""
    sender: Address | None = None
    """The address outside PEC that they come from; None: none goes out by e-mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One provider at work."""

    provider: IssuingProvider
    service_mailbox: Address
    """`mailReceipt` (MO-4)."""
    seals: Seals
    verifier: VerifierAt
    directory: Callable[[], Directory | None]
    """Gives the local copy as it is now (DI-3); None while it cannot be read (IP-5)."""
    scanner: Scanner
    store: Store
    mail: MailStore
    entropy: Entropy
    clock: Clock
    sends: SendsMail | None = None
    """Only where RELAY jobs are done: the relay needs no key, whoever holds the key needs no network."""
    calls: CallsWebhook | None = None
    """Only where WEBHOOK jobs are done."""
    notices: NoticeParts | None = None
    """Only where NOTICE jobs are done."""
    access: AccessSettings = field(default_factory=AccessSettings)
    deadlines: DeadlineSettings = field(default_factory=DeadlineSettings)
    patience: Patience = field(default_factory=Patience)
    require_tls_for_pec: bool = False
    """Whether PEC traffic that came unprotected is wrapped as malformed (IP-4)."""

    own_seal: OwnSeal = field(default_factory=OwnSeal)
    """What is known of how our own seal is believed."""

    own_envelopes: OwnEnvelopes = field(default_factory=OwnEnvelopes)
    """What is known of the envelopes that this process has composed lately."""

    moves: Moves | None = None
    """What the batch that is decided now makes of states; None for a step that is alone."""

    def own_signer(self, letter: Letter) -> OwnSigner | None:
        """Return who sealed a letter of ours as our incoming point sees it; None when that may not be believed."""
        return self.own_seal.signer(letter, now=self.now(), directory=self.directory(), verifier=self.verifier)

    def now(self) -> datetime:
        """Read the clock: once a step, to the second, as everything that is written shows it (TI-1, GE-23)."""
        return to_the_second(self.clock.now())
