"""The nightly consistency report, and what is known of those of late: for the timekeeper, doctors and metrics (LO-10).

Each night's report is a small file in the folder of reports: counts, and the first findings with their rows. A finding
is an alarm: an error in the diagnostics, a failure for `pec doctor`, a figure that is not zero.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from ceralacca.apps.data_folder import DataFolder
from ceralacca.base.errors import WorldError
from ceralacca.core.log_consistency import LIFE
from ceralacca.core.log_rules import Finding
from ceralacca.ports.log_search import LogEntry, LogSearch
from ceralacca.services.check_log import ConsistencyReport, check_log
from ceralacca.store.durable_files import make_folder, put_file

_LOG = structlog.get_logger(__name__)

EVERY: Final = timedelta(days=1)
ALARM_FOR: Final = timedelta(days=7)
"""So long a finding is told by doctors and metrics."""
_FIRST: Final = timedelta(days=3)
"""How far back the first report of a provider looks."""
_KEPT: Final = timedelta(days=913)
_MOST_FINDINGS: Final = 1000
"""Findings that a file holds; the counts are of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChecks:
    """What the reports of late say."""

    made: datetime | None = None
    """When the last one was made; None when there was none yet."""
    until: datetime | None = None
    """Up to where the log was examined."""
    findings: Mapping[str, int] = field(default_factory=dict)
    """By rule, of the reports of the last week."""

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.findings.values())


def check_nightly(
    folder: DataFolder,
    log: LogSearch,
    own_domains: Callable[[], frozenset[str]],
    now: datetime,
    *,
    progress: Callable[[LogEntry], None] | None = None,
) -> ConsistencyReport | None:
    """Examine what was not examined yet and is old enough to be judged; None when it is not time.

    Raises WorldError, and whatever `progress` raises: then nothing is kept, and it is done again.
    """
    before = known_checks(folder, now)
    if before.made is not None and now - before.made < EVERY:
        return None
    until = now - LIFE
    since = before.until or until - _FIRST
    if since >= until:
        return None
    report = check_log(log, own_domains=own_domains(), since=since, until=until, now=now, progress=progress)
    keep_report(folder, report)
    for finding in report.findings:
        _LOG.error("log.inconsistent", rule=finding.rule.value, side=finding.side.value, rows=finding.rows[:10])
    _LOG.info("log.checked", rows=report.rows, transactions=report.transactions, findings=len(report.findings))
    return report


def keep_report(folder: DataFolder, report: ConsistencyReport) -> Path:
    """Write a report into the folder of reports, durably; those older than 30 months go. Raises WorldError."""
    plain = plain_report(report)
    plain["findings"] = plain["findings"][:_MOST_FINDINGS]
    path = folder.reports / _name(report.made)
    try:
        make_folder(folder.reports)
        put_file(path, json.dumps(plain, indent=1).encode())
        for old in _files(folder):
            if old.name < _name(report.made - _KEPT):
                old.unlink(missing_ok=True)
    except OSError as error:
        raise WorldError(f"{path}: {error.strerror}", remedy="look at the disk and at data.folder") from error
    return path


def known_checks(folder: DataFolder, now: datetime) -> LogChecks:
    """Return what the reports of late say: for the timekeeper, `pec doctor` and metrics."""
    made = until = None
    findings: dict[str, int] = {}
    for path in reversed(_files(folder)):
        try:
            plain = json.loads(path.read_bytes())
            at, reached = datetime.fromisoformat(plain["made"]), datetime.fromisoformat(plain["until"])
            counts = {str(rule): int(count) for rule, count in plain["by_rule"].items()}
        except (OSError, ValueError, KeyError, AttributeError):
            continue  # a report that cannot be read is one that is missing: it is made again
        if made is None:
            made, until = at, reached
        if now - at > ALARM_FOR:
            break
        for rule, count in counts.items():
            findings[rule] = findings.get(rule, 0) + count
    return LogChecks(made=made, until=until, findings=findings)


def plain_report(report: ConsistencyReport) -> dict[str, Any]:
    """Return a report for programs."""
    return {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "made": report.made.isoformat(),
        "settled": report.settled,
        "rows": report.rows,
        "transactions": report.transactions,
        "by_rule": dict(report.by_rule()),
        "findings": [_plain(finding) for finding in report.findings],
    }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.value,
        "side": finding.side.value,
        "identifier": finding.identifier,
        "recipient": finding.recipient.text if finding.recipient else None,
        "began": finding.instant.isoformat(),
        "rows": list(finding.rows),
    }


def _files(folder: DataFolder) -> list[Path]:
    """Return the reports, oldest first."""
    try:
        return sorted(folder.reports.glob("log-check-*.json"))
    except OSError:
        return []


def _name(made: datetime) -> str:
    return f"log-check-{made.astimezone(UTC):%Y%m%dT%H%M%SZ}.json"
