"""The dispatcher: a batch of claimed jobs becomes a batch of commits, and one bad job never spoils the others.

A worker claims, calls `perform`, and claims again. Each job is decided by the service of its kind;
deliveries of a batch go to the mail store together (one sync), and so do all commits. The deliveries that
a batch has made can be kept: they are done at once, as a batch of their own, without being claimed and read
again. What cannot be done now is postponed with growing delays; what should never happen is postponed too,
loudly, because what was answered `250` is never lost.

Diagnostics hold transaction identifiers, never addresses or content: of an unexpected error the type
and the places it passed, not its text.

Clauses: invariants 1 to 5 and 10 of ARCHITECTURE.md; IP-5, AP-18, AP-25, DP-3.
"""

import logging
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

import structlog

from ceralacca.base.errors import OurError, WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.incoming_point import MessageClass
from ceralacca.ports.mail_store import MailInHand, PutOutcome
from ceralacca.ports.store import Commit, CommitOutcome, Job, JobKind, Keep, Kept, Postponed, Settle, Store
from ceralacca.services import payload
from ceralacca.services.call_webhook import call_webhook
from ceralacca.services.deliver_message import Delivery, coming, conclude, load, store_all
from ceralacca.services.follow_up import follow_up
from ceralacca.services.lockstep import side_by_side
from ceralacca.services.moves import Moves
from ceralacca.services.notify_holder import notify
from ceralacca.services.office import Office
from ceralacca.services.reading import transaction_of
from ceralacca.services.receive_message import receive
from ceralacca.services.relay_queue import relay
from ceralacca.services.retry import NotYet, step_delay
from ceralacca.services.submit_message import submit
from ceralacca.services.watch_deadlines import watch

WORKER_KINDS: Final = (JobKind.SUBMISSION, JobKind.ARRIVAL, JobKind.DELIVERY, JobKind.FOLLOW_UP)
"""What a worker claims: needs the key, the scanner and the mailboxes."""
TIMEKEEPER_KINDS: Final = (JobKind.DEADLINE,)
"""What the timekeeper claims: needs the key."""
NOTICE_KINDS: Final = (JobKind.NOTICE,)
"""What the process of the timekeeper claims beside its other work: needs the mailboxes' sizes, and no key."""
RELAY_KINDS: Final = (JobKind.RELAY, JobKind.WEBHOOK)
"""What the relay claims: needs the network, and no key."""

LEASE: Final = timedelta(minutes=10)
"""How long what is claimed or kept is nobody else's: longer than any step of it takes."""
_KEPT_KINDS: Final = frozenset({JobKind.DELIVERY})
_MOST_KEPT: Final = 256
"""Deliveries that are kept at once: those of a batch within one provider, not those of a message to hundreds."""
_ROUNDS: Final = 5
"""How often a stale step is decided again before it waits for its turn."""

_diagnostics = structlog.get_logger("ceralacca.services")

Result = Commit | Postponed
_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class _Hands(NamedTuple):
    """What a batch works with outside of the store."""

    mail: MailInHand
    before: Settle = lambda: None
    """Waits until the batch before is durable; raises WorldError. Nothing is put into a mailbox earlier."""


def run(
    jobs: Sequence[Job], office: Office, *, threads: Executor | None = None
) -> tuple[list[Commit], list[Postponed]]:
    """Do the steps of a batch and return what is to be committed and what must wait; nothing is committed here.

    With `threads` the steps run side by side: sealing gives the interpreter away.
    """
    with office.mail.in_hand() as mail:
        return _run(jobs, replace(office, store=office.store.ahead(jobs, about=transaction_of)), _Hands(mail), threads)


def _run(
    jobs: Sequence[Job], office: Office, hands: _Hands, threads: Executor | None
) -> tuple[list[Commit], list[Postponed]]:
    """Do the steps of a batch with a store that has read ahead for them."""
    deliveries = [job for job in jobs if job.kind is JobKind.DELIVERY]
    others = [job for job in jobs if job.kind is not JobKind.DELIVERY]
    results = [*_deliver_all(deliveries, office, hands, threads), *_decide_all(others, office, threads)]
    results = _one_at_a_time(results, office)
    commits = [result for result in results if isinstance(result, Commit)]
    _write_lines(commits, jobs)
    return commits, [result for result in results if isinstance(result, Postponed)]


