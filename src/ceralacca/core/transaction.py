"""The sender's side of a transaction, per (message, recipient): one table (1.3).

Pure: `advance` says the new state and what is to be done; the services commit and do it. Every
pair of state and event has its row: what the table of the norm does not name leaves the state
as it is. Final states never change; what still arrives is flagged LATE.

Clauses: AM-8, MV-1, MV-3, AD-3, TI-7 to TI-9, TN-1, TN-4, AC-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from ceralacca.core.model.notification import NotificationKind, RecipientKind


class RecipientState(StrEnum):
    """Where a message stands for one recipient, as its sender's provider knows it."""

    REFUSED = "refused"
    SENT_EXTERNAL = "sent-external"
    DISPATCHED = "dispatched"
    WARNED = "warned"
    """The 12 hour notice was issued."""
    TAKEN = "taken"
    DELIVERED = "delivered"
    FAILED = "failed"
    FAILED_VIRUS = "failed-virus"
    EXPIRED = "expired"
    """The 24 hour notice was issued: the recipient is tracked no more (TI-9)."""

    @property
    def is_final(self) -> bool:
        """Whether nothing moves this state any more."""
        return self not in _OPEN


_OPEN = frozenset({RecipientState.DISPATCHED, RecipientState.WARNED, RecipientState.TAKEN})


class Event(StrEnum):
    """What can happen to a message for one recipient, once it was accepted."""

    TAKING_IN_CHARGE = "taking-in-charge"
    DELIVERY = "delivery"
    NON_DELIVERY = "non-delivery"
    VIRUS_DETECTION = "virus-detection"
    """A notice that passed `core.virus_notice` (MV-2)."""
    PERMANENT_FAILURE = "permanent-failure"
    """SMTP 5xx towards the recipient's provider, seen by our own relay."""
    TWELVE_HOURS = "twelve-hours"
    TWENTY_FOUR_HOURS = "twenty-four-hours"


class Effect(StrEnum):
    """What the step does beside storing the new state."""

    CANCEL_TWELVE_HOURS = "cancel-twelve-hours"
    CANCEL_TIMERS = "cancel-timers"
    NOTIFY_TWELVE_HOURS = "notify-twelve-hours"
    """Row 5, 12 hour text."""
    NOTIFY_TWENTY_FOUR_HOURS = "notify-twenty-four-hours"
    """Row 5, 24 hour text."""
    NOTIFY_VIRUS = "notify-virus"
    """Row 9 (MV-1)."""
    NOTIFY_FAILURE = "notify-failure"
    """Row 11, by the sender's own provider (AD-3)."""
    ALERT_OPERATOR = "alert-operator"
    """The own scanner missed what another provider found (MV-3)."""
    DROP_QUEUED = "drop-queued"
    FLAG_LATE = "flag-late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The outcome of one event."""

    state: RecipientState
    effects: tuple[Effect, ...] = ()


def first_state(recipient: RecipientKind) -> RecipientState:
    """Return the state of a recipient when the message is accepted; only a certified one is tracked (TN-4)."""
    return RecipientState.DISPATCHED if recipient is RecipientKind.CERTIFIED else RecipientState.SENT_EXTERNAL


_DELIVERED = Transition(state=RecipientState.DELIVERED, effects=(Effect.CANCEL_TIMERS,))
_FAILED = Transition(state=RecipientState.FAILED, effects=(Effect.CANCEL_TIMERS,))  # AM-8
_VIRUS = Transition(
    state=RecipientState.FAILED_VIRUS,
    effects=(Effect.NOTIFY_VIRUS, Effect.ALERT_OPERATOR, Effect.CANCEL_TIMERS),  # MV-1, MV-3, AM-8
)
_REFUSED_BY_PEER = Transition(
    state=RecipientState.FAILED,
    effects=(Effect.NOTIFY_FAILURE, Effect.CANCEL_TIMERS),  # AD-3
)
_EXPIRED = Transition(
    state=RecipientState.EXPIRED,
    effects=(Effect.NOTIFY_TWENTY_FOUR_HOURS, Effect.DROP_QUEUED, Effect.CANCEL_TIMERS),  # TI-8, TI-9
)

TABLE: Mapping[tuple[RecipientState, Event], Transition] = {
    (RecipientState.DISPATCHED, Event.TAKING_IN_CHARGE): Transition(
        state=RecipientState.TAKEN, effects=(Effect.CANCEL_TWELVE_HOURS,)
    ),
    (RecipientState.DISPATCHED, Event.TWELVE_HOURS): Transition(
        state=RecipientState.WARNED,
        effects=(Effect.NOTIFY_TWELVE_HOURS,),  # TI-7
    ),
    (RecipientState.WARNED, Event.TAKING_IN_CHARGE): Transition(state=RecipientState.TAKEN),
    **{(state, Event.DELIVERY): _DELIVERED for state in _OPEN},
    **{(state, Event.NON_DELIVERY): _FAILED for state in _OPEN},
    **{(state, Event.VIRUS_DETECTION): _VIRUS for state in _OPEN},
    **{(state, Event.TWENTY_FOUR_HOURS): _EXPIRED for state in _OPEN},
    (RecipientState.DISPATCHED, Event.PERMANENT_FAILURE): _REFUSED_BY_PEER,
    (RecipientState.WARNED, Event.PERMANENT_FAILURE): _REFUSED_BY_PEER,
}
"""The rows of 1.3 that move a state. All other pairs leave it as it is."""

_TIMERS = frozenset({Event.TWELVE_HOURS, Event.TWENTY_FOUR_HOURS})


def advance(state: RecipientState, event: Event) -> Transition:
    """Return what an event makes of a state; total over every pair."""
    moved = TABLE.get((state, event))
    if moved is not None:
        return moved
    late = state.is_final and event not in _TIMERS
    return Transition(state=state, effects=(Effect.FLAG_LATE,) if late else ())


@cache
def same_from(state: RecipientState, event: Event) -> frozenset[RecipientState]:
    """Return the other states of which the event makes the very same, where it moves this one."""
    moved = TABLE.get((state, event))
    return frozenset(other for (other, what), each in TABLE.items() if what is event and each == moved) - {state}


EVENT_OF: Mapping[NotificationKind, Event] = {
    NotificationKind.TAKING_IN_CHARGE: Event.TAKING_IN_CHARGE,
    NotificationKind.DELIVERY: Event.DELIVERY,
    NotificationKind.NON_DELIVERY: Event.NON_DELIVERY,
    NotificationKind.VIRUS_DETECTION: Event.VIRUS_DETECTION,
}
"""Which event a receipt of the recipient's provider stands for; other kinds move nothing."""
