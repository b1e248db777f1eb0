"""The incoming point's step: what arrived is verified, looked at, classified, and only then acted upon.

In the order of the norm: the seal for the moment of reception, the form, the class; a sound envelope
is taken in charge before it is scanned (AM-21), everything else is scanned first. Deciding is
`core.incoming_point`; the class travels to the delivery point in a job of ours and in no header (MO-14).
Trouble of our own never makes a wrong class: the message, answered `250`, waits (IP-5).

Clauses: F1 steps 5 to 9, F2, F7 to F11, F14; IP-5 to IP-22, MO-5, MO-12 to MO-14, PC-1 to PC-3, RV-1, VI-1, BA-1, LO-2.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ceralacca.base.errors import OurError, UnreadableMessage, WorldError
from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.delivery_point import DeliveryFailure, Fate
from ceralacca.core.directory import Directory, certificate_sha1
from ceralacca.core.incoming_point import Classification, IncomingFacts, MessageClass, classify
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow, NotificationKind
from ceralacca.core.model.outcome import SealReport
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.receipt import compose_non_delivery, compose_taking_in_charge, compose_virus_detection
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets
from ceralacca.lint.form import check_form, family_of
from ceralacca.ports.letters import Inbound, StoredInbound
from ceralacca.ports.scanner import ScanVerdict
from ceralacca.ports.store import (
    Commit,
    InfectedMessage,
    Job,
    JobKind,
    NewJob,
    OrdinaryMail,
    Payload,
    RecipientFate,
    Taken,
)
from ceralacca.services import log_rows, payload
from ceralacca.services.desk import Desk, Outgoing
from ceralacca.services.follow_up import hear
from ceralacca.services.keys import letter_key, mailbox_name, transaction_of
from ceralacca.services.office import Office
from ceralacca.services.retry import NotYet, step_delay


def receive(job: Job, office: Office) -> Commit:
    """Decide about one arrival. Raises NotYet while it cannot be decided, WorldError for other trouble."""
    inbound = payload.inbound(job, office.store)
    desk = Desk(office=office, job=job, instant=office.now())
    if payload.word(job, "provider"):
        return _take_up(desk, inbound)
    if _mixed(office, inbound):
        return _split(desk, inbound)
    arrived = _look(desk, inbound)
    kind = arrived.classification.kind
    if kind is MessageClass.TEMPORARY:
        raise NotYet("the seal cannot be judged at present")  # IP-5
    arrived.log(LogEvent.ARRIVAL, detail=f"{kind} {arrived.classification.anomaly}".strip())
    if arrived.classification.quarantine:  # IP-22: stays where it is, in the store, and goes nowhere
        arrived.log(LogEvent.QUARANTINE, detail=f"kept as {inbound.key}")
    elif kind is MessageClass.ENVELOPE:
        _Envelope.of(arrived).take()
    else:
        _other(arrived)
    return desk.commit()


# -- looking ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """A message that was looked at, on the desk of its step."""

    desk: Desk
    inbound: StoredInbound
    octets: Octets
    received: Received | None
    """None when the octets cannot be looked at as a message."""
    seal: SealReport | None
    classification: Classification
    directory: Directory | None

    @property
    def facts(self) -> CertificationData:
        """The certification data of what has a sound form."""
        assert self.received is not None, "a sound form was read"
        assert self.received.facts is not None, "a sound form has certification data"
        return self.received.facts

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The recipients of the SMTP transaction, each once (AM-30)."""
        return tuple(dict.fromkeys(self.inbound.forward_paths))

    @property
    def provider(self) -> str:
        """Who sealed it; empty when nobody did who is known."""
        return self.seal.provider if self.seal else ""

    def log(self, event: LogEvent, *, concerned: tuple[Address, ...] | None = None, detail: str = "") -> None:
        """Log an event about it. Certification data are believed of a sound form alone."""
        sound = self.classification.kind in {MessageClass.ENVELOPE, MessageClass.RECEIPT}
        row = log_rows.arrived(
            event,
            self.desk.instant,
            self.inbound,
            self.facts if sound else None,
            about_whom=concerned,
            message_id=(self.received.outer.message_id or "")[:998] if self.received else "",
            provider=self.provider,
            detail=detail,
        )
        self.desk.rows.append(row)

    def signer(self) -> bytes:
        """Return the listed certificate that the verified signer showed (IP-7)."""
        assert self.directory is not None, "what has a signer was looked up"
        assert self.seal is not None, "what has a signer was judged"
        assert self.seal.signer is not None, "a verified seal names its signer"
        sha1 = self.seal.signer.sha1
        listed = self.directory.records_of_certificate(sha1)
        return next(der for record in listed for der in record.certificates if certificate_sha1(der) == sha1)

    def is_in_charge(self, domain: str) -> bool:
        """Say whether the signer is the provider of a domain (MV-2)."""
        return self.directory is not None and self.directory.owns(self.signer(), domain)


