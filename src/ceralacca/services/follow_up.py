"""The sender's side of a transaction after acceptance: what receipts, refusals and timers make of its states.

Each event takes one step of the table in 1.3 (`core.transaction`) for one recipient, and what the step
asks for is laid on the desk: the notice to the sender, timers cancelled, an alarm. A state that has
changed meanwhile makes the commit stale and the step is decided anew, so no notice is ever issued twice.

Clauses: 1.3, F1 steps 6 and 9, F7, F11 to F13; MV-1 to MV-3, AD-3, AD-4, TI-7 to TI-9, AM-8, IP-15, LO-2.
"""

from collections.abc import Callable

import structlog

from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind, MessageRow, NotificationKind
from ceralacca.core.transaction import EVENT_OF, Effect, Event, RecipientState, advance, same_from
from ceralacca.core.virus_notice import IgnoredNotice, infected_recipients
from ceralacca.formats.draft import Draft
from ceralacca.formats.receipt import compose_non_delivery, compose_non_delivery_virus, compose_timeout_notice
from ceralacca.ports.store import Commit, Job, SentMessage
from ceralacca.services import payload
from ceralacca.services.desk import Desk
from ceralacca.services.keys import Timer, letter_key
from ceralacca.services.office import Office

_diagnostics = structlog.get_logger("ceralacca.services")


_BOTH = tuple(Timer)
_HEARD = {
    NotificationKind.TAKING_IN_CHARGE: LogEvent.TAKING_IN_CHARGE_RECEIVED,
    NotificationKind.VIRUS_DETECTION: LogEvent.VIRUS_DETECTION_RECEIVED,
}


def whom_it_is_about(receipt: CertificationData) -> tuple[Address, ...]:
    """Return the recipients that a receipt speaks of."""
    return receipt.taken_recipients or ((receipt.delivery_recipient,) if receipt.delivery_recipient else ())


def hear_and_log(
    desk: Desk,
    receipt: CertificationData,
    in_charge: Callable[[str], bool],
    log: Callable[[LogEvent, tuple[Address, ...], str], None],
) -> None:
    """Let a verified and unsuspicious receipt move the states it is about, and log what became of it (LO-2)."""
    about, said = whom_it_is_about(receipt), hear(desk, receipt, in_charge)
    log(_HEARD.get(receipt.kind, LogEvent.RECEIPT_RECEIVED), about, said)
    if said and said != "late":
        log(LogEvent.SUSPICIOUS, about, said)


def hear(desk: Desk, receipt: CertificationData, in_charge: Callable[[str], bool]) -> str:
    """Let a verified and unsuspicious receipt move the states it is about; return what to say of it in the log.

    `in_charge` says whether the signer is the provider of a domain (MV-2).
    """
    event = EVENT_OF.get(receipt.kind)
    if event is None:
        return ""  # our own acceptance, notices of timeout and the like tell us nothing
    sent = desk.sent_message(receipt.original.identifier)
    concerned = _concerned(receipt, sent, in_charge)
    if isinstance(concerned, IgnoredNotice):
        return f"ignored: {concerned}"  # MV-2
    if sent is None or sent.original.sender != receipt.original.sender:
        return f"ignored: {IgnoredNotice.UNKNOWN_MESSAGE}"
    known = [address for address in concerned if address in sent.states]
    late = [step(desk, sent, address, event, virus=receipt.error_detail or "") for address in known]
    if not known:
        return f"ignored: {IgnoredNotice.UNKNOWN_RECIPIENT}"
    return "late" if any(late) else ""


def _concerned(
    receipt: CertificationData, sent: SentMessage | None, in_charge: Callable[[str], bool]
) -> tuple[Address, ...] | IgnoredNotice:
    if receipt.kind is NotificationKind.VIRUS_DETECTION:
        return infected_recipients(receipt, sent.original if sent else None, in_charge)
    if receipt.kind is NotificationKind.TAKING_IN_CHARGE:
        return tuple(dict.fromkeys(receipt.taken_recipients))
    return (receipt.delivery_recipient,) if receipt.delivery_recipient else ()


