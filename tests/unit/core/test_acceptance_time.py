"""Acceptance times by contract: from the dot to the receipt in the mailbox, and who waited too long (SL-4)."""

from datetime import timedelta

import pytest

from ceralacca.core.acceptance_time import AcceptanceTimes, Terms
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SL-4")

ANNA, BRUNO, CARLA = Address("Anna@alfa.example"), Address("bruno@COMUNE.example"), Address("carla@comune.example")
SECOND = timedelta(seconds=1)
TERMS = Terms(
    usual=60 * SECOND, by_contract={"base": 30 * SECOND, "oro": 5 * SECOND}, mailboxes={CARLA.key: "oro"},
    domains={"comune.example": "base"},
)  # fmt: skip


def accepted(name, sender=ANNA, at=NOON):
    return LogRow(instant=at, event=LogEvent.ACCEPTANCE, identifier=name, sender=sender, message_id=f"<{name}@pec>")


def delivered(name, after, sender=ANNA, message_id=None):
    return LogRow(
        instant=NOON + after * SECOND, event=LogEvent.DELIVERY, identifier=name, sender=sender, detail="receipt",
        message_id=f"<{name}@pec>" if message_id is None else message_id,
    )  # fmt: skip


def times(*rows, until=NOON + timedelta(hours=1)):
    found = AcceptanceTimes(TERMS, since=NOON, until=until)
    found.take_all(rows)
    return found


def test_each_contract_has_its_term():
    rows = []
    for name, sender in (("a", ANNA), ("b", BRUNO), ("c", CARLA)):
        rows += [accepted(name, sender), delivered(name, 30, sender)]
    found = times(*rows)
    assert [(one.contract, one.receipts, one.within, one.slowest) for one in found.contracts()] == [
        ("", 1, 1, 30.0), ("base", 1, 1, 30.0), ("oro", 1, 0, 30.0),
    ]  # fmt: skip
    assert [(one.identifier, one.contract, one.seconds) for one in found.breaches(NOON)] == [("c", "oro", 30.0)]


def test_a_second_over_sixty_is_an_alarm_and_a_place_in_the_histogram():
    found = times(accepted("a"), delivered("a", 60), accepted("b"), delivered("b", 61)).contracts()[0]
    assert (found.receipts, found.within, found.alarms) == (2, 1, 1)
    assert found.histogram == (0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0)


def test_another_receipt_of_the_same_message_is_not_the_acceptance():
    found = times(accepted("a"), delivered("a", 1, message_id="<consegna@altro>"), delivered("a", 9))
    assert found.contracts()[0].slowest == 9.0


def test_a_receipt_that_has_not_come_is_a_breach_once_its_term_is_over():
    found = times(accepted("a"))
    assert found.breaches(NOON + 60 * SECOND) == []
    assert [one.seconds for one in found.breaches(NOON + 61 * SECOND)] == [None]
    assert found.contracts()[0].receipts == 0


def test_a_mailbox_without_room_is_no_delay_of_the_provider():
    full = delivered("a", 2, message_id="")._replace(event=LogEvent.DELIVERY_FAILURE, detail="receipt held")
    for rows in ([accepted("a"), full], [accepted("a"), full, delivered("a", 9999)]):
        found = times(*rows)
        assert (found.contracts()[0].held, found.contracts()[0].receipts) == (1, 0)
        assert found.breaches(NOON + timedelta(days=1)) == []


def test_only_submissions_of_the_stretch_are_counted():
    before, after = accepted("a", at=NOON - SECOND), accepted("b", at=NOON + timedelta(hours=1))
    assert times(before, after, delivered("a", 2), delivered("b", 3700)).contracts() == []