def _look(desk: Desk, inbound: StoredInbound) -> _Arrived:
    """Verify, check and classify, for the moment of reception (5.2, IP-8)."""
    office = desk.office
    octets, directory = office.store.octets(inbound.digest), office.directory()
    to_service = office.service_mailbox in inbound.forward_paths
    try:
        received = read_received(octets)
    except UnreadableMessage:  # SE-7: nothing that a provider would have sealed
        nothing = Classification(kind=MessageClass.ORDINARY, anomaly=AnomalyReason.NO_SIGNATURE, quarantine=to_service)
        return _Arrived(
            desk=desk,
            inbound=inbound,
            octets=octets,
            received=None,
            seal=None,
            classification=nothing,
            directory=directory,
        )
    verify = office.verifier(inbound.received, directory)
    seal = verify(received.signed or octets, sender_domain=None)  # the sender's domain is judged by `classify`
    form = check_form(
        received,
        reverse_path=inbound.reverse_path,
        local_recipients=inbound.forward_paths,
        signer_addresses=seal.signer.addresses if seal.signer else (),
        service_mailboxes=(office.service_mailbox,),
    )
    facts = IncomingFacts(
        seal=seal,
        family=family_of(received),
        form=form,
        certification=received.facts,
        directory=directory,
        own_provider=office.provider.name,
        to_service_mailbox=to_service,
    )
    return _Arrived(
        desk=desk,
        inbound=inbound,
        octets=octets,
        received=received,
        seal=seal,
        classification=classify(facts),
        directory=directory,
    )


def _mixed(office: Office, inbound: StoredInbound) -> bool:
    service = [path for path in inbound.forward_paths if path == office.service_mailbox]
    return bool(service) and len(service) < len(inbound.forward_paths)


def _split(desk: Desk, inbound: StoredInbound) -> Commit:
    """Part a transaction to holders and service mailbox at once: what is kept aside for one hides no other."""
    service = desk.office.service_mailbox
    holders = tuple(path for path in inbound.forward_paths if path != service)
    for part, paths in (("service", (service,)), ("holders", holders)):
        desk.arrive(
            Inbound(
                key=f"{inbound.key}#{part}",
                point=inbound.point,
                octets=desk.office.store.octets(inbound.digest),
                reverse_path=inbound.reverse_path,
                forward_paths=paths,
                received=inbound.received,
                peer=inbound.peer,
                tls=inbound.tls,
                trace=inbound.trace,
            )
        )
    return desk.commit()


