"""One suite for every register of disservices: the memory twin, SQLite, PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.base.errors import UserError
from ceralacca.core.model.disservice import Disservice, DisserviceKind, FoundBy, IncidentCode
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SL-7")

HOUR = timedelta(hours=1)
LONG_AGO, FAR = NOON - 1000 * HOUR, NOON + 1000 * HOUR
BROKEN = Disservice(
    kind=DisserviceKind.INCIDENT, begins=NOON, recorded=NOON + HOUR, code=IncidentCode.BLOCKING,
    found_by=FoundBy.THIRD_PARTY, what="rete interrotta: perché \x00",
)  # fmt: skip
WORK = Disservice(
    kind=DisserviceKind.PLANNED, begins=NOON, ends=NOON + HOUR, recorded=NOON - 24 * HOUR, what="aggiornamento"
)


def test_entries_come_back_with_every_field_and_a_number(register):
    assert [register.add(BROKEN), register.add(WORK)] == [1, 2]
    assert register.entries(since=LONG_AGO, until=FAR) == [replace(BROKEN, number=1), replace(WORK, number=2)]


def test_one_that_lasts_is_in_every_stretch_after_its_beginning(register):
    register.add(BROKEN)
    assert register.entries(since=NOON + 500 * HOUR, until=FAR)
    assert register.entries(since=LONG_AGO, until=NOON) == []


def test_an_entry_is_closed_once(register):
    number = register.add(BROKEN)
    closed = register.close(number, ends=NOON + HOUR, remedy="cavo nuovo", now=NOON + 2 * HOUR)
    assert (closed.ends, closed.remedy, closed.closed) == (NOON + HOUR, "cavo nuovo", NOON + 2 * HOUR)
    assert register.entries(since=LONG_AGO, until=FAR) == [closed]
    assert register.entries(since=NOON + HOUR, until=FAR) == []
    for wrong in (number, number + 1):
        with pytest.raises(UserError):
            register.close(wrong, ends=NOON + HOUR, remedy="", now=NOON)


def test_it_cannot_end_before_it_began(register):
    number = register.add(BROKEN)
    with pytest.raises(UserError, match="before"):
        register.close(number, ends=NOON, remedy="", now=NOON)
    assert register.entries(since=LONG_AGO, until=FAR)[0].closed is None


@pytest.mark.parametrize(
    "change",
    [{"ends": NOON}, {"code": None}, {"what": " "}, {"kind": DisserviceKind.PLANNED}],
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(UserError):
        replace(BROKEN, **change)


def test_work_that_was_entered_late_was_not_announced():
    assert WORK.announced is not None
    assert replace(WORK, recorded=NOON + timedelta(seconds=1)).announced is None
    assert BROKEN.announced is None
