"""Availability joined: evidence of probes, register of disservices and message log, for one four-month period.

Clauses: SL-2 to SL-4, SL-7.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from ceralacca.apps.settings import Settings
from ceralacca.base.errors import UserError
from ceralacca.core.acceptance_time import EVENTS, AcceptanceTimes, Terms
from ceralacca.core.availability import Watch
from ceralacca.core.four_months import FourMonths
from ceralacca.core.outage_records import outage_records
from ceralacca.formats.availability_report import AvailabilityReport, ProbeEvidence
from ceralacca.ports.disservices import Disservices
from ceralacca.ports.log_search import LogQuery, LogSearch
from ceralacca.store.probe_evidence import Evidence, EvidenceFile

_UNSETTLED: Final = timedelta(minutes=2)
"""A walk is written when it has ended: the last minutes are not known yet."""
_LATE: Final = timedelta(days=1)
"""How long after a period its receipts are looked for."""

Tick = Callable[[], None]


def evidence_folders(settings: Settings, given: Sequence[Path]) -> list[Path]:
    """Return where probes' evidence lies. Raises UserError when nobody said."""
    folders = list(given) or list(settings.metrics.evidence)
    if not folders:
        raise UserError(
            "no evidence of probes",
            remedy="give --evidence, or set metrics.evidence; see docs/how-to/watch-a-provider.md",
        )
    return folders


def report_on(
    period: FourMonths,
    *,
    settings: Settings,
    folders: Sequence[Path],
    register: Disservices,
    log: LogSearch,
    now: datetime,
    tick: Tick = lambda: None,
) -> AvailabilityReport:
    """Compute everything. `tick` is called for each walk and each row. Raises UserError, WorldError."""
    evidence, watch = Evidence(folders, since=period.begins, until=min(period.ends, now)), Watch(period)
    for loop in evidence.loops():
        watch.add(loop)
        tick()
    entries = register.entries(since=period.begins, until=min(period.ends, now))
    known = watch.result(now - _UNSETTLED, [work for one in entries if (work := one.announced)])
    times = acceptance_times(
        log, settings.service_levels.terms(), since=period.begins, until=min(period.ends, now), tick=tick
    )
    return AvailabilityReport(
        provider=settings.provider.name,
        made=now,
        known=known,
        register=tuple(entries),
        records=tuple(outage_records(known, entries)),
        acceptance=tuple(times.contracts()),
        breaches=tuple(times.breaches(now)),
        evidence=tuple(_by_probe(evidence.files)),
        damage=tuple(f"{one.file}:{one.line} {one.what}" for one in evidence.damage),
    )


def acceptance_times(
    log: LogSearch, terms: Terms, *, since: datetime, until: datetime, tick: Tick = lambda: None
) -> AcceptanceTimes:
    """Measure every acceptance of a stretch of time. Raises WorldError."""
    times = AcceptanceTimes(terms, since=since, until=until)
    for entry in log.stream_log(LogQuery(since=since, until=until + _LATE, events=EVENTS, newest_first=False)):
        times.take(entry.row)
        tick()
    return times


def _by_probe(files: Sequence[EvidenceFile]) -> list[ProbeEvidence]:
    """Sum up the files of each probe; the digest is over the lines that `sha256sum` writes of them, by name."""
    found = []
    for probe in sorted({one.probe for one in files}):
        mine = sorted((one for one in files if one.probe == probe), key=lambda one: one.path.name)
        lines = "".join(f"{one.sha256}  {one.path.name}\n" for one in mine)
        digest = sha256(lines.encode()).hexdigest()
        found.append(
            ProbeEvidence(
                probe=probe, files=len(mine), first=mine[0].day, last=mine[-1].day, digest=digest, lines=lines
            )
        )
    return found
