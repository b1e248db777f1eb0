"""A sound transport envelope: taken in charge, scanned, and handed to the delivery point or kept from it.

The taking in charge comes before the scan (AM-21, IP-17): it says that responsibility has passed, which
it did with the `250`. It is made once for each SMTP transaction; a repeat is sent the same object (IP-21).
A scanner without verdict delays the rest and changes nothing of what was decided.

Clauses: F1 steps 6 and 7, F7; IP-17, IP-18, IP-21, PC-1 to PC-3, RV-1, VI-1, DP-6, AD-2, AM-7, AM-21, AM-30.
"""

from dataclasses import dataclass
from datetime import datetime

from ceralacca.base.errors import OurError, WorldError
from ceralacca.core.delivery_point import DeliveryFailure, Fate
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow, RecipientKind
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.receipt import compose_taking_in_charge, compose_virus_detection
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import Letter, StoredInbound
from ceralacca.ports.scanner import ScanVerdict
from ceralacca.ports.store import InfectedMessage, JobKind, NewJob, Payload, Taken
from ceralacca.services import payload
from ceralacca.services.desk import Desk, Outgoing
from ceralacca.services.inside import log_arrival, send_receipt
from ceralacca.services.keys import bounded, letter_key, mailbox_name, transaction_of
from ceralacca.services.reading import read
from ceralacca.services.recipient_fate import Owed, issuance_about, not_delivered, settle
from ceralacca.services.retry import step_delay
from ceralacca.services.scanning import edition_of, verdict_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A sound envelope on the desk of its step: for each recipient one outcome is owed (1.4)."""

    desk: Desk
    inbound: StoredInbound
    octets: Octets
    issuance: Issuance
    """What answers are composed of: from its own certification data (XM-7)."""
    sealed: datetime
    """The instant that its certification data show."""
    provider: str
    """Who sealed it."""
    service_mailbox: Address
    """Of the sender's provider: where rows 6 and 8 go (PC-2, DI-9)."""

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Of the SMTP transaction, each once (AM-30)."""
        return tuple(dict.fromkeys(self.inbound.forward_paths))

    @property
    def original(self) -> OriginalData:
        """What it certifies about the original."""
        return self.issuance.original

    @property
    def identifier(self) -> str:
        """PEC msgid of the transaction."""
        return self.original.identifier

    def take(self) -> None:
        """Take it in charge, once a transaction; a repeat gets the same receipt again and nothing else (IP-21)."""
        store = self.desk.office.store
        taken = store.taken(self.provider, self.identifier, frozenset(self.recipients))
        if taken is not None:
            self._send_again(taken)
            return
        issue_taking(
            self.desk,
            self.issuance,
            provider=self.provider,
            service_mailbox=self.service_mailbox,
            recipients=self.recipients,
        )
        self.pass_on(self.desk.instant)

    def _send_again(self, taken: Taken) -> None:
        store = self.desk.office.store
        letter = store.letter(taken.letter)
        if letter is None:
            raise OurError("the taking in charge of an envelope is not in the store")
        if any(known.digest == self.inbound.digest for known in store.infected(self.identifier)):
            self.desk.infected_again.append(self.inbound.digest)
        self.desk.send(
            Outgoing(
                key=letter.key,
                octets=lambda: store.octets(letter.digest),
                reverse_path=letter.reverse_path,
                forward_paths=letter.forward_paths,
                instant=self.desk.instant,
                original=self.original,
                repeat=self.inbound.key,
            )
        )

    def pass_on(self, since: datetime) -> None:
        """Scan, and hand it to the delivery point or to the virus storage (IP-17, IP-18).

        `since` is when it was taken in charge: so long it may have waited for a verdict.
        """
        undecided = [one for one in self.recipients if self._undecided(one)]
        try:
            verdict = verdict_on(self.octets, self.desk, digest=self.inbound.digest)
        except WorldError:
            self._without_verdict(undecided, since)
            return
        if verdict.clean:
            for recipient in undecided:
                self._to_delivery_point(recipient, verdict)
        elif undecided:
            self._keep_infected(verdict)
            for recipient in undecided:
                self._detected(recipient, verdict)

    def _owed(self, recipient: Address) -> Owed:
        return Owed(provider=self.provider, recipient=recipient)

    def _undecided(self, recipient: Address) -> bool:
        return self.desk.office.store.fate(self.provider, self.identifier, recipient) is None

    def _to_delivery_point(self, recipient: Address, verdict: ScanVerdict) -> None:
        self.desk.deliver_inbound(
            self.inbound,
            MessageClass.ENVELOPE,
            recipient,
            name=mailbox_name(self.sealed, "envelope", self.provider, self.identifier, recipient.key),
            identifier=self.identifier,
            provider=self.provider,
            scanned=verdict.engine,
        )

    # -- infected -------------------------------------------------------------------------------------

    def _keep_infected(self, verdict: ScanVerdict) -> None:
        key = f"incoming:{bounded(self.identifier)}:{transaction_of(self.provider, self.recipients)}"
        self.desk.infected.append(infected(self.desk, self.inbound, key, self.identifier, verdict))
        self.desk.note(
            LogEvent.VIRUS_FOUND,
            self.original,
            error=ErrorKind.VIRUS,
            error_detail=verdict.virus,
            concerned=self.recipients,
            provider=self.provider,
            detail=verdict.engine,
        )

    def _detected(self, recipient: Address, verdict: ScanVerdict) -> None:
        """F7: row 8, one for each recipient (RV-1)."""
        draft = compose_virus_detection(
            self.issuance, recipient=recipient, virus=verdict.virus, service_mailbox=self.service_mailbox
        )
        settle(
            self.desk,
            self._owed(recipient),
            Fate.INFECTED,
            self.issuance,
            draft,
            error=ErrorKind.VIRUS,
            error_detail=verdict.virus,
        )

    # -- without verdict ------------------------------------------------------------------------------

    def _without_verdict(self, undecided: list[Address], since: datetime) -> None:
        """No verdict is no verdict: it is scanned later, and after hours it is not delivered (DP-6, AD-2)."""
        desk = self.desk
        if desk.instant - since < desk.office.patience.scan:
            self._scan_later(since)
            return
        for recipient in undecided:
            not_delivered(
                desk,
                self._owed(recipient),
                self.issuance,
                DeliveryFailure.UNSPECIFIED,
                detail="no verdict of the scanner",
            )

    def _scan_later(self, since: datetime) -> None:
        tries = int(payload.word(self.desk.job, "tries") or 0) + 1
        words: Payload = {
            "inbound": self.inbound.key,
            "identifier": self.identifier,
            "provider": self.provider,
            "mailbox": self.service_mailbox.text,
            "since": since.isoformat(),
            "tries": tries,
        }
        key, due = f"arrival:{self.inbound.key}:scan:{tries}", self.desk.instant + step_delay(tries)
        self.desk.jobs.append(NewJob(key=key, kind=JobKind.ARRIVAL, due=due, payload=words))


def issue_taking(
    desk: Desk, issuance: Issuance, *, provider: str, service_mailbox: Address, recipients: tuple[Address, ...]
) -> None:
    """Take an envelope in charge: row 6 to the service mailbox of the sender's provider (PC-1, PC-2)."""
    draft = compose_taking_in_charge(issuance, taken=recipients, service_mailbox=service_mailbox)
    assert draft.certification is not None, "a taking in charge certifies something"
    identifier = issuance.original.identifier
    letter = desk.issue(
        draft,
        key=letter_key(identifier, None, MessageRow.TAKING_IN_CHARGE, peer=transaction_of(provider, recipients)),
        event=LogEvent.TAKING_IN_CHARGE_ISSUED,
        original=issuance.original,
        concerned=recipients,
    )
    desk.taken.append(
        Taken(
            provider=provider,
            identifier=identifier,
            recipients=frozenset(recipients),
            letter=letter.key,
            at=desk.instant,
        )
    )
    send_receipt(desk, letter, draft.certification, scanned=edition_of(desk))


