"""The incoming point's step: what arrived is verified, looked at, classified, and only then acted upon.

In the order of the norm: the seal for the moment of reception, the form, the class; a sound envelope
is taken in charge before it is scanned (AM-21), everything else is scanned first. Deciding is
`core.incoming_point`; the class travels to the delivery point in a job of ours and in no header (MO-14).
Trouble of our own never makes a wrong class: the message, answered `250`, waits (IP-5).

Clauses: F1 steps 5 to 9, F2, F7 to F11, F14; IP-4 to IP-22, MO-2, MO-5, MO-12 to MO-14,
PC-1 to PC-3, RV-1, VI-1, BA-1, LO-2.
"""

from dataclasses import dataclass

from ceralacca.base.errors import UnreadableMessage, WorldError
from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.directory import Directory
from ceralacca.core.incoming_point import Classification, IncomingFacts, MessageClass, classify
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.outcome import SealReport
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope
from ceralacca.formats.received import Received
from ceralacca.formats.splice import Octets
from ceralacca.lint.form import check_form, family_of
from ceralacca.ports.letters import Inbound, StoredInbound
from ceralacca.ports.mailbox import OrdinaryMail
from ceralacca.ports.scanner import ScanVerdict
from ceralacca.ports.store import Commit, Job
from ceralacca.services import log_rows, payload
from ceralacca.services.desk import Desk
from ceralacca.services.follow_up import hear_and_log, whom_it_is_about
from ceralacca.services.keys import mailbox_name
from ceralacca.services.lockstep import give_way
from ceralacca.services.office import Office
from ceralacca.services.pass_on import hindrance, kept_for, pass_on
from ceralacca.services.reading import read
from ceralacca.services.recipient_fate import issuance_about
from ceralacca.services.retry import NotYet
from ceralacca.services.scanning import verdict_on
from ceralacca.services.take_in_charge import Envelope, infected, take_up, was_taken


def receive(job: Job, office: Office) -> Commit:
    """Decide about one arrival. Raises NotYet while it cannot be decided, WorldError for other trouble."""
    inbound = payload.inbound(job, office.store)
    desk = Desk(office=office, job=job, instant=office.now())
    if was_taken(desk):
        take_up(desk, inbound)
        return desk.commit()
    kept = kept_for(job)
    if kept is None and _mixed(office, inbound):
        return _split(desk, inbound)
    arrived = _look(desk, inbound)
    kind = arrived.classification.kind
    if kind is MessageClass.TEMPORARY:
        raise NotYet("the seal cannot be judged at present")  # IP-5
    unprotected = kind is not MessageClass.ORDINARY and not inbound.tls
    words = (kind.value, arrived.classification.anomaly, "over an unprotected connection" if unprotected else "")
    if kept is None:  # else it was logged when it came
        arrived.log(LogEvent.ARRIVAL, detail=" ".join(word for word in words if word))  # IP-4
    if arrived.classification.quarantine:  # IP-22: stays where it is, in the store, and goes nowhere
        arrived.log(LogEvent.QUARANTINE, detail=f"kept as {inbound.key}")
    elif kind is MessageClass.ENVELOPE:
        _envelope(arrived).take()
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
        """The recipients of the SMTP transaction, each once (AM-30); or the one for whom it is looked at again."""
        kept = kept_for(self.desk.job)
        return tuple(dict.fromkeys(self.inbound.forward_paths)) if kept is None else (kept,)

    @property
    def message_id(self) -> str:
        """Its Message-ID, as far as a log row holds it."""
        return (self.received.outer.message_id or "")[:998] if self.received else ""

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
            message_id=self.message_id,
            provider=self.provider,
            detail=detail,
        )
        self.desk.rows.append(row)

    def signer(self) -> bytes:
        """Return the listed certificate that the verified signer showed (IP-7)."""
        assert self.directory is not None, "what has a signer was looked up"
        assert self.seal is not None, "what has a signer was judged"
        assert self.seal.signer is not None, "a verified seal names its signer"
        certificate = self.directory.certificate(self.seal.signer.sha1)
        assert certificate is not None, "what has a signer is listed"
        return certificate

    def is_in_charge(self, domain: str) -> bool:
        """Say whether the signer is the provider of a domain (MV-2)."""
        return self.directory is not None and self.directory.owns(self.signer(), domain)


def _look(desk: Desk, inbound: StoredInbound) -> _Arrived:
    """Verify, check and classify, for the moment of reception (5.2, IP-8)."""
    office = desk.office
    octets, directory = office.store.octets(inbound.digest), office.directory()
    to_service = office.service_mailbox in inbound.forward_paths
    try:
        received = read(octets)
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
    give_way()
    verify = office.verifier(inbound.received, directory)
    seal = verify(received.signed or octets, sender_domain=None)  # the sender's domain is judged by `classify`
    give_way()
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
        lacks_tls=office.require_tls_for_pec and not inbound.tls,
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


