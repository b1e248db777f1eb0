"""`pec statistics` over a real store: both rules, for people, as JSON and CSV, and to the row."""

import csv
import io
import json

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct
from ceralacca.core.statistics import Figure
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.store import Commit
from ceralacca.testing.logs import ALFA_DOMAINS, busy_day
from ceralacca.testing.paper_cast import CARLA, MARIO
from ceralacca.testing.scenario import INSTANT


@pytest.fixture
def filled(store):
    for domain in ALFA_DOMAINS:
        store.add_domain(domain, now=INSTANT)
    for address in (MARIO, CARLA):
        store.put_mailbox(MailboxRecord(address=address), now=INSTANT)
    gone = Address("gone@pec.alfa.example")
    store.put_mailbox(MailboxRecord(address=gone, status=MailboxStatus.CLOSED), now=INSTANT)
    store.put_mailbox(MailboxRecord(address=Address("ricevute@gestore-alfa.example"), is_service=True), now=INSTANT)
    store.commit([Commit(log=tuple(busy_day().alfa.store.log))])
    return store


@pytest.mark.requirement("SL-7")
def test_the_record_has_the_fields_of_the_guideline(pec, filled):
    told = pec("statistics", "--period", "2026Q3", "--provider-code", "VAT-01234567890", "--json").out
    assert json.loads(told)["P01"] == {
        "CodGestPEC": "VAT-01234567890",
        "Quadrimestre": 3,
        "Anno": 2026,
        "NumDomini": 3,
        "NumCaselle": 2,
        "MsgUscita": 2,
        "MsgIngresso": 1,
        "VirusIngresso": 0,
        "VirusUscita": 0,
    }


@pytest.mark.requirement("SL-7")
def test_every_figure_is_reproduced_from_its_rows(pec, filled):
    plain = json.loads(pec("statistics", "--period", "2026B6", "--json", "--rows", "--purpose", "controllo").out)
    for figure in Figure:
        named = [row for row in plain["counted_rows"] if figure in row["counts_as"]]
        told = plain["two_monthly"]["totals"].get(figure, plain["P01"].get(figure))
        assert len(named) == told
    assert plain["two_monthly"]["totals"]["messages-out"] == 2
    assert plain["two_monthly"]["days"]["2026-11-05"]["messages-out"] == 1
    assert plain["P01"]["Quadrimestre"] is None
    assert len(filled.audit.search(AuditQuery(acts=frozenset({AuditAct.LOG_SEARCHED})))) == 1


@pytest.mark.requirement("SL-7")
def test_csv_has_every_day_or_every_row(pec, filled):
    days = list(csv.DictReader(io.StringIO(pec("statistics", "--period", "2026-11", "--csv").out)))
    assert len(days) == 30
    assert sum(int(day["messages-in"]) for day in days) == 2
    rows = list(csv.DictReader(io.StringIO(pec("statistics", "--period", "2026-11", "--csv", "--rows").out)))
    assert {"number", "day", "instant", "event", "identifier", "counts_as"} == set(rows[0])


@pytest.mark.requirement("SL-7")
def test_people_see_days_with_traffic_in_both_languages(pec, filled):
    english, italian = (pec("statistics", "--period", "2026Q3", "--lang", lang).out for lang in ("en", "it"))
    assert "2026-11-05" in english
    assert "2026-11-20" not in english
    assert "messages out" in english
    assert "messaggi in uscita" in italian


def test_what_is_no_period_is_told(pec, filled):
    assert "2026Q1" in pec("statistics", "--period", "2026Q4", status=2).err
    assert "--json or --csv" in pec("statistics", "--period", "2026", "--rows", status=2).err
