from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import RecipientKind
from ceralacca.core.retention import Holds, LegalHold, Month, ended, oldest_kept
from ceralacca.testing.clock import NOON

SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
ANNA, BRUNO, CARLA = (Address(f"{name}@alfa.example") for name in ("anna", "bruno", "carla"))


def hold(**what):
    return LegalHold(**{"number": 1, "reason": "claim", "set_at": NOON, "set_by": "lucia"} | what)


def test_a_month_is_one_of_utc():
    rome = timezone(timedelta(hours=1))
    assert Month.of(datetime(2026, 12, 1, 0, 30, tzinfo=rome)) == Month(2026, 11)
    assert Month(2026, 12).end == datetime(2027, 1, 1, tzinfo=UTC)
    assert Month(2026, 1).later(-1) == Month(2025, 12)
    assert Month.read(str(Month(2026, 3))) == Month(2026, 3)
    with pytest.raises(ValueError, match="remains"):
        Month.read("2026-13")


@pytest.mark.requirement("LO-5", "VI-1")
@given(st.integers(0, 36_500).map(lambda days: SOME_DAY + timedelta(days=days, hours=days % 24)), st.integers(0, 40))
def test_no_row_goes_before_thirty_months_and_none_stays_a_month_longer(now, back):
    month = Month.of(now).later(-back)
    goes = bool(ended([month], now))
    term_of_last = month.later(31).start  # its last instant and thirty months
    term_of_first = month.later(30).start

    assert goes == (now >= term_of_last)
    assert goes or now - term_of_first < timedelta(days=31)
    assert goes == (month.start < oldest_kept(now))


def test_the_oldest_month_goes_first():
    months = [Month(2024, 3), Month(2023, 12), Month(2026, 1)]
    assert ended(months, datetime(2026, 11, 1, tzinfo=UTC)) == [Month(2023, 12), Month(2024, 3)]


@pytest.mark.parametrize("what", [{}, {"mailbox": ANNA, "identifier": "id-1"}])
def test_a_hold_names_one_thing(what):
    with pytest.raises(ValueError, match="mailbox or a transaction"):
        hold(**what)


@pytest.mark.requirement("LO-5")
def test_a_hold_keeps_the_whole_of_what_it_names():
    everybody = tuple(Recipient(address=one, kind=RecipientKind.CERTIFIED) for one in (ANNA, BRUNO))
    about_bruno = LogRow(
        instant=NOON, event=LogEvent.DELIVERY, identifier="id-1", sender=CARLA, recipients=everybody, concerned=(BRUNO,)
    )
    other_case = Address("BRUNO@alfa.example")
    for kept in ({"mailbox": ANNA}, {"mailbox": CARLA}, {"mailbox": other_case}, {"identifier": "id-1"}):
        assert Holds([hold(**kept)]).keep(about_bruno)
    for other in ({"mailbox": Address("dora@alfa.example")}, {"identifier": "id-2"}):
        assert not Holds([hold(**other)]).keep(about_bruno)
    assert not Holds([hold(mailbox=ANNA, lifted_at=NOON)]).keep(about_bruno)
    assert not Holds([hold(identifier="id-1")]).keep(LogRow(instant=NOON, event=LogEvent.CONFIGURATION))