def _envelope(arrived: _Arrived) -> Envelope:
    assert arrived.directory is not None, "an envelope's signer was looked up"
    assert arrived.received is not None, "an envelope was read"
    mailbox = arrived.directory.receipt_mailbox(arrived.signer(), arrived.facts.original.sender.domain)  # PC-2
    assert mailbox is not None, "a verified signer has a record"
    return Envelope(
        desk=arrived.desk,
        inbound=arrived.inbound,
        octets=arrived.octets,
        issuance=issuance_about(arrived.desk, arrived.received),
        sealed=arrived.facts.instant,
        provider=arrived.provider,
        service_mailbox=mailbox,
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


# -- everything else --------------------------------------------------------------------------------------


def _other(arrived: _Arrived) -> None:
    """Receipts, malformed and ordinary mail: scanned first, and never answered (MO-13)."""
    kind = arrived.classification.kind
    try:
        verdict = verdict_on(arrived.octets, arrived.desk, digest=arrived.inbound.digest)
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
        identifier = arrived.facts.original.identifier if kind is MessageClass.RECEIPT else ""
        desk.infected.append(infected(desk, arrived.inbound, f"incoming:{arrived.inbound.key}", identifier, verdict))
    arrived.log(LogEvent.VIRUS_FOUND, detail=f"{verdict.virus}; {verdict.engine}")


def _receipt(arrived: _Arrived) -> None:
    """F1 steps 6 and 9: into the mailbox it is for, and if it may (IP-15) it moves the states it is about (IP-19)."""
    desk, facts = arrived.desk, arrived.facts
    for recipient in arrived.recipients:
        words = ("receipt", arrived.inbound.digest, recipient.key)  # a byte-identical repeat is stored once
        name = mailbox_name(facts.instant, *words)
        desk.deliver_inbound(
            arrived.inbound, MessageClass.RECEIPT, recipient, name=name, identifier=facts.original.identifier
        )

    def log(event: LogEvent, concerned: tuple[Address, ...], detail: str) -> None:
        arrived.log(event, concerned=concerned, detail=detail)

    if arrived.classification.moves_state:
        _shelve(arrived)
        hear_and_log(desk, facts, arrived.is_in_charge, log)
    else:
        log(LogEvent.SUSPICIOUS, whom_it_is_about(facts), f"{arrived.classification.suspicion}")


def _shelve(arrived: _Arrived) -> None:
    """Let a holder's receipt be found again after it was delivered (LO-8); the service mailbox is nobody's."""
    facts = arrived.facts
    for holder in arrived.recipients:
        if holder == facts.original.sender:
            arrived.desk.shelve(facts, holder, digest=arrived.inbound.digest, message_id=arrived.message_id)


def _wrap(arrived: _Arrived) -> None:
    """F8 to F10, F14: an anomaly envelope around what certifies nothing, for whoever wants or must have it (BA-1)."""
    desk, inbound, classification = arrived.desk, arrived.inbound, arrived.classification
    ways = {one: _way(arrived, one) for one in arrived.recipients}
    dropped = tuple(one for one, way in ways.items() if way is None)
    if dropped:
        arrived.log(LogEvent.ANOMALY, concerned=dropped, detail=f"dropped: {classification.anomaly}")
    for one, way in ways.items():
        if isinstance(way, Address):
            pass_on(desk, inbound, arrived.octets, mailbox=one, target=way, message_id=arrived.message_id)
    wanted = tuple(one for one, way in ways.items() if way is OrdinaryMail.ANOMALY)
    if not wanted:
        return
    kept = kept_for(desk.job)
    after_all = f"/{kept.key}" if kept else ""  # beside the one that others may have had
    draft = compose_anomaly_envelope(
        Arrival(octets=arrived.octets, reverse_path=inbound.reverse_path, forward_paths=arrived.recipients),
        provider=desk.office.provider,
        instant=desk.instant,
        entropy=desk.office.entropy,
        error=classification.anomaly,
    )
    letter = desk.issue(
        draft,
        key=f"-/{inbound.key}/anomaly-envelope{after_all}",
        event=LogEvent.ANOMALY,
        original=None,
        concerned=wanted,
        error_detail=classification.anomaly,
    )
    desk.rows[-1] = desk.rows[-1]._replace(sender=inbound.reverse_path, peer=inbound.peer, tls=inbound.tls)
    desk.deliver_letter(letter, classification.kind, wanted)


def _way(arrived: _Arrived, recipient: Address) -> OrdinaryMail | Address | None:
    """IP-20, AM-23: ordinary mail by the policy of the mailbox; what a provider sealed must be shown (IP-11).

    Returns ANOMALY to wrap it, an address to pass it on to, None to drop it.
    """
    office = arrived.desk.office
    if recipient == office.provider.address and arrived.inbound.reverse_path is None:
        return None  # MO-12: bounces to the provider address
    mailbox = office.store.mailbox(recipient)
    if mailbox is None:
        return None
    sealed = arrived.classification.kind is not MessageClass.ORDINARY
    if sealed or mailbox.ordinary_mail is OrdinaryMail.ANOMALY or kept_for(arrived.desk.job):
        return OrdinaryMail.ANOMALY
    if mailbox.forward_to is None:
        return None
    why = hindrance(arrived.desk, arrived.inbound, arrived.received, mailbox.address, mailbox.forward_to)
    if why is None:
        return mailbox.forward_to
    arrived.log(LogEvent.ANOMALY, concerned=(recipient,), detail=f"not passed on: {why}")
    return OrdinaryMail.ANOMALY
