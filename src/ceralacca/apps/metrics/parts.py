"""Where each figure comes from: the store, files of the data folder, the scanner, the kernel, evidence of probes.

Each part gives its metrics or raises PecError; then the others are told none the less, and `pec_part_failed` says
which one is missing.

Clauses: SL-2 to SL-4, SL-6, LO-4, MV-3, VI-3, IP-9, DI-3, TI-1.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from prometheus_client.metrics_core import Metric

from ceralacca.apps import virus_watch
from ceralacca.apps.clock_state import ClockState, clock_state
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.log_check import known_checks
from ceralacca.apps.log_sealer import seal_status
from ceralacca.apps.metrics.counts import read_counts
from ceralacca.apps.metrics.names import Sample, family, one
from ceralacca.apps.offices import authorities
from ceralacca.apps.second_site import view
from ceralacca.apps.settings import Settings
from ceralacca.apps.status import read_status
from ceralacca.apps.wiring import scanner
from ceralacca.base.errors import WorldError
from ceralacca.ports.scanner import NotScanned
from ceralacca.ports.store import JobKind
from ceralacca.store.crl_copies import CrlCopies
from ceralacca.store.database import DatabaseStore
from ceralacca.store.directory_copy import DirectoryCopy
from ceralacca.trust.crl_file import CrlReader
from ceralacca.trust.key_files import read_certificates

_MISSED_EVERY: Final = timedelta(hours=1)

Part = Callable[[datetime], Iterator[Metric]]


def parts_of(settings: Settings, store: DatabaseStore) -> Mapping[str, Part]:
    """Return the parts of one provider by name."""
    folder = DataFolder(settings.data.folder)
    return {
        "roles": lambda _: _roles(folder),
        "queue": lambda now: _queue(store, now),
        "scans": lambda _: _scans(folder),
        "scanner": lambda _: _scanner(settings),
        "updates": lambda _: _updates(settings),
        "missed": _Missed(store),
        "certificates": lambda _: _certificates(settings),
        "crls": lambda _: _crls(settings, folder),
        "directory": lambda _: _directory(folder),
        "seals": lambda now: _seals(settings, now),
        "consistency": lambda now: _consistency(folder, now),
        "machine": lambda _: _machine(settings.data.folder),
        **({"site": lambda _: _sites(settings)} if settings.site is not None else {}),
    }


def _roles(folder: DataFolder) -> Iterator[Metric]:
    roles = read_status(folder).roles
    yield family("pec_role_ready", [((n,), float(r.state in {"ready", "done"})) for n, r in roles.items()])
    yield family("pec_role_starts", [((n,), r.starts) for n, r in roles.items()])


def _queue(store: DatabaseStore, now: datetime) -> Iterator[Metric]:
    figures = store.queue()
    jobs: list[Sample] = []
    for kind, one_kind in figures.items():
        states = {"waiting": one_kind.waiting, "leased": one_kind.leased, "held": one_kind.held}
        jobs += [((kind.value, state), number) for state, number in states.items()]
    yield family("pec_queue_jobs", jobs)
    late = {kind: one.oldest_due for kind, one in figures.items()}
    yield family(
        "pec_queue_late_seconds",
        [((kind.value,), max((now - due).total_seconds(), 0.0) if due else 0.0) for kind, due in late.items()],
    )
    timers = figures[JobKind.DEADLINE]
    due = store.due(JobKind.DEADLINE, now=now)
    yield family("pec_timers", [(("armed",), timers.waiting + timers.leased), (("due",), due)])


def _scans(folder: DataFolder) -> Iterator[Metric]:
    counts = read_counts(folder.run)
    outcomes = ("clean", "infected", "none")
    yield family("pec_scans", [((r, o), found.get(o, 0.0)) for r, found in counts.items() for o in outcomes])
    yield family("pec_scan_seconds", [((role,), found.get("seconds", 0.0)) for role, found in counts.items()])


def _scanner(settings: Settings) -> Iterator[Metric]:
    try:
        signed = scanner(settings).signed_at()
    except NotScanned:
        yield one("pec_scanner_up", 0)
        return
    yield one("pec_scanner_up", 1)
    if signed is not None:
        yield one("pec_scanner_signatures_timestamp_seconds", signed.timestamp())


def _updates(settings: Settings) -> Iterator[Metric]:
    """The last update of the signatures, by whoever keeps them fresh; absent while there was none."""
    succeeded = virus_watch.updates(settings).succeeded
    if succeeded is not None:
        yield one("pec_scanner_updated_timestamp_seconds", succeeded.timestamp())


class _Missed:
    """What others found and ours had missed (MV-3): a month of the log is read for it, so not at each scrape."""

    def __init__(self, store: DatabaseStore) -> None:
        self._store = store
        self._looked: datetime | None = None
        self._found = 0

    def __call__(self, now: datetime) -> Iterator[Metric]:
        if self._looked is None or not timedelta(0) <= now - self._looked < _MISSED_EVERY:
            self._found = sum(
                1 for _ in virus_watch.missed(self._store, since=now - virus_watch.MISSED_WITHIN, until=now)
            )
            self._looked = now
        yield one("pec_viruses_missed", self._found)


def _certificates(settings: Settings) -> Iterator[Metric]:
    files = {"signing": settings.keys.certificate, "tls": settings.tls.certificate}
    files["directory-client"] = settings.directory.client_certificate
    if settings.message_log.keys is not None:
        files["log"] = settings.message_log.keys.certificate
    yield family("pec_certificate_expiry_timestamp_seconds", [((w,), _end(path)) for w, path in files.items()])


def _end(path: Path) -> float:
    try:
        return x509.load_der_x509_certificate(read_certificates(path)[0]).not_valid_after_utc.timestamp()
    except ValueError as error:
        raise WorldError(f"{path} cannot be read", remedy="pec doctor") from error


def _crls(settings: Settings, folder: DataFolder) -> Iterator[Metric]:
    kept, material = CrlCopies(folder.crls).kept(), authorities(settings)
    reads = CrlReader(authorities=(*material.anchors, *material.intermediates))
    ends = [((u,), reads(kept[u].der).next_update.timestamp() if u in kept else 0.0) for u in settings.trust.crl_urls]
    yield family("pec_crl_expiry_timestamp_seconds", ends)


def _directory(folder: DataFolder) -> Iterator[Metric]:
    copy = DirectoryCopy(folder.directory).load().copy
    yield one("pec_directory_refreshed_timestamp_seconds", copy.refreshed.timestamp())
    yield one("pec_directory_records", copy.records)


def _seals(settings: Settings, now: datetime) -> Iterator[Metric]:
    if settings.message_log.keys is None:
        return
    found = {status.ledger.value: status for status in seal_status(settings)}

    def age(since: datetime | None) -> float:
        return 0.0 if since is None else (now - since).total_seconds()

    yield family("pec_log_unsealed_rows", [((n,), s.unsealed) for n, s in found.items()])
    yield family("pec_log_oldest_unsealed_seconds", [((n,), age(s.oldest_unsealed)) for n, s in found.items()])
    sealed = [((n,), s.last_block.head.sealed.timestamp()) for n, s in found.items() if s.last_block]
    yield family("pec_log_sealed_timestamp_seconds", sealed)
    yield family("pec_log_unstamped_files", [((n,), s.files_unstamped) for n, s in found.items()])
    yield family("pec_log_oldest_unstamped_seconds", [((n,), age(s.oldest_unstamped)) for n, s in found.items()])
    yield family("pec_log_altered_files", [((n,), len(s.altered)) for n, s in found.items()])


def _consistency(folder: DataFolder, now: datetime) -> Iterator[Metric]:
    checks = known_checks(folder, now)
    yield one("pec_log_findings", checks.total)
    if checks.made is not None:
        yield one("pec_log_checked_timestamp_seconds", checks.made.timestamp())


def _sites(settings: Settings) -> Iterator[Metric]:
    seen = view(settings)
    yield one("pec_site_whole", float(not seen.trouble and seen.own is not None and not seen.own.alone))
    yield family("pec_site_standby_behind_bytes", [((each.name,), each.behind) for each in seen.standbys])
    if seen.own is not None:
        yield one("pec_site_alone", float(bool(seen.own.alone)))
        yield one("pec_site_epoch", seen.own.epoch)
    if seen.followed is not None:
        yield one("pec_site_followed_timestamp_seconds", seen.followed.timestamp())


def _machine(folder: Path) -> Iterator[Metric]:
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        raise WorldError(f"{folder}: {error.strerror}", remedy="look at the disk") from error
    yield one("pec_disk_free_bytes", disk.f_bavail * disk.f_frsize)
    yield one("pec_clock_kept", float(clock_state() is ClockState.KEPT))