def take_own(desk: Desk, letter: Letter, data: CertificationData, issuance: Issuance, *, scanned: str) -> list[Address]:
    """Take an envelope of this very step in charge for its recipients with us, and hand it to the delivery point.

    Return for whom that was done: nobody when our own incoming point might not believe it. `issuance` is at the
    instant of taking, `scanned` as in `services.scanning`: what was found clean a moment ago is not scanned twice (F2).
    """
    office, original = desk.office, issuance.original
    certified = {one.address for one in original.recipients if one.kind is RecipientKind.CERTIFIED}
    here = [one for one in desk.own(letter.forward_paths) if one in certified and one != office.service_mailbox]
    signer = office.own_signer(letter) if here else None
    if signer is None or not signer.owns(original.sender.domain):  # IP-14
        return []
    service_mailbox = signer.directory.receipt_mailbox(signer.certificate, original.sender.domain)  # PC-2
    assert service_mailbox is not None, "a believed signer has a record"
    provider, recipients = office.provider.name, tuple(here)
    log_arrival(desk, letter, data, MessageClass.ENVELOPE, recipients)
    issue_taking(desk, issuance, provider=provider, service_mailbox=service_mailbox, recipients=recipients)
    for recipient in recipients:
        desk.deliver_envelope(
            letter,
            recipient,
            name=mailbox_name(data.instant, "envelope", provider, original.identifier, recipient.key),
            provider=provider,
            scanned=scanned,
        )
    return here


def was_taken(desk: Desk) -> bool:
    """Say whether a job goes on with an envelope that was taken in charge while the scanner was away."""
    return bool(payload.word(desk.job, "provider"))


def take_up(desk: Desk, inbound: StoredInbound) -> None:
    """Go on with such an envelope: what it is was decided then."""
    octets = desk.office.store.octets(inbound.digest)
    received = read(octets)
    assert received.facts is not None, "a sound envelope has certification data"
    envelope = Envelope(
        desk=desk,
        inbound=inbound,
        octets=octets,
        issuance=issuance_about(desk, received),
        sealed=received.facts.instant,
        provider=payload.word(desk.job, "provider"),
        service_mailbox=payload.address(desk.job, "mailbox"),
    )
    envelope.pass_on(datetime.fromisoformat(payload.word(desk.job, "since")))


def infected(desk: Desk, inbound: StoredInbound, key: str, identifier: str, verdict: ScanVerdict) -> InfectedMessage:
    """Return the entry of the virus storage for something that arrived: as it came (VI-1)."""
    return InfectedMessage(
        key=key,
        digest=inbound.digest,
        identifier=identifier,
        found=desk.instant,
        sender=inbound.reverse_path,
        recipients=inbound.forward_paths,
        virus=verdict.virus,
        engine=verdict.engine,
    )
