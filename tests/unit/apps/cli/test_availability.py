"""`pec incident` and `pec availability`, over a real store, evidence in a folder and rows of the log."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.availability import Function, Loop, Tried
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct, AuditOutcome
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.store import Commit
from ceralacca.store.probe_evidence import EvidenceWriter, files_in

pytestmark = [pytest.mark.usefixtures("config")]

NIGHT = datetime(2025, 10, 25, 21, 30, tzinfo=UTC)  # 23:30 in Rome, before the night with an hour more
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ANNA = Address("anna@alfa.example")


@pytest.fixture
def evidence(tmp_path):
    """Two probes: 40 minutes down from 23:40 on, the rest of three hours up."""
    folder = tmp_path / "evidence"
    for probe in ("roma", "milano"):
        writer = EvidenceWriter(folder, probe)
        for minute in range(180):
            tried = {Function.IMAP: Tried(ok=not 10 <= minute < 50, seconds=0.2)}
            writer.add(Loop(probe=probe, at=NIGHT + minute * MINUTE, tried=tried), now=NIGHT + minute * MINUTE)
    return folder


def accepted(store, name, seconds):
    message_id = f"<{name}@pec>"
    rows = (
        LogRow(instant=NIGHT, event=LogEvent.ACCEPTANCE, identifier=name, sender=ANNA, message_id=message_id),
        LogRow(instant=NIGHT + seconds * SECOND, event=LogEvent.DELIVERY, identifier=name, sender=ANNA,
               message_id=message_id, detail="receipt"),
    )  # fmt: skip
    store.commit([Commit(log=rows, instant=NIGHT)])


@pytest.mark.requirement("SL-7")
def test_an_incident_is_entered_listed_and_closed_with_a_trace(pec, answer, store):
    number = answer("incident", "add", "--kind", "incident", "--code", "3", "--found-by", "b",
        "--begins", "2025-10-25T23:40", "--what", "rete", "--ticket", "T-9")["number"]  # fmt: skip
    assert "lasts" in pec("incident", "list").out
    pec("incident", "close", str(number), "--remedy", "cavo nuovo", "--ends", "2025-10-26T00:20+02:00")
    (entry,) = answer("incident", "list", "--from", "2025-10-25", "--to", "2025-10-25")
    assert (entry["begins"], entry["ends"]) == ("2025-10-25T21:40:00+00:00", "2025-10-25T22:20:00+00:00")
    assert (entry["code"], entry["found_by"], entry["remedy"]) == ("3", "B", "cavo nuovo")
    assert "3B" in pec("incident", "list").out
    events = [one.event for one in store.audit.after(0)]
    assert [(one.act, one.outcome, one.ticket) for one in events] == [
        (AuditAct.INCIDENT, AuditOutcome.DONE, "T-9"), (AuditAct.INCIDENT, AuditOutcome.DONE, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [("--kind", "guasto"), ("--kind", "planned", "--code", "3"), ("--kind", "incident", "--code", "9"),
     ("--kind", "incident"), ("--kind", "incident", "--code", "3", "--ends", "2025-10-25T23:00")],
)  # fmt: skip
def test_what_cannot_be_entered_is_refused(pec, store, arguments):
    said = pec("incident", "add", "--begins", "2025-10-25T23:40", "--what", "rete", *arguments, status=2)
    assert said.err.startswith("pec: ")


@pytest.mark.requirement("SL-2", "SL-3", "SL-7")
def test_the_report_is_written_for_people_and_programs(answer, pec, store, evidence, tmp_path):
    accepted(store, "presto", 2)
    accepted(store, "tardi", 95)
    answer("incident", "add", "--kind", "incident", "--code", "3", "--begins", "2025-10-25T23:45", "--what", "rete")
    out = tmp_path / "out"
    told = answer("availability", "report", "--period", "2025-Q3", "--evidence", str(evidence), "--pages", "it,en",
        "--provider-code", "VAT-IT00000000000", "--out", str(out))  # fmt: skip
    assert (told["verdict"], told["down"], told["longest"], told["seen"]) == ("unproven", 40, 40, 180)
    assert told["alarms"] == []
    records = list(csv.reader(io.StringIO((out / "p02-2025-Q3.csv").read_text()), delimiter=";"))
    assert records[1:] == [
        ["VAT-IT00000000000", "3", "2025", "298", "02", "20", "S"],
        ["VAT-IT00000000000", "3", "2025", "299", "02", "20", "S"],
    ]
    for language in ("it", "en"):
        assert (out / f"availability-2025-Q3.{language}.pdf").read_bytes().startswith(b"%PDF-")
    lines = (out / "evidence-2025-Q3-roma.sha256").read_text()
    assert [line.split()[1] for line in lines.splitlines()] == [
        one.path.name for one in files_in(evidence) if one.probe == "roma"
    ]
    assert [(one["identifier"], one["seconds"]) for one in told["breaches"]] == [("tardi", 95.0)]
    assert set(told["files"]) == {path.name for path in out.iterdir()}


@pytest.mark.requirement("SL-2")
def test_evidence_that_was_touched_is_said(pec, store, evidence):
    path = files_in(evidence)[0].path
    path.write_bytes(path.read_bytes().replace(b'"ok":false', b'"ok":true', 1))
    said = pec("availability", "status", "--period", "2025-Q3", "--evidence", str(evidence)).out
    assert "do not follow" in said
    assert path.name in said


def test_a_broken_limit_is_an_exit_status(pec, store, evidence):
    writer = EvidenceWriter(evidence, "bari")
    for minute in (200, 500):
        loop = Loop(probe="bari", at=NIGHT + minute * MINUTE, tried={Function.IMAP: Tried(ok=False)})
        writer.add(loop, now=NIGHT + minute * MINUTE)
    said = pec("availability", "status", "--period", "2025-Q3", "--evidence", str(evidence), status=1).out
    assert "BROKEN" in said
    assert "100 %" in said


@pytest.mark.requirement("SL-4")
def test_acceptance_times_are_told_by_contract(pec, answer, config, store):
    with config.open("a") as settings:
        settings.write('\n[service_levels.contracts.base]\nacceptance = "5s"\ndomains = ["alfa.example"]\n')
    accepted(store, "presto", 2)
    accepted(store, "tardi", 9)
    arguments = ("availability", "acceptance", "--from", "2025-10-25", "--to", "2025-10-25")
    told = answer(*arguments, status=1)
    (contract,) = told["contracts"]
    assert (contract["contract"], contract["term"], contract["receipts"], contract["within"]) == ("base", 5.0, 2, 1)
    assert [(one["identifier"], one["seconds"]) for one in told["breaches"]] == [("tardi", 9.0)]
    assert "tardi" in pec(*arguments, status=1).out


@pytest.mark.parametrize(
    "arguments", [("--period", "2025-Q4"), ("--period", "9000-Q1"), ("--evidence", "not-there"), ()]
)
def test_what_cannot_be_computed_says_why(pec, store, evidence, arguments):
    given = arguments if "--evidence" in arguments or not arguments else (*arguments, "--evidence", str(evidence))
    assert pec("availability", "status", *given, status=2).err.startswith("pec: ")