# -- envelopes --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """A sound envelope: for each recipient one outcome is owed (1.4)."""

    desk: Desk
    inbound: StoredInbound
    received: Received
    facts: CertificationData
    provider: str
    """Who sealed it."""
    service_mailbox: Address
    """Of the sender's provider: where rows 6 and 8 go (PC-2, DI-9)."""

    @classmethod
    def of(cls, arrived: _Arrived) -> "_Envelope":
        assert arrived.directory is not None, "an envelope's signer was looked up"
        assert arrived.received is not None, "an envelope was read"
        sender = arrived.facts.original.sender
        mailbox = arrived.directory.receipt_mailbox(arrived.signer(), sender.domain)
        assert mailbox is not None, "a verified signer has a record"
        return cls(
            desk=arrived.desk,
            inbound=arrived.inbound,
            received=arrived.received,
            facts=arrived.facts,
            provider=arrived.provider,
            service_mailbox=mailbox,
        )

    @property
    def recipients(self) -> tuple[Address, ...]:
        return tuple(dict.fromkeys(self.inbound.forward_paths))  # AM-30

    @property
    def transaction(self) -> str:
        return transaction_of(self.provider, self.recipients)

    def take(self) -> None:
        """Take it in charge, once a transaction; a repeat gets the same receipt again and nothing else (IP-21)."""
        desk, store = self.desk, self.desk.office.store
        identifier, whom = self.facts.original.identifier, frozenset(self.recipients)
        taken = store.taken(self.provider, identifier, whom)
        if taken is not None:
            self._send_again(taken)
            return
        self._issue_taking(identifier, whom)
        self.pass_on(desk.instant)  # AM-21: and then the scan (IP-17)

    def _issue_taking(self, identifier: str, whom: frozenset[Address]) -> None:
        desk = self.desk
        issuance = desk.issuance(self.facts.original, _subject(self.received))  # XM-7
        letter = desk.issue(
            compose_taking_in_charge(issuance, taken=self.recipients, service_mailbox=self.service_mailbox),
            key=letter_key(identifier, None, MessageRow.TAKING_IN_CHARGE, peer=self.transaction),
            event=LogEvent.TAKING_IN_CHARGE_ISSUED,
            original=self.facts.original,
            concerned=self.recipients,
        )
        desk.taken.append(
            Taken(provider=self.provider, identifier=identifier, recipients=whom, letter=letter.key, at=desk.instant)
        )
        desk.send_letter(letter)

    def _send_again(self, taken: Taken) -> None:
        office = self.desk.office
        letter = office.store.letter(taken.letter)
        if letter is None:
            raise OurError("the taking in charge of an envelope is not in the store")
        self.desk.send(
            Outgoing(
                key=letter.key,
                octets=lambda: office.store.octets(letter.digest),
                reverse_path=letter.reverse_path,
                forward_paths=letter.forward_paths,
                instant=self.desk.instant,
                repeat=self.inbound.key,
            )
        )

    def pass_on(self, since: datetime) -> None:
        """Scan, and hand it to the delivery point or to the virus storage (IP-17, IP-18). It waits for a verdict."""
        office = self.desk.office
        undecided = [one for one in self.recipients if self._undecided(one)]
        try:
            verdict = office.scanner.scan(office.store.octets(self.inbound.digest))
        except WorldError:
            self._without_verdict(undecided, since)
            return
        if verdict.clean:
            for recipient in undecided:
                self._to_delivery_point(recipient)
        elif undecided:
            self._store_infected(verdict)
            for recipient in undecided:
                self._detected(recipient, verdict)

    def _undecided(self, recipient: Address) -> bool:
        return self.desk.office.store.fate(self.provider, self.facts.original.identifier, recipient) is None

    def _to_delivery_point(self, recipient: Address) -> None:
        identifier = self.facts.original.identifier
        name = mailbox_name(self.facts.instant, "envelope", self.provider, identifier, recipient.key)
        self.desk.deliver_inbound(
            self.inbound,
            MessageClass.ENVELOPE,
            recipient,
            name=name,
            identifier=identifier,
            provider=self.provider,
        )

    def _store_infected(self, verdict: ScanVerdict) -> None:
        """VI-1: the envelope as it came."""
        self.desk.infected.append(_infected(self.desk, self.inbound, self.facts, verdict))
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
        draft = compose_virus_detection(
            self.desk.issuance(self.facts.original, _subject(self.received)),
            recipient=recipient,
            virus=verdict.virus,
            service_mailbox=self.service_mailbox,
        )
        self._decide(recipient, Fate.INFECTED)
        letter = self.desk.issue(
            draft,
            key=letter_key(
                self.facts.original.identifier, recipient, draft.row, peer=transaction_of(self.provider, ())
            ),
            event=LogEvent.VIRUS_DETECTION_ISSUED,
            original=self.facts.original,
            error=ErrorKind.VIRUS,
            error_detail=verdict.virus,
            concerned=(recipient,),
        )
        self.desk.send_letter(letter)

    def _decide(self, recipient: Address, fate: Fate) -> None:
        self.desk.fates.append(
            RecipientFate(
                provider=self.provider,
                identifier=self.facts.original.identifier,
                recipient=recipient,
                fate=fate,
                at=self.desk.instant,
            )
        )

    def _without_verdict(self, undecided: list[Address], since: datetime) -> None:
        """No verdict is no verdict: it is scanned later, and after hours it is not delivered (DP-6, AD-2)."""
        desk = self.desk
        if desk.instant - since >= desk.office.patience.scan:
            for recipient in undecided:
                self._not_delivered(recipient)
            return
        tries = int(payload.word(desk.job, "tries") or 0) + 1
        words: Payload = {
            "inbound": self.inbound.key,
            "provider": self.provider,
            "mailbox": self.service_mailbox.text,
            "since": since.isoformat(),
            "tries": tries,
        }
        key = f"arrival:{self.inbound.key}:scan:{tries}"
        due = desk.instant + step_delay(tries)
        desk.jobs.append(NewJob(key=key, kind=JobKind.ARRIVAL, due=due, payload=words))

    def _not_delivered(self, recipient: Address) -> None:
        failure = DeliveryFailure.UNSPECIFIED
        draft = compose_non_delivery(
            self.desk.issuance(self.facts.original, _subject(self.received)), recipient=recipient, failure=failure
        )
        self._decide(recipient, Fate.UNDELIVERABLE)
        letter = self.desk.issue(
            draft,
            key=letter_key(
                self.facts.original.identifier, recipient, draft.row, peer=transaction_of(self.provider, ())
            ),
            event=LogEvent.DELIVERY_FAILURE,
            original=self.facts.original,
            error=failure.value.error,
            error_detail=failure.value.detail(self.desk.office.provider.name),
            concerned=(recipient,),
            detail="no verdict of the scanner",
        )
        self.desk.send_letter(letter)


