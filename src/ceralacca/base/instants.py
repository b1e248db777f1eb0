"""Instants and Italian legal time (TI-3 to TI-5, AM-18).

Inside the program an instant is an aware `datetime`. Italian legal time (Europe/Rome with
daylight saving) exists only where text is written: this module is that place.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

ROME = ZoneInfo("Europe/Rome")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEGAL = re.compile(
    r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-1][0-9]|2[0-3])([0-5][0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalTime:
    """One instant as PEC texts and certification data write it (TI-4, TI-5)."""

    day: str
    """`dd/mm/yyyy`"""
    time: str
    """`hh:mm:ss`"""
    zone: str
    """`+hhmm` or `-hhmm`"""


def to_the_second(instant: datetime) -> datetime:
    """Return the instant in UTC without its fraction of a second.

    Raises ValueError for a naive datetime: an instant without a zone is not an instant.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant must be aware")
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.replace(microsecond=0) if instant.microsecond else instant


def legal_day(instant: datetime) -> date:
    """Return the day that an instant is in, in Italian legal time."""
    return instant.astimezone(ROME).date()


def legal_time(instant: datetime) -> LegalTime:
    """Write the instant in Italian legal time, as of TI-3 and TI-4.

    The two readings of 02:30 on the October night differ in `zone` only.
    """
    return _kept_legal_time(to_the_second(instant))


@lru_cache(maxsize=256)
def _kept_legal_time(instant: datetime) -> LegalTime:
    """Remember: one instant is written in several places of one message. UTC only, where equal is the same instant."""
    local = instant.astimezone(ROME)
    return LegalTime(
        day=f"{local.day:02d}/{local.month:02d}/{local.year:04d}",
        time=f"{local.hour:02d}:{local.minute:02d}:{local.second:02d}",
        zone=local.strftime("%z")[:5],
    )


def read_legal_time(legal: LegalTime) -> datetime:
    """Read back what another provider wrote; the result is in UTC.

    Any offset of less than a day is accepted, also one that Rome never had. Raises ValueError when
    a field does not have the form of TI-5 or the instant does not exist.
    """
    return _read_legal(f"{legal.day} {legal.time} {legal.zone}")


@lru_cache(maxsize=256)
def _read_legal(text: str) -> datetime:
    match = _LEGAL.fullmatch(text)
    if match is None:
        raise ValueError("day, time or zone is not dd/mm/yyyy, hh:mm:ss or [+|-]hhmm")
    day, month, year, hour, minute, second, zone_hours, zone_minutes = (int(match[n]) for n in (1, 2, 3, 4, 5, 6, 8, 9))
    offset = timedelta(hours=zone_hours, minutes=zone_minutes)
    zone = timezone(offset if match[7] == "+" else -offset)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant is outside the calendar") from error


def message_date(instant: datetime) -> str:
    """Write the instant as the body of a `Date` field (RFC 5322, 3.3), in Italian legal time."""
    return _kept_message_date(to_the_second(instant))


@lru_cache(maxsize=256)
def _kept_message_date(instant: datetime) -> str:
    local = instant.astimezone(ROME)
    return (
        f"{_DAYS[local.weekday()]}, {local.day:02d} {_MONTHS[local.month - 1]} {local.year:04d} "
        f"{local.hour:02d}:{local.minute:02d}:{local.second:02d} {local.strftime('%z')[:5]}"
    )
