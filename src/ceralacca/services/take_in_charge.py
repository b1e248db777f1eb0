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
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow
from ceralacca.formats.receipt import compose_taking_in_charge, compose_virus_detection
from ceralacca.formats.received import Received
from ceralacca.ports.letters import StoredInbound
from ceralacca.ports.scanner import ScanVerdict
from ceralacca.ports.store import InfectedMessage, JobKind, NewJob, Payload, Taken
from ceralacca.services import payload
from ceralacca.services.desk import Desk, Outgoing
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
    received: Received
    provider: str
    """Who sealed it."""
    service_mailbox: Address
    """Of the sender's provider: where rows 6 and 8 go (PC-2, DI-9)."""

    @property
    def facts(self) -> CertificationData:
        """Its certification data."""
        assert self.received.facts is not None, "a sound envelope has certification data"
        return self.received.facts

    @property
    def identifier(self) -> str:
        """PEC msgid of the transaction."""
        return self.facts.original.identifier

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Of the SMTP transaction, each once (AM-30)."""
        return tuple(dict.fromkeys(self.inbound.forward_paths))

    def take(self) -> None:
        """Take it in charge, once a transaction; a repeat gets the same receipt again and nothing else (IP-21)."""
        store = self.desk.office.store
        taken = store.taken(self.provider, self.identifier, frozenset(self.recipients))
        if taken is not None:
            self._send_again(taken)
            return
        self._issue_taking()
        self.pass_on(self.desk.instant)

    def _issue_taking(self) -> None:
        desk, original = self.desk, self.facts.original
        draft = compose_taking_in_charge(
            issuance_about(desk, self.received), taken=self.recipients, service_mailbox=self.service_mailbox
        )
        letter = desk.issue(
            draft,
            key=letter_key(
                self.identifier,
                None,
                MessageRow.TAKING_IN_CHARGE,
                peer=transaction_of(self.provider, self.recipients),
            ),
            event=LogEvent.TAKING_IN_CHARGE_ISSUED,
            original=original,
            concerned=self.recipients,
        )
        desk.taken.append(
            Taken(
                provider=self.provider,
                identifier=self.identifier,
                recipients=frozenset(self.recipients),
                letter=letter.key,
                at=desk.instant,
            )
        )
        desk.send_letter(letter, original, scanned=edition_of(desk))

    def _send_again(self, taken: Taken) -> None:
        store = self.desk.office.store
        letter = store.letter(taken.letter)
        if letter is None:
            raise OurError("the taking in charge of an envelope is not in the store")
        self.desk.send(
            Outgoing(
                key=letter.key,
                octets=lambda: store.octets(letter.digest),
                reverse_path=letter.reverse_path,
                forward_paths=letter.forward_paths,
                instant=self.desk.instant,
                original=self.facts.original,
                repeat=self.inbound.key,
            )
        )

    def pass_on(self, since: datetime) -> None:
        """Scan, and hand it to the delivery point or to the virus storage (IP-17, IP-18).

        `since` is when it was taken in charge: so long it may have waited for a verdict.
        """
        undecided = [one for one in self.recipients if self._undecided(one)]
        try:
            verdict = verdict_on(self.received.data, self.desk)
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
            name=mailbox_name(self.facts.instant, "envelope", self.provider, self.identifier, recipient.key),
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
            self.facts.original,
            error=ErrorKind.VIRUS,
            error_detail=verdict.virus,
            concerned=self.recipients,
            provider=self.provider,
            detail=verdict.engine,
        )

    def _detected(self, recipient: Address, verdict: ScanVerdict) -> None:
        """F7: row 8, one for each recipient (RV-1)."""
        issuance = issuance_about(self.desk, self.received)
        draft = compose_virus_detection(
            issuance, recipient=recipient, virus=verdict.virus, service_mailbox=self.service_mailbox
        )
        settle(
            self.desk,
            self._owed(recipient),
            Fate.INFECTED,
            issuance,
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
                self.received,
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


def was_taken(desk: Desk) -> bool:
    """Say whether a job goes on with an envelope that was taken in charge while the scanner was away."""
    return bool(payload.word(desk.job, "provider"))


def take_up(desk: Desk, inbound: StoredInbound) -> None:
    """Go on with such an envelope: what it is was decided then."""
    envelope = Envelope(
        desk=desk,
        inbound=inbound,
        received=read(desk.office.store.octets(inbound.digest)),
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