def _decide_all(jobs: Sequence[Job], office: Office, threads: Executor | None) -> list[Result]:
    """Decide each step on the states as those before it leave them, as far as these are decided by then."""
    if not jobs:
        return []
    moves = Moves(jobs)
    office = replace(office, moves=moves)

    def step(job: Job) -> Result:
        result = _decided(job, office)
        if isinstance(result, Commit):
            moves.add(result)
        return result

    return _each(jobs, step, threads)


def _one_at_a_time(results: Sequence[Result], office: Office) -> list[Result]:
    """Keep one of several arrivals of an envelope that were decided side by side; the others look again (IP-21)."""
    seen: set[tuple[str, ...]] = set()
    kept: list[Result] = []
    for result in results:
        keys = _claims(result)
        if keys & seen and isinstance(result, Commit) and result.done is not None:
            kept.append(Postponed(job=result.done, due=office.clock.now(), note="another arrival goes first"))
        else:
            kept.append(result)
            seen |= keys
    return kept


def _claims(result: Result) -> set[tuple[str, ...]]:
    """Return what a step decides once for ever: an envelope is taken, a recipient has its fate."""
    if isinstance(result, Postponed) or not (result.taken or result.fates):
        return set()
    taken = {(each.provider, each.identifier) for each in result.taken}
    return taken | {(each.provider, each.identifier, each.recipient.key) for each in result.fates}


def perform(
    jobs: Sequence[Job],
    office: Office,
    *,
    threads: Executor | None = None,
    claimer: str | None = None,
    in_hand: Callable[[Sequence[Job]], None] = lambda _: None,
) -> int:
    """Do a batch and make it durable with one sync; return how many jobs are finished.

    A step whose state changed meanwhile is decided again at once, a few times. Where the claimer is told, it keeps
    the deliveries that the batch makes and does them next, and so on; `in_hand` hears which, before each such batch.
    Each batch is loaded while the one before becomes durable, and nothing of it leaves the house before that has.
    Raises WorldError when the store is away: the leases run out and the jobs are done then.
    """
    view, finished, waiting = office.store.ahead(jobs, about=transaction_of), 0, list[Job]()
    with office.mail.in_hand() as mail:
        hands = _Hands(mail)
        while jobs:
            ended, kept = _batch(jobs, office, view, hands, threads, claimer)
            hands = _Hands(mail, kept.settle)
            finished, waiting = finished + ended, [*waiting, *kept.jobs]
            if waiting:
                view = view.ahead(waiting, after=kept)
            jobs, waiting = _answered_first(waiting)
            if jobs:
                in_hand(jobs)
        hands.before()
    return finished


