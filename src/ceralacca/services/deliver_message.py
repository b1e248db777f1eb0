"""The delivery point's step: messages into mailboxes, many with one sync, and only then the delivery receipts.

The order is the whole point (DP-3): what is put is durable before anything claims it, the receipt bears
the instant of storage and is committed together with the recipient's fate, and the name in the mailbox
is derived from the transaction, so that after a crash in between the same act finds its own work. What
is put is what arrived, octet for octet (DP-2).

Only an envelope is answered (DP-1, MO-13): by the delivery receipt, or by the notice of non-delivery
when the mailbox cannot take it, at once or after hours of trouble (DP-6). Everything else that cannot be
stored is logged; a receipt is held until its mailbox can take it again (AM-27).

There are no aliases, groups or forwards: the address of the transaction names the one mailbox, and is the certified
recipient (DP-9). A rule of the holder's may name the folder and nothing else; it is asked again at every try, and the
mail store goes by the first answer that it wrote down (DP-8).

Clauses: F1 steps 8 and 9, F11; DP-1 to DP-6, DR-1, DR-2, DR-5, AD-1, AD-2, AM-27, IP-3, DP-8, DP-9, MO-9,
MO-13, MO-14, LO-2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ceralacca.base.errors import UnreadableMessage, WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.delivery_point import DeliveryFailure, Fate, receipt_kind
from ceralacca.core.delivery_rules import INBOX
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.receipt import compose_delivery
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import StoredLetter
from ceralacca.ports.mail_store import Coming, MailInHand, Put, PutOutcome
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.store import Commit, Job, JobKind, NewJob, Postponed
from ceralacca.services import payload
from ceralacca.services.choose_folder import chosen_folder
from ceralacca.services.desk import Desk
from ceralacca.services.envelope_contents import EnvelopeContents, read_contents
from ceralacca.services.lockstep import give_way
from ceralacca.services.notice_jobs import jobs_for
from ceralacca.services.office import Office
from ceralacca.services.reading import read
from ceralacca.services.recipient_fate import Owed, issuance_about, not_delivered, settle
from ceralacca.services.retry import NotYet, step_delay

_LINTED: Final = frozenset(
    {MessageRow.NON_ACCEPTANCE, MessageRow.ACCEPTANCE, MessageRow.TRANSPORT_ENVELOPE, MessageRow.TAKING_IN_CHARGE}
)
"""Letters of ours that were sealed only because all their lines end in CRLF; others may hold foreign ones."""
_CLASSES: Final = {str(kind): kind for kind in MessageClass}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one mailbox, loaded."""

    job: Job
    kind: MessageClass
    """As the incoming point found (MO-14)."""
    recipient: Address
    octets: Octets
    mailbox: MailboxRecord | None
    """None when there is no such mailbox."""
    letter: StoredLetter | None = None
    """What it is, when we generated it."""
    folder: str = INBOX
    """Where its holder wants it."""

    @property
    def is_envelope(self) -> bool:
        """Whether a receipt is due (DP-1)."""
        return self.kind is MessageClass.ENVELOPE

    @property
    def name(self) -> str:
        """Its name in the mailbox."""
        return payload.word(self.job, "name")

    @property
    def identifier(self) -> str:
        """Of its transaction; empty when it is in none."""
        return payload.word(self.job, "identifier")

    @property
    def owed(self) -> Owed:
        """To whom the answer to an envelope is owed."""
        return Owed(provider=payload.word(self.job, "provider"), recipient=self.recipient)

    @property
    def refusal(self) -> DeliveryFailure | None:
        """Why the mailbox takes nothing, whatever there is room for; None when it does."""
        if self.mailbox is None:
            return DeliveryFailure.NO_MAILBOX  # IP-3
        return DeliveryFailure.DISABLED if self.mailbox.status is MailboxStatus.CLOSED else None

    def put(self) -> Put:
        """Return what the mail store is asked for."""
        assert self.mailbox is not None, "only a mailbox that there is is put into"
        return Put(
            mailbox=self.recipient,
            name=self.name,
            octets=self.octets,
            quota=self.mailbox.quota,
            folder=self.folder,
            ends_in_crlf=self.letter is not None and self.letter.row in _LINTED,
        )


