"""Every metric by name: what it means, what tells its series apart. Dashboards and alerts are held against this table.

Labels never hold an address, a domain, a subject or an identifier: whoever may see the figures need not know who writes
to whom.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

Sample = tuple[Sequence[str], float]
"""Values of the labels, and of the metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a metric means."""

    help: str
    labels: tuple[str, ...] = ()
    type: str = "gauge"
    """`gauge`, `counter` or `histogram`."""


def _gauge(text: str, *labels: str) -> Kind:
    return Kind(help=text, labels=labels)


def _counter(text: str, *labels: str) -> Kind:
    return Kind(help=text, labels=labels, type="counter")


def _histogram(text: str, *labels: str) -> Kind:
    return Kind(help=text, labels=labels, type="histogram")


NAMES: Final = {
    "pec_part_failed": _gauge("1 where a part of these figures could not be read at this scrape.", "part"),
    "pec_role_ready": _gauge("1 while a role (process) is at work.", "role"),
    "pec_role_starts": _gauge("How often a role was started since the supervisor was.", "role"),
    "pec_queue_jobs": _gauge("Jobs by what is to be done and whether they wait, are leased or held.", "kind", "state"),
    "pec_queue_late_seconds": _gauge("For how long the oldest waiting job has been due; 0 when none is.", "kind"),
    "pec_timers": _gauge("Timers of section 7 (12 and 24 hours): armed, and of them due now.", "state"),
    "pec_acceptance_seconds": _histogram("From the final dot of a submission to the acceptance receipt (SL-4)."),
    "pec_delivery_seconds": _histogram("From the final dot of a submission to the receipt of its delivery."),
    "pec_log_rows": _counter("Rows of the message log since this role started, by event.", "event"),
    "pec_viruses": _counter("Viruses found since this role started, in own users' mail or incoming.", "where"),
    "pec_tls": _counter("Messages since this role started by protocol version; `none` came or went in clear.",
                        "direction", "version"),
    "pec_scans": _counter("Scans by outcome: clean, infected, none (no verdict).", "role", "outcome"),
    "pec_scan_seconds": _counter("Seconds from the beginning of each scan to its verdict; some go on at once.", "role"),
    "pec_scanner_up": _gauge("1 while the virus scanner answers."),
    "pec_scanner_signatures_timestamp_seconds": _gauge("Date of the virus signatures in use."),
    "pec_scanner_updated_timestamp_seconds": _gauge("When the virus signatures were updated last."),
    "pec_viruses_missed": _gauge("Messages of 30 days in which another provider found what ours had missed (MV-3)."),
    "pec_certificate_expiry_timestamp_seconds": _gauge("End of a certificate.", "which"),
    "pec_crl_expiry_timestamp_seconds": _gauge("End of a revocation list.", "url"),
    "pec_directory_refreshed_timestamp_seconds": _gauge("When the copy of the providers directory was fetched."),
    "pec_directory_records": _gauge("Records in the copy of the providers directory."),
    "pec_log_unsealed_rows": _gauge("Rows that no block has yet.", "ledger"),
    "pec_log_oldest_unsealed_seconds": _gauge("Age of the oldest row without a block; 0 when there is none.", "ledger"),
    "pec_log_sealed_timestamp_seconds": _gauge("When the newest block was sealed.", "ledger"),
    "pec_log_unstamped_files": _gauge("Log files without a time stamp yet.", "ledger"),
    "pec_log_oldest_unstamped_seconds": _gauge("Age of the oldest of them; 0 when there is none.", "ledger"),
    "pec_log_altered_files": _gauge("Files whose rows were no longer what had been sealed.", "ledger"),
    "pec_log_findings": _gauge("Findings of the consistency reports of the last week (LO-10)."),
    "pec_log_checked_timestamp_seconds": _gauge("When the log was examined last; absent before the first time."),
    "pec_disk_free_bytes": _gauge("Free space where the data folder is."),
    "pec_clock_kept": _gauge("1 while the kernel says that a time service keeps the clock (TI-1)."),
    "pec_site_whole": _gauge("1 while what is answered is durable in both sites; only where there are two (SL-6)."),
    "pec_site_alone": _gauge("1 while this site works without the other."),
    "pec_site_epoch": _gauge("One more with every promotion of a site."),
    "pec_site_standby_behind_bytes": _gauge("Write-ahead log that a standby has not made durable.", "standby"),
    "pec_site_followed_timestamp_seconds": _gauge("When the mirror last followed what holders do with their mail."),
    "pec_probe_ok": _gauge("1 where a function worked in the last walk of a probe.", "probe", "function"),
    "pec_probe_seconds": _gauge("How long a function took in the last walk of a probe.", "probe", "function"),
    "pec_probe_walk_timestamp_seconds": _gauge("When the last walk of a probe began.", "probe"),
    "pec_availability_down_minutes": _gauge("Minutes down in the present four-month period (SL-2)."),
    "pec_availability_budget_minutes": _gauge("Minutes that the period may be down (SL-2)."),
    "pec_availability_outage_minutes": _gauge("Minutes of the longest outage of the period (SL-3)."),
    "pec_availability_outage_limit_minutes": _gauge("Minutes that one outage may last (SL-3)."),
    "pec_availability_unseen_minutes": _gauge("Minutes of the period that no probe looked at."),
}  # fmt: skip


def family(name: str, samples: Iterable[Sample]) -> Metric:
    """Return a gauge or counter with its samples."""
    kind = NAMES[name]
    made = CounterMetricFamily if kind.type == "counter" else GaugeMetricFamily
    metric = made(name, kind.help, labels=kind.labels)
    for values, value in samples:
        metric.add_metric(list(values), value)
    return metric


def one(name: str, value: float) -> Metric:
    """Return a metric without labels."""
    return family(name, [((), value)])
