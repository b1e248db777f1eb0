"""Italian legal time: daylight saving, the two forms on the wire, what is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ceralacca.base.instants import LegalTime, legal_time, message_date, read_legal_time, to_the_second


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)


@pytest.mark.requirement("TI-3", "TI-4", "TI-5", "AM-18")
@pytest.mark.parametrize(
    ("instant", "day", "time", "zone"),
    [
        (utc(2018, 11, 13, 15, 39, 26), "13/11/2018", "16:39:26", "+0100"),
        (utc(2026, 7, 15, 8, 15, 2), "15/07/2026", "10:15:02", "+0200"),
        (utc(2026, 12, 31, 23, 0, 0), "01/01/2027", "00:00:00", "+0100"),
        # the night of March: 01:59:59 is followed by 03:00:00
        (utc(2026, 3, 29, 0, 59, 59), "29/03/2026", "01:59:59", "+0100"),
        (utc(2026, 3, 29, 1, 0, 0), "29/03/2026", "03:00:00", "+0200"),
        # the night of October: 02:30 comes twice, and only the zone tells
        (utc(2026, 10, 25, 0, 30, 0), "25/10/2026", "02:30:00", "+0200"),
        (utc(2026, 10, 25, 1, 30, 0), "25/10/2026", "02:30:00", "+0100"),
        (utc(2026, 1, 2, 3, 4, 5, 999_999), "02/01/2026", "04:04:05", "+0100"),
    ],
)
def test_legal_time_of_rome(instant, day, time, zone):
    legal = legal_time(instant)
    assert legal == LegalTime(day=day, time=time, zone=zone)
    assert read_legal_time(legal) == instant.replace(microsecond=0)


@pytest.mark.requirement("TI-2", "TI-3")
@pytest.mark.parametrize(
    ("instant", "date"),
    [
        (utc(2026, 11, 5, 9, 15, 2), "Thu, 05 Nov 2026 10:15:02 +0100"),
        (utc(2026, 3, 29, 1, 0, 0), "Sun, 29 Mar 2026 03:00:00 +0200"),
        (utc(2026, 10, 25, 1, 0, 0), "Sun, 25 Oct 2026 02:00:00 +0100"),
        (utc(2026, 10, 25, 0, 59, 59), "Sun, 25 Oct 2026 02:59:59 +0200"),
    ],
)
def test_the_date_field_shows_the_same_instant(instant, date):
    assert message_date(instant) == date


def test_the_zone_of_the_clock_does_not_matter():
    elsewhere = utc(2026, 7, 15, 8, 15, 2).astimezone(timezone(timedelta(hours=-7)))
    assert legal_time(elsewhere).time == "10:15:02"
    assert to_the_second(elsewhere) == utc(2026, 7, 15, 8, 15, 2)


@pytest.mark.parametrize("write", [to_the_second, legal_time, message_date])
def test_an_instant_without_a_zone_is_refused(write):
    with pytest.raises(ValueError, match="aware"):
        write(datetime(2026, 1, 1))  # noqa: DTZ001 the refusal itself


@pytest.mark.requirement("TI-5")
@pytest.mark.parametrize(
    ("zone", "instant"),
    [
        ("+0000", utc(2026, 7, 15, 10, 0)),
        ("-0000", utc(2026, 7, 15, 10, 0)),
        ("-0330", utc(2026, 7, 15, 13, 30)),
        ("+1400", utc(2026, 7, 14, 20, 0)),
        ("+2359", utc(2026, 7, 14, 10, 1)),
    ],
)
def test_any_offset_of_others_is_read(zone, instant):
    assert read_legal_time(LegalTime(day="15/07/2026", time="10:00:00", zone=zone)) == instant


@pytest.mark.requirement("TI-5")
@pytest.mark.parametrize(
    ("day", "time", "zone"),
    [
        ("15/07/26", "10:00:00", "+0100"),
        ("15-07-2026", "10:00:00", "+0100"),
        ("00/07/2026", "10:00:00", "+0100"),
        ("29/02/2026", "10:00:00", "+0100"),
        ("15/07/2026 ", "10:00:00", "+0100"),
        ("١٥/07/2026", "10:00:00", "+0100"),
        ("15/07/2026", "24:00:00", "+0100"),
        ("15/07/2026", "10:00:60", "+0100"),
        ("15/07/2026", "1:00:00", "+0100"),
        ("15/07/2026", "10:00:00", "+01:00"),
        ("15/07/2026", "10:00:00", "0100"),
        ("15/07/2026", "10:00:00", "+01 0"),
        ("15/07/2026", "10:00:00", "+0160"),
        ("15/07/2026", "10:00:00", "+2400"),
        ("15/07/2026", "10:00:00", ""),
        ("01/01/0001", "00:00:00", "+0100"),
        ("31/12/9999", "23:00:00", "-0200"),
    ],
)
def test_what_has_not_the_form_or_does_not_exist_is_refused(day, time, zone):
    with pytest.raises(ValueError):  # noqa: PT011 that it is a ValueError is the contract
        read_legal_time(LegalTime(day=day, time=time, zone=zone))
