"""The last day of a mailbox counts as a whole, by the clocks of Italy."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ceralacca.core.mailbox_end import days_left, has_ended

SUMMER, WINTER = date(2026, 7, 31), date(2026, 12, 31)


@pytest.mark.parametrize(
    ("ends", "midnight"),
    [
        (SUMMER, datetime(2026, 7, 31, 22, 0, tzinfo=UTC)),
        (WINTER, datetime(2026, 12, 31, 23, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),  # a day of 25 hours
        (date(2027, 3, 28), datetime(2027, 3, 28, 22, 0, tzinfo=UTC)),  # and one of 23
    ],
)
def test_a_mailbox_ends_at_midnight_in_italy_after_its_last_day(ends, midnight):
    before = midnight - timedelta(microseconds=1)
    assert (has_ended(ends, before), has_ended(ends, midnight)) == (False, True)
    assert (days_left(ends, before), days_left(ends, midnight)) == (0, -1)


def test_a_mailbox_without_a_last_day_never_ends():
    assert not has_ended(None, datetime(9999, 12, 30, tzinfo=UTC))
