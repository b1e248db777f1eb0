"""`pec log check` over a real store: findings with their rows, periods, both languages, the audit trail."""

import json

import pytest

from ceralacca.core.model.audit import AuditAct
from ceralacca.core.model.log import LogEvent
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.store import Commit
from ceralacca.testing.logs import ALFA_DOMAINS, busy_day
from ceralacca.testing.scenario import INSTANT

PERIOD = ("--from", "2026-11-05", "--to", "2026-11-06")


@pytest.fixture
def filled(store):
    for domain in ALFA_DOMAINS:
        store.add_domain(domain, now=INSTANT)
    store.commit([Commit(log=tuple(busy_day().alfa.store.log))])
    return store


@pytest.fixture
def broken(store):
    store.add_domain("pec.alfa.example", now=INSTANT)
    rows = [row for row in busy_day().alfa.store.log if row.event is not LogEvent.RECEIPT_RECEIVED]
    store.commit([Commit(log=tuple(rows))])
    return store


@pytest.mark.requirement("LO-10")
def test_a_consistent_log_has_nothing_to_tell(pec, filled):
    told = pec("log", "check", *PERIOD)
    assert "every transaction is consistent" in told.out
    assert "ogni transazione è coerente" in pec("log", "check", *PERIOD, "--lang", "it").out


@pytest.mark.requirement("LO-10")
def test_findings_are_told_with_their_rows(pec, broken):
    told = pec("log", "check", *PERIOD, status=1)
    assert "no outcome, and the sender was not told anna.bianchi@pec.beta.example" in told.out
    assert ", rows 2" in told.out
    plain = json.loads(pec("log", "check", *PERIOD, "--json", "--passes", "3", status=1).out)
    assert plain["settled"]
    assert plain["by_rule"]["no-outcome"] == len([one for one in plain["findings"] if one["rule"] == "no-outcome"])
    assert {"rule", "side", "identifier", "recipient", "began", "rows"} == set(plain["findings"][0])


def test_a_period_is_days_of_legal_time_or_instants(pec, broken):
    assert json.loads(pec("log", "check", *PERIOD, "--json", status=1).out)["since"] == "2026-11-04T23:00:00+00:00"
    exact = ("--from", "2026-11-05T10:00:00+01:00", "--to", "2026-11-05T09:10Z")
    plain = json.loads(pec("log", "check", *exact, "--json").out)
    assert (plain["since"], plain["until"]) == ("2026-11-05T09:00:00+00:00", "2026-11-05T09:10:00+00:00")
    assert "write 2026-11-05" in pec("log", "check", "--from", "yesterday", status=2).err
    assert "--to is not after" in pec("log", "check", "--from", "2026-11-05", "--to", "2026-11-04", status=2).err


@pytest.mark.requirement("LO-8", "SE-3")
def test_that_somebody_looked_is_recorded(pec, filled):
    pec("log", "check", *PERIOD, "--purpose", "verifica mensile", "--ticket", "T-7")
    (entry,) = filled.audit.search(AuditQuery(acts=frozenset({AuditAct.LOG_SEARCHED})))
    assert (entry.event.purpose, entry.event.ticket, entry.event.about) == ("verifica mensile", "T-7", "consistency")
