"""What commands leave in the audit trail, and how it is read; over a real store in a folder."""

import json
import os
import pwd

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, AuditOutcome, Origin
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.store import Commit
from ceralacca.testing.clock import NOON

pytestmark = [pytest.mark.usefixtures("config"), pytest.mark.requirement("SE-3", "SE-4")]

ANNA = Address("anna@alfa.example")


def trail(store):
    return [entry.event for entry in store.audit.after(0)]


def test_what_an_administrator_changes_is_recorded_with_who_and_why(pec, store, monkeypatch):
    monkeypatch.setattr("ceralacca.apps.auditing._login_number", os.getuid)
    pec("domain", "add", "Alfa.example", "--purpose", "nuovo cliente", "--ticket", "T-1")
    pec("mailbox", "add", ANNA.text)
    pec("mailbox", "passwd", ANNA.text)
    pec("mailbox", "close", ANNA.text, "--receive-only", "--purpose", "recesso")
    events = trail(store)

    assert [event.act for event in events] == [
        AuditAct.DOMAIN_ADDED, AuditAct.MAILBOX_ADDED, AuditAct.MAILBOX_PASSWORD, AuditAct.MAILBOX_CLOSED,
    ]  # fmt: skip
    assert {event.actor for event in events} == {Actor(kind=ActorKind.STAFF, name=pwd.getpwuid(os.getuid()).pw_name)}
    assert {event.outcome for event in events} == {AuditOutcome.DONE}
    assert (events[0].about, events[0].purpose, events[0].ticket) == ("alfa.example", "nuovo cliente", "T-1")
    assert [event.mailbox for event in events] == [None, ANNA, ANNA, ANNA]
    assert events[1].detail["ordinary-mail"] == "anomaly"
    assert (events[3].detail["status"], events[3].purpose) == ("receive-only", "recesso")
    assert [event.origin.process for event in events] == [
        "pec domain add", "pec mailbox add", "pec mailbox passwd", "pec mailbox close",
    ]  # fmt: skip


def test_what_was_refused_is_recorded_as_well(pec, store):
    pec("mailbox", "close", ANNA.text, status=2)

    (event,) = trail(store)
    assert (event.act, event.mailbox, event.outcome) == (AuditAct.MAILBOX_CLOSED, ANNA, AuditOutcome.REFUSED)


def test_no_password_is_in_it(pec, store, tmp_path):
    (tmp_path / "secret").write_text("una frase segreta\n")
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", ANNA.text, "--password-file", str(tmp_path / "secret"))

    assert len(trail(store)) == 2
    assert "segreta" not in repr(trail(store))
    assert store.mailbox(ANNA).password_hash not in repr(trail(store))


def test_jobs_that_are_held_and_tried_are_named(pec, store):
    pec("queue", "hold", "7", "8", "--purpose", "prova", status=1)
    pec("queue", "retry", "7", status=1)
    held, released = trail(store)

    assert (held.act, held.detail, held.purpose) == (AuditAct.QUEUE_HELD, {"jobs": 2, "numbers": "7 8"}, "prova")
    assert (released.act, released.detail["numbers"]) == (AuditAct.QUEUE_RELEASED, "7")


@pytest.mark.requirement("LO-8")
def test_whoever_looks_into_the_log_is_recorded_also_when_nothing_was_found(pec, store):
    row = LogRow(instant=NOON, event=LogEvent.SUBMISSION, identifier="pec1@alfa.example", sender=ANNA)
    store.commit([Commit(instant=NOON, log=(row,))])
    pec("trace", "pec1@alfa.example", "--purpose", "smarrita ricevuta", "--ticket", "42")
    pec("trace", "nobody", status=2)

    found, nothing = trail(store)
    assert (found.act, found.about, found.detail) == (AuditAct.LOG_SEARCHED, "pec1@alfa.example", {"rows": 1})
    assert (found.purpose, found.ticket) == ("smarrita ricevuta", "42")
    assert (nothing.about, nothing.detail) == ("nobody", {"rows": 0})


def test_nothing_is_shown_when_the_trail_cannot_be_written(pec, store, monkeypatch):
    from ceralacca.base.errors import WorldError
    from ceralacca.store.audit import DatabaseAuditTrail

    def full(*_):
        raise WorldError("the disk is full")

    row = LogRow(instant=NOON, event=LogEvent.SUBMISSION, identifier="pec1@alfa.example", sender=ANNA)
    store.commit([Commit(instant=NOON, log=(row,))])
    monkeypatch.setattr(DatabaseAuditTrail, "record", full)

    assert ANNA.text not in pec("trace", "pec1@alfa.example", status=2).out


