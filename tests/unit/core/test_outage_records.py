"""Records P02: by day of legal time, with type, minutes and whether they count (SL-7)."""

from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.availability import Availability, Function, Outage
from ceralacca.core.four_months import FourMonths
from ceralacca.core.model.disservice import Disservice, DisserviceKind, IncidentCode
from ceralacca.core.outage_records import COLUMNS, outage_records

pytestmark = pytest.mark.requirement("SL-7")

Q3 = FourMonths(year=2026, number=3)
MINUTE = timedelta(minutes=1)
NIGHT = datetime(2026, 11, 5, 22, 50, tzinfo=UTC)  # 23:50 in Rome


def outage(begins=NIGHT, minutes=30, planned=0):
    return Outage(begins=begins, ends=begins + minutes * MINUTE, functions=frozenset({Function.IMAP}), planned=planned)


def entry(begins=NIGHT, minutes=5, kind=DisserviceKind.INCIDENT):
    code = None if kind is DisserviceKind.PLANNED else IncidentCode.SERIOUS
    ends = begins + minutes * MINUTE if minutes else None
    return Disservice(kind=kind, begins=begins, ends=ends, recorded=begins - MINUTE, code=code, what="prova")


def told(*outages, register=(), until=Q3.ends):
    known = Availability(period=Q3, until=until, outages=outages)
    return [(one.day, one.kind.value, one.minutes, one.counts) for one in outage_records(known, register)]


def test_what_passes_midnight_of_legal_time_is_two_records():
    assert told(outage()) == [(309, "03", 10, True), (310, "03", 20, True)]


def test_the_day_that_has_an_hour_more_is_one_day():
    begins = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Rome; the clock goes back at 01:00 UTC
    assert told(outage(begins, 25 * 60)) == [(298, "03", 1500, True)]


def test_leap_years_have_a_day_366():
    period = FourMonths(year=2028, number=3)
    known = Availability(period=period, until=period.ends, outages=(outage(period.ends - 7 * MINUTE, 7),))
    assert [(one.day, one.minutes) for one in outage_records(known, ())] == [(366, 7)]


@pytest.mark.parametrize(
    ("planned", "register", "kind"),
    [
        (10, [], "01"),
        (9, [], "03"),
        (0, [entry()], "02"),
        (0, [entry(kind=DisserviceKind.MALFUNCTION)], "03"),
        (9, [entry(kind=DisserviceKind.PLANNED)], "03"),
        (0, [entry(NIGHT + 10 * MINUTE)], "03"),
        (0, [entry(NIGHT - 60 * MINUTE, None)], "02"),
    ],
)
def test_the_type_is_that_of_the_register_unless_all_was_announced(planned, register, kind):
    counted = [one for one in told(outage(minutes=10, planned=planned), register=register) if one[3]]
    assert counted == [(309, kind, 10, True)]


def test_an_entry_in_which_nothing_was_down_counts_for_nothing():
    assert told(register=[entry()]) == [(309, "02", 5, False)]
    assert told(register=[entry(minutes=None)], until=NIGHT + 3 * MINUTE) == [(309, "02", 3, False)]


def test_a_record_has_the_columns_of_the_guidelines():
    record = outage_records(Availability(period=Q3, until=Q3.ends, outages=(outage(minutes=1),)), ())[0]
    assert dict(zip(COLUMNS, record.values("VAT-IT00000000000"), strict=True)) == {
        "CodGestPEC": "VAT-IT00000000000", "Quadrimestre": "3", "Anno": "2026", "Giorno": "309",
        "TipoDisservizio": "03", "Durata": "1", "SLA": "S",
    }  # fmt: skip
