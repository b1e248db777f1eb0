"""The sender's side of a provider on paper: submission, receipts that come back, deadlines.

Part of the paper circuit (`testing.circuit`): the pure decisions and composers of the product played
over real octets, with state in dictionaries, a clock that a test moves and no network. Each step
changes the state and returns the letters that leave. It shows what the live services will do, in
which order, and nothing of how they stay durable (T-18).

Plays: F1 steps 2-4, 6 and 9, F3 to F6, F12, F13 and the table of 1.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ceralacca.base.clock import Clock
from ceralacca.base.identifiers import Entropy, new_identifier
from ceralacca.core.access_point import AccessSettings, Refused, decide
from ceralacca.core.deadlines import Deadlines
from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.directory import Directory
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.notification import MessageRow, NotificationKind
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.core.transaction import EVENT_OF, Effect, Event, RecipientState, advance, first_state
from ceralacca.core.virus_notice import IgnoredNotice, infected_recipients
from ceralacca.formats.draft import Draft
from ceralacca.formats.envelope import compose_transport_envelope
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.original import prepare_original
from ceralacca.formats.receipt import (
    compose_acceptance,
    compose_non_acceptance,
    compose_non_acceptance_virus,
    compose_non_delivery,
    compose_non_delivery_virus,
    compose_timeout_notice,
)
from ceralacca.formats.submission import read_submission
from ceralacca.lint.sealable import examine
from ceralacca.trust.sealer import Sealer

Scan = Callable[[bytes], str | None]
"""The antivirus: the name of what it found, None for clean octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message with its routing, as it leaves a provider or comes to one."""

    octets: bytes
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    by: str = ""
    """`providerName` of who issued and relays it; empty for what strangers send."""
    row: MessageRow | None = None
    """What its maker meant it to be: for tests to count, no provider looks at it (TO-20)."""
    expires: datetime | None = None
    """When the relay gives up (BT-7, AM-19)."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """What both sides of a provider share: its name and key, the time, and the record of what it issued."""

    provider: IssuingProvider
    sealer: Sealer
    directory: Directory | None
    clock: Clock
    entropy: Entropy
    scan: Scan
    issued: list[Letter]
    """Everything sealed, in order; all providers of a circuit write into one list."""
    remarks: list[str] = field(default_factory=list)
    """What a log would say for the operator."""
    infected: list[bytes] = field(default_factory=list)
    """The virus storage (VI-1)."""

    def issuance(self, original: OriginalData, subject_body: bytes | None) -> Issuance:
        """Return what the composers take, at the present instant."""
        return Issuance(
            provider=self.provider,
            instant=self.clock.now(),
            entropy=self.entropy,
            original=original,
            subject_body=subject_body,
        )

    def issue(self, draft: Draft, *, expires: datetime | None = None) -> Letter:
        """Lint, seal and record a draft: the only way a generated message comes into being."""
        sealed = self.sealer.seal(examine(draft))
        letter = Letter(
            octets=bytes(sealed.octets),
            reverse_path=sealed.reverse_path,
            forward_paths=sealed.forward_paths,
            by=self.provider.name,
            row=sealed.row,
            expires=expires,
        )
        self.issued.append(letter)
        return letter


@dataclass(slots=True, kw_only=True)
class Sent:
    """One accepted message, as its sender's provider keeps it."""

    original: OriginalData
    subject_body: bytes | None
    certified: bytes
    """The octets of postacert.eml."""
    deadlines: Deadlines
    states: dict[Address, RecipientState]


