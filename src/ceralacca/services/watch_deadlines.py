"""The timekeeper's step: a timer of one recipient has come to its end, and the sender is told (F13).

Timers are durable jobs with their instant, made with the acceptance and cancelled in the commit that
records the receipt; nothing is kept in memory, so they survive everything (TI-10). Which event is due
is `core.deadlines`, what it means for the state `core.transaction`.

Clauses: TI-6 to TI-10, TN-1 to TN-4, AM-19.
"""

from ceralacca.core.deadlines import Deadlines
from ceralacca.core.model.log import LogEvent
from ceralacca.core.transaction import Event
from ceralacca.ports.store import Commit, Job, Postponed
from ceralacca.services import payload
from ceralacca.services.desk import Desk
from ceralacca.services.follow_up import step
from ceralacca.services.keys import Timer
from ceralacca.services.office import Office


def watch(job: Job, office: Office) -> Commit | Postponed:
    """Fire what is due for one recipient: after an outage the final notice alone, whichever timer woke (TI-10)."""
    sent, recipient = payload.sent(job, office.store), payload.address(job)
    deadlines = Deadlines(accepted=sent.accepted, settings=office.deadlines)
    timer, now = Timer(payload.word(job, "timer")), office.now()
    at = deadlines.twelve_hours if timer is Timer.TWELVE else deadlines.twenty_four_hours
    event = deadlines.due(now)
    if event is None or now < at:  # woken too early: the clock was set back, or somebody released the job
        return Postponed(job=job.id, due=at, note="not due yet")
    desk = Desk(office=office, job=job, instant=now)
    before = sent.states[recipient]
    step(desk, sent, recipient, event)
    effect = "" if desk.letters else f"without effect: {before}"
    hours = "24 h" if event is Event.TWENTY_FOUR_HOURS else "12 h"
    desk.note(LogEvent.TIMER, sent.original, concerned=(recipient,), detail=f"{hours} {effect}".strip())
    return desk.commit()
