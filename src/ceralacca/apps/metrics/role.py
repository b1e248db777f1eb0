"""The metrics role: answers `GET /metrics` on one address, in the format of Prometheus.

Every figure is read at the scrape from where it is kept; of the message log only what was written since the last
look. Holds no key, changes nothing.

Clauses: SL-2 to SL-4.
"""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.metrics.log_figures import LogFigures
from ceralacca.apps.metrics.names import family
from ceralacca.apps.metrics.parts import Part, parts_of
from ceralacca.apps.metrics.probes import ProbeFigures
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, provider_database, provider_store
from ceralacca.base.clock import Clock
from ceralacca.base.errors import PecError
from ceralacca.core.log_chain import Ledger
from ceralacca.core.model.log import LogRow
from ceralacca.net.publication import Publication, Published
from ceralacca.store.log_seal import DatabaseLogSeal

_LOG = structlog.get_logger(__name__)
_LOOK: Final = 5.0
"""Seconds between two beats, and between two looks at the log."""
_WRITERS: Final = 1.0
"""Seconds to wait for whoever is writing to the log; else it is looked at the next time."""


def run_metrics(settings: Settings, duty: Duty) -> None:
    """Answer until the duty ends. Raises UserError."""
    assert settings.metrics.port is not None, "without a port there is no such role"
    DataFolder(settings.data.folder).make()
    store, database = provider_store(settings, connections=2), provider_database(settings)
    try:
        follower = LogFollower(DatabaseLogSeal(database))
        probes = ProbeFigures(settings.metrics.evidence)
        parts = {**parts_of(settings, store), "log": follower.metrics}
        if settings.metrics.evidence:
            parts["probes"] = probes.metrics
        registry = CollectorRegistry()
        registry.register(Parts(parts, CLOCK))
        gives = {"/metrics": lambda: Published(media_type=CONTENT_TYPE_LATEST, octets=generate_latest(registry))}
        publication = Publication(gives=gives, host=settings.metrics.host, port=settings.metrics.port)
        publication.start()
        try:
            duty.ready(port=publication.port)
            while not duty.ending.wait(_LOOK):
                duty.beat()
                follower.look()
        finally:
            publication.close()
    finally:
        store.close()
        database.close()


class Parts(Collector):
    """Collects every part, and says which one could not be read."""

    def __init__(self, parts: dict[str, Part], clock: Clock) -> None:
        self._parts, self._clock = parts, clock
        self._turn = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        failed = {}
        with self._turn:
            now = self._clock.now()
            for name, part in self._parts.items():
                try:
                    found = list(part(now))
                except (PecError, OSError) as error:
                    _LOG.warning("metrics.part", part=name, error=type(error).__name__, reason=str(error))
                    failed[name] = 1.0
                    continue
                failed[name] = 0.0
                yield from found
        yield family("pec_part_failed", [((name,), value) for name, value in failed.items()])

    def describe(self) -> Iterator[Metric]:
        """Say nothing beforehand: names are `names.NAMES`, and registering reads nothing."""
        return iter(())


class LogFollower:
    """Takes each row of the message log once, in order, from when it was made."""

    def __init__(self, log: DatabaseLogSeal) -> None:
        self._log, self._figures = log, LogFigures()
        self._turn = threading.Lock()
        self._after: int | None = None

    def look(self) -> None:
        """Take what was written since; when the store is away, the next look takes it."""
        try:
            with self._turn:
                self._take()
        except PecError as error:
            _LOG.warning("metrics.log", error=type(error).__name__, reason=str(error))

    def metrics(self, _: datetime) -> Iterator[Metric]:
        """Look, and give what is known. Raises WorldError."""
        with self._turn:
            self._take()
            yield from list(self._figures.metrics())

    def _take(self) -> None:
        until = self._log.settled(Ledger.MESSAGES, patience=_WRITERS)
        if self._after is None:
            self._after = until
        for placed in self._log.rows(Ledger.MESSAGES, after=self._after, until=until):
            if isinstance(placed.row, LogRow):
                self._figures.take(placed.row)
            self._after = placed.seq
        self._after = max(self._after, until)