def _take_up(desk: Desk, inbound: StoredInbound) -> Commit:
    """Go on with an envelope that was taken in charge while the scanner was away: what it is was decided then."""
    received = read_received(desk.office.store.octets(inbound.digest))
    assert received.facts is not None, "an envelope taken in charge has certification data"
    envelope = _Envelope(
        desk=desk,
        inbound=inbound,
        received=received,
        facts=received.facts,
        provider=payload.word(desk.job, "provider"),
        service_mailbox=payload.address(desk.job, "mailbox"),
    )
    envelope.pass_on(datetime.fromisoformat(payload.word(desk.job, "since")))
    return desk.commit()


def _subject(received: Received) -> bytes | None:
    assert received.original is not None, "a sound envelope has its original"
    subject = read_head(received.original).first("Subject")
    return subject.body if subject else None


# -- everything else --------------------------------------------------------------------------------------


def _other(arrived: _Arrived) -> None:
    """Receipts, malformed and ordinary mail: scanned first, and never answered (MO-13)."""
    office, kind = arrived.desk.office, arrived.classification.kind
    try:
        verdict = office.scanner.scan(arrived.octets)
    except WorldError:
        raise NotYet("the scanner gives no verdict") from None  # IP-5
    if not verdict.clean:
        _drop_infected(arrived, verdict)
    elif kind is MessageClass.RECEIPT:
        _receipt(arrived)
    else:
        _wrap(arrived)


