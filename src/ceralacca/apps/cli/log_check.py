"""`pec log check`: the consistency report over a period of the message log (LO-10)."""

import sys
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Self

import typer

from ceralacca.apps.cli import period
from ceralacca.apps.cli.audited import Purpose, Ticket, Why, told_beforehand
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock

if TYPE_CHECKING:
    from ceralacca.ports.log_search import LogEntry
    from ceralacca.services.check_log import ConsistencyReport

_USUAL = timedelta(days=3)
_SHOWN = 200


def check_command(
    *,
    config: Config = DEFAULT_CONFIG,
    begin: period.From = None,
    end: period.To = None,
    passes: Annotated[
        int, typer.Option(min=1, max=1000, help="Read the log so often, with less memory for each reading.")
    ] = 1,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Examine whether every transaction in the log is consistent, and name each finding with its rows.

    One sender and one set of recipients; one answer and one envelope; each certified recipient taken in charge once,
    with exactly one outcome or the notice that there is none; viruses paired with their notices. Without --from the
    last three days. What began less than 25 hours ago may still be under way: what it lacks is not told yet.
    The timekeeper does the same every night. Shows identifiers and addresses: that you looked is recorded.

    Exit status: 0 nothing found, 1 findings, 2 it could not be done.
    """
    from ceralacca.apps.log_check import plain_report  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.services.check_log import check_log  # noqa: PLC0415

    words, now = words_of(lang), SystemClock().now()
    since, until = period.since(begin) or now - _USUAL, period.until(end) or now
    period.in_order(since, until)
    with closing(open_store_of(config, words)) as store, _Progress(words) as progress:
        told_beforehand(
            store, AuditAct.LOG_SEARCHED, "pec log check", Why(purpose, ticket),
            about="consistency", detail={"since": since.isoformat(), "until": until.isoformat()},
        )  # fmt: skip
        report = check_log(
            store,
            own_domains=store.domains(),
            since=since,
            until=until,
            now=now,
            passes=passes,
            progress=progress.read,
        )
    if as_json:
        write_json(plain_report(report))
    else:
        _write(report, words)
    if report.findings:
        raise typer.Exit(1)


def _write(report: "ConsistencyReport", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    period_ = f"{report.since:%Y-%m-%d %H:%M} - {report.until:%Y-%m-%d %H:%M} UTC"
    page.line(Run(words("log_check", "read", period=period_, rows=report.rows, transactions=report.transactions)))
    if not report.settled:
        page.line(Run(words("log_check", "unsettled"), "dim"))
    if not report.findings:
        page.line(Run(words("log_check", "nothing"), "green"))
        return
    page.line(Run(words("log_check", "found", count=len(report.findings)), "red"))
    for finding in report.findings[:_SHOWN]:
        page.gap()
        about = f" {visible(finding.recipient.text)}" if finding.recipient else ""
        page.line(Run(words("log_rule", finding.rule.value), "bold"), Run(about))
        rows = ", ".join(map(str, finding.rows))
        side = words("log_check", f"as_{finding.side.value}")
        page.line(Run(words("log_check", "where", identifier=visible(finding.identifier), rows=rows)), indent=2)
        page.line(Run(f"{side}; {finding.rule.value}", "dim"), indent=2)
    if len(report.findings) > _SHOWN:
        page.gap()
        page.line(Run(words("log_check", "more", count=len(report.findings) - _SHOWN)))


class _Progress:
    """Shows on a terminal how many rows were read, while it goes on."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._rows = 0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._rows:
            sys.stderr.write("\r\x1b[K")

    def read(self, entry: "LogEntry") -> None:
        """Count a row."""
        self._rows += 1
        if self._shown and self._rows % 10_000 == 0:
            day = f"{entry.row.instant:%Y-%m-%d %H:%M}"
            sys.stderr.write("\r\x1b[K" + self._words("log_check", "reading", rows=f"{self._rows:,}", day=day))
            sys.stderr.flush()
