"""The watch over the virus scanner: engine, age of the signatures, their updates, and what it missed (MV-3, VI-3).

Functions that give values: `pec doctor`, the metrics and reports show them, each in its own way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.apps.virus_scan import signature_folder
from ceralacca.apps.wiring import scanner
from ceralacca.base.errors import UserError
from ceralacca.core.model.log import LogEvent
from ceralacca.net.freshclam import read_update_state
from ceralacca.ports.log_search import LogQuery, LogSearch
from ceralacca.ports.scanner import NotScanned

_BELIEVED: Final = frozenset({"", "late"})
"""What the log says of a detection that was verified and is about a message of ours (MV-2)."""
LATE_AFTER: Final = timedelta(hours=25)
"""Without an update for so long, something is wrong: signatures are published daily at least."""
MISSED_WITHIN: Final = timedelta(days=30)
"""How far back `pec doctor` and the metrics look for what ours missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What the scanner says of itself."""

    version: str
    """Such as `ClamAV 1.4.6`; empty while nobody answers."""
    edition: str
    """Number of the daily signatures; empty when it has none."""
    signed: datetime | None
    """Date of the signatures; None when it cannot be told."""

    def age(self, now: datetime) -> timedelta | None:
        """Return how old the signatures are."""
        return None if self.signed is None else max(now - self.signed, timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """How the signatures are kept fresh."""

    managed: bool
    """By us; else by the system's own freshclam."""
    attempted: datetime | None
    succeeded: datetime | None
    """Last update: as freshclam said, or by the newest file of signatures where the system's does it."""
    said: str
    """Why the last attempt failed."""

    def late(self, now: datetime) -> bool:
        """Say whether there was no update for too long."""
        return self.succeeded is None or now - self.succeeded > LATE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A virus that another provider found in a message of ours, which our own scanner had let pass (MV-3)."""

    instant: datetime
    identifier: str
    """Of the transaction: `pec trace` tells it."""
    provider: str
    """Who found it."""
    virus: str
    """As it says; it is another scanner's name."""


def engine(settings: Settings) -> Engine:
    """Ask the scanner; blocks for seconds at most. Raises UserError for an address that cannot be read."""
    client = scanner(settings)
    try:
        said, signed = client.version(), client.signed_at()
    except NotScanned:
        return Engine(version="", edition="", signed=None)
    version, _, rest = said.partition("/")
    return Engine(version=version, edition=rest.partition("/")[0], signed=signed)


def updates(settings: Settings) -> Updates:
    """Return how the updates stand."""
    if settings.virus.updates == "managed":
        state = read_update_state(DataFolder(settings.data.folder).clamd)
        return Updates(managed=True, attempted=state.attempted, succeeded=state.succeeded, said=state.said)
    return Updates(managed=False, attempted=None, succeeded=_newest(settings), said="")


def _newest(settings: Settings) -> datetime | None:
    try:
        folder = signature_folder(settings)
        times = [] if folder is None else [path.stat().st_mtime for path in folder.glob("*.c[lv]d")]
    except (UserError, OSError):
        return None
    return datetime.fromtimestamp(max(times), UTC) if times else None


def missed(log: LogSearch, *, since: datetime, until: datetime) -> Iterator[Missed]:
    """Give what other providers found that ours had missed, oldest first; one transaction once. Raises WorldError."""
    query = LogQuery(
        events=frozenset({LogEvent.VIRUS_DETECTION_RECEIVED}), since=since, until=until, newest_first=False
    )
    seen: set[str] = set()
    for entry in log.stream_log(query):
        row = entry.row
        if row.detail in _BELIEVED and row.identifier and row.identifier not in seen:
            seen.add(row.identifier)
            yield Missed(instant=row.instant, identifier=row.identifier, provider=row.provider, virus=row.error_detail)
