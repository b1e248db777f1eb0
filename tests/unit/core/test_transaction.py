import itertools

import pytest

from ceralacca.core.model.notification import NotificationKind, RecipientKind
from ceralacca.core.transaction import EVENT_OF, TABLE, Effect, Event, RecipientState, advance, first_state, same_from

S, E, F = RecipientState, Event, Effect
OPEN = [S.DISPATCHED, S.WARNED, S.TAKEN]
FINAL = [state for state in S if state not in OPEN]

# Section 1.3 of the norm's table, written out once more by hand: state, event, new state, effects.
ROWS = [
    (S.DISPATCHED, E.TAKING_IN_CHARGE, S.TAKEN, {F.CANCEL_TWELVE_HOURS}),
    (S.DISPATCHED, E.TWELVE_HOURS, S.WARNED, {F.NOTIFY_TWELVE_HOURS}),
    (S.WARNED, E.TAKING_IN_CHARGE, S.TAKEN, set()),
    *[(state, E.DELIVERY, S.DELIVERED, {F.CANCEL_TIMERS}) for state in OPEN],
    *[(state, E.NON_DELIVERY, S.FAILED, {F.CANCEL_TIMERS}) for state in OPEN],
    *[
        (state, E.VIRUS_DETECTION, S.FAILED_VIRUS, {F.NOTIFY_VIRUS, F.ALERT_OPERATOR, F.CANCEL_TIMERS})
        for state in OPEN
    ],
    (S.DISPATCHED, E.PERMANENT_FAILURE, S.FAILED, {F.NOTIFY_FAILURE, F.CANCEL_TIMERS}),
    (S.WARNED, E.PERMANENT_FAILURE, S.FAILED, {F.NOTIFY_FAILURE, F.CANCEL_TIMERS}),
    *[
        (state, E.TWENTY_FOUR_HOURS, S.EXPIRED, {F.NOTIFY_TWENTY_FOUR_HOURS, F.DROP_QUEUED, F.CANCEL_TIMERS})
        for state in OPEN
    ],
]


@pytest.mark.requirement("AM-8", "MV-1", "MV-3", "TI-9")
@pytest.mark.parametrize(("state", "event", "new", "effects"), ROWS)
def test_every_row_of_the_table_moves_as_the_norm_says(state, event, new, effects):
    transition = advance(state, event)
    assert transition.state is new
    assert set(transition.effects) == effects


def test_the_table_has_no_other_row():
    assert set(TABLE) == {(state, event) for state, event, _, _ in ROWS}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(FINAL, E)))
def test_a_final_state_never_moves_and_never_notifies(state, event):
    transition = advance(state, event)
    assert transition.state is state
    late = event not in (E.TWELVE_HOURS, E.TWENTY_FOUR_HOURS)
    assert transition.effects == ((F.FLAG_LATE,) if late else ())


@pytest.mark.parametrize(
    ("state", "event"),
    [pair for pair in itertools.product(OPEN, E) if pair not in {(row[0], row[1]) for row in ROWS}],
)
def test_what_the_table_does_not_name_changes_nothing(state, event):
    transition = advance(state, event)
    assert (transition.state, transition.effects) == (state, ())


@pytest.mark.requirement("TN-1")
@pytest.mark.parametrize(("state", "event"), list(itertools.product(S, E)))
def test_the_same_follows_from_every_state_that_is_said_to_be_the_same(state, event):
    same = same_from(state, event)
    assert state not in same
    assert len(same) <= 2
    assert all(advance(other, event) == advance(state, event) for other in same)
    assert not (same and state.is_final), "what stays, stays where it is"


def test_a_delivery_is_the_same_from_every_open_state():
    assert same_from(S.DISPATCHED, E.DELIVERY) == {S.WARNED, S.TAKEN}
    assert same_from(S.DISPATCHED, E.TAKING_IN_CHARGE) == frozenset(), "a warned one has no timer left to cancel"


def test_no_order_of_events_notifies_the_sender_twice_of_the_same():
    for events in itertools.permutations(E, 5):
        state, issued = S.DISPATCHED, []
        for event in events * 2:
            transition = advance(state, event)
            state = transition.state
            issued += [effect for effect in transition.effects if effect.startswith("notify")]
        assert len(issued) == len(set(issued))
        assert sum(effect is not F.NOTIFY_TWELVE_HOURS for effect in issued) <= 1


@pytest.mark.requirement("TN-4")
def test_an_external_recipient_is_never_tracked():
    assert first_state(RecipientKind.EXTERNAL) is S.SENT_EXTERNAL
    assert first_state(RecipientKind.CERTIFIED) is S.DISPATCHED
    assert advance(S.SENT_EXTERNAL, E.TWENTY_FOUR_HOURS).effects == ()


def test_only_the_recipient_providers_answers_are_events():
    assert set(EVENT_OF) == {
        NotificationKind.TAKING_IN_CHARGE,
        NotificationKind.DELIVERY,
        NotificationKind.NON_DELIVERY,
        NotificationKind.VIRUS_DETECTION,
    }
