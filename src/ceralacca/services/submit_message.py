"""The access point's step: a submission that was answered `250` becomes accepted and enveloped, or refused.

Everything that one submission causes carries one time reference, T0: the instant at which its final
dot arrived. Date, text, certification data, signing time and log of acceptance and envelope show it
(AC-2, TI-2), and those of the two notices of refusal too: holders compete on the second, and a busy
worker costs them none. The receiving itself is the listener's; which checks there are is `core.access_point`.

A message without verdict of the scanner is not accepted (AP-18): it waits, nothing is claimed, and
after hours it is refused as a service that is not available.

What the holder has encrypted is certified as anything else; the scanner sees its ciphertext (AM-26).

Clauses: F1 steps 2 to 4, F2 to F6; AP-1, AP-2, AP-17 to AP-20, AP-25, AP-26, AC-2, TI-2, TI-6, VI-1, BT-5, MO-7, LO-2.
"""

from ceralacca.base.errors import WorldError
from ceralacca.base.instants import to_the_second
from ceralacca.core.access_point import SERVICE_UNAVAILABLE, Accepted, Refused, decide
from ceralacca.core.deadlines import Deadlines
from ceralacca.core.directory import Directory
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow, RecipientKind
from ceralacca.core.transaction import first_state
from ceralacca.formats.draft import Draft
from ceralacca.formats.envelope import compose_transport_envelope
from ceralacca.formats.mime.header import Head
from ceralacca.formats.original import prepare_original
from ceralacca.formats.receipt import compose_acceptance, compose_non_acceptance, compose_non_acceptance_virus
from ceralacca.formats.splice import Octets
from ceralacca.formats.submission import Submission, read_submission
from ceralacca.ports.letters import Letter, StoredInbound
from ceralacca.ports.scanner import ScanVerdict
from ceralacca.ports.store import Commit, InfectedMessage, Job, SentMessage
from ceralacca.services import log_rows, payload
from ceralacca.services.desk import Desk
from ceralacca.services.envelope_contents import LARGEST, EnvelopeContents, named
from ceralacca.services.keys import identifier_of, letter_key
from ceralacca.services.lockstep import give_way
from ceralacca.services.office import Office
from ceralacca.services.retry import NotYet
from ceralacca.services.take_in_charge import take_own


def submit(job: Job, office: Office) -> Commit:
    """Answer one submission: exactly one of acceptance and refusal comes of it (AP-26).

    Raises NotYet while the directory cannot be read or the scanner gives no verdict, WorldError for other
    trouble: then nothing has changed.
    """
    inbound = payload.inbound(job, office.store)
    directory = office.directory()
    if directory is None:
        raise NotYet("the providers directory cannot be read")  # IP-5, AP-24
    return _Submitted.read(job, office, inbound, directory).answer()


