"""The relay's step: one letter to one destination, and what follows from what was said of each recipient.

It sends what is stored, octet for octet and under the same Message-ID every time: after a lost reply it
sends again, and the peer removes the duplicate (IP-21). It holds no key: when the sender must be told,
it leaves a job for the worker. Finding hosts, TLS and SMTP itself are behind `ports.mail_sender`.

Who waits how long: PEC recipients of an envelope until T0 + 22 h (AM-19), recipients outside PEC as
ordinary SMTP has it; receipts and notices 22 h, and whatever becomes of them nobody is told (MO-13).

Clauses: BT-5 to BT-7, AD-3, AD-4, AM-19, TI-11, MO-13, LO-2, SE-2, IP-20, F3, F12.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.base.instants import to_the_second
from ceralacca.core.delivery_point import DeliveryFailure
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import MessageRow, RecipientKind
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import StoredLetter
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult, SendsMail
from ceralacca.ports.notices import NoticeWay
from ceralacca.ports.store import Commit, Job, JobKind, NewJob, Store
from ceralacca.services import log_rows, payload
from ceralacca.services.notice_jobs import trouble_job
from ceralacca.services.pass_on import taken_back
from ceralacca.services.retry import relay_delay

_diagnostics = structlog.get_logger("ceralacca.services")

_SILENCE: Final = RcptOutcome(result=RcptResult.DEFERRED, text="no outcome was reported")
_EVENTS: Final = {
    RcptResult.ACCEPTED: LogEvent.RELAYED,
    RcptResult.DEFERRED: LogEvent.RELAY_DEFERRED,
    RcptResult.FAILED: LogEvent.RELAY_FAILED,
}
_FAILURES: Final = {
    "5.1.1": DeliveryFailure.NO_MAILBOX,
    "5.1.6": DeliveryFailure.NO_MAILBOX,
    "5.1.2": DeliveryFailure.NO_DOMAIN,
    "5.1.10": DeliveryFailure.NO_DOMAIN,  # RFC 7505: the domain takes no mail
    "5.2.1": DeliveryFailure.DISABLED,
    "5.2.2": DeliveryFailure.OVER_QUOTA,
    "5.2.3": DeliveryFailure.TOO_BIG,
    "5.3.4": DeliveryFailure.TOO_BIG,
}
_PLAIN: Final = {550: DeliveryFailure.NO_MAILBOX, 552: DeliveryFailure.TOO_BIG}
"""What a refusal without enhanced code most often means (RFC 5321, 4.2.3)."""


def failure_of(outcome: RcptOutcome) -> DeliveryFailure:
    """Return what a permanent refusal means in the notice of row 11 (F12): no-dest, no-dominio or altro."""
    if outcome.enhanced:
        return _FAILURES.get(outcome.enhanced, DeliveryFailure.UNSPECIFIED)
    return _PLAIN.get(outcome.code, DeliveryFailure.UNSPECIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """One attempt."""

    job: Job
    letter: StoredLetter
    octets: Octets
    recipients: tuple[Address, ...]
    """Those of this destination for whom nothing is decided yet."""
    kind: RecipientKind
    expires: datetime
    instant: datetime
    original: OriginalData | None

    @property
    def is_envelope(self) -> bool:
        return self.letter.row is MessageRow.TRANSPORT_ENVELOPE

    @property
    def is_passed_on(self) -> bool:
        """Say whether it is ordinary mail that a mailbox wants elsewhere (IP-20): a letter that is not of ours."""
        return self.letter.row is None and not self.notice

    @property
    def notice(self) -> str:
        """The mailbox whose holder this tells of something; empty when it is no notice."""
        return payload.word(self.job, "notice")

    @property
    def tries(self) -> int:
        return int(payload.word(self.job, "tries") or 0) + 1


def relay(job: Job, *, store: Store, sends: SendsMail, clock: Clock) -> Commit:
    """Try one destination once, and commit the outcome of each recipient; what is deferred becomes a later job.

    Raises WorldError only for trouble of our own, before anything left.
    """
    sending = _prepare(job, store, to_the_second(clock.now()))
    if sending.instant >= sending.expires:
        return _give_up(sending)
    outcomes = _send(sending, payload.word(job, "domain"), sends)
    return Commit(
        done=job.id,
        instant=sending.instant,
        log=tuple(_rows(sending, outcomes)),
        jobs=(*_again(sending, outcomes), *_follow_ups(sending, outcomes)),
    )


def _prepare(job: Job, store: Store, instant: datetime) -> _Sending:
    letter = payload.letter(job, store)
    octets, domain = store.octets(letter.digest), payload.word(job, "domain")
    left = payload.word(job, "recipients")
    everybody = tuple(path for path in letter.forward_paths if path.domain == domain)
    return _Sending(
        job=job,
        letter=letter,
        octets=octets,
        recipients=tuple(map(Address, left.split("\n"))) if left else everybody,
        kind=RecipientKind(payload.word(job, "kind")),
        expires=datetime.fromisoformat(payload.word(job, "expires")),
        instant=instant,
        original=payload.original(job),
    )


def _send(sending: _Sending, domain: str, sends: SendsMail) -> Mapping[Address, RcptOutcome]:
    reach("relay_queue.send.before")
    try:
        said = sends.send(
            domain,
            reverse_path=sending.letter.reverse_path,
            recipients=sending.recipients,
            octets=sending.octets,
            require_tls=sending.kind is RecipientKind.CERTIFIED,  # BT-6
        )
    except WorldError as trouble:
        deferred = RcptOutcome(result=RcptResult.DEFERRED, text=type(trouble).__name__)
        said = dict.fromkeys(sending.recipients, deferred)
    reach("relay_queue.send.after")
    return {one: said.get(one, _SILENCE) for one in sending.recipients}  # no outcome is never a success


def _rows(sending: _Sending, outcomes: Mapping[Address, RcptOutcome]) -> Iterable[LogRow]:
    """One row for each answer, with the recipients that got it (LO-2)."""
    if sending.notice:
        return  # no PEC message, and about none
    groups: dict[RcptOutcome, list[Address]] = {}
    for recipient, outcome in outcomes.items():
        groups.setdefault(outcome, []).append(recipient)
    for outcome, recipients in groups.items():
        said = " ".join(str(word) for word in (outcome.code or "", outcome.enhanced, outcome.text) if word)
        # Also for ordinary mail: the log says where opportunistic TLS was had (SE-6).
        yield _row(sending, _EVENTS[outcome.result], recipients, said, peer=outcome.host, tls=outcome.tls)
        if outcome.result is RcptResult.FAILED and not (sending.is_envelope or sending.is_passed_on):
            _diagnostics.error("a receipt was refused for good", identifier=sending.letter.identifier)


def _row(
    sending: _Sending, event: LogEvent, recipients: Sequence[Address], detail: str, *, peer: str = "", tls: str = ""
) -> LogRow:
    row = sending.letter.row
    return log_rows.about(
        event,
        sending.instant,
        sending.original,
        kind=row.facts.kind.value if row and row.facts.kind else "",
        concerned=tuple(recipients),
        message_id=sending.letter.message_id,
        peer=peer,
        tls=tls,
        detail=detail,
    )


def _again(sending: _Sending, outcomes: Mapping[Address, RcptOutcome]) -> Iterable[NewJob]:
    """The recipients that must wait, as one later job; its last attempt is the one that gives up."""
    left = [one for one, outcome in outcomes.items() if outcome.result is RcptResult.DEFERRED]
    if not left:
        return
    due = min(sending.instant + relay_delay(sending.tries), sending.expires)
    words = {**sending.job.payload, "recipients": "\n".join(one.text for one in left), "tries": sending.tries}
    base = sending.job.key.partition("#")[0]
    yield NewJob(key=f"{base}#{sending.tries}", kind=JobKind.RELAY, due=due, payload=words)


def _follow_ups(sending: _Sending, outcomes: Mapping[Address, RcptOutcome]) -> Iterable[NewJob]:
    """AD-3, AD-4: who sent an envelope is told of each final refusal; nobody is told of a receipt's (MO-13).

    What was to be passed on comes back into the mailbox (IP-20).
    """
    for recipient, outcome in outcomes.items():
        if outcome.result is RcptResult.FAILED and sending.is_envelope:
            yield _follow_up(sending, recipient, failure_of(outcome))
        elif outcome.result is RcptResult.FAILED and sending.is_passed_on:
            yield taken_back(sending.job, sending.instant)
        elif outcome.result is RcptResult.FAILED and sending.notice:
            said = " ".join(str(word) for word in (outcome.code or "", outcome.enhanced, outcome.text) if word)
            yield _not_told(sending, said)


def _not_told(sending: _Sending, said: str) -> NewJob:
    """The holder finds on the page of notices that one did not get through."""
    mailbox, key = Address(sending.notice), sending.letter.key
    return trouble_job(mailbox, NoticeWay.EMAIL, key=key, said=said, instant=sending.instant)


def _follow_up(sending: _Sending, recipient: Address, failure: DeliveryFailure) -> NewJob:
    identifier = sending.letter.identifier
    return NewJob(
        key=f"follow-up:{identifier}:{recipient.key}",
        kind=JobKind.FOLLOW_UP,
        due=sending.instant,
        payload={"identifier": identifier, "recipient": recipient.text, "failure": failure.name},
    )


def _give_up(sending: _Sending) -> Commit:
    """The lifetime in the queue is over (BT-7, AM-19). A PEC recipient's sender is told by the final notice (TI-8)."""
    external = sending.is_envelope and sending.kind is RecipientKind.EXTERNAL
    told = sending.recipients if external else ()  # AD-4
    if sending.notice:
        told_of = (_not_told(sending, "expired in the queue"),)
        return Commit(done=sending.job.id, instant=sending.instant, jobs=told_of)
    jobs = [_follow_up(sending, one, DeliveryFailure.UNSPECIFIED) for one in told]
    if sending.is_passed_on:
        jobs.append(taken_back(sending.job, sending.instant))
    elif not sending.is_envelope:
        _diagnostics.error("a receipt could not be sent in time", identifier=sending.letter.identifier)
    return Commit(
        done=sending.job.id,
        instant=sending.instant,
        log=(_row(sending, LogEvent.RELAY_FAILED, sending.recipients, "expired in the queue"),),
        jobs=tuple(jobs),
    )
