"""What probes saw, as far as their evidence lies here: the last walk of each, and the period so far.

Files are read once and followed: a scrape reads only what was added since.

Clauses: SL-2, SL-3.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from prometheus_client.metrics_core import Metric

from ceralacca.apps.metrics.names import family, one
from ceralacca.core.availability import Loop, Watch
from ceralacca.core.four_months import FourMonths
from ceralacca.formats.probe_line import UnreadableEvidence, read_line
from ceralacca.store.probe_evidence import Evidence

SETTLED: Final = timedelta(minutes=2)
"""A walk is written when it has ended, so the last minutes are not known yet."""


class ProbeFigures:
    """Follows the evidence of some folders. Not safe between threads."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._watch: Watch | None = None
        self._read_to: dict[Path, int] = {}
        self._last: dict[str, Loop] = {}

    def metrics(self, now: datetime) -> Iterator[Metric]:
        """Give what is known now. Raises UserError for a folder that cannot be looked into."""
        period = FourMonths.of(now - SETTLED)
        if self._watch is None or self._watch.period != period:
            self._watch, self._read_to = Watch(period), {}
        for loop in self._fresh(period, now):
            self._watch.add(loop)
            before = self._last.get(loop.probe)
            if before is None or before.at <= loop.at:
                self._last[loop.probe] = loop
        tried = [(loop, function, how) for loop in self._last.values() for function, how in loop.tried.items()]
        yield family("pec_probe_ok", [((lo.probe, f.value), float(how.ok)) for lo, f, how in tried])
        yield family("pec_probe_seconds", [((lo.probe, f.value), how.seconds or 0.0) for lo, f, how in tried])
        yield family(
            "pec_probe_walk_timestamp_seconds", [((lo.probe,), lo.at.timestamp()) for lo in self._last.values()]
        )
        known = self._watch.result(now - SETTLED)
        yield one("pec_availability_down_minutes", known.down)
        yield one("pec_availability_budget_minutes", float(known.budget))
        yield one("pec_availability_outage_minutes", known.longest)
        yield one("pec_availability_outage_limit_minutes", float(known.single_limit))
        yield one("pec_availability_unseen_minutes", known.unseen)

    def _fresh(self, period: FourMonths, now: datetime) -> Iterator[Loop]:
        for file in Evidence(self._folders, since=period.begins, until=now).files:
            with file.path.open("rb") as octets:
                octets.seek(self._read_to.get(file.path, 0))
                for line in octets:
                    if not line.endswith(b"\n"):
                        break  # being written
                    self._read_to[file.path] = self._read_to.get(file.path, 0) + len(line)
                    try:
                        yield read_line(line[:-1]).loop
                    except UnreadableEvidence:
                        continue  # `pec availability report` names it
