"""The nightly report: once a day, from where the last one ended; what it found is an alarm for a week."""

from datetime import timedelta

import pytest

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.doctor import Level, judge_log_checks
from ceralacca.apps.log_check import LogChecks, check_nightly, keep_report, known_checks
from ceralacca.core.log_consistency import LIFE
from ceralacca.core.model.log import LogEvent
from ceralacca.testing.logs import played
from ceralacca.testing.paper_cast import submission
from ceralacca.testing.scenario import INSTANT

DAY = timedelta(days=1)
NIGHT = INSTANT + LIFE + timedelta(hours=2)


@pytest.fixture
def folder(tmp_path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def store():
    return played(submission(), hours=1).alfa.store


@pytest.mark.requirement("LO-10")
def test_the_log_is_examined_once_a_day_from_where_it_was_left(folder, store):
    first = check_nightly(folder, store, store.domains, NIGHT)
    assert first.transactions == 1
    assert check_nightly(folder, store, store.domains, NIGHT + timedelta(hours=23)) is None
    second = check_nightly(folder, store, store.domains, NIGHT + DAY)
    assert second.since == first.until
    assert known_checks(folder, NIGHT + DAY) == LogChecks(made=NIGHT + DAY, until=second.until, findings={})


@pytest.mark.requirement("LO-10")
def test_a_finding_is_an_alarm_for_a_week(folder, store):
    store.log = [row for row in store.log if row.event is not LogEvent.RECEIPT_RECEIVED]
    assert check_nightly(folder, store, store.domains, NIGHT).by_rule() == {"no-outcome": 1}
    for night in range(1, 9):
        check_nightly(folder, store, store.domains, NIGHT + night * DAY)
        found = list(judge_log_checks(known_checks(folder, NIGHT + night * DAY), NIGHT + night * DAY))
        assert [one.level for one in found] == [Level.FAILED if night <= 7 else Level.GOOD], night


def test_a_report_that_is_cut_off_or_damaged_is_made_again(folder, store):
    def cut_off(entry):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_nightly(folder, store, store.domains, NIGHT, progress=cut_off)
    assert known_checks(folder, NIGHT).made is None
    assert [one.code for one in judge_log_checks(known_checks(folder, NIGHT), NIGHT)] == ["log-check-none"]
    report = check_nightly(folder, store, store.domains, NIGHT)
    keep_report(folder, report).write_text("{")
    assert check_nightly(folder, store, store.domains, NIGHT).since == report.since


def test_nobody_examining_is_told(folder, store):
    check_nightly(folder, store, store.domains, NIGHT)
    late = NIGHT + 3 * DAY
    assert [one.code for one in judge_log_checks(known_checks(folder, late), late)] == ["log-check-old"]


def test_reports_go_after_thirty_months(folder, store):
    old = check_nightly(folder, store, store.domains, NIGHT)
    check_nightly(folder, store, store.domains, NIGHT + 914 * DAY)
    assert [path.name for path in folder.reports.iterdir()] == [f"log-check-{NIGHT + 914 * DAY:%Y%m%dT%H%M%SZ}.json"]
    assert old.made == NIGHT