@dataclass(slots=True, kw_only=True)
class SenderSide:
    """Access point, and the follow-up of what it accepted."""

    desk: Desk
    settings: AccessSettings = field(default_factory=AccessSettings)
    sent: dict[str, Sent] = field(default_factory=dict)
    """By PEC msgid."""

    def submit(self, octets: bytes, *, sender: Address, recipients: tuple[Address, ...]) -> tuple[Letter, ...]:
        """F1 steps 1 to 4: formal checks, virus check, then acceptance and envelope; or F5, or F6."""
        desk, directory = self.desk, self.desk.directory
        assert directory is not None, "the access point answers 4xx without a directory (IP-5)"
        submission = read_submission(octets, reverse_path=sender, forward_paths=recipients)
        identifier = new_identifier(desk.clock.now(), desk.entropy, domain=desk.provider.domain)
        original = submission.original_data(identifier, directory)
        decision = decide(submission.facts, self.settings, identifier=identifier, recipients=original.recipients)
        issuance = desk.issuance(original, submission.subject_body)
        if isinstance(decision, Refused):  # F5
            return (desk.issue(compose_non_acceptance(issuance, description=decision.description)),)
        virus = desk.scan(octets)
        if virus is not None:  # F6
            desk.infected.append(octets)
            return (desk.issue(compose_non_acceptance_virus(issuance, virus=virus)),)
        prepared = prepare_original(octets, identifier=identifier, client_message_id=submission.client_message_id)
        deadlines = Deadlines(accepted=issuance.instant)  # TI-6
        self.sent[identifier] = Sent(
            original=original,
            subject_body=submission.subject_body,
            certified=bytes(prepared.splice),
            deadlines=deadlines,
            states={one.address: first_state(one.kind) for one in original.recipients},  # TN-4
        )
        envelope = compose_transport_envelope(
            issuance, original=prepared.splice, head=prepared.head, requested=submission.requested_receipt
        )
        return desk.issue(compose_acceptance(issuance)), desk.issue(envelope, expires=deadlines.queue_end)

    def hear(self, receipt: CertificationData, in_charge: Callable[[str], bool]) -> tuple[Letter, ...]:
        """F1 steps 6 and 9, F7, F11: a verified and unsuspicious receipt moves the states it is about.

        `in_charge` says whether the signer is the provider of a domain (MV-2).
        """
        event, sent = EVENT_OF.get(receipt.kind), self.sent.get(receipt.original.identifier)
        if event is None:
            return ()  # our own acceptance, notices and envelopes tell us nothing
        if event is Event.VIRUS_DETECTION:
            infected = infected_recipients(receipt, sent.original if sent else None, in_charge)
            concerned = () if isinstance(infected, IgnoredNotice) else infected
        elif receipt.kind is NotificationKind.TAKING_IN_CHARGE:
            concerned = receipt.taken_recipients
        else:
            concerned = (receipt.delivery_recipient,) if receipt.delivery_recipient else ()
        if sent is None or sent.original.sender != receipt.original.sender:
            concerned = ()
        known = [address for address in concerned if sent and address in sent.states]
        if not known:
            self.desk.remarks.append(f"ignored: {receipt.kind}")
        return tuple(
            letter
            for address in known
            if sent
            for letter in self._step(sent, address, event, virus=receipt.error_detail or "")
        )

    def look_at_the_clock(self) -> tuple[Letter, ...]:
        """F13: whatever deadline has passed, for every recipient that is still waited for (TI-10)."""
        now = self.desk.clock.now()
        due = [
            (sent, recipient, event)
            for sent in self.sent.values()
            if (event := sent.deadlines.due(now)) is not None
            for recipient in sent.states
        ]
        return tuple(letter for sent, recipient, event in due for letter in self._step(sent, recipient, event))

    def relay_refused(self, identifier: str, recipient: Address, failure: DeliveryFailure) -> tuple[Letter, ...]:
        """F12: the recipient's provider refuses for good, or its domain cannot be found (AD-3)."""
        return self._step(self.sent[identifier], recipient, Event.PERMANENT_FAILURE, failure=failure)

    def _step(
        self,
        sent: Sent,
        recipient: Address,
        event: Event,
        *,
        virus: str = "",
        failure: DeliveryFailure = DeliveryFailure.UNSPECIFIED,
    ) -> tuple[Letter, ...]:
        """Take one step of the table in 1.3 and do what it asks."""
        transition = advance(sent.states[recipient], event)
        sent.states[recipient] = transition.state
        issuance = self.desk.issuance(sent.original, sent.subject_body)
        letters: list[Letter] = []
        for effect in transition.effects:
            match effect:
                case Effect.NOTIFY_TWELVE_HOURS:
                    draft = compose_timeout_notice(issuance, recipient=recipient, timeout=Timeout.TWELVE_HOURS)
                case Effect.NOTIFY_TWENTY_FOUR_HOURS:
                    draft = compose_timeout_notice(issuance, recipient=recipient, timeout=Timeout.TWENTY_FOUR_HOURS)
                case Effect.NOTIFY_VIRUS:
                    draft = compose_non_delivery_virus(issuance, recipient=recipient, virus=virus)
                case Effect.NOTIFY_FAILURE:
                    draft = compose_non_delivery(issuance, recipient=recipient, failure=failure)
                case Effect.FLAG_LATE | Effect.ALERT_OPERATOR:  # MV-3
                    self.desk.remarks.append(f"{effect}: {recipient}")
                    continue
                case _:
                    continue  # timers follow from the states; the relay drops what has expired
            letters.append(self.desk.issue(draft))
        return tuple(letters)
