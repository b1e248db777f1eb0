"""`pec hold` and `pec log retention`: who set and lifted what, and why; nothing goes unproved."""

import pytest

from ceralacca.base.clock import SystemClock
from ceralacca.core.model.audit import AuditAct, AuditOutcome
from ceralacca.core.retention import Month
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.store import Commit
from ceralacca.testing import store_samples as some

pytestmark = [pytest.mark.requirement("LO-5"), pytest.mark.usefixtures("config")]
WHY = ("--reason", "case 7/2026", "--ticket", "12")
LONG_AGO = Month(2020, 5)


def acts(store, act):
    return [entry.event for entry in store.audit.search(AuditQuery(acts=frozenset({act})))]


def test_a_hold_is_set_shown_and_lifted(pec, answer, store):
    assert pec("hold", "list").out.strip() == "Nothing is held."
    told = answer("hold", "add", "--mailbox", some.ANNA.text, *WHY)
    assert (told["hold"], told["mailbox"], told["lifted_at"]) == (1, some.ANNA.text, None)
    assert "transaction id-1" in pec("hold", "add", "--id", "id-1", *WHY).out
    assert "casella anna@beta.example" in pec("hold", "list", "--lang", "it").out

    pec("hold", "lift", "1", "--reason", "settled")
    assert [one["hold"] for one in answer("hold", "list")] == [2]
    assert "settled" in pec("hold", "list", "--all").out
    assert "pec hold list" in pec("hold", "lift", "1", "--reason", "again", status=2).err

    (second, first) = acts(store, AuditAct.HOLD_SET)
    assert (first.mailbox, first.purpose, first.ticket) == (some.ANNA, "case 7/2026", "12")
    assert second.about == "id-1"
    assert [one.outcome for one in acts(store, AuditAct.HOLD_LIFTED)] == [AuditOutcome.REFUSED, AuditOutcome.DONE]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "--mailbox", some.ANNA.text), "--reason"),
        (("add", *WHY), "--mailbox or --id"),
        (("add", "--mailbox", some.ANNA.text, "--id", "id-1", *WHY), "one of them"),
        (("lift", "1"), "--reason"),
    ],
)
def test_a_hold_names_one_thing_and_a_reason(pec, arguments, told):
    assert told in pec("hold", *arguments, status=2).err


def test_what_is_due_is_shown_and_without_a_key_nothing_goes(pec, answer, store):
    assert "No month's term has ended" in pec("log", "retention", "--dry-run").out
    rows = [some.log_row(f"id-{number}")._replace(instant=LONG_AGO.start) for number in range(2)]
    store.commit([Commit(log=(*rows, some.log_row("new")._replace(instant=SystemClock().now())))])
    pec("hold", "add", "--id", "id-1", *WHY)

    told = answer("log", "retention", "--dry-run", status=1)
    assert told["due"] == [
        {"month": "2020-05", "rows": 2, "held": 1, "first": 1, "last": 2, "waits_for": "unsealed"},
    ]  # fmt: skip
    assert answer("log", "retention", status=1)["deleted"] == []
    assert "not all of it stands in sealed files" in pec("log", "retention", status=1).out
    assert len(store.log_of("id-0")) == 1
