"""Refreshing the local copy: what is told, what is logged, and when the next one is due."""

from datetime import datetime, timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.directory_refresh import AlarmCode, DirectoryAlarm, Refusal, RefusalReason, ReplacementRules
from ceralacca.core.model.log import LogEvent
from ceralacca.ports.directory_source import OpensDirectoryFile, VerifiedContent
from ceralacca.services.refresh_directory import (
    RETRY,
    DirectoryRefresh,
    Exchanged,
    RefreshOutcome,
    next_refresh,
)
from ceralacca.testing.clock import NOON

DAY = timedelta(days=1)


class Outcome:
    def __init__(self, refusal: Refusal | None = None, alarms: tuple[DirectoryAlarm, ...] = ()) -> None:
        self.refusal = refusal
        self.alarms = alarms


class Copy:
    """A local copy that answers as it is told and remembers what it was given."""

    def __init__(self, outcome: Exchanged | WorldError) -> None:
        self.outcome = outcome
        self.given: list[bytes] = []

    def replace(
        self, p7m: bytes, *, opens: OpensDirectoryFile, rules: ReplacementRules, instant: datetime
    ) -> Exchanged:
        self.given.append(opens(p7m).ldif)
        if isinstance(self.outcome, WorldError):
            raise self.outcome
        return self.outcome


def refresh(copy: Copy, download: object = lambda: b"p7m") -> DirectoryRefresh:
    return DirectoryRefresh(
        download=download,  # type: ignore[arg-type]
        copy=copy,
        opens=lambda instant: lambda p7m: VerifiedContent(ldif=p7m, signing_time=instant),
        rules=ReplacementRules(own_name="Gestore Alfa"),
    )


@pytest.mark.requirement("DI-3", "LO-2")
def test_what_is_fetched_is_put_in_use_and_logged() -> None:
    copy = Copy(Outcome())
    done = refresh(copy).refresh(NOON)
    assert done.outcome is RefreshOutcome.IN_USE
    assert copy.given == [b"p7m"]
    assert (done.log.event, done.log.instant, done.log.detail) == (LogEvent.DIRECTORY, NOON, "in-use")
    assert done.alarms == ()


@pytest.mark.requirement("DI-5")
def test_a_refusal_is_an_alarm_and_a_row() -> None:
    refusal = Refusal(reason=RefusalReason.TOO_FEW_RECORDS, evidence={"before": "9", "allowed-percent": "20"})
    done = refresh(Copy(Outcome(refusal, (refusal.alarm(NOON),)))).refresh(NOON)
    assert done.outcome is RefreshOutcome.REFUSED
    assert [alarm.code for alarm in done.alarms] == [AlarmCode.REFUSED]
    assert done.log.detail == "refused: too-few-records"


@pytest.mark.requirement("DI-5")
def test_nobody_there_is_an_alarm_and_touches_nothing() -> None:
    def away() -> bytes:
        raise WorldError("the file cannot be fetched: ConnectError")

    copy = Copy(Outcome())
    done = refresh(copy, away).refresh(NOON)
    assert done.outcome is RefreshOutcome.UNREACHABLE
    assert [alarm.code for alarm in done.alarms] == [AlarmCode.UNREACHABLE]
    assert copy.given == []


def test_a_disk_that_refuses_is_told_the_same_way() -> None:
    done = refresh(Copy(WorldError("disk full"))).refresh(NOON)
    assert done.outcome is RefreshOutcome.UNREACHABLE
    assert "disk full" in done.log.detail


@pytest.mark.requirement("DI-3")
def test_it_is_due_each_day_and_soon_after_a_failure() -> None:
    assert next_refresh(None, None, NOON) == NOON
    assert next_refresh(NOON - DAY / 2, NOON - DAY / 2, NOON) == NOON + DAY / 2
    assert next_refresh(NOON - DAY, NOON - DAY, NOON) == NOON
    assert next_refresh(NOON - DAY, NOON, NOON) == NOON + RETRY
    assert next_refresh(None, NOON, NOON) == NOON + RETRY
    assert next_refresh(None, NOON - DAY, NOON) == NOON