def _answered_first(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Return which of the kept deliveries go first, and which wait for the receipts that come of those.

    Somebody waits for the receipt of an envelope; what is not answered goes in one batch with it, and costs no more.
    """
    envelopes, others = list[Job](), list[Job]()
    for job in jobs:
        (envelopes if payload.word(job, "kind") == MessageClass.ENVELOPE else others).append(job)
    return (envelopes, others) if envelopes else (others, [])


def _batch(
    jobs: Sequence[Job], office: Office, view: Store, hands: _Hands, threads: Executor | None, claimer: str | None
) -> tuple[int, Kept]:
    """Do a batch with a store that has read ahead for it; return how many jobs are finished, and what is kept."""
    first = Kept(outcomes=[])
    left, finished = {job.id: job for job in jobs}, 0
    for again in range(_ROUNDS):
        if not left:
            break
        if again:
            view = office.store.ahead(list(left.values()), about=transaction_of)
        commits, postponed = _run(list(left.values()), replace(office, store=view), hands, threads)
        keeper = None if again else claimer
        if keeper is not None:
            hands.mail.expect(coming(commits))
        kept = _commit(commits, postponed, office, keeper)
        first = first if again else kept
        stale, failed = _ended(commits, kept.outcomes)
        finished += len(commits) - len(stale) - len(failed)
        _put_off([left[one] for one in failed], office, "the store refuses the commit")
        left = {one: left[one] for one in stale}
    _put_off(list(left.values()), office, "the state keeps changing")
    return finished, first


def decide(job: Job, office: Office) -> Result:
    """Do the step of one job that is no delivery, whatever goes wrong in it; nothing is committed here."""
    return _decided(job, office)


def settle(decided: Sequence[tuple[Job, Result]], office: Office) -> None:
    """Commit with one sync what was decided of some jobs, and put off what is stale: no step is done again here.

    Raises WorldError when the store is away: the leases run out and the jobs are done then.
    """
    commits = [result for _, result in decided if isinstance(result, Commit)]
    postponed = [result for _, result in decided if isinstance(result, Postponed)]
    _write_lines(commits, [job for job, _ in decided])
    stale, failed = _ended(commits, _commit(commits, postponed, office, None).outcomes)
    jobs = {job.id: job for job, _ in decided}
    _put_off([jobs[one] for one in failed], office, "the store refuses the commit")
    _put_off([jobs[one] for one in stale], office, "the state has changed")


def _commit(commits: Sequence[Commit], postponed: Sequence[Postponed], office: Office, claimer: str | None) -> Kept:
    """Commit a batch, and keep its deliveries for a claimer or for nobody."""
    reach("steps.commit.before")
    if claimer is None:
        kept = Kept(outcomes=office.store.commit(commits, postponed))
    else:
        keep = Keep(kinds=_KEPT_KINDS, now=office.clock.now(), lease=LEASE, limit=_MOST_KEPT, claimer=claimer)
        kept = office.store.commit_and_keep(commits, postponed, keep)
    reach("steps.commit.after")
    return kept


def _ended(commits: Sequence[Commit], outcomes: Sequence[CommitOutcome]) -> tuple[list[int], list[int]]:
    """Return the jobs whose state has changed, and those that the store refuses."""
    of = {
        wanted: [commit.done for commit, outcome in zip(commits, outcomes, strict=True) if outcome is wanted]
        for wanted in (CommitOutcome.STALE, CommitOutcome.FAILED)
    }
    return (
        [one for one in of[CommitOutcome.STALE] if one is not None],
        [one for one in of[CommitOutcome.FAILED] if one is not None],
    )


def _put_off(jobs: Sequence[Job], office: Office, note: str) -> None:
    for job in jobs:
        _diagnostics.error("step refused", job=job.id, kind=job.kind, note=note, **_named(job))
    if jobs:
        office.store.commit((), [_postponed(job, office, note) for job in jobs])


# -- one job ----------------------------------------------------------------------------------------------


def _decided(job: Job, office: Office) -> Result:
    return _guarded(job, office, partial(_step, job, office))


def _step(job: Job, office: Office) -> Result:
    match job.kind:
        case JobKind.SUBMISSION:
            return submit(job, office)
        case JobKind.ARRIVAL:
            return receive(job, office)
        case JobKind.FOLLOW_UP:
            return follow_up(job, office)
        case JobKind.DEADLINE:
            return watch(job, office)
        case JobKind.RELAY | JobKind.WEBHOOK:
            return _go_out(job, office)
        case JobKind.NOTICE:
            return notify(job, office)
        case JobKind.DELIVERY:  # done as a batch
            raise OurError("a delivery was taken for a step of its own")


def _go_out(job: Job, office: Office) -> Commit:
    """Do a step that needs a way out of the house."""
    if job.kind is JobKind.WEBHOOK and office.calls is not None:
        return call_webhook(job, calls=office.calls, now=office.now())
    if job.kind is JobKind.RELAY and office.sends is not None:
        return relay(job, store=office.store, sends=office.sends, clock=office.clock)
    raise OurError(f"an office without a way out was given a {job.kind} job")


def _guarded(job: Job, office: Office, step: Callable[[], _Done]) -> _Done | Postponed:
    """Do a step; whatever goes wrong in it is its own matter."""
    try:
        return step()
    except NotYet as trouble:
        return _waits(job, office, str(trouble))
    except WorldError as trouble:
        return _waits(job, office, type(trouble).__name__)
    except Exception as error:  # noqa: BLE001 one failing job never fails its batch
        name, places = type(error).__name__, traceback.extract_tb(error.__traceback__)
        trace = [f"{place.filename}:{place.lineno} {place.name}" for place in places]
        _diagnostics.error("step failed", job=job.id, kind=job.kind, error=name, trace=trace, **_named(job))
        return _postponed(job, office, f"{name}: see the diagnostics")


def _write_lines(commits: Sequence[Commit], jobs: Sequence[Job]) -> None:
    """Write a line of each step that has come to its end, for who looks closely: the message log says the same."""
    diagnostics = _diagnostics.bind()  # once: how lines are written is looked up
    if not diagnostics.is_enabled_for(logging.DEBUG):
        return
    of: dict[int | None, Job] = {job.id: job for job in jobs}
    for commit in commits:
        job = of[commit.done]
        found = next((row.identifier for row in commit.log if row.identifier), None)
        named = {"identifier": found} if found else _named(job)
        diagnostics.debug("step", job=job.id, kind=job.kind, did=[row.event.value for row in commit.log], **named)


def _waits(job: Job, office: Office, note: str) -> Postponed:
    old = office.clock.now() - job.created >= office.patience.alarm
    (_diagnostics.error if old else _diagnostics.warning)(
        "step waits", job=job.id, kind=job.kind, note=note, attempts=job.attempts, **_named(job)
    )
    return _postponed(job, office, note)


def _postponed(job: Job, office: Office, note: str) -> Postponed:
    return Postponed(job=job.id, due=office.clock.now() + step_delay(job.attempts), note=note)


def _named(job: Job) -> dict[str, str]:
    """The transaction that a job is about, where its payload says so."""
    identifier = job.payload.get("identifier")
    return {"identifier": str(identifier)} if identifier else {}


# -- a batch ----------------------------------------------------------------------------------------------


def _deliver_all(jobs: Sequence[Job], office: Office, hands: _Hands, threads: Executor | None) -> list[Result]:
    """Load all, put all with one sync, then conclude each while that is made durable."""
    loaded = [(job, _guarded(job, office, partial(load, job, office))) for job in jobs]
    open_ = [delivery for _, delivery in loaded if isinstance(delivery, Delivery)]
    results: list[Result] = [waits for _, waits in loaded if isinstance(waits, Postponed)]
    results += [Commit(done=job.id, instant=office.now()) for job, delivery in loaded if delivery is None]
    putting = [delivery for delivery in open_ if delivery.refusal is None]
    if putting:
        hands.before()
    outcomes = dict(zip([one.job.id for one in putting], _put_all(putting, hands.mail), strict=True))

    def step(delivery: Delivery) -> Result:
        return _concluded(delivery, outcomes.get(delivery.job.id), office)

    answering = MessageClass.ENVELOPE in [one.kind for one in open_]  # others only log: nothing to go side by side in
    concluded = _each(open_, step, threads) if answering or threads else list(map(step, open_))
    try:
        hands.mail.settle()
    except WorldError as trouble:  # then what was put is not certain, and nothing follows from it
        concluded = [_concluded(one, trouble if one.refusal is None else None, office) for one in open_]
    return [*results, *concluded]


def _put_all(deliveries: Sequence[Delivery], mail: MailInHand) -> Sequence[PutOutcome | WorldError]:
    if not deliveries:
        return ()
    try:
        return store_all(deliveries, mail)
    except Exception as error:  # noqa: BLE001 what is certain of none is tried again for all
        _diagnostics.error("mailboxes failed", error=type(error).__name__)
        return [WorldError("the mail store failed")] * len(deliveries)


def _concluded(delivery: Delivery, outcome: PutOutcome | WorldError | None, office: Office) -> Result:
    return _guarded(delivery.job, office, partial(conclude, delivery, outcome, office))


def _each(items: Sequence[_Item], step: Callable[[_Item], Result], threads: Executor | None) -> list[Result]:
    return list(threads.map(step, items)) if threads else side_by_side(items, step)
