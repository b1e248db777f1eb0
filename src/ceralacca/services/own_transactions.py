"""What became of a message, recipient by recipient, as its sender may read it: state, since when, and why.

The state is the store's own (1.3), never reckoned from receipts in a mailbox, which a holder may have moved or put
there; instants and reasons come from the message log. Only rows of the one transaction count, for a client may give a
Message-ID that another message has.

Clauses: 1.3, LO-8, AC-1, TI-7 to TI-9, AD-3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import SentMessage

_TOLD: Final = frozenset({LogEvent.RECEIPT_RECEIVED, LogEvent.NOTICE_ISSUED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One thing that happened on the way to one recipient."""

    instant: datetime
    state: RecipientState
    detail: str = ""
    """`errore-esteso`, in the words of whoever issued it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientProgress:
    """Where a message stands for one recipient."""

    address: Address
    kind: RecipientKind
    state: RecipientState
    since: datetime
    """When this state was reached, to the second."""
    detail: str
    late: bool
    """A receipt came after the outcome was final: it changed nothing."""
    passages: tuple[Passage, ...]
    """By instant, the acceptance first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTransaction:
    """One accepted message with what became of it."""

    sent: SentMessage
    recipients: tuple[RecipientProgress, ...]

    @property
    def identifier(self) -> str:
        """PEC msgid."""
        return self.sent.original.identifier

    @property
    def settled(self) -> bool:
        """Whether nothing will move any more."""
        return all(one.state.is_final for one in self.recipients)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A message that was not accepted (rows 1 and 2)."""

    instant: datetime
    subject: str
    reason: str
    virus: bool


def own_transaction(sent: SentMessage, rows: Sequence[LogRow]) -> OwnTransaction:
    """Return the progress of a message; `rows` are those of its transaction, in order, and perhaps others."""
    own = [row for row in rows if row.identifier == sent.original.identifier]
    return OwnTransaction(
        sent=sent,
        recipients=tuple(
            _progress(sent, one.address, one.kind, [row for row in own if one.address in row.concerned])
            for one in sent.original.recipients
        ),
    )


def refusal(rows: Iterable[LogRow], sender: Address) -> Refusal | None:
    """Return why a sender's message was not accepted, when it was not."""
    for row in rows:
        if row.event is LogEvent.NON_ACCEPTANCE and row.sender == sender:
            virus = row.error == ErrorKind.VIRUS.value
            return Refusal(instant=row.instant, subject=row.subject or "", reason=row.error_detail, virus=virus)
    return None


def _progress(sent: SentMessage, address: Address, kind: RecipientKind, rows: Sequence[LogRow]) -> RecipientProgress:
    state = sent.states[address]
    start = RecipientState.SENT_EXTERNAL if kind is RecipientKind.EXTERNAL else RecipientState.DISPATCHED
    passages = [Passage(instant=sent.accepted, state=start), *_passages(rows)]
    reached = [one for one in passages if one.state is state] or passages[:1]
    return RecipientProgress(
        address=address,
        kind=kind,
        state=state,
        since=reached[0].instant,
        detail=reached[0].detail,
        late=any(row.event in _TOLD and row.detail == "late" for row in rows),
        passages=tuple(passages),
    )


def _passages(rows: Sequence[LogRow]) -> Iterable[Passage]:
    warned = False
    for row in rows:
        if row.event is LogEvent.TAKING_IN_CHARGE_RECEIVED:
            yield Passage(instant=row.instant, state=RecipientState.TAKEN)
        elif row.event in _TOLD and row.detail != "late":
            state = _state(row, warned=warned)
            warned = warned or state is RecipientState.WARNED
            if state is not None:
                yield Passage(instant=row.instant, state=state, detail=row.error_detail)


def _state(row: LogRow, *, warned: bool) -> RecipientState | None:
    if row.kind == NotificationKind.DELIVERY.value:
        return RecipientState.DELIVERED
    if row.kind == NotificationKind.NON_DELIVERY.value:
        return RecipientState.FAILED_VIRUS if row.error == ErrorKind.VIRUS.value else RecipientState.FAILED
    if row.kind == NotificationKind.DELIVERY_TIMEOUT.value:
        return RecipientState.EXPIRED if warned else RecipientState.WARNED
    return None