def step(
    desk: Desk,
    sent: SentMessage,
    recipient: Address,
    event: Event,
    *,
    virus: str = "",
    failure: DeliveryFailure = DeliveryFailure.UNSPECIFIED,
) -> bool:
    """Take one step of the table for one recipient; True when it came too late to change anything (LATE)."""
    identifier, before = sent.original.identifier, sent.states[recipient]
    transition = advance(before, event)
    desk.move(identifier, recipient, before, transition.state, or_from=same_from(before, event))
    for effect in transition.effects:
        match effect:
            case Effect.NOTIFY_TWELVE_HOURS:
                _notify_timeout(desk, sent, recipient, Timeout.TWELVE_HOURS)  # TI-7
            case Effect.NOTIFY_TWENTY_FOUR_HOURS:
                _notify_timeout(desk, sent, recipient, Timeout.TWENTY_FOUR_HOURS)  # TI-8
            case Effect.NOTIFY_VIRUS:
                _notify_virus(desk, sent, recipient, virus)  # MV-1
            case Effect.NOTIFY_FAILURE:
                notify_failure(desk, sent, recipient, failure)  # AD-3
            case Effect.CANCEL_TWELVE_HOURS:
                desk.disarm(identifier, recipient, Timer.TWELVE)
            case Effect.CANCEL_TIMERS:
                desk.disarm(identifier, recipient, *_BOTH)  # AM-8, TI-9
            case Effect.ALERT_OPERATOR:  # MV-3
                _diagnostics.error("virus missed by our own scanner", identifier=identifier)
            case Effect.DROP_QUEUED | Effect.FLAG_LATE:
                pass  # the relay has given up an hour before (AM-19); the row of the receipt says `late`
    return Effect.FLAG_LATE in transition.effects


def follow_up(job: Job, office: Office) -> Commit:
    """F12: the relay has given up on a recipient, who was refused for good or, outside PEC, not reached in days.

    A PEC recipient takes the step of the table (AD-3), another one has no state: the notice alone (AD-4).
    """
    sent, recipient = payload.sent(job, office.store), payload.address(job)
    failure = DeliveryFailure[payload.word(job, "failure")]
    desk = Desk(office=office, job=job, instant=office.now())
    if sent.states.get(recipient) is not RecipientState.SENT_EXTERNAL:
        step(desk, sent, recipient, Event.PERMANENT_FAILURE, failure=failure)
    elif office.store.letter(_notice_key(sent, recipient, MessageRow.NON_DELIVERY)) is None:
        notify_failure(desk, sent, recipient, failure)
    return desk.commit()


# -- notices to the sender ------------------------------------------------------------------------------


def _notify_timeout(desk: Desk, sent: SentMessage, recipient: Address, timeout: Timeout) -> None:
    draft = compose_timeout_notice(
        desk.issuance(sent.original, sent.subject_body), recipient=recipient, timeout=timeout
    )
    extended = timeout.value
    key = f"{_notice_key(sent, recipient, draft.row)}-{Timer.TWELVE if timeout is Timeout.TWELVE_HOURS else '24'}"
    _tell(desk, sent, recipient, draft, extended.error, extended.detail(desk.office.provider.name), key=key)


def _notify_virus(desk: Desk, sent: SentMessage, recipient: Address, virus: str) -> None:
    issuance = desk.issuance(sent.original, sent.subject_body)
    draft = compose_non_delivery_virus(issuance, recipient=recipient, virus=virus)
    _tell(desk, sent, recipient, draft, ErrorKind.VIRUS, virus)


def notify_failure(desk: Desk, sent: SentMessage, recipient: Address, failure: DeliveryFailure) -> None:
    """Issue row 11 as the sender's provider (AD-3, AD-4)."""
    issuance = desk.issuance(sent.original, sent.subject_body)
    draft = compose_non_delivery(issuance, recipient=recipient, failure=failure)
    detail = failure.value.detail(desk.office.provider.name)
    _tell(desk, sent, recipient, draft, failure.value.error, detail)


def _tell(
    desk: Desk,
    sent: SentMessage,
    recipient: Address,
    draft: Draft,
    error: ErrorKind,
    error_detail: str,
    *,
    key: str = "",
) -> None:
    letter = desk.issue(
        draft,
        key=key or _notice_key(sent, recipient, draft.row),
        event=LogEvent.NOTICE_ISSUED,
        original=sent.original,
        error=error,
        error_detail=error_detail,
        concerned=(recipient,),
    )
    desk.deliver_letter(letter, MessageClass.RECEIPT)  # the sender's mailbox is here (MO-10)


def _notice_key(sent: SentMessage, recipient: Address, row: MessageRow) -> str:
    return letter_key(sent.original.identifier, recipient, row)
