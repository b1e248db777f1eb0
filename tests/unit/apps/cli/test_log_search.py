"""`pec log search` finds, pages, explains an empty answer, and leaves its trace before it shows anything."""

from datetime import timedelta

import pytest

from ceralacca.core.model.audit import AuditAct
from ceralacca.core.model.log import LogEvent
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.store import Commit
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("LO-8")
WHY = ("--purpose", "request 12/2026", "--ticket", "12")


@pytest.fixture
def filled(store):
    good = [
        some.log_row(f"pec{n}@alfa.example", LogEvent.DELIVERY)._replace(instant=NOON + timedelta(minutes=n))
        for n in range(5)
    ]
    bad = some.log_row("pec9@alfa.example", LogEvent.DELIVERY_FAILURE)._replace(instant=NOON + timedelta(hours=1),
        error="no-dest", detail="x\u202e", concerned=(some.BRUNO,),
    )  # fmt: skip
    store.commit([Commit(log=(*good, bad))])
    return store


def test_rows_are_shown_with_both_clocks_and_what_went_wrong(pec, filled):
    told = pec("log", "search", "--mailbox", some.BRUNO.text, *WHY).out

    assert told.index("pec9@alfa.example") < told.index("pec4@alfa.example") < told.index("pec0@alfa.example")
    assert "2026-11-05 13:00:00" in told
    assert "14:00:00+0100" in told
    assert "no-dest" in told
    assert "\u202e" not in told  # what a stranger wrote does not act on the terminal


def test_every_condition_reaches_the_log(answer, filled):
    def numbers(*conditions, status=0):
        return [row["number"] for row in answer("log", "search", *conditions, *WHY, status=status)["rows"]]

    assert numbers("--id", "pec3@alfa.example") == [4]
    assert len(numbers("--msgid", "client-1@alfa.example")) == 6
    assert numbers("--failed") == [6]
    assert numbers("--good", "--oldest-first", "--limit", "2") == [1, 2]
    assert numbers("--event", "delivery-failure", "--error", "no-dest") == [6]
    assert numbers("--mailbox", some.SENDER.text, "--role", "recipient", status=1) == []
    assert numbers("--mailbox", some.ANNA.text, "--with", some.SENDER.text, "--from", "2026-11-05T12:03Z") == [5, 4]
    assert numbers("--to", "2026-11-05T12:00:01Z") == [1]


def test_pages_follow_one_another(pec, answer, filled):
    seen, after = [], []
    while True:
        page = answer("log", "search", "--limit", "4", *after, *WHY)
        seen += [row["number"] for row in page["rows"]]
        if page["after"] is None:
            break
        after = ["--after", page["after"]]
        assert page["after"] in pec("log", "search", "--limit", "4", *WHY).out

    assert seen == [6, 5, 4, 3, 2, 1]


def test_an_empty_answer_says_what_to_try(pec, filled):
    told = pec("log", "search", "--id", "PEC3@alfa.example", *WHY, status=1).out
    assert "to the letter" in told
    assert "alla lettera" in pec("log", "search", "--id", "PEC3@alfa.example", *WHY, "--lang", "it", status=1).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--event", "delivered", *WHY), "delivery-failure"),
        (("--role", "owner", *WHY), "recipient"),
        (("--from", "yesterday", *WHY), "2026-11-05"),
        (("--after", "here", *WHY), "2026-11-05"),
        (("--after", "2026-11-05,x", *WHY), "the page before"),
        (("--mailbox", "anna", *WHY), "anna@alfa.example"),
        (("--failed",), "--purpose"),
    ],
)
def test_what_cannot_be_asked_is_told_with_a_remedy(pec, filled, arguments, told):
    assert told in pec("log", "search", *arguments, status=2).err
    assert filled.audit.search(AuditQuery(acts=frozenset({AuditAct.LOG_SEARCHED}))) == []


def test_a_search_is_recorded_with_its_purpose(pec, filled):
    pec("log", "search", "--mailbox", some.ANNA.text, "--failed", *WHY, status=1)
    pec("log", "search", "--id", "pec3@alfa.example", *WHY)
    newest, before = filled.audit.search(AuditQuery(acts=frozenset({AuditAct.LOG_SEARCHED})))

    assert (newest.event.about, newest.event.purpose, newest.event.ticket) == ("pec3@alfa.example", WHY[1], "12")
    assert before.event.mailbox == some.ANNA
    assert before.event.detail == {"rows": 0, "asked": "failed=true"}