def _drop_infected(arrived: _Arrived, verdict: ScanVerdict) -> None:
    """IP-19, IP-20: logged, no notice; what a provider sealed is kept, other mail is not."""
    desk, kind = arrived.desk, arrived.classification.kind
    if kind is not MessageClass.ORDINARY:
        facts = arrived.facts if kind is MessageClass.RECEIPT else None
        desk.infected.append(_infected(desk, arrived.inbound, facts, verdict))
    arrived.log(LogEvent.VIRUS_FOUND, detail=f"{verdict.virus}; {verdict.engine}")


def _infected(
    desk: Desk, inbound: StoredInbound, facts: CertificationData | None, verdict: ScanVerdict
) -> InfectedMessage:
    return InfectedMessage(
        key=f"incoming:{inbound.key}",
        digest=inbound.digest,
        identifier=facts.original.identifier if facts else "",
        found=desk.instant,
        sender=inbound.reverse_path,
        recipients=inbound.forward_paths,
        virus=verdict.virus,
        engine=verdict.engine,
    )


_EVENTS = {
    NotificationKind.TAKING_IN_CHARGE: LogEvent.TAKING_IN_CHARGE_RECEIVED,
    NotificationKind.VIRUS_DETECTION: LogEvent.VIRUS_DETECTION_RECEIVED,
}


def _receipt(arrived: _Arrived) -> None:
    """F1 steps 6 and 9: into the mailbox it is for, and if it may (IP-15) it moves the states it is about (IP-19)."""
    desk, facts = arrived.desk, arrived.facts
    for recipient in arrived.recipients:
        words = ("receipt", arrived.inbound.digest, recipient.key)  # a byte-identical repeat is stored once
        name = mailbox_name(facts.instant, *words)
        desk.deliver_inbound(
            arrived.inbound, MessageClass.RECEIPT, recipient, name=name, identifier=facts.original.identifier
        )
    about = facts.taken_recipients or ((facts.delivery_recipient,) if facts.delivery_recipient else ())
    if arrived.classification.moves_state:
        said = hear(desk, facts, arrived.is_in_charge)
        arrived.log(_EVENTS.get(facts.kind, LogEvent.RECEIPT_RECEIVED), concerned=about, detail=said)
    else:
        said = f"{arrived.classification.suspicion}"
    if said and said != "late":
        arrived.log(LogEvent.SUSPICIOUS, concerned=about, detail=said)


def _wrap(arrived: _Arrived) -> None:
    """F8 to F10, F14: an anomaly envelope around what certifies nothing, for whoever wants or must have it (BA-1)."""
    desk, inbound, classification = arrived.desk, arrived.inbound, arrived.classification
    wanted = tuple(one for one in arrived.recipients if _wants(arrived, one))
    dropped = tuple(one for one in arrived.recipients if one not in wanted)
    if dropped:
        arrived.log(LogEvent.ANOMALY, concerned=dropped, detail=f"dropped: {classification.anomaly}")
    if not wanted:
        return
    draft = compose_anomaly_envelope(
        Arrival(octets=arrived.octets, reverse_path=inbound.reverse_path, forward_paths=wanted),  # BA-2, MO-11
        provider=desk.office.provider,
        instant=desk.instant,
        entropy=desk.office.entropy,
        error=classification.anomaly,
    )
    letter = desk.issue(
        draft,
        key=f"-/{inbound.key}/anomaly-envelope",
        event=LogEvent.ANOMALY,
        original=None,
        concerned=wanted,
        error_detail=classification.anomaly,
    )
    desk.rows[-1] = replace(desk.rows[-1], sender=inbound.reverse_path, peer=inbound.peer, tls=inbound.tls)
    desk.deliver_letter(letter, classification.kind, wanted)


def _wants(arrived: _Arrived, recipient: Address) -> bool:
    """IP-20: ordinary mail by the policy of the mailbox; what a provider sealed must be shown (IP-11)."""
    office = arrived.desk.office
    if recipient == office.provider.address and arrived.inbound.reverse_path is None:
        return False  # MO-12: bounces to the provider address
    mailbox = office.store.mailbox(recipient)
    if mailbox is None:
        return False
    return arrived.classification.kind is not MessageClass.ORDINARY or mailbox.ordinary_mail is OrdinaryMail.ANOMALY
