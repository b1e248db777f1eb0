"""The report on availability of a four-month period: pages for people, tables for programs.

The pages say first whether the law's limits were kept, then how that was measured, every outage, how long acceptance
took, what stands in the register, and the records P02. The same report gives the same octets.

Clauses: SL-2 to SL-4, SL-7, TI-3.
"""

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from importlib import resources

from ceralacca.base.instants import ROME, legal_time
from ceralacca.core.acceptance_time import BOUNDS, Breach, ContractTimes
from ceralacca.core.availability import Availability
from ceralacca.core.model.disservice import Disservice
from ceralacca.core.outage_records import COLUMNS, OutageRecord
from ceralacca.formats.neutral import one_line
from ceralacca.formats.pdf_page import MARGIN, Cover, Fonts, PdfPages

LANGUAGES = ("it", "en")
_MOST_BREACHES = 60
_BAR, _LINE, _INK = (178, 58, 46), (170, 178, 189), (88, 97, 110)

Say = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeEvidence:
    """The raw evidence of one probe that the report stands on."""

    probe: str
    files: int
    first: date
    last: date
    digest: str
    """SHA-256 of `lines`."""
    lines: str
    """Digest and name of each file, as `sha256sum` writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityReport:
    """Everything that the report says."""

    provider: str
    made: datetime
    known: Availability
    register: tuple[Disservice, ...]
    records: tuple[OutageRecord, ...]
    acceptance: tuple[ContractTimes, ...]
    breaches: tuple[Breach, ...]
    evidence: tuple[ProbeEvidence, ...]
    damage: tuple[str, ...]
    """Places of the evidence that cannot be believed as they stand."""


# -- tables for programs ----------------------------------------------------------------------------------


def p02_csv(report: AvailabilityReport, provider_code: str) -> str:
    """Return the records P02, one a line, under the names of the guidelines."""
    return _csv(COLUMNS, (record.values(provider_code) for record in report.records))


def outages_csv(report: AvailabilityReport) -> str:
    """Return every outage with its instants in UTC."""
    heads = ("begins", "ends", "minutes", "unseen", "announced", "functions")
    rows = (
        (one.begins.isoformat(), one.ends.isoformat(), str(one.minutes), str(one.unseen), str(one.planned),
         " ".join(sorted(one.functions)))
        for one in report.known.outages
    )  # fmt: skip
    return _csv(heads, rows)


def _csv(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return written.getvalue()


# -- pages for people -------------------------------------------------------------------------------------


@cache
def sentences(language: str) -> Say:
    """Return the sentences of a language by section and key."""
    text = (resources.files(__package__) / "texts" / f"availability.{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def draw_report(report: AvailabilityReport, *, language: str, fonts: Fonts | None, provider_code: str) -> bytes:
    """Return the report as PDF; `language` is `it` or `en`."""
    say, known = sentences(language), report.known
    pages = PdfPages(
        Cover(
            title=f"{say['page']['title']} {known.period}",
            language=language,
            author=report.provider,
            instant=report.made,
            foot=say["page"]["foot"].format(provider=report.provider, period=known.period),
            page_word=say["page"]["page"],
            fonts=fonts,
        )
    )
    _opening(pages, report, say)
    _outages(pages, report, say)
    _functions(pages, known, say)
    _acceptance(pages, report, say)
    _register(pages, report.register, say)
    _records(pages, report, say, provider_code)
    _evidence(pages, report, say)
    return pages.octets()


def _opening(pages: PdfPages, report: AvailabilityReport, say: Say) -> None:
    known, facts = report.known, say["facts"]
    under = {
        "provider": report.provider,
        "begins": _day(known.period.begins),
        "ends": _day(known.period.ends - _SECOND),
    }
    pages.title(f"{say['page']['title']} {known.period}", say["page"]["under"].format(**under))
    pages.paragraph(say["verdict"][known.verdict.value], bold=True, size=10.5)
    of = say["value"]["of"]
    down = of.format(n=known.down, limit=_decimal(known.budget), share=_percent(known.down, known.budget))
    longest = of.format(
        n=known.longest, limit=_decimal(known.single_limit), share=_percent(known.longest, known.single_limit)
    )
    pages.facts(
        [
            (facts["until"], _when(known.until)),
            (facts["available"], f"{float(known.percent_available):.4f} %"),
            (facts["down"], down),
            (facts["longest"], longest),
            (facts["seen"], say["value"]["seen"].format(seen=known.seen, unseen=known.unseen)),
            (facts["probes"], ", ".join(known.probes)),
            (facts["made"], _when(report.made)),
        ]
    )  # fmt: skip
    pages.heading(say["heading"]["chart"])
    _by_day_chart(pages, known, say)
    pages.heading(say["heading"]["how"])
    for sentence in say["how"].values():
        pages.paragraph(sentence, size=8.8)


def _decimal(minutes: Fraction) -> str:
    return f"{float(minutes):.2f}"


def _percent(used: int, limit: Fraction) -> str:
    return f"{float(100 * used / limit):.1f}"


_SECOND = timedelta(seconds=1)


def _by_day_chart(pages: PdfPages, known: Availability, say: Say) -> None:
    """Draw minutes down by day of legal time; the table of outages says the same in words."""
    days = known.period.months.days
    down = _minutes_by_day(known)
    sheet, height = pages.sheet, 34.0
    left, width, top = MARGIN + 8, sheet.w - 2 * MARGIN - 8, sheet.get_y() + 2
    most = max([10, *down.values()])
    sheet.set_font(pages.family, size=6.5)
    with sheet.local_context(draw_color=_LINE, text_color=_INK, fill_color=_BAR, line_width=0.1):
        for part in (0, most / 2, most):
            y = top + height * (1 - part / most)
            sheet.line(left, y, left + width, y)
            sheet.set_xy(MARGIN, y - 1.5)
            sheet.cell(7, 3, f"{part:.0f}", align="R")
        step = width / len(days)
        for number, day in enumerate(days):
            x = left + number * step
            if day.day == 1:
                sheet.line(x, top, x, top + height + 1.5)
                sheet.set_xy(x, top + height + 0.5)
                sheet.cell(20, 3, f"{day:%m/%Y}")
            if minutes := down.get(day, 0):
                tall = height * minutes / most
                sheet.rect(x + step * 0.1, top + height - tall, step * 0.8, tall, style="F")
    sheet.set_y(top + height + 5)
    pages.paragraph(say["page"]["chart"], size=7.5, muted=True)


def _minutes_by_day(known: Availability) -> dict[date, int]:
    found: dict[date, int] = {}
    for outage in known.outages:
        at = outage.begins
        while at < outage.ends:
            day = at.astimezone(ROME).date()
            found[day] = found.get(day, 0) + 1
            at += timedelta(minutes=1)
    return found


def _outages(pages: PdfPages, report: AvailabilityReport, say: Say) -> None:
    pages.heading(say["heading"]["outages"])
    if not report.known.outages:
        pages.paragraph(say["page"]["no_outages"])
    else:
        rows = [
            (_when(one.begins), _when(one.ends), str(one.minutes), str(one.unseen or ""), str(one.planned or ""),
             ", ".join(say["function"][each] for each in sorted(one.functions)))
            for one in report.known.outages
        ]  # fmt: skip
        pages.table(_heads(say, "outages"), rows, widths=(20, 20, 8, 8, 9, 35))
    if report.known.alarms:
        rows_of_alarms = [(say["limit"][one.limit], f"{one.percent} %", _when(one.at)) for one in report.known.alarms]
        pages.table(_heads(say, "alarms"), rows_of_alarms, widths=(40, 20, 40))


def _functions(pages: PdfPages, known: Availability, say: Say) -> None:
    pages.heading(say["heading"]["functions"])
    rows = [
        (say["function"][function.value], str(one.tries), str(one.failures), str(one.minutes_down),
         f"{one.mean_seconds:.2f} s", f"{one.slowest_seconds:.2f} s")
        for function, one in known.functions.items()
    ]  # fmt: skip
    pages.table(_heads(say, "functions"), rows, widths=(30, 14, 14, 14, 14, 14))


def _acceptance(pages: PdfPages, report: AvailabilityReport, say: Say) -> None:
    pages.heading(say["heading"]["acceptance"])
    pages.paragraph(say["page"]["acceptance"], size=8.8)
    usual = say["value"]["usual"]
    rows = [
        (one.contract or usual, f"{one.term.total_seconds():.0f} s", str(one.receipts), str(one.receipts - one.within),
         str(one.alarms), str(one.held), f"{one.slowest:.0f} s")
        for one in report.acceptance
    ]  # fmt: skip
    pages.table(_heads(say, "acceptance"), rows, widths=(22, 13, 13, 13, 13, 13, 13))
    bounds = [f"{say['value']['up_to']} {one.total_seconds():.0f} s" for one in BOUNDS] + [say["value"]["longer"]]
    counts = [sum(one.histogram[n] for one in report.acceptance) for n in range(len(bounds))]
    whole = sum(counts) or 1
    rows_of_times = [(bound, str(n), f"{100 * n / whole:.2f} %") for bound, n in zip(bounds, counts, strict=True)]
    pages.table(_heads(say, "times"), rows_of_times, widths=(40, 30, 30))
    if report.breaches:
        pages.heading(say["heading"]["breaches"], level=2)
        rows_of_breaches = [
            (_when(one.submitted), one_line(one.identifier), one.contract or usual,
             say["value"]["missing"] if one.seconds is None else f"{one.seconds:.0f} s")
            for one in report.breaches[:_MOST_BREACHES]
        ]  # fmt: skip
        pages.table(_heads(say, "breaches"), rows_of_breaches, widths=(22, 48, 18, 12), size=7.0)
        if len(report.breaches) > _MOST_BREACHES:
            pages.paragraph(say["page"]["more"].format(n=len(report.breaches) - _MOST_BREACHES))


def _register(pages: PdfPages, register: Sequence[Disservice], say: Say) -> None:
    pages.heading(say["heading"]["register"])
    if not register:
        pages.paragraph(say["page"]["no_register"])
        return
    rows = [
        (str(one.number), _when(one.begins), _when(one.ends) if one.ends else "", say["kind"][one.kind.value],
         f"{one.code.value}{one.found_by.value}" if one.code else "", one_line(f"{one.what} {one.remedy}".strip()))
        for one in register
    ]  # fmt: skip
    pages.table(_heads(say, "register"), rows, widths=(6, 20, 20, 14, 8, 32))


def _records(pages: PdfPages, report: AvailabilityReport, say: Say, provider_code: str) -> None:
    pages.heading(say["heading"]["p02"])
    if not report.records:
        pages.paragraph(say["page"]["no_p02"])
        return
    rows = [record.values(provider_code) for record in report.records]
    pages.table(COLUMNS, rows, widths=(28, 14, 10, 10, 18, 10, 10))


def _evidence(pages: PdfPages, report: AvailabilityReport, say: Say) -> None:
    pages.heading(say["heading"]["evidence"])
    pages.paragraph(say["page"]["evidence"], size=8.8)
    rows = [
        (one.probe, str(one.files), f"{one.first:%d/%m/%Y}", f"{one.last:%d/%m/%Y}", one.digest)
        for one in report.evidence
    ]
    pages.table(_heads(say, "evidence"), rows, widths=(12, 8, 12, 12, 66), size=6.5)
    if report.damage:
        pages.paragraph(say["page"]["damage"].format(n=len(report.damage), first=report.damage[0]), bold=True)


def _heads(say: Say, table: str) -> tuple[str, ...]:
    return tuple(say["heads"][table].split("|"))


def _when(instant: datetime) -> str:
    written = legal_time(instant)
    return f"{written.day} {written.time} ({written.zone})"


def _day(instant: datetime) -> str:
    return legal_time(instant).day
