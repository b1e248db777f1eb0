"""`pec statistics`: the figures that the supervisor asks for, counted from the log (SL-7)."""

import csv
import sys
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Purpose, Ticket, Why, told_beforehand
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.core.statistics import Counted
    from ceralacca.services.count_traffic import Traffic

_EVERY = 10_000


def statistics_command(
    *,
    period: Annotated[
        str,
        typer.Option(metavar="PERIOD", help="2026Q1 to 2026Q3 (four months), 2026B1 to 2026B6 (two), 2026-07 or 2026."),
    ],
    provider_code: Annotated[
        str, typer.Option(metavar="CODE", help="CodGestPEC of the record P01: TIN-, VAT- or IPA- and the code.")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="One line for each day by the two-monthly rule.")] = False,
    rows: Annotated[
        bool, typer.Option("--rows", help="Name every row of the log that counts, and as what (with --json or --csv).")
    ] = False,
    purpose: Purpose = "",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Count the traffic of a period by both rules that are in use, from rows of the message log alone.

    By day, as circular CR/51 of 2006 has it: envelopes sent and received, anomaly envelopes made, viruses; receipts do
    not count. In all, as record P01 of AgID's guidelines has it: acceptance receipts issued (MsgUscita), takings in
    charge for other providers (MsgIngresso), viruses in and out. A day is a day of Italian legal time.

    Domains and mailboxes are those of the moment of counting. With --rows every figure can be reproduced.
    """
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.core.statistics import Period  # noqa: PLC0415
    from ceralacca.services.count_traffic import count_traffic  # noqa: PLC0415

    words, counted = words_of(lang), list["Counted"]()
    if rows and not (as_json or as_csv):
        raise UserError("--rows is for programs", remedy="give --json or --csv with it")
    try:
        asked = Period.read(period)
    except ValueError as error:
        raise UserError(f"--period {period}: {error}", remedy="such as 2026Q1 or 2026-07") from error
    with closing(open_store_of(config, words)) as store:
        if rows:
            told_beforehand(
                store, AuditAct.LOG_SEARCHED, "pec statistics", Why(purpose, ticket),
                about="statistics", detail={"period": asked.name},
            )  # fmt: skip
        traffic = count_traffic(
            store,
            asked,
            now=SystemClock().now(),
            told=counted.append if rows else None,
            progress=_Progress().read,
        )
    if as_csv:
        _write_csv(traffic, counted if rows else None)
    elif as_json:
        plain = plain_traffic(traffic, provider_code)
        write_json({**plain, "counted_rows": [_plain_row(one) for one in counted]} if rows else plain)
    else:
        _write(traffic, provider_code, words)


def plain_traffic(traffic: "Traffic", provider_code: str) -> dict[str, Any]:
    """Return the figures for programs."""
    tally = traffic.tally
    return {
        "period": tally.period.name,
        "since": tally.period.since.isoformat(),
        "until": tally.period.until.isoformat(),
        "whole": traffic.is_whole,
        "rows": tally.rows,
        "two_monthly": {
            "totals": {figure.value: sum(day[figure] for day in tally.by_day.values()) for figure in _by_day()},
            "days": {
                day.isoformat(): {figure.value: count for figure, count in found.items()}
                for day, found in tally.by_day.items()
            },
            "mailboxes": dict(traffic.mailboxes),
        },
        "P01": _record(traffic, provider_code),
    }


def _record(traffic: "Traffic", provider_code: str) -> dict[str, Any]:
    """Return the record P01; its period fields are empty when the period is not one of four months."""
    from ceralacca.core.statistics import IN_ALL  # noqa: PLC0415

    period = traffic.tally.period
    return {
        "CodGestPEC": provider_code,
        "Quadrimestre": period.four_months,
        "Anno": period.first.year,
        "NumDomini": len(traffic.mailboxes),
        "NumCaselle": sum(traffic.mailboxes.values()),
        **{figure.value: traffic.tally.totals[figure] for figure in IN_ALL},
    }


def _by_day() -> tuple[Any, ...]:
    from ceralacca.core.statistics import BY_DAY  # noqa: PLC0415

    return BY_DAY


def _plain_row(one: "Counted") -> dict[str, Any]:
    return {
        "number": one.number,
        "day": one.day.isoformat(),
        "instant": one.row.instant.isoformat(),
        "event": one.row.event.value,
        "identifier": one.row.identifier,
        "counts_as": [figure.value for figure in one.figures],
    }


def _write_csv(traffic: "Traffic", counted: "list[Counted] | None") -> None:
    out = csv.writer(sys.stdout, lineterminator="\r\n")
    if counted is not None:
        out.writerow(["number", "day", "instant", "event", "identifier", "counts_as"])
        for plain in map(_plain_row, counted):
            out.writerow([*list(plain.values())[:-1], " ".join(plain["counts_as"])])
        return
    out.writerow(["day", *(figure.value for figure in _by_day())])
    for day, found in traffic.tally.by_day.items():
        out.writerow([day.isoformat(), *(found[figure] for figure in _by_day())])


def _write(traffic: "Traffic", provider_code: str, words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page, tally, figures = page_for(sys.stdout), traffic.tally, _by_day()
    page.line(Run(words("statistics", "period", period=tally.period.name, rows=tally.rows), "bold"))
    if not traffic.is_whole:
        page.line(Run(words("statistics", "not_whole"), "yellow"))
    page.gap()
    page.line(Run(words("statistics", "by_day"), "bold"))
    heads = [Run(words("statistics", "day"), "bold"), *(Run(words("figure", one.value), "bold") for one in figures)]
    days = [
        [Run(f"{day:%Y-%m-%d}"), *(Run(str(found[figure])) for figure in figures)]
        for day, found in tally.by_day.items()
        if any(found.values())
    ]
    totals = [sum(day[figure] for day in tally.by_day.values()) for figure in figures]
    page.grid(
        [heads, *days, [Run(words("statistics", "total"), "bold"), *(Run(str(total)) for total in totals)]], gap=2
    )
    page.gap()
    page.line(Run(words("statistics", "mailboxes"), "bold"))
    page.grid([[Run(domain), Run(str(count))] for domain, count in traffic.mailboxes.items()], indent=2, gap=2)
    page.gap()
    page.line(Run(words("statistics", "record"), "bold"))
    record = _record(traffic, provider_code)
    page.grid(
        [[Run(name), Run("" if value is None else str(value))] for name, value in record.items()], indent=2, gap=2
    )


class _Progress:
    """Shows on a terminal how far the reading has come."""

    def __init__(self) -> None:
        self._rows = 0
        self._shown = sys.stderr.isatty()

    def read(self, instant: datetime) -> None:
        """Count a row."""
        self._rows += 1
        if self._shown and self._rows % _EVERY == 0:
            sys.stderr.write(f"\r\x1b[K{self._rows:,}  {instant:%Y-%m-%d}\r")
            sys.stderr.flush()