def load(job: Job, office: Office) -> Delivery | None:
    """Load what a DELIVERY job is about; None when the envelope's fate for this recipient is decided already."""
    store, recipient = office.store, payload.address(job)
    kind = _CLASSES[payload.word(job, "kind")]
    if kind is MessageClass.ENVELOPE:
        words = payload.word(job, "provider"), payload.word(job, "identifier")
        if store.fate(*words, recipient) is not None:
            return None
    letter = payload.letter(job, store) if payload.word(job, "letter") else None
    digest = letter.digest if letter else payload.inbound(job, store).digest
    octets, mailbox = store.octets(digest), store.mailbox(recipient)
    takes_rules = mailbox is not None and not mailbox.is_service
    return Delivery(
        job=job,
        kind=kind,
        recipient=recipient,
        octets=octets,
        mailbox=mailbox,
        letter=letter,
        folder=chosen_folder(store, recipient, kind, octets) if takes_rules else INBOX,
    )


def coming(commits: Sequence[Commit]) -> Iterator[Coming]:
    """Give the letters that are delivered soon, if these commits are made."""
    for commit in commits:
        letters = {letter.key: letter for letter in commit.letters}
        for job in commit.jobs if letters else ():
            letter = letters.get(payload.word(job, "letter"))
            if job.kind is JobKind.DELIVERY and letter is not None:
                name = payload.word(job, "name")
                yield Coming(mailbox=payload.address(job), name=name, octets=letter.octets)


def store_all(deliveries: Sequence[Delivery], mail: MailInHand) -> list[PutOutcome | WorldError]:
    """Put messages into their mailboxes with one sync; when that fails, each alone, so that none fails the others.

    They are durable, and what follows may be committed, once the mail store has settled.
    """
    puts = [delivery.put() for delivery in deliveries]
    reach("deliver_message.put.before")
    try:
        outcomes: list[PutOutcome | WorldError] = [*mail.put(puts)]
    except WorldError as trouble:
        outcomes = [trouble] if len(puts) == 1 else [_put_alone(put, mail) for put in puts]
    reach("deliver_message.put.after")
    return outcomes


def _put_alone(put: Put, mail: MailInHand) -> PutOutcome | WorldError:
    try:
        (outcome,) = mail.put([put])
    except WorldError as trouble:
        return trouble
    return outcome


def conclude(delivery: Delivery, outcome: PutOutcome | WorldError | None, office: Office) -> Commit | Postponed:
    """Decide what follows from how putting ended; None when the mailbox was not asked because it refuses.

    Raises NotYet for a mailbox that cannot be written at present.
    """
    desk = Desk(office=office, job=delivery.job, instant=office.now())  # the instant of storage (DP-3)
    match outcome:
        case PutOutcome.STORED | PutOutcome.ALREADY_THERE:
            _stored(desk, delivery)
            _tell(desk, delivery)
            # The mailbox says that this was put, and the same log row would be written: only an envelope is answered.
            return desk.commit(repeatable=not delivery.is_envelope and not desk.jobs)
        case PutOutcome.OVER_QUOTA:
            return _undeliverable(desk, delivery, DeliveryFailure.OVER_QUOTA)
        case WorldError():
            _out_of_patience(desk, delivery)
        case None:
            return _undeliverable(desk, delivery, delivery.refusal or DeliveryFailure.UNSPECIFIED)
    return desk.commit()


# -- stored -----------------------------------------------------------------------------------------------


def _stored(desk: Desk, delivery: Delivery) -> None:
    """Log the delivery; for an envelope decide its fate and issue the receipt in the same commit (DR-1, DP-3, DP-4)."""
    if not delivery.is_envelope:
        desk.note(
            LogEvent.DELIVERY,
            _original(desk, delivery),
            concerned=(delivery.recipient,),
            message_id=delivery.letter.message_id if delivery.letter else "",  # which receipt it was: SL-4
            detail=delivery.kind,
        )
        return
    kept = desk.office.own_envelopes.get(delivery.letter.key) if delivery.letter else None
    contents = kept or read_contents(read(delivery.octets))
    give_way()
    issuance = desk.issuance(contents.original, contents.subject_body)
    draft, issued = _receipt(issuance, contents, delivery.recipient)
    settle(desk, delivery.owed, Fate.STORED, issuance, draft, detail=issued.value)  # LO-7: `ricevuta`


