"""Both counting rules over logs of live providers, days of legal time, periods; every figure to the row."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.statistics import Figure, Period, Tallying, counted_as, tally
from ceralacca.testing.logs import ALFA_DOMAINS as ALFA
from ceralacca.testing.logs import BETA_DOMAINS as BETA
from ceralacca.testing.logs import INFECTED, played, receive_ordinary
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    MARIO,
    ORDINARY_RECIPIENT,
    submission,
)


@pytest.fixture(scope="module")
def live() -> LiveCircuit:
    live = LiveCircuit.at()
    live.submit(submission(to=[ANNA, BRUNO, ORDINARY_RECIPIENT]))
    live.submit(submission(to=[CARLA]))  # both providers are the same one
    live.submit(submission(sender=ANNA, to=[MARIO]))
    live.submit(submission(to=[ANNA], body=INFECTED))
    live.alfa.scanner.blind = True
    live.alfa.work()
    live.submit(submission(to=[ANNA, BRUNO], body=INFECTED))
    live.carry()
    return live


def counted(rows, own, period="2026-11"):
    return tally(enumerate(rows, start=1), Period.read(period), own)


@pytest.mark.requirement("SL-7")
def test_the_two_rules_count_the_same_traffic_differently(live):
    alfa = counted(live.alfa.store.log, ALFA).totals
    assert alfa == {
        Figure.MESSAGES_OUT: 4,  # the scanner found the first infected one blind
        Figure.MESSAGES_IN: 2,
        Figure.VIRUSES_OUT: 0,
        Figure.VIRUSES_IN: 0,
        Figure.P01_OUT: 4,
        Figure.P01_IN: 1,
        Figure.P01_VIRUSES_IN: 0,
        Figure.P01_VIRUSES_OUT: 0,
    }
    beta = counted(live.beta.store.log, BETA).totals
    assert beta[Figure.MESSAGES_IN] == beta[Figure.P01_IN] == 3
    assert beta[Figure.VIRUSES_IN] == beta[Figure.P01_VIRUSES_IN] == 2


@pytest.mark.requirement("SL-7")
def test_a_virus_of_an_own_user_counts_out():
    live = played(submission(body=INFECTED), hours=1)
    found = counted(live.alfa.store.log, ALFA).totals
    assert found[Figure.VIRUSES_OUT] == found[Figure.P01_VIRUSES_OUT] == 1
    assert sum(found.values()) == 2


@pytest.mark.requirement("SL-7")
def test_an_anomaly_envelope_counts_in_for_one_rule_alone():
    anomalies = LiveCircuit.at()
    receive_ordinary(anomalies, ANNA)
    found = counted(anomalies.beta.store.log, BETA).totals
    assert found[Figure.MESSAGES_IN] == 1
    assert found[Figure.P01_IN] == 0
    dropped = LogRow(
        instant=anomalies.clock.now(),
        event=LogEvent.ANOMALY,
        concerned=(ANNA,),
        message_id="<x@y>",
        detail="dropped: x",
    )
    assert counted_as(dropped, BETA) == ()


@pytest.mark.requirement("SL-7")
def test_every_figure_is_reproducible_to_the_row(live):
    counting = Tallying(Period.read("2026Q3"), ALFA)
    rows = list(counting.feed(enumerate(live.alfa.store.log, start=1)))
    for figure in Figure:
        assert len([row for row in rows if figure in row.figures]) == counting.tally().totals[figure]
    assert all(live.alfa.store.log[one.number - 1] is one.row for one in rows)
    assert counting.tally().rows == len(live.alfa.store.log)


@pytest.mark.requirement("SL-7", "TI-3")
def test_a_day_is_a_day_of_legal_time():
    row = LogRow(instant=datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC), event=LogEvent.ENVELOPE_SENT)
    rows = [row, row._replace(instant=row.instant + timedelta(seconds=1))]
    found = counted(rows, ALFA, "2026")
    assert found.by_day[date(2026, 10, 31)][Figure.MESSAGES_OUT] == 1
    assert found.by_day[date(2026, 11, 1)][Figure.MESSAGES_OUT] == 1
    assert counted(rows, ALFA, "2026-11").totals[Figure.MESSAGES_OUT] == 1
    assert len(found.by_day) == 365


@pytest.mark.parametrize(
    ("text", "first", "last", "name"),
    [
        ("2026Q1", date(2026, 1, 1), date(2026, 4, 30), "2026Q1"),
        ("2026-q3", date(2026, 9, 1), date(2026, 12, 31), "2026Q3"),
        ("2024B1", date(2024, 1, 1), date(2024, 2, 29), "2024B1"),
        ("2026B6", date(2026, 11, 1), date(2026, 12, 31), "2026B6"),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31), "2026-12"),
        ("2026", date(2026, 1, 1), date(2026, 12, 31), "2026"),
    ],
)
def test_periods_are_whole_months(text, first, last, name):
    period = Period.read(text)
    assert (period.days[0], period.days[-1], period.name) == (first, last, name)
    assert period.since.utcoffset() == timedelta(0)


def test_periods_know_whether_they_are_four_months():
    assert [Period.read(f"2026Q{number}").four_months for number in (1, 2, 3)] == [1, 2, 3]
    assert {Period.read(text).four_months for text in ("2026B1", "2026", "2026-05")} == {None}


@pytest.mark.parametrize("text", ["", "2026Q4", "2026B7", "26Q1", "2026-13", "0000Q1", "2026X1"])
def test_what_is_no_period_is_refused(text):
    with pytest.raises(ValueError, match="2026Q1"):
        Period.read(text)
