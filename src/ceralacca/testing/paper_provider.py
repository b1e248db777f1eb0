"""A provider on paper, whole: its sender's side, its incoming point and its delivery point.

Part of the paper circuit (`testing.circuit`). `arrive` is the recipient's side of 1.2 and 1.4 in the
order of the norm: verify the seal, check the form, classify, and only then take in charge, scan,
deliver, wrap or keep aside. Everything it decides it asks of `core`; it says nothing on SMTP.

Plays: F1 steps 5 to 9, F2, F7 to F11, F14.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ceralacca.base.errors import WorldError
from ceralacca.core.delivery_point import DeliveryFailure, Fate, owed, receipt_kind, requested_receipt
from ceralacca.core.directory import certificate_sha1
from ceralacca.core.incoming_point import Classification, IncomingFacts, MessageClass, classify
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import SealReport
from ceralacca.formats.draft import Draft
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.receipt import (
    compose_delivery,
    compose_non_delivery,
    compose_taking_in_charge,
    compose_virus_detection,
)
from ceralacca.formats.received import Received, read_received
from ceralacca.lint.form import check_form, family_of
from ceralacca.testing.paper_sender import Desk, Letter, SenderSide
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.verifier import JudgedAt, verify_seal


class TryLater(WorldError):
    """The incoming point cannot decide now: the SMTP answer is 4xx and the peer keeps the message (IP-5)."""


@dataclass(slots=True)
class Mailbox:
    """One holder's mailbox."""

    letters: list[bytes] = field(default_factory=list)
    failure: DeliveryFailure | None = None
    """Why nothing can be stored at present, for good as far as the delivery point is concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """A letter that was looked at. The classification travels as this value and in no header (MO-14)."""

    letter: Letter
    received: Received
    seal: SealReport
    classification: Classification
    virus: str | None

    @property
    def facts(self) -> CertificationData:
        """The certification data of what has a sound form."""
        assert self.received.facts is not None, "a sound form has certification data"
        return self.received.facts


@dataclass(slots=True, kw_only=True)
class PaperProvider:
    """One provider: state, and the steps that change it and return the letters that leave."""

    desk: Desk
    sender_side: SenderSide
    service_mailbox: Address
    """`mailReceipt` (MO-4)."""
    trust: TrustStore | None
    mailboxes: dict[Address, Mailbox]
    """Of the holders and of the service."""
    wraps_ordinary_mail: bool = True
    """IP-20: in an anomaly envelope; False discards."""
    quarantine: list[Letter] = field(default_factory=list)
    _taken: dict[tuple[str, str, frozenset[Address]], Letter] = field(default_factory=dict)
    """The taking in charge of each envelope and transaction: a repeat gets the same object (IP-21)."""
    _fates: dict[tuple[str, str, Address], Fate] = field(default_factory=dict)
    """What became of each envelope for each recipient: decided once."""

    def arrive(self, letter: Letter) -> tuple[Letter, ...]:
        """F1 step 5 on: take a message that SMTP has brought for us. Raises TryLater, then nothing has changed."""
        arrived = self._look(letter)
        match arrived.classification:
            case Classification(kind=MessageClass.TEMPORARY):
                raise TryLater("not decided", remedy="try again")
            case Classification(quarantine=True):  # IP-22
                self.quarantine.append(letter)
                return ()
            case Classification(kind=MessageClass.ENVELOPE):
                return self._envelope(arrived)
        if arrived.virus is not None:  # F8; IP-19, IP-20
            self.desk.remarks.append(f"infected {arrived.classification.kind}: {arrived.virus}")
            if arrived.classification.kind is not MessageClass.ORDINARY:
                self.desk.infected.append(letter.octets)
            return ()
        if arrived.classification.kind is MessageClass.RECEIPT:
            return self._receipt(arrived)
        if arrived.classification.kind is MessageClass.PEC_MALFORMED or self.wraps_ordinary_mail:
            self._wrap(arrived)
        return ()

    def _look(self, letter: Letter) -> _Arrived:
        """Verify, check and classify, for the moment of reception (5.2)."""
        received = read_received(letter.octets)
        seal = verify_seal(
            received.signed or letter.octets,
            trust=self.trust,
            directory=self.desk.directory,
            at=JudgedAt.now(self.desk.clock.now()),
        )
        form = check_form(
            received,
            reverse_path=letter.reverse_path,
            local_recipients=letter.forward_paths,
            signer_addresses=seal.signer.addresses if seal.signer else (),
            service_mailboxes=(self.service_mailbox,),
        )
        facts = IncomingFacts(
            seal=seal,
            family=family_of(received),
            form=form,
            certification=received.facts,
            directory=self.desk.directory,
            own_provider=self.desk.provider.name,
            to_service_mailbox=self.service_mailbox in letter.forward_paths,
        )
        return _Arrived(
            letter=letter,
            received=received,
            seal=seal,
            classification=classify(facts),
            virus=self.desk.scan(letter.octets),
        )

    def _envelope(self, arrived: _Arrived) -> tuple[Letter, ...]:
        """F1 steps 6 to 9, F7, F11: taking in charge for the transaction, then one outcome per recipient."""
        identifier, recipients = arrived.facts.original.identifier, arrived.letter.forward_paths
        transaction = (arrived.seal.provider, identifier, frozenset(recipients))
        if transaction in self._taken:
            return (self._taken[transaction],)  # IP-21
        issuance, service_mailbox = self._issuance(arrived), self._peer_mailbox(arrived)
        taking = compose_taking_in_charge(issuance, taken=recipients, service_mailbox=service_mailbox)
        self._taken[transaction] = self.desk.issue(taking)
        if arrived.virus is not None:  # IP-18
            self.desk.infected.append(arrived.letter.octets)
        outcomes = [self._outcome(arrived, issuance, one) for one in recipients if self._undecided(arrived, one)]
        return self._taken[transaction], *(self.desk.issue(draft) for draft in outcomes)

    def _undecided(self, arrived: _Arrived, recipient: Address) -> bool:
        return (arrived.seal.provider, arrived.facts.original.identifier, recipient) not in self._fates

    def _outcome(self, arrived: _Arrived, issuance: Issuance, recipient: Address) -> Draft:
        """Store the envelope or not, and compose the one outcome that this recipient is owed (DP-3, DP-4)."""
        mailbox = self.mailboxes.get(recipient, Mailbox(failure=DeliveryFailure.NO_MAILBOX))
        if arrived.virus is not None:
            fate = Fate.INFECTED
        elif mailbox.failure is not None:
            fate = Fate.UNDELIVERABLE
        else:
            mailbox.letters.append(arrived.letter.octets)  # DP-2, and before the receipt: DR-1
            fate = Fate.STORED
        self._fates[arrived.seal.provider, arrived.facts.original.identifier, recipient] = fate
        _, row = owed(arrived.classification.kind, fate)
        if row is MessageRow.DELIVERY:
            return _delivery(arrived, issuance, recipient)
        if row is MessageRow.NON_DELIVERY:
            return compose_non_delivery(
                issuance, recipient=recipient, failure=mailbox.failure or DeliveryFailure.UNSPECIFIED
            )
        return compose_virus_detection(
            issuance,
            recipient=recipient,
            virus=arrived.virus or "",
            service_mailbox=self._peer_mailbox(arrived),
        )

    def _receipt(self, arrived: _Arrived) -> tuple[Letter, ...]:
        """F1 steps 6 and 9 at the sender's: store the receipt, and let it move the state if it may (IP-15, IP-19)."""
        self._store(arrived.letter.forward_paths, arrived.letter.octets)
        if not arrived.classification.moves_state:
            self.desk.remarks.append(f"suspicious: {arrived.classification.suspicion}")
            return ()
        return self.sender_side.hear(arrived.facts, lambda domain: self._is_in_charge(arrived, domain))

    def _wrap(self, arrived: _Arrived) -> None:
        """F8, F9, F10, F14: an anomaly envelope around what certifies nothing, delivered without receipt."""
        letter = arrived.letter
        draft = compose_anomaly_envelope(
            Arrival(octets=letter.octets, reverse_path=letter.reverse_path, forward_paths=letter.forward_paths),
            provider=self.desk.provider,
            instant=self.desk.clock.now(),
            entropy=self.desk.entropy,
            error=arrived.classification.anomaly,
        )
        self._store(letter.forward_paths, self.desk.issue(draft).octets)

    def _store(self, recipients: Iterable[Address], octets: bytes) -> None:
        for recipient in recipients:
            mailbox = self.mailboxes.get(recipient)
            if mailbox is None or mailbox.failure is not None:
                self.desk.remarks.append(f"not stored: {recipient}")  # DP-5
            else:
                mailbox.letters.append(octets)

    def _issuance(self, arrived: _Arrived) -> Issuance:
        """Compose from the envelope's own certification data, never computed anew (XM-7)."""
        assert arrived.received.original is not None, "a sound envelope has its original"
        subject = read_head(arrived.received.original).first("Subject")
        return self.desk.issuance(arrived.facts.original, subject.body if subject else None)

    def _signer(self, arrived: _Arrived) -> bytes:
        """Return the listed certificate that the verified signer showed (IP-7)."""
        assert self.desk.directory is not None
        assert arrived.seal.signer is not None
        sha1 = arrived.seal.signer.sha1
        listed = self.desk.directory.records_of_certificate(sha1)
        return next(der for record in listed for der in record.certificates if certificate_sha1(der) == sha1)

    def _is_in_charge(self, arrived: _Arrived, domain: str) -> bool:
        assert self.desk.directory is not None
        return self.desk.directory.owns(self._signer(arrived), domain)

    def _peer_mailbox(self, arrived: _Arrived) -> Address:
        """Find where rows 6 and 8 go: the signer's record that manages the sender's domain (PC-2, DI-9)."""
        assert self.desk.directory is not None
        mailbox = self.desk.directory.receipt_mailbox(self._signer(arrived), arrived.facts.original.sender.domain)
        assert mailbox is not None, "a verified signer has a record"
        return mailbox


def _delivery(arrived: _Arrived, issuance: Issuance, recipient: Address) -> Draft:
    """Compose the delivery receipt of the kind that this recipient's place in To or Cc asks for (4.10)."""
    received, outer = arrived.received, arrived.received.outer
    requested = requested_receipt(arrived.facts.requested_receipt, outer.receipt_kind)
    assert received.original is not None, "a sound envelope has its original"
    return compose_delivery(
        issuance,
        recipient=recipient,
        requested=requested,
        issued=receipt_kind(requested, recipient, _named(received, "To", outer.to), _named(received, "Cc", outer.cc)),
        original=received.original,
    )


def _named(received: Received, field_name: str, found: Sequence[Address]) -> Sequence[Address] | None:
    """Return the addresses of a field; None when it is there and says none (DR-2)."""
    return None if received.head.all(field_name) and not found else found
