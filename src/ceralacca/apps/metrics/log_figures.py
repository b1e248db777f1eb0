"""Figures from the message log: how long acceptance and delivery take, what happens how often, over which TLS.

Rows are taken in the order of writing. A time runs from T0, when the final dot of the submission arrived, to the
instant at which the receipt lay in the sender's mailbox (acceptance) or had come from the other provider (delivery).

Clauses: SL-4, IP-4, MV-3.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from ceralacca.apps.metrics.names import NAMES, family
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import NotificationKind

ACCEPTANCE_BOUNDS: Final = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
DELIVERY_BOUNDS: Final = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
_MOST_OPEN: Final = 50_000
"""Submissions whose times are remembered; the oldest go first."""

_DIRECTIONS: Final = {LogEvent.SUBMISSION: "submission", LogEvent.ARRIVAL: "incoming", LogEvent.RELAYED: "outgoing"}


class Histogram:
    """Counts of what took up to so many seconds."""

    def __init__(self, name: str, bounds: tuple[float, ...]) -> None:
        self._name, self._bounds = name, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        at = next((n for n, bound in enumerate(self._bounds) if seconds <= bound), len(self._bounds))
        self._counts[at] += 1
        self._sum += seconds

    def metric(self) -> Metric:
        """Return it as Prometheus has it: each bucket holds those below it, too."""
        metric = HistogramMetricFamily(self._name, NAMES[self._name].help)
        below, buckets = 0, []
        for bound, count in zip((*map(str, map(float, self._bounds)), "+Inf"), self._counts, strict=True):
            below += count
            buckets.append((bound, below))
        metric.add_metric([], buckets, self._sum)
        return metric


class LogFigures:
    """What the rows so far come to. Not safe between threads."""

    def __init__(self) -> None:
        self._acceptance = Histogram("pec_acceptance_seconds", ACCEPTANCE_BOUNDS)
        self._delivery = Histogram("pec_delivery_seconds", DELIVERY_BOUNDS)
        self._open: OrderedDict[str, tuple[datetime, str]] = OrderedDict()
        self._events: Counter[str] = Counter()
        self._viruses: Counter[str] = Counter()
        self._tls: Counter[tuple[str, str]] = Counter()

    def take(self, row: LogRow) -> None:
        """Take the next row."""
        self._events[row.event.value] += 1
        if direction := _DIRECTIONS.get(row.event):
            self._tls[direction, row.tls.partition(" ")[0] or "none"] += 1
        if row.event is LogEvent.VIRUS_FOUND:
            self._viruses["incoming" if row.peer else "access"] += 1
        if row.identifier is None:
            return
        if row.event is LogEvent.ACCEPTANCE:
            self._open[row.identifier] = (row.instant, row.message_id)
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
            return
        begun = self._open.get(row.identifier)
        if begun is None:
            return
        if row.event is LogEvent.DELIVERY and row.message_id == begun[1]:
            self._acceptance.observe((row.instant - begun[0]).total_seconds())
        elif row.event is LogEvent.RECEIPT_RECEIVED and row.kind == NotificationKind.DELIVERY.value:
            self._delivery.observe((row.instant - begun[0]).total_seconds())

    def metrics(self) -> Iterator[Metric]:
        """Give what is known."""
        yield self._acceptance.metric()
        yield self._delivery.metric()
        yield family("pec_log_rows", [((event.value,), self._events[event.value]) for event in LogEvent])
        yield family("pec_viruses", [((where,), self._viruses[where]) for where in ("access", "incoming")])
        yield family("pec_tls", [(labels, number) for labels, number in sorted(self._tls.items())])
