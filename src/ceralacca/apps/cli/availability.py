"""`pec availability`: what the law's limits on time down have come to, and the report on four months."""

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli import period as days
from ceralacca.apps.cli.incident import plain_entry
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError, WorldError

if TYPE_CHECKING:
    from ceralacca.core.acceptance_time import AcceptanceTimes, Breach, ContractTimes
    from ceralacca.formats.availability_report import AvailabilityReport

commands = typer.Typer(
    name="availability",
    help="Time down against the limits of the law, the four-monthly report, times to the acceptance receipt.",
    no_args_is_help=True,
)
Evidence = Annotated[
    list[Path] | None,
    typer.Option("--evidence", metavar="DIR", help="Folder of pec probe. Repeatable; by default metrics.evidence."),
]
Period = Annotated[
    str | None, typer.Option(metavar="2026-Q3", help="Four months: Q1 January, Q2 May, Q3 September; by default now.")
]
_BROKEN = 1


@commands.command("status")
def status_command(
    *,
    period: Period = None,
    evidence: Evidence = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Say how much of the limits is used, and whether they are kept.

    Exit status: 0 kept, or not proven by what was seen; 1 broken; 2 it cannot be computed.
    """
    words = words_of(lang)
    report = _report(period, evidence, config, words)
    if as_json:
        write_json(plain_report(report))
    else:
        _write_status(report, words)
    raise typer.Exit(_BROKEN if report.known.verdict.value == "broken" else 0)


@commands.command("report", no_args_is_help=True)
def report_command(
    *,
    period: Period = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; made when it is not there.")],
    provider_code: Annotated[
        str, typer.Option(metavar="CODE", help="CodGestPEC of the records P02: TIN-, VAT- or IPA- and the code.")
    ] = "",
    pages: Annotated[str, typer.Option(metavar="it|en|it,en", help="Languages of the pages for people.")] = "it",
    evidence: Evidence = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Write the report on four months: pages (PDF), outages and records P02 (CSV), digests of the evidence, JSON.

    For instance: pec availability report --period 2026-Q3 --provider-code VAT-IT00000000000 --out reports
    """
    from ceralacca.apps.pdf_fonts import find_fonts  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.formats.availability_report import (  # noqa: PLC0415
        LANGUAGES,
        draw_report,
        outages_csv,
        p02_csv,
    )

    words = words_of(lang)
    languages = [one.strip() for one in pages.split(",")]
    if not set(languages) <= set(LANGUAGES):
        raise UserError(f"--pages {pages}", remedy="write it, en or it,en")
    report = _report(period, evidence, config, words)
    name, fonts = str(report.known.period), find_fonts()
    files = {
        f"outages-{name}.csv": outages_csv(report).encode(),
        f"p02-{name}.csv": p02_csv(report, provider_code).encode(),
    }
    files |= {f"evidence-{name}-{one.probe}.sha256": one.lines.encode() for one in report.evidence}
    for language in languages:
        octets = draw_report(report, language=language, fonts=fonts, provider_code=provider_code)
        files[f"availability-{name}.{language}.pdf"] = octets
    _put(out, files)
    if as_json:
        write_json({"files": sorted(files), **plain_report(report)})
        return
    _write_status(report, words)
    for written in sorted(files):
        print(out / written)


@commands.command("acceptance")
def acceptance_command(
    *,
    begin: days.From = None,
    end: days.To = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show how long acceptance receipts took, by contract, and which came after their term (SL-4).

    By default of the last 24 hours. Exit status: 0 all within their term, 1 some were not, 2 it cannot be told.
    """
    from datetime import timedelta  # noqa: PLC0415

    from ceralacca.apps.availability import acceptance_times  # noqa: PLC0415

    words, now = words_of(lang), SystemClock().now()
    since, until = days.since(begin) or now - timedelta(days=1), days.until(end) or now
    days.in_order(since, until)
    settings = load_settings(config, words)
    with closing(open_store_of(config, words)) as store:
        times = acceptance_times(store, settings.service_levels.terms(), since=since, until=until)
    breaches = times.breaches(now)
    if as_json:
        write_json(
            {"contracts": [_plain_times(one) for one in times.contracts()], "breaches": _plain_breaches(breaches)}
        )
    else:
        _write_times(times, breaches, words)
    raise typer.Exit(int(bool(breaches)))


def _report(period: str | None, evidence: list[Path] | None, config: Path, words: Words) -> "AvailabilityReport":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    from ceralacca.apps.availability import evidence_folders, report_on  # noqa: PLC0415
    from ceralacca.core.four_months import FourMonths  # noqa: PLC0415

    now: datetime = SystemClock().now()
    settings = load_settings(config, words)
    folders = evidence_folders(settings, evidence or ())
    wanted = FourMonths.parse(period) if period else FourMonths.of(now)
    if wanted.begins > now:
        raise UserError(f"{wanted} has not begun", remedy="name a period that has")
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}"))
    console = Console(stderr=True)
    with (
        closing(open_store_of(config, words)) as store,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task(words("availability", "reading"), total=None)
        return report_on(
            wanted,
            settings=settings,
            folders=folders,
            register=store.disservices,
            log=store,
            now=now,
            tick=lambda: progress.advance(task),
        )


def _put(out: Path, files: dict[str, bytes]) -> None:
    from ceralacca.store.durable_files import put_file  # noqa: PLC0415

    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, octets in files.items():
            put_file(out / name, octets)
    except OSError as error:
        raise WorldError(f"{out}: {error.strerror}", remedy="name another folder with --out") from error


def plain_report(report: "AvailabilityReport") -> dict[str, Any]:
    """Return the report for programs."""
    known = report.known
    return {
        "period": str(known.period),
        "until": known.until.isoformat(),
        "verdict": known.verdict.value,
        "minutes": known.period.minutes,
        "down": known.down,
        "budget": float(known.budget),
        "longest": known.longest,
        "outage_limit": float(known.single_limit),
        "seen": known.seen,
        "unseen": known.unseen,
        "probes": list(known.probes),
        "alarms": [{"limit": one.limit, "percent": one.percent, "at": one.at.isoformat()} for one in known.alarms],
        "outages": [
            {
                "begins": one.begins.isoformat(),
                "minutes": one.minutes,
                "unseen": one.unseen,
                "announced": one.planned,
                "functions": sorted(one.functions),
            }
            for one in known.outages
        ],
        "P02": [record.values("")[1:] for record in report.records],
        "register": [plain_entry(one) for one in report.register],
        "acceptance": [_plain_times(one) for one in report.acceptance],
        "breaches": _plain_breaches(report.breaches),
        "evidence": [{"probe": one.probe, "files": one.files, "sha256": one.digest} for one in report.evidence],
        "damage": list(report.damage),
    }


def _plain_times(one: "ContractTimes") -> dict[str, Any]:
    return {
        "contract": one.contract,
        "term": one.term.total_seconds(),
        "receipts": one.receipts,
        "within": one.within,
        "over_60_s": one.alarms,
        "held": one.held,
        "slowest": one.slowest,
        "histogram": list(one.histogram),
    }


def _plain_breaches(breaches: "list[Breach] | tuple[Breach, ...]") -> list[dict[str, Any]]:
    return [
        {
            "identifier": one.identifier,
            "contract": one.contract,
            "submitted": one.submitted.isoformat(),
            "seconds": one.seconds,
        }
        for one in breaches
    ]


def _write_status(report: "AvailabilityReport", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page, known = page_for(sys.stdout), report.known
    style = {"kept": "green", "broken": "bold red", "unproven": "yellow"}[known.verdict.value]
    page.line(Run(f"{known.period}  ", "bold"), Run(words("availability_verdict", known.verdict.value), style))
    rows = [
        (Run(words("availability", "down")), Run(f"{known.down} / {float(known.budget):.2f}")),
        (Run(words("availability", "longest")), Run(f"{known.longest} / {float(known.single_limit):.2f}")),
        (Run(words("availability", "unseen")), Run(f"{known.unseen}")),
        (Run(words("availability", "probes")), Run(", ".join(known.probes) or "-")),
    ]
    page.grid(rows, indent=2, gap=2)
    for one in known.alarms:
        said = words("availability", f"alarm_{one.limit}", percent=one.percent, at=f"{one.at:%Y-%m-%d %H:%M} UTC")
        page.line(Run(said, "yellow"), indent=2)
    if report.damage:
        page.line(Run(words("availability", "damage", n=len(report.damage), first=report.damage[0]), "bold red"))
    if report.breaches:
        page.line(Run(words("availability", "breaches", n=len(report.breaches)), "yellow"))


def _write_times(times: "AcceptanceTimes", breaches: "list[Breach]", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    heads = ("contract", "term", "receipts", "over", "held", "slowest")
    rows = [[Run(words("acceptance_time", head), "bold") for head in heads]]
    rows += [
        [
            Run(visible(one.contract) or words("acceptance_time", "usual")),
            Run(f"{one.term.total_seconds():.0f} s"),
            Run(str(one.receipts)),
            Run(str(one.receipts - one.within), "bold red" if one.receipts > one.within else ""),
            Run(str(one.held)),
            Run(f"{one.slowest:.0f} s"),
        ]
        for one in times.contracts()
    ]
    page.grid(rows, gap=2)
    if breaches:
        page.gap()
        page.line(Run(words("availability", "breaches", n=len(breaches)), "yellow"))
    for one in breaches[:100]:
        took = words("acceptance_time", "missing") if one.seconds is None else f"{one.seconds:.0f} s"
        page.line(Run(f"{one.submitted:%Y-%m-%d %H:%M:%S} UTC  {took:>8}  {visible(one.identifier)}"), indent=2)
