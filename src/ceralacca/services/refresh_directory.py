"""Refresh the local copy of the providers directory: fetch, verify, replace or keep, and say so (DI-3 to DI-5).

Once a day, and on command. Whatever goes wrong, the copy in use stays in use and an alarm tells
the operator; nothing is ever looked up anywhere but in the local copy. What a file must be to
replace the copy is decided by `core.directory_refresh`, its seal by `trust.directory_file`.

Clauses: DI-3, DI-4, DI-5; LO-2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

import structlog

from ceralacca.base.errors import WorldError
from ceralacca.core.directory_refresh import AlarmCode, DirectoryAlarm, Refusal, ReplacementRules, refresh_due
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.directory_source import OpensDirectoryFile

_LOG = structlog.get_logger(__name__)

RETRY: Final = timedelta(minutes=10)
"""After a download that failed."""


class Exchanged(Protocol):
    """How an attempt to replace the copy ended."""

    @property
    def refusal(self) -> Refusal | None:
        """None when the candidate is now in use."""
        ...

    @property
    def alarms(self) -> tuple[DirectoryAlarm, ...]:
        """For the operator."""
        ...


class KeepsDirectory(Protocol):
    """The local copy; the real one is `store.directory_copy.DirectoryCopy`."""

    def replace(
        self, p7m: bytes, *, opens: OpensDirectoryFile, rules: ReplacementRules, instant: datetime
    ) -> Exchanged:
        """Put a downloaded file in use if DI-5 allows. Raises WorldError when the disk fails."""
        ...


class RefreshOutcome(StrEnum):
    """How a refresh ended."""

    IN_USE = "in-use"
    """What was downloaded is in use, new or the same as before."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What one refresh did."""

    outcome: RefreshOutcome
    alarms: tuple[DirectoryAlarm, ...]
    log: LogRow
    """To be committed by the caller (LO-2): it holds no addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRefresh:
    """The parts of a refresh."""

    download: Callable[[], bytes]
    """From the configured address only; raises WorldError. The real one is `net.directory_download`."""
    copy: KeepsDirectory
    opens: Callable[[datetime], OpensDirectoryFile]
    """From the present instant to what opens the pinned manager's files."""
    rules: ReplacementRules

    def refresh(self, instant: datetime) -> Refreshed:
        """Fetch the directory and put it in use, or keep the old one with an alarm. Never raises WorldError."""
        try:
            p7m = self.download()
            exchanged = self.copy.replace(p7m, opens=self.opens(instant), rules=self.rules, instant=instant)
        except WorldError as error:
            alarm = DirectoryAlarm(code=AlarmCode.UNREACHABLE, instant=instant, evidence={"fault": str(error)})
            return _told(RefreshOutcome.UNREACHABLE, (alarm,), instant, str(error))
        if exchanged.refusal is not None:
            return _told(RefreshOutcome.REFUSED, exchanged.alarms, instant, exchanged.refusal.reason.value)
        return _told(RefreshOutcome.IN_USE, exchanged.alarms, instant, "")


def next_refresh(refreshed: datetime | None, attempted: datetime | None, now: datetime) -> datetime:
    """Return when to refresh next: a day after the last success (DI-3), soon after a failure, now at first.

    `refreshed` is when the copy in use was last found current, `attempted` when it was last tried.
    """
    if refreshed is not None and not refresh_due(refreshed, now):
        return refreshed + timedelta(hours=24)
    if attempted is not None and (refreshed is None or attempted > refreshed):
        return max(now, attempted + RETRY)
    return now


def _told(outcome: RefreshOutcome, alarms: tuple[DirectoryAlarm, ...], instant: datetime, detail: str) -> Refreshed:
    for alarm in alarms:
        _LOG.warning(
            "directory.alarm", code=alarm.code.value, **{_name(key): value for key, value in alarm.evidence.items()}
        )
    _LOG.info("directory.refresh", outcome=outcome.value)
    row = LogRow(instant=instant, event=LogEvent.DIRECTORY, detail=": ".join(filter(None, (outcome.value, detail))))
    return Refreshed(outcome=outcome, alarms=alarms, log=row)


def _name(key: str) -> str:
    """Return a name that cannot clash with the line's own."""
    return "evidence_" + key.replace("-", "_")