class _Submitted:
    """One submission on its desk."""

    def __init__(
        self, desk: Desk, inbound: StoredInbound, octets: Octets, submission: Submission, original: OriginalData
    ) -> None:
        self.desk = desk
        self.inbound = inbound
        self.octets = octets
        self.submission = submission
        self.original = original

    @classmethod
    def read(cls, job: Job, office: Office, inbound: StoredInbound, directory: Directory) -> "_Submitted":
        """Look at the octets and at what SMTP said around them."""
        octets = office.store.octets(inbound.digest)
        submission = read_submission(
            octets,
            reverse_path=inbound.reverse_path,
            forward_paths=inbound.forward_paths,
            channel_protected=bool(inbound.tls),  # AP-1
            sender_owned=_owned(inbound),  # AP-2
        )
        identifier = identifier_of(inbound, domain=office.provider.domain)  # AP-20
        desk = Desk(office=office, job=job, instant=to_the_second(inbound.received))  # T0
        return cls(desk, inbound, octets, submission, submission.original_data(identifier, directory))

    def answer(self) -> Commit:
        """Scan, decide, and lay on the desk what follows. The virus notice wins over the formal one (AP-19)."""
        give_way()
        self._log_arrival()
        verdict = self._verdict()
        decision = decide(
            self.submission.facts,
            self.desk.office.access,
            identifier=self.original.identifier,
            recipients=self.original.recipients,
        )
        if verdict is not None and not verdict.clean:
            self._refuse_virus(verdict)  # F6
        elif isinstance(decision, Refused):
            self._refuse(decision.description, detail="; ".join(one.detail for one in decision.failures if one.detail))
        elif verdict is None:
            self._refuse(SERVICE_UNAVAILABLE, detail="no verdict of the scanner")  # AP-18
        else:
            self._accept(decision, verdict)
        return self.desk.commit()

    def _log_arrival(self) -> None:
        row = log_rows.about(
            LogEvent.SUBMISSION,
            self.desk.instant,
            self.original,
            message_id=self.original.client_message_id or "",
            provider=self.desk.office.provider.name,
            peer=self.inbound.peer,
            tls=self.inbound.tls,
        )
        self.desk.rows.append(row)

    def _verdict(self) -> ScanVerdict | None:
        """Scan what was received (AP-17), at once with the others of a batch.

        None when hours have brought no verdict. Raises NotYet before.
        """
        office = self.desk.office
        verdict = office.scanner.begin(self.octets, digest=self.inbound.digest)
        give_way()
        try:
            return verdict()
        except WorldError:
            if office.clock.now() - self.inbound.received < office.patience.scan:
                raise NotYet("the scanner gives no verdict") from None  # AP-18
            return None

    # -- refused --------------------------------------------------------------------------------------

    def _refuse(self, description: str, *, detail: str) -> None:
        """F5: row 1, and nothing else leaves."""
        issuance = self.desk.issuance(self.original, self.submission.subject_body)
        draft = compose_non_acceptance(issuance, description=description)
        self._say(draft, LogEvent.NON_ACCEPTANCE, error=ErrorKind.OTHER, error_detail=description, detail=detail)

    def _refuse_virus(self, verdict: ScanVerdict) -> None:
        """F6: row 2; the original as it is goes to the virus storage (AP-17, VI-1)."""
        desk, inbound, original = self.desk, self.inbound, self.original
        desk.infected.append(
            InfectedMessage(
                key=f"access:{inbound.key}",
                digest=inbound.digest,
                identifier=original.identifier,
                found=desk.instant,
                sender=original.sender,
                recipients=tuple(one.address for one in original.recipients),
                virus=verdict.virus,
                engine=verdict.engine,
            )
        )
        desk.note(
            LogEvent.VIRUS_FOUND, original, error=ErrorKind.VIRUS, error_detail=verdict.virus, detail=verdict.engine
        )
        draft = compose_non_acceptance_virus(desk.issuance(original, self.submission.subject_body), virus=verdict.virus)
        self._say(draft, LogEvent.NON_ACCEPTANCE, error=ErrorKind.VIRUS, error_detail=verdict.virus)

    def _say(
        self,
        draft: Draft,
        event: LogEvent,
        *,
        error: ErrorKind = ErrorKind.NONE,
        error_detail: str = "",
        detail: str = "",
    ) -> None:
        """Answer the sender: rows 1, 2 and 3 go straight to their mailbox here (F1 step 3, MO-10)."""
        letter = self.desk.issue(
            draft,
            key=letter_key(self.original.identifier, None, draft.row),
            event=event,
            original=self.original,
            error=error,
            error_detail=error_detail,
            detail=detail,
        )
        self.desk.deliver_letter(letter, MessageClass.RECEIPT)

    # -- accepted -------------------------------------------------------------------------------------

    def _accept(self, decision: Accepted, verdict: ScanVerdict) -> None:
        """F1: rows 3 and 4 at T0, timers armed, the envelope on its ways (AP-25)."""
        desk, submission, original = self.desk, self.submission, self.original
        assert submission.head is not None, "the header of what is accepted was read"
        prepared = prepare_original(
            self.octets,
            identifier=decision.identifier,
            client_message_id=submission.client_message_id,
            trace=self.inbound.trace,
            head=submission.head,
        )
        whole = prepared.splice
        message = bytes(whole) if len(whole) <= LARGEST else whole
        issuance = desk.issuance(original, submission.subject_body)
        self._say(compose_acceptance(issuance), LogEvent.ACCEPTANCE)
        draft = compose_transport_envelope(
            issuance,
            original=message,
            head=submission.head,
            requested=submission.requested_receipt,
            trace=self.inbound.trace,
        )
        envelope = desk.issue(
            draft,
            key=letter_key(original.identifier, None, MessageRow.TRANSPORT_ENVELOPE),
            event=LogEvent.ENVELOPE_SENT,
            original=original,
        )
        self._track()
        external = [one.address for one in original.recipients if one.kind is RecipientKind.EXTERNAL]
        inside = self._take_own(envelope, draft, verdict)  # F2
        if inside and isinstance(message, bytes):
            desk.office.own_envelopes.keep(envelope.key, self._contents(message, submission.head))
        desk.send_letter(envelope, original, scanned=verdict.engine, external=external, inside=inside)  # BT-5, F3, F4

    def _take_own(self, envelope: Letter, draft: Draft, verdict: ScanVerdict) -> list[Address]:
        """Take the envelope in charge where recipients are ours too: a step of its own, at its own instant (TI-1)."""
        assert draft.certification is not None, "an envelope certifies something"
        desk = self.desk.at(self.desk.office.now())
        issuance = desk.issuance(self.original, self.submission.subject_body)
        return take_own(desk, envelope, draft.certification, issuance, scanned=verdict.engine)

    def _contents(self, message: bytes, head: Head) -> EnvelopeContents:
        """Return what the delivery point would read out of the envelope."""
        facts = self.submission.facts
        return EnvelopeContents(
            original=self.original,
            subject_body=self.submission.subject_body,
            requested=self.submission.requested_receipt,
            to=named(head, "To", facts.to),
            cc=named(head, "Cc", facts.cc),
            message=message,
        )

    def _track(self) -> None:
        """Keep the message with a state for each recipient, and arm the timers of the certified ones (TI-6, TN-4)."""
        desk, original = self.desk, self.original
        desk.sent.append(
            SentMessage(
                original=original,
                subject_body=self.submission.subject_body,
                accepted=desk.instant,
                states={one.address: first_state(one.kind) for one in original.recipients},
            )
        )
        deadlines = Deadlines(accepted=desk.instant, settings=desk.office.deadlines)
        for one in original.recipients:
            if one.kind is RecipientKind.CERTIFIED:
                desk.arm(original.identifier, one.address, deadlines)


def _owned(inbound: StoredInbound) -> bool:
    path = inbound.reverse_path
    return path is not None and path.key == inbound.authenticated.lower()  # AM-14
