"""Errands: one of a kind at a time, seen by their mailbox alone, taken up again, ended, forgotten; on both engines."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.ports.errand import SILENCE, Errand, ErrandKind, ErrandState, UnderWay
from ceralacca.store import schema
from ceralacca.store.database import open_store
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

ANNA, BRUNO = Address("Anna.Bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
LATER = NOON + SILENCE


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def errands(request, tmp_path):
    if request.param == "sqlite":
        url = sqlite_url(tmp_path)
        schema.upgrade(url)
    else:
        url = request.getfixturevalue("postgresql").new_database()
    opened = open_store(url, tmp_path)
    yield opened.errands()
    opened.close()


def errand(number="a", *, mailbox=ANNA, kind=ErrandKind.EXTRACT, created=NOON):
    return Errand(number=number, mailbox=mailbox, kind=kind, asked={"purpose": "causa"}, created=created, seen=created)


@pytest.mark.requirement("LO-8")
def test_one_is_read_back_by_its_mailbox_alone(errands):
    errands.add(errand())
    assert errands.find("a", Address("anna.bianchi@pec.beta.example")) == errand()
    assert errands.find("a", BRUNO) is None
    assert errands.of_mailbox(BRUNO) == []
    assert errands.of_mailbox(ANNA, kind=ErrandKind.EXPORT) == []
    assert errands.of_mailbox(ANNA) == [errand()]


def test_a_mailbox_has_one_of_a_kind_under_way(errands):
    errands.add(errand("a"))
    errands.add(errand("b", kind=ErrandKind.EXPORT))
    errands.add(errand("c", mailbox=BRUNO))
    with pytest.raises(UnderWay):
        errands.add(errand("d"))
    errands.finish(replace(errand("a"), state=ErrandState.FAILED, outcome={"reason": "x"}), now=NOON)
    errands.add(errand("d", created=NOON + timedelta(seconds=1)))
    assert [one.number for one in errands.of_mailbox(ANNA, kind=ErrandKind.EXTRACT)] == ["d", "a"]


def test_one_whose_doer_is_gone_is_in_nobodys_way_and_is_taken_up_again(errands):
    errands.add(errand("a"))
    assert errands.claim(ErrandKind.EXTRACT, now=NOON).number == "a"
    assert errands.claim(ErrandKind.EXTRACT, now=NOON) is None
    errands.report("a", now=NOON + timedelta(seconds=5), done=3, total=9)
    assert (errands.find("a", ANNA).done, errands.find("a", ANNA).total) == (3, 9)
    assert errands.claim(ErrandKind.EXTRACT, now=LATER) is None
    assert errands.claim(ErrandKind.EXTRACT, now=LATER + timedelta(seconds=5)).number == "a"


def test_what_has_ended_stays_as_it_is_and_its_file_goes_in_time(errands):
    errands.add(errand("a"))
    done = replace(errand("a"), state=ErrandState.DONE, file="x.zip", size=7, until=NOON + timedelta(hours=1))
    errands.finish(done, now=NOON)
    errands.finish(replace(done, state=ErrandState.FAILED), now=NOON)
    errands.report("a", now=NOON, done=1, total=1)
    assert errands.find("a", ANNA) == done
    assert errands.files_kept(now=NOON) == {"a"}
    assert errands.files_kept(now=NOON + timedelta(hours=1)) == frozenset()


def test_the_silent_end_and_the_old_are_forgotten(errands):
    errands.add(errand("a", kind=ErrandKind.IMPORT))
    errands.add(errand("b"))
    assert errands.forget(before=NOON, now=NOON) == 0
    assert errands.forget(before=NOON, now=LATER) == 1
    assert errands.find("a", ANNA).outcome == {"reason": "gone"}
    assert errands.find("b", ANNA).state is ErrandState.WAITING
    assert errands.forget(before=LATER, now=LATER) == 2


def test_an_import_knows_how_far_it_has_come(errands):
    assert errands.mark(ANNA, "source", "folder") == (0, 0)
    errands.put_mark(ANNA, "source", "folder", 11, 5)
    errands.put_mark(ANNA, "source", "folder", 11, 6)
    errands.put_mark(BRUNO, "source", "folder", 11, 99)
    assert errands.mark(ANNA, "source", "folder") == (11, 6)
    assert errands.mark(ANNA, "source", "other") == (0, 0)
