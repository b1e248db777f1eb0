from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit, Job, JobKind, StateChange
from ceralacca.services.moves import Moves
from ceralacca.testing.paper_cast import ANNA, BRUNO
from ceralacca.testing.scenario import INSTANT

DISPATCHED, TAKEN, DELIVERED = RecipientState.DISPATCHED, RecipientState.TAKEN, RecipientState.DELIVERED
JOBS = [
    Job(id=number, key=f"{number}", kind=JobKind.ARRIVAL, due=INSTANT, payload={}, attempts=1, created=INSTANT)
    for number in (30, 10, 20)
]


def moving(job: Job, before: RecipientState, after: RecipientState, identifier: str = "one") -> Commit:
    change = StateChange(identifier=identifier, recipient=ANNA, before=before, after=after)
    return Commit(done=job.id, states=(change,))


def test_a_step_sees_what_those_before_it_have_moved():
    first, second, third = JOBS
    moves = Moves(JOBS)
    moves.add(moving(first, DISPATCHED, TAKEN))
    moves.add(moving(second, TAKEN, DELIVERED))
    assert moves.before(first, "one") == {}
    assert moves.before(second, "one") == {ANNA: TAKEN}
    assert moves.before(third, "one") == {ANNA: DELIVERED}


def test_order_is_that_of_the_batch_however_steps_are_decided():
    first, second, third = JOBS
    moves = Moves(JOBS)
    moves.add(moving(second, TAKEN, DELIVERED))
    moves.add(moving(first, DISPATCHED, TAKEN))
    assert moves.before(second, "one") == {ANNA: TAKEN}
    assert moves.before(third, "one") == {ANNA: DELIVERED}


def test_other_messages_and_recipients_are_left_alone():
    first, *_, last = JOBS
    moves = Moves(JOBS)
    moves.add(moving(first, DISPATCHED, TAKEN))
    assert moves.before(last, "other") == {}
    assert BRUNO not in moves.before(last, "one")