# -- pec audit ----------------------------------------------------------------------------------------


@pytest.fixture
def some(store):
    """Three entries: an extract, a key, a refused sign-in."""
    carla = Actor(kind=ActorKind.STAFF, name="carla")
    worker = Actor(kind=ActorKind.PROGRAM, name="worker-1")
    store.audit.record(
        AuditEvent(
            instant=NOON, act=AuditAct.LOG_EXTRACTED, actor=carla, mailbox=ANNA, purpose="domanda\u202e del titolare",
            origin=Origin(process="pec log extract", peer="192.0.2.9"), ticket="42",
        ),
        AuditEvent(
            instant=NOON, act=AuditAct.KEY_USED, actor=worker, origin=Origin(process="worker-1"), detail={"count": 12}
        ),
        AuditEvent(
            instant=NOON, act=AuditAct.SIGN_IN, outcome=AuditOutcome.REFUSED, mailbox=ANNA,
            actor=Actor(kind=ActorKind.HOLDER, name=ANNA.text), origin=Origin(process="imap", peer="198.51.100.3"),
        ),
    )  # fmt: skip
    return store


def listed(pec, *filters):
    return [entry["seq"] for entry in json.loads(pec("audit", "list", "--json", *filters).out)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), [3, 2, 1]),
        (("--act", "key"), [2]),
        (("--act", "key.used", "--act", "sign-in"), [3, 2]),
        (("--mailbox", "ANNA@alfa.example"), [3, 1]),
        (("--actor", "carla"), [1]),
        (("--outcome", "refused"), [3]),
        (("--since", "2026-11-06"), []),
        (("--since", "2026-11-05T13:00:00+01:00", "--until", "2026-11-05T12:00:01"), [3, 2, 1]),
        (("--before", "3", "--limit", "1"), [2]),
    ],
)
def test_entries_are_found_by_what_is_asked(pec, some, filters, found):
    assert listed(pec, *filters) == found


def test_a_list_for_people_has_who_what_why_and_where(pec, some):
    told = pec("audit", "list").out
    lines = told.splitlines()

    assert lines[0].split() == ["No.", "UTC", "who", "act", "outcome", "about"]
    assert lines[1].split()[:5] == ["3", "2026-11-05", "12:00:00", ANNA.text, "sign-in"]
    assert "count 12" in lines[2]
    assert "carla" in lines[3]
    assert all(word in told for word in ("extract of the log", "#42", "192.0.2.9", "refused", "198.51.100.3"))
    assert "\u202e" not in told


def test_a_list_says_where_it_goes_on(pec, some):
    assert "--before 2" in pec("audit", "list", "--limit", "2").out
    assert "nothing like it" in pec("audit", "list", "--act", "hold").out
    assert "chiave usata" in pec("audit", "list", "--lang", "it").out


def test_one_entry_is_shown_whole(pec, some):
    told = pec("audit", "show", "1").out

    assert "act: log.extracted (extract of the log)" in told
    assert "origin.peer: 192.0.2.9" in told
    assert "ticket: 42" in told
    assert json.loads(pec("audit", "show", "2", "--json").out)["detail"] == {"count": 12}
    assert "no entry 99" in pec("audit", "show", "99", status=2).err


def test_whoever_looks_into_the_trail_stands_in_it(pec, some):
    pec("audit", "list", "--mailbox", ANNA.text, "--purpose", "verifica annuale", "--ticket", "A-3")
    pec("audit", "show", "2")
    looked, shown = some.audit.search(AuditQuery(acts=frozenset({AuditAct.AUDIT_READ})))[::-1]

    assert (looked.event.mailbox, looked.event.purpose, looked.event.ticket) == (ANNA, "verifica annuale", "A-3")
    assert looked.event.detail == {"entries": 2, "asked": "mailbox"}
    assert shown.event.about == "2"


def test_words_that_mean_nothing_are_told(pec, store):
    assert "sign-in" in pec("audit", "list", "--act", "sign", status=2).err
    assert "refused" in pec("audit", "list", "--outcome", "bad", status=2).err
    assert "2026-11-05" in pec("audit", "list", "--since", "yesterday", status=2).err
