"""Every instant of 1990 to 2100 is written in legal time and read back."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.base.instants import LegalTime, legal_time, message_date, read_legal_time, to_the_second
from ceralacca.testing.strategies import hostile_text, instants


def last_sunday(year: int, month: int) -> datetime:
    day = datetime(year, month, 31, 1, tzinfo=UTC)
    return day - timedelta(days=(day.weekday() + 1) % 7)


around_changes = st.builds(
    lambda year, month, seconds: last_sunday(year, month) + timedelta(seconds=seconds),
    st.integers(1996, 2100),
    st.sampled_from((3, 10)),
    st.integers(-7200, 7200),
)


@pytest.mark.requirement("TI-2", "TI-3", "TI-4", "TI-5")
@given(instants | around_changes)
def test_every_instant_round_trips(instant):
    legal = legal_time(instant)
    assert read_legal_time(legal) == instant
    assert parsedate_to_datetime(message_date(instant)) == instant
    assert legal.zone in message_date(instant)
    assert legal.time in message_date(instant)


@pytest.mark.requirement("TI-3", "AM-18")
@given(around_changes)
def test_the_zone_changes_on_the_last_sundays_of_march_and_october_at_one_utc(instant):
    year = instant.year
    summer = last_sunday(year, 3) <= instant < last_sunday(year, 10)
    assert legal_time(instant).zone == ("+0200" if summer else "+0100")


@pytest.mark.requirement("TI-5")
@given(hostile_text, hostile_text, hostile_text)
def test_reading_raises_value_error_only(day, time, zone):
    try:
        instant = read_legal_time(LegalTime(day=day, time=time, zone=zone))
    except ValueError:
        return
    assert to_the_second(instant) == instant


digits = st.from_regex(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}", fullmatch=True)


@pytest.mark.requirement("TI-5")
@given(digits)
def test_digits_in_the_right_places_are_an_instant_or_refused(text):
    day, time, zone = text.split(" ")
    try:
        instant = read_legal_time(LegalTime(day=day, time=time, zone=zone))
    except ValueError:
        return
    assert to_the_second(instant) == instant
