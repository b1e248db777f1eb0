"""Alarms and known places, on every engine."""

from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.ports.safety_alarm import KEPT_FOR, PLACE_KNOWN_FOR, SHOWN_FOR, AlarmKind, NewAlarm
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SE-3")

ANNA, BRUNO = Address("Anna.Bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
SECOND = timedelta(seconds=1)


def alarm(mailbox=ANNA, **named):
    fields = {"kind": AlarmKind.NEW_DEVICE, "instant": NOON, "way": "web", "peer": "192.0.2.7", "agent": "Però \0"}
    return NewAlarm(mailbox=mailbox, **fields | {"place": "here"} | named)


def test_an_alarm_is_read_back_and_the_newest_comes_first(alarms):
    first, second = alarm(), alarm(kind=AlarmKind.FACTOR_REMOVED, place="")
    for one in (first, second, alarm(BRUNO)):
        alarms.raise_alarm(one)
    assert [one.alarm for one in alarms.unseen(ANNA, now=NOON)] == [second, first]
    assert [one.alarm for one in alarms.unsent()] == [first, second, alarm(BRUNO)]


def test_the_browser_that_caused_it_neither_sees_it_nor_says_that_it_is_known(alarms):
    alarms.raise_alarm(alarm())
    (one,) = alarms.unseen(ANNA, now=NOON, place="elsewhere")
    assert alarms.unseen(ANNA, now=NOON, place="here") == []
    assert alarms.mark_seen(ANNA, [one.number], now=NOON, place="here") == 0
    assert alarms.mark_seen(BRUNO, [one.number], now=NOON, place="elsewhere") == 0
    assert alarms.mark_seen(ANNA, [one.number, 999], now=NOON, place="elsewhere") == 1
    assert alarms.unseen(ANNA, now=NOON) == []


def test_an_alarm_that_nobody_looked_at_leaves_the_pages_after_a_month(alarms):
    alarms.raise_alarm(alarm())
    assert len(alarms.unseen(ANNA, now=NOON + SHOWN_FOR - SECOND)) == 1
    assert alarms.unseen(ANNA, now=NOON + SHOWN_FOR) == []


def test_what_was_sent_is_not_offered_again(alarms):
    for _ in range(3):
        alarms.raise_alarm(alarm())
    first, *_ = alarms.unsent(limit=2)
    alarms.mark_sent(first.number, now=NOON)
    assert first.number not in {one.number for one in alarms.unsent()}
    assert len(alarms.unsent(limit=1)) == 1


def test_an_alarm_is_kept_for_half_a_year_and_no_number_is_given_twice(alarms):
    alarms.raise_alarm(alarm())
    (first,) = alarms.unsent()
    assert alarms.forget(now=NOON + KEPT_FOR - SECOND) == 0
    assert alarms.forget(now=NOON + KEPT_FOR) == 1
    alarms.raise_alarm(alarm())
    assert alarms.unsent()[0].number > first.number


def test_the_first_places_are_learnt_and_the_next_are_new(alarms):
    assert alarms.learn(ANNA, ["a", "b"], now=NOON) is None
    assert alarms.learn(ANNA, ["a"], now=NOON) == []
    assert alarms.learn(ANNA, ["a", "c"], now=NOON) == ["c"]
    assert alarms.learn(BRUNO, ["a"], now=NOON) is None
    assert alarms.knows(ANNA, "c", now=NOON)
    assert not alarms.knows(BRUNO, "c", now=NOON)


def test_a_place_is_known_for_as_long_as_somebody_comes_from_it(alarms):
    alarms.learn(ANNA, ["a", "b"], now=NOON)
    half = NOON + PLACE_KNOWN_FOR / 2
    assert alarms.learn(ANNA, ["a"], now=half) == []
    late = NOON + PLACE_KNOWN_FOR
    assert alarms.knows(ANNA, "a", now=late)
    assert not alarms.knows(ANNA, "b", now=late)
    assert alarms.learn(ANNA, ["a", "b"], now=late) == ["b"]
    assert alarms.forget(now=late + PLACE_KNOWN_FOR - SECOND) == 0
    assert alarms.forget(now=late + PLACE_KNOWN_FOR) == 2
    assert alarms.learn(ANNA, ["a"], now=late + PLACE_KNOWN_FOR) is None
