"""`pec queue`: what waits to be done, and what an operator may do about it."""

import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Purpose, Ticket, Why, audited
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.ports.store import Job
    from ceralacca.store.database import DatabaseStore

commands = typer.Typer(
    name="queue", help="What waits to be done: list, look, try at once, hold back.", no_args_is_help=True
)
_TOLD = 100
"""Numbers of jobs that the audit trail names."""
JobNumber = Annotated[int, typer.Argument(metavar="JOB", help="Number of a job, as `pec queue list` shows it.")]


@commands.command("list")
def list_command(
    *,
    config: Config = DEFAULT_CONFIG,
    kind: Annotated[
        str | None,
        typer.Option(help="Only one kind: submission, arrival, delivery, relay, deadline or follow-up."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Jobs shown at most.", min=1)] = 50,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show how many jobs wait, and the first of them in the order in which they will be done.

    Deadlines are jobs too: for each recipient two wait until 12 and 23 hours have passed or the receipt is there.
    """
    from ceralacca.ports.store import JobKind  # noqa: PLC0415

    words = words_of(lang)
    if kind is not None and kind not in set(JobKind):
        raise UserError(f"there is no kind {kind}", remedy=f"one of {', '.join(JobKind)}")
    with closing(open_store_of(config, words)) as store:
        figures, jobs = store.queue(), store.jobs(kind=JobKind(kind) if kind else None, limit=limit)
    if as_json:
        totals = {
            name.value: {"waiting": one.waiting, "leased": one.leased, "held": one.held}
            for name, one in figures.items()
        }
        write_json({"figures": totals, "jobs": [plain_job(job) for job in jobs]})
        return
    _write_list(figures, jobs, words)


def _write_list(figures: Any, jobs: "list[Job]", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page, now = page_for(sys.stdout), SystemClock().now()
    heads = ("kind", "waiting", "leased", "held")
    rows = [[Run(words("queue", head), "bold") for head in heads]]
    rows += [
        [Run(words("job_kind", kind.value)), *(Run(str(number)) for number in (one.waiting, one.leased, one.held))]
        for kind, one in figures.items()
    ]
    page.grid(rows, gap=2)
    if not jobs:
        page.line(Run(words("queue", "empty")))
        return
    page.gap()
    rows = [[Run(words("queue", head), "bold") for head in ("job", "kind", "due", "attempts", "state", "note")]]
    rows += [
        [
            Run(str(job.id)),
            Run(words("job_kind", job.kind.value)),
            Run(_when(job.due, now)),
            Run(str(job.attempts)),
            Run(words("queue", _state(job, now))),
            Run(job.note),
        ]
        for job in jobs
    ]
    page.grid(rows, gap=2)


@commands.command("show")
def show_command(
    job: JobNumber, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """Show all of one job. Its identifier leads to `pec trace`."""
    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        found = store.job(job)
    if found is None:
        raise _no_job(job)
    facts = plain_job(found)
    if as_json:
        write_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, one in value.items():
                print(f"  {key}: {one}")
        else:
            print(f"{name}: {value}")


@commands.command("retry")
def retry_command(
    jobs: Annotated[list[int] | None, typer.Argument(metavar="JOB...", help="Numbers of jobs.")] = None,
    *,
    config: Config = DEFAULT_CONFIG,
    every: Annotated[bool, typer.Option("--all", help="All jobs that were put off to a later instant.")] = False,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Try jobs at once that wait or are held; one that somebody is at is left alone.

    Never brings a deadline forward: it waits again until its time.
    """
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    if not jobs and not every:
        raise UserError("no job was named", remedy="give numbers, or --all")
    now = SystemClock().now()
    with closing(open_store_of(config, words)) as store:
        if every:
            listed = store.jobs(limit=10_000)
            # By its due instant alone: what a relay puts off is a new job, which nobody has tried yet.
            jobs = [one.id for one in listed if not one.held and one.kind != "deadline" and one.due > now]
        with audited(
            store, AuditAct.QUEUE_RELEASED, "pec queue retry", Why(purpose, ticket), detail=_numbers(jobs or ())
        ):
            done = {job: store.release(job, now=now) for job in jobs or ()}
    _tell(done, words, "released", as_json=as_json)


@commands.command("hold")
def hold_command(
    jobs: Annotated[list[int], typer.Argument(metavar="JOB...", help="Numbers of jobs.")],
    *,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Keep jobs back until `pec queue retry`; the deadlines of section 7 of the norm go on."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.QUEUE_HELD, "pec queue hold", Why(purpose, ticket), detail=_numbers(jobs)),
    ):
        done = {job: store.hold(job) for job in jobs}
    _tell(done, words, "held_now", as_json=as_json)


def _numbers(jobs: Sequence[int]) -> dict[str, str | int]:
    return {"jobs": len(jobs), "numbers": " ".join(map(str, jobs[:_TOLD]))}


def _tell(done: dict[int, bool], words: Words, said: str, *, as_json: bool) -> None:
    if as_json:
        write_json({str(job): good for job, good in done.items()})
    else:
        for job, good in done.items():
            print(words("queue", said if good else "not_done", job=job))
    if not all(done.values()):
        raise typer.Exit(1)


def open_store_of(config: Path, words: Words) -> "DatabaseStore":
    """Open the store of the provider whose settings are named. Raises UserError, WorldError."""
    from ceralacca.apps import diagnostics  # noqa: PLC0415
    from ceralacca.apps.data_folder import DataFolder  # noqa: PLC0415
    from ceralacca.apps.wiring import provider_store  # noqa: PLC0415

    settings = load_settings(config, words)
    diagnostics.quiet()
    DataFolder(settings.data.folder).make()
    return provider_store(settings, connections=1)


def plain_job(job: "Job") -> dict[str, Any]:
    """Return a job for programs."""
    return {
        "job": job.id,
        "kind": job.kind.value,
        "key": job.key,
        "due": job.due.isoformat(),
        "created": job.created.isoformat(),
        "attempts": job.attempts,
        "held": job.held,
        "leased_until": job.leased_until.isoformat() if job.leased_until else None,
        "note": job.note,
        "payload": dict(job.payload),
    }


def _state(job: "Job", now: datetime) -> str:
    if job.held:
        return "held"
    if job.leased_until is not None and job.leased_until > now:
        return "leased"
    return "waiting"


def _when(instant: datetime, now: datetime) -> str:
    """Write a distance: `in 12m`, `-3s`."""
    seconds = int((instant - now).total_seconds())
    sign, left = ("-" if seconds < 0 else "+"), abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if left >= length:
            return f"{sign}{left // length}{unit}"
    return f"{sign}{left}s"


def _no_job(job: int) -> UserError:
    return UserError(f"there is no job {job}", remedy="pec queue list shows those that wait; a finished one is gone")
