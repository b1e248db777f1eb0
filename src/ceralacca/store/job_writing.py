"""New jobs: to be done by anybody, or claimed with their making by whoever goes on with them (ADR 18)."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import select

from ceralacca.ports.letters import Inbound, Point
from ceralacca.ports.store import Job, JobKind, Keep, NewJob
from ceralacca.store.bulk import INSERT_JOBS
from ceralacca.store.driver import Open, driven
from ceralacca.store.prepared import Prepared, among
from ceralacca.store.rows import job_line, kept_job
from ceralacca.store.tables import JOB
from ceralacca.store.wake import LOOK_EVERY

_FIRST: Final = {Point.ACCESS: JobKind.SUBMISSION, Point.INCOMING: JobKind.ARRIVAL}
_SOON: Final = timedelta(seconds=LOOK_EVERY)
_NUMBERED: Final = Prepared(select(JOB.c.key, JOB.c.id).where(among(JOB.c.key, "wanted")))
_LAST: Final = "SELECT last_insert_rowid()"

_New = Mapping[str, tuple[NewJob, datetime]]
"""Jobs by their keys, and when they are made."""


def first_job(message: Inbound, now: datetime) -> NewJob:
    """Return what there is to do with a message that has come in."""
    kind = _FIRST[message.point]
    return NewJob(key=f"{kind}:{message.key}", kind=kind, due=now, payload={"inbound": message.key})


def kinds_to_do(jobs: Iterable[tuple[str, NewJob]], made: datetime | None, mine: Container[str]) -> Iterator[JobKind]:
    """Give the kinds of new jobs that others can begin now: not those whose keys are mine."""
    for key, job in jobs:
        if key not in mine and (made is None or job.due - made <= _SOON):
            yield job.kind


def write_jobs(connection: Open, jobs: _New, keep: Keep | None) -> list[Job]:
    """Write new jobs, in the open transaction; return those that are kept. Raises SQLAlchemyError."""
    if not jobs:
        return []
    taken: dict[str, tuple[NewJob, datetime]] = {}
    until, claimer = None, ""
    if keep is not None:
        wanted = (one for one in jobs.items() if one[1][0].kind in keep.kinds and one[1][0].due <= keep.now)
        taken, until, claimer = dict(islice(wanted, keep.limit)), keep.now + keep.lease, keep.claimer
    lines = [
        job_line(job, key, made, until=until if key in taken else None, claimer=claimer)
        for key, (job, made) in jobs.items()
    ]
    INSERT_JOBS.lines(connection, lines)
    if not taken:
        return []
    numbers = _numbers(connection, jobs, taken)
    return [kept_job(numbers[key], job, key, made, until) for key, (job, made) in taken.items()]


def _numbers(connection: Open, jobs: _New, taken: _New) -> Mapping[str, int]:
    """Return the number of each job that was taken. SQLite has given them one after the other, to its one writer."""
    if connection.dialect.name == "sqlite":
        last = driven(connection, _LAST).fetchone()[0]
        return dict(zip(jobs, range(last + 1 - len(jobs), last + 1), strict=True))
    return {row.key: row.id for row in _NUMBERED.all(connection, wanted=sorted(taken))}