def _tell(desk: Desk, delivery: Delivery) -> None:
    """Leave it to others to tell a holder who wants to hear of it by ordinary ways."""
    if delivery.mailbox is not None and delivery.mailbox.notices:
        desk.jobs.extend(jobs_for(delivery.mailbox, delivery.kind, desk.instant))


def _receipt(issuance: Issuance, contents: EnvelopeContents, recipient: Address) -> tuple[Draft, ReceiptKind]:
    """Compose the receipt of the kind that this recipient's place in To or Cc asks for (4.10, DR-2, DR-5)."""
    requested, message = contents.requested, contents.message
    issued = receipt_kind(requested, recipient, contents.to, contents.cc)
    try:
        draft = compose_delivery(issuance, recipient=recipient, requested=requested, issued=issued, original=message)
    except UnreadableMessage:  # too deep to be reduced (SE-7): the whole is never less than the brief
        issued = ReceiptKind.COMPLETE
        draft = compose_delivery(issuance, recipient=recipient, requested=requested, issued=issued, original=message)
    return draft, issued


# -- not stored -------------------------------------------------------------------------------------------


def _undeliverable(desk: Desk, delivery: Delivery, failure: DeliveryFailure) -> Commit | Postponed:
    """The mailbox cannot take it, for good as far as we can see (DP-5)."""
    if delivery.kind is MessageClass.RECEIPT:
        return _held(desk, delivery, failure)
    if delivery.is_envelope:
        _stored_or_refused(desk, delivery, failure)
    else:
        _log_failure(desk, delivery, failure, "dropped")
    return desk.commit()


def _out_of_patience(desk: Desk, delivery: Delivery) -> None:
    """A mailbox that could not be written: wait, and after hours tell an envelope's sender (DP-6)."""
    since = desk.office.patience.mailbox
    waiting = desk.instant - delivery.job.created < since
    if waiting or not delivery.is_envelope:
        raise NotYet("the mailbox cannot be written")
    _stored_or_refused(desk, delivery, DeliveryFailure.UNSPECIFIED)


def _stored_or_refused(desk: Desk, delivery: Delivery, failure: DeliveryFailure) -> None:
    """F11: row 11 (AD-1, AD-2), unless an earlier attempt had stored the envelope and died before it could say so."""
    if delivery.job.attempts > 1 and desk.office.mail.holds(delivery.recipient, delivery.name):
        _stored(desk, delivery)
    else:
        not_delivered(desk, delivery.owed, issuance_about(desk, read(delivery.octets)), failure)


def _held(desk: Desk, delivery: Delivery, failure: DeliveryFailure) -> Commit | Postponed:
    """AM-27: a receipt for a mailbox that is full or gone waits, for 30 months at most; logged, never bounced."""
    words, now = delivery.job.payload, desk.instant
    if "held" in words and now - delivery.job.created < desk.office.patience.held:
        due = now + step_delay(delivery.job.attempts) * 12
        return Postponed(job=delivery.job.id, due=due, note="held: the mailbox is full or gone")
    if "held" in words:
        _log_failure(desk, delivery, failure, "dropped after the time of keeping")
        return desk.commit()
    _log_failure(desk, delivery, failure, "held")
    due = now + step_delay(1) * 12
    again = NewJob(key=f"{delivery.job.key}#held", kind=JobKind.DELIVERY, due=due, payload={**words, "held": 1})
    desk.jobs.append(again)
    return desk.commit()


def _log_failure(desk: Desk, delivery: Delivery, failure: DeliveryFailure, detail: str) -> None:
    desk.note(
        LogEvent.DELIVERY_FAILURE,
        _original(desk, delivery),
        error=failure.value.error,
        error_detail=failure.value.detail(desk.office.provider.name),
        concerned=(delivery.recipient,),
        detail=f"{delivery.kind} {detail}",
    )


def _original(desk: Desk, delivery: Delivery) -> OriginalData | None:
    """Return what LO-1 wants in the row; an anomaly envelope certifies nothing (GE-16)."""
    if delivery.kind is not MessageClass.RECEIPT:
        return None
    sent = desk.office.store.sent(delivery.identifier)
    if sent is not None:
        return sent.original
    facts = read(delivery.octets).facts
    return facts.original if facts else None
