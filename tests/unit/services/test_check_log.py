"""The report over a period: each finding told once, in the period of its last row, judged over all rows."""

from datetime import timedelta

import pytest

from ceralacca.core.log_consistency import LIFE
from ceralacca.core.log_rules import Rule
from ceralacca.core.model.log import LogEvent
from ceralacca.services.check_log import check_log
from ceralacca.testing.logs import ALFA_DOMAINS, busy_day, played
from ceralacca.testing.memory_store import MemoryStore
from ceralacca.testing.paper_cast import submission
from ceralacca.testing.scenario import INSTANT

DAY = timedelta(days=1)
MIDNIGHT = INSTANT.replace(hour=23, minute=0, second=0)
NOW = INSTANT + 10 * DAY


@pytest.fixture
def log() -> MemoryStore:
    """One transaction a night, begun before midnight, delivered after it; each lacks nothing."""
    rows = [row for row in played(submission(), hours=1).alfa.store.log if row.identifier]
    store = MemoryStore()
    for night in range(4):
        for place, row in enumerate(rows):
            after = timedelta(minutes=20 * place)
            moved = row._replace(
                identifier=f"{night}@alfa", instant=MIDNIGHT - timedelta(minutes=30) + night * DAY + after
            )
            store.log.append(moved)
    return store


def nightly(store, nights=5, passes=1):
    return [
        check_log(
            store,
            own_domains=ALFA_DOMAINS,
            since=MIDNIGHT + night * DAY - DAY,
            until=MIDNIGHT + night * DAY,
            now=MIDNIGHT + night * DAY + LIFE,
            passes=passes,
        )
        for night in range(nights)
    ]


@pytest.mark.requirement("LO-10")
def test_transactions_over_midnight_accuse_nobody(log):
    reports = nightly(log)
    assert [report.findings for report in reports] == [()] * 5
    assert all(report.settled for report in reports)
    assert sum(report.transactions for report in reports) >= 4


@pytest.mark.requirement("LO-10")
@pytest.mark.parametrize("passes", [1, 3])
def test_each_finding_is_told_on_one_night_alone(log, passes):
    log.log = [row for row in log.log if not (row.identifier == "1@alfa" and row.event is LogEvent.RECEIPT_RECEIVED)]
    second = next(row for row in log.log if row.identifier == "2@alfa" and row.event is LogEvent.RECEIPT_RECEIVED)
    late = second._replace(kind="errore-consegna", message_id="<x@beta>", instant=second.instant + 1.5 * DAY)
    log.log.append(late)
    told = [[(one.rule, one.identifier) for one in report.findings] for report in nightly(log, 6, passes)]
    assert told[:1] == [[]]
    assert [one for night in told for one in night] == [(Rule.NO_OUTCOME, "1@alfa"), (Rule.TWO_OUTCOMES, "2@alfa")]


@pytest.mark.requirement("LO-10")
def test_what_may_still_come_is_not_missing_yet(log):
    log.log = [row for row in log.log if row.event is not LogEvent.RECEIPT_RECEIVED]
    begun = log.log[0].instant
    soon = check_log(log, own_domains=ALFA_DOMAINS, since=begun, until=begun + DAY, now=begun + DAY)
    assert not soon.settled
    assert soon.findings == ()


def test_every_row_read_is_told(log):
    seen = []
    check_log(log, own_domains=ALFA_DOMAINS, since=INSTANT, until=NOW, now=NOW, progress=seen.append)
    assert len(seen) == len(log.log)


@pytest.mark.requirement("LO-10")
def test_a_busy_day_has_no_findings():
    store = busy_day().alfa.store
    report = check_log(store, own_domains=store.domains(), since=INSTANT, until=INSTANT + 3 * DAY, now=NOW)
    assert report.findings == ()
    assert report.transactions == 4
