"""The timekeeper's desk looks at the calendar at its start and every hour, and tells of an end once."""

from contextlib import closing
from datetime import timedelta

import pytest

from ceralacca.apps.notices import NoticeDesk
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import provider_store
from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.notices import NoticeWishes
from ceralacca.ports.store import JobKind
from ceralacca.testing.clock import NOON, FixedClock

ANNA, HOME = Address("anna@alfa.example"), Address("anna@casa.example")


@pytest.fixture
def clock(monkeypatch):
    clock = FixedClock(NOON)
    monkeypatch.setattr("ceralacca.apps.offices.CLOCK", clock)
    return clock


@pytest.fixture
def desk(settings_file, clock):
    more = '[notices]\nsender = "no-reply@gestore.example"\n[clients]\nweb = "https://pec.alfa.example"\n'
    settings_file.write_text(settings_file.read_text() + more)
    (settings_file.parent / "data").mkdir(mode=0o700)
    settings = read_settings(settings_file)
    with closing(provider_store(settings)) as store:
        store.add_domain(ANNA.domain, now=NOON)
        store.put_mailbox(MailboxRecord(address=ANNA), now=NOON)
        wishes = NoticeWishes(mailbox=ANNA, kinds=frozenset({NoticeKind.EXPIRY}), email=HOME)
        store.notices().change(wishes)
        yield store, NoticeDesk(settings, store)


def told(store):
    return [job.payload["letter"] for job in store.jobs(kind=JobKind.RELAY)]


def test_an_end_is_told_of_once_whatever_the_number_of_looks(desk, clock):
    store, at_work = desk
    at_work.do_what_is_due(clock.now())
    store.set_end(ANNA, NOON.date() + timedelta(days=3))
    clock.advance(timedelta(minutes=59))
    at_work.do_what_is_due(clock.now())
    assert told(store) == []
    clock.advance(timedelta(minutes=1))
    for _ in range(23):
        at_work.do_what_is_due(clock.now())
        at_work.forget(clock.now())
        assert told(store) == [f"-/notice:expiry:2026-11-08:7:{ANNA.key}"]
        clock.advance(timedelta(hours=1))
    assert store.jobs(kind=JobKind.NOTICE) == []


def test_another_desk_that_starts_later_knows_what_was_told(desk, clock, settings_file):
    store, at_work = desk
    store.set_end(ANNA, NOON.date() + timedelta(days=30))
    at_work.do_what_is_due(clock.now())
    clock.advance(timedelta(days=1))
    NoticeDesk(read_settings(settings_file), store).do_what_is_due(clock.now())
    assert len(told(store)) == 1
