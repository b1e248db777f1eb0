from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.base.errors import UserError
from ceralacca.base.instants import legal_time
from ceralacca.core.deadlines import Deadlines, DeadlineSettings
from ceralacca.core.transaction import Event

T0 = datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.requirement("TN-1", "TI-7", "TI-8")
@pytest.mark.parametrize(
    ("after", "due"),
    [
        (timedelta(0), None),
        (12 * HOUR - SECOND, None),
        (12 * HOUR, Event.TWELVE_HOURS),
        (23 * HOUR - SECOND, Event.TWELVE_HOURS),
        (23 * HOUR, Event.TWENTY_FOUR_HOURS),
        (90 * HOUR, Event.TWENTY_FOUR_HOURS),
    ],
)
def test_a_timer_is_due_at_its_instant_and_not_a_second_before(after, due):
    assert Deadlines(accepted=T0).due(T0 + after) is due


@pytest.mark.requirement("TI-10")
def test_after_an_outage_the_final_notice_alone_is_due():
    assert Deadlines(accepted=T0).due(T0 + 30 * HOUR) is Event.TWENTY_FOUR_HOURS


@pytest.mark.parametrize("t0", [datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)])
def test_a_change_of_legal_time_moves_no_timer(t0):
    deadlines = Deadlines(accepted=t0)
    assert deadlines.twelve_hours - t0 == 12 * HOUR
    assert legal_time(t0).zone != legal_time(deadlines.twelve_hours).zone


@pytest.mark.requirement("BT-7", "AM-19")
def test_the_queue_gives_up_before_the_final_notice():
    deadlines = Deadlines(accepted=T0)
    assert deadlines.queue_end == T0 + 22 * HOUR
    assert deadlines.queue_end <= deadlines.twenty_four_hours <= T0 + 24 * HOUR


@pytest.mark.parametrize("hours", [21.9, 24.1])
def test_a_final_notice_outside_22_to_24_hours_is_refused(hours):
    with pytest.raises(UserError) as caught:
        DeadlineSettings(final_notice=hours * HOUR, queue_lifetime=HOUR)
    assert "TI-8" in caught.value.remedy


def test_a_queue_that_outlives_the_final_notice_is_refused():
    with pytest.raises(UserError):
        DeadlineSettings(queue_lifetime=23.5 * HOUR)
