"""The queue of jobs: who does what next, and who is at it.

A job is a row until it is done, then it is gone. Claiming sets `ready` to the end of the lease, so that
a job whose holder died comes up again by itself. What is due is found through one index per kind.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Integer, Select, bindparam, false, func, or_, select, union_all, update

from ceralacca.core.fair_share import fair_share
from ceralacca.ports.store import Job, JobKind, Postponed, QueueFigures
from ceralacca.store.driver import Open
from ceralacca.store.engine import Database
from ceralacca.store.prepared import Prepared, Record, among
from ceralacca.store.rows import read_job
from ceralacca.store.tables import JOB


def claim(
    database: Database,
    kinds: Iterable[JobKind],
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    claimer: str,
    sharing: int,
) -> list[Job]:
    """Claim jobs that are due, oldest first. Looks before it locks: an idle worker disturbs nobody."""
    wanted, most = tuple(kinds), limit * sharing
    with database.direct_reading(told=False) as connection:
        due = _heads(wanted, locked=False).all(connection, now=now, **_limits(dict.fromkeys(wanted, most), most))
    limit = fair_share(len(due), limit=limit, sharing=sharing)
    shares = Counter(row.kind for row in due[:limit])
    if not shares:
        return []
    with database.direct_transaction(synced=False) as connection:
        rows = _heads(tuple(shares), locked=True).all(connection, now=now, **_limits(shares, limit))
        until = now + lease
        if rows:
            _TAKE.run(connection, taken=[row.id for row in rows], until=until, claimer=claimer)
    return [replace(read_job(row), attempts=row.attempts + 1, leased_until=until) for row in rows]


def _limits(shares: Mapping[JobKind, int], limit: int) -> dict[str, int]:
    return {"most": limit, **{f"most_{kind}": share for kind, share in shares.items()}}


@cache
def _heads(kinds: tuple[JobKind, ...], *, locked: bool) -> Prepared:
    """Return the statement for what is due of these kinds: `:most` in all, `:most_{kind}` of each.

    Locked, the rows are whole, and those that another worker is just claiming are passed over.
    """
    columns = list(JOB.c) if locked else [JOB.c.id, JOB.c.kind, JOB.c.ready]
    arms = []
    for kind in kinds:
        open_ = select(*columns).where(JOB.c.kind == kind, JOB.c.ready <= bindparam("now"), JOB.c.held == false())
        head = open_.order_by(JOB.c.ready, JOB.c.id).limit(bindparam(f"most_{kind}", type_=Integer))
        arms.append(head.with_for_update(skip_locked=True) if locked else head)
    return Prepared(_first(arms, bindparam("most", type_=Integer)))


def _first(arms: Sequence[Select[Any]], limit: Any) -> Select[Any]:
    """Merge the heads of several queues: each is read through its own piece of the index."""
    if len(arms) == 1:
        return arms[0]
    merged = union_all(*(arm.subquery().select() for arm in arms)).subquery()
    return select(merged).order_by(merged.c.ready, merged.c.id).limit(limit)


_TAKE: Final = Prepared(
    update(JOB)
    .where(among(JOB.c.id, "taken"))
    .values(ready=bindparam("until"), leased=True, attempts=JOB.c.attempts + 1, claimed_by=bindparam("claimer"))
)
_POSTPONE: Final = Prepared(
    update(JOB)
    .where(JOB.c.id == bindparam("job"))
    .values(due=bindparam("late"), ready=bindparam("late"), leased=False, note=bindparam("why"))
)


def give_back(database: Database, claimer: str, *, now: datetime, lease: timedelta) -> int:
    """Make due what a claimer had in hand. Leases that end later than `lease` from now are not its own."""
    leased = JOB.c.kind.in_(list(JobKind)) & JOB.c.ready.between(now, now + lease) & JOB.c.leased
    mine = update(JOB).where(leased, JOB.c.claimed_by == claimer).values(ready=now, leased=False)
    with database.transaction() as connection:
        return connection.execute(mine).rowcount


def postpone(connection: Open, postponed: Sequence[Postponed]) -> None:
    """Give claimed jobs back, to be tried again later."""
    if postponed:
        _POSTPONE.run_each(connection, [{"job": each.job, "late": each.due, "why": each.note} for each in postponed])


def next_due(database: Database, kinds: Iterable[JobKind]) -> datetime | None:
    """Return when the next job of these kinds can be claimed."""
    wanted = tuple(kinds)
    if not wanted:
        return None
    with database.direct_reading(told=False) as connection:
        row = _earliest(wanted).first(connection)
    return None if row is None else row.ready


@cache
def _earliest(kinds: tuple[JobKind, ...]) -> Prepared:
    """Return the statement for the one job of these kinds that is due first."""
    arms = [
        select(JOB.c.ready, JOB.c.id)
        .where(JOB.c.kind == kind, JOB.c.held == false())
        .order_by(JOB.c.ready, JOB.c.id)
        .limit(1)
        for kind in kinds
    ]
    return Prepared(_first(arms, 1))


def figures(database: Database) -> Mapping[JobKind, QueueFigures]:
    """Count the jobs of every kind; reads the whole queue."""
    grouped = select(
        JOB.c.kind, JOB.c.leased, JOB.c.held, func.count().label("number"), func.min(JOB.c.due).label("due")
    )
    with database.reading() as connection:
        rows = connection.execute(grouped.group_by(JOB.c.kind, JOB.c.leased, JOB.c.held)).all()
    return {kind: _figures([row for row in rows if row.kind is kind]) for kind in JobKind}


def due(database: Database, kind: JobKind, *, now: datetime) -> int:
    """Count the jobs of one kind that are due and that nobody has."""
    wanted = select(func.count()).where(
        JOB.c.kind == kind, JOB.c.ready <= now, JOB.c.leased == false(), JOB.c.held == false()
    )
    with database.reading() as connection:
        return connection.scalar(wanted) or 0


def _figures(rows: Sequence[Record]) -> QueueFigures:
    waiting = [row for row in rows if not row.held and not row.leased]
    return QueueFigures(
        waiting=sum(row.number for row in waiting),
        leased=sum(row.number for row in rows if row.leased and not row.held),
        oldest_due=waiting[0].due if waiting else None,
        held=sum(row.number for row in rows if row.held),
    )


def jobs(database: Database, *, kind: JobKind | None, limit: int) -> list[Job]:
    """Return jobs in the order in which they can be claimed."""
    kinds = [kind] if kind else list(JobKind)
    arms = [select(JOB).where(JOB.c.kind == each).order_by(JOB.c.ready, JOB.c.id).limit(limit) for each in kinds]
    with database.reading() as connection:
        return [read_job(row) for row in connection.execute(_first(arms, limit))]


def job(database: Database, number: int) -> Job | None:
    """Return one job."""
    with database.reading() as connection:
        row = connection.execute(select(JOB).where(JOB.c.id == number)).first()
    return None if row is None else read_job(row)


def hold(database: Database, number: int) -> bool:
    """Keep a job back."""
    with database.transaction() as connection:
        return connection.execute(update(JOB).where(JOB.c.id == number).values(held=True)).rowcount == 1


def release(database: Database, number: int, *, now: datetime) -> bool:
    """Make a job due now unless somebody is at it."""
    free = or_(JOB.c.leased == false(), JOB.c.ready <= now)
    change = update(JOB).where(JOB.c.id == number, free).values(due=now, ready=now, leased=False, held=False)
    with database.transaction() as connection:
        return connection.execute(change).rowcount == 1
