"""`pec serve`, whole: a holder writes to a holder of the same provider over real protocols; it survives a restart."""

import json
import os
import signal
import smtplib
from functools import partial
from pathlib import Path

import pytest

from ceralacca.net.clamd_child import eicar

pytestmark = pytest.mark.system

ANNA, BRUNO = "anna@alfa.example", "bruno@comune.example"


def kinds(serve, provider, user):
    return sorted(serve.header(one, "X-Ricevuta") or serve.header(one, "X-Trasporto") for one in provider.letters(user))


@pytest.mark.requirement("AP-25", "DP-3")
def test_a_holder_writes_to_a_holder(running, serve):
    with running.submission() as smtp:
        smtp.sendmail(ANNA, [BRUNO], serve.message())
    serve.until(lambda: len(running.letters(ANNA)) == 2, "both receipts")
    assert kinds(serve, running, ANNA) == ["accettazione", "avvenuta-consegna"]
    (envelope,) = running.letters(BRUNO)
    assert serve.header(envelope, "X-Trasporto") == "posta-certificata"
    assert b"Testo." in envelope


def test_trace_tells_it(running):
    told = running.ask("trace", "uno@client.example")
    events = [row["event"] for row in told["rows"]]
    assert events[:1] == ["submission"]
    assert {"acceptance", "envelope-sent", "arrival", "delivery"} <= set(events)
    assert told["recipients"][0]["states"] == {BRUNO: "delivered"}
    assert running.pec("trace", "nobody@client.example", check=False).returncode == 2


def test_nothing_is_left_in_the_queue(running, serve):
    def waiting():
        return sum(one["waiting"] + one["leased"] for one in running.ask("queue", "list")["figures"].values())

    serve.until(lambda: waiting() == 0, "an empty queue")


def test_the_doctor_finds_it_well_but_for_the_demonstrations_signatures(running):
    found = running.pec("doctor", "--json", check=False)
    findings = {one["code"]: one for one in json.loads(found.stdout)["findings"]}
    assert [one for one in findings.values() if one["level"] == "failed"] == []
    assert found.returncode == 0
    assert findings["scanner-demo"]["level"] == "warning"
    assert "NOTHING" in findings["scanner-demo"]["says"]
    assert all(one["remedy"] for one in findings.values() if one["level"] == "warning")


def test_a_second_provider_on_the_same_folder_is_refused(running):
    done = running.pec("serve", check=False)
    assert done.returncode == 2
    assert "already" in done.stderr


def test_the_diagnostics_hold_no_address(running):
    text = running.log()
    assert '"event": "step"' in text or '"step"' in text
    for word in (ANNA, BRUNO, "Prova", "client.example"):
        assert word not in text.replace("Alfa Prova", "")


def _session_niceness(pid: int) -> int:
    return int(Path(f"/proc/{pid}/autogroup").read_text().rpartition(" ")[2])


@pytest.mark.parametrize("niceness", [partial(os.getpriority, os.PRIO_PROCESS), _session_niceness])
def test_what_nobody_waits_for_leaves_the_processors_to_the_mail(running, niceness):
    if niceness is _session_niceness and not Path("/proc/self/autogroup").exists():
        pytest.skip("this kernel does not share processors among sessions")
    roles = running.status().roles
    polite = {name for name, role in roles.items() if role.pid and niceness(role.pid) > 0}
    assert polite == {"timekeeper", "extracts"} & set(roles)
    assert "timekeeper" in polite


def test_a_killed_worker_is_started_again_and_its_work_done(running, serve):
    before = running.status().roles["worker-1"]
    os.kill(before.pid, signal.SIGKILL)
    with running.submission() as smtp:
        smtp.sendmail(ANNA, [BRUNO], serve.message(message_id="<due@client.example>", subject="Due"))
    serve.until(lambda: len(running.letters(ANNA)) == 4, "the receipts of the second message")
    assert running.status().roles["worker-1"].starts == before.starts + 1


def test_a_restart_finds_everything(running, serve):
    before = running.letters(ANNA)
    assert running.stop() == 0
    assert {one.state for one in running.status().roles.values()} <= {"ended", "done"}
    running.start()
    assert running.letters(ANNA) == before
    with running.submission() as smtp:
        smtp.sendmail(ANNA, [BRUNO], serve.message(message_id="<tre@client.example>"))
    serve.until(lambda: len(running.letters(ANNA)) == 6, "the receipts of the third message")


@pytest.mark.requirement("LO-2", "SE-3", "SE-4")
def test_the_audit_trail_has_starts_sign_ins_and_every_use_of_the_key(running):
    smtp = smtplib.SMTP_SSL("localhost", running.ports["submissions"], context=running.tls())
    with smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login(ANNA, "guessed")
    entries = running.ask("audit", "list", "--limit", "1000")[::-1]
    acts = [entry["act"] for entry in entries]
    assert acts.count("service.started") == 2
    assert acts.count("service.stopped") == 1
    in_order = ["service.started", "key.opened", "sign-in", "service.stopped"]
    assert sorted(in_order, key=acts.index) == in_order
    assert acts.count("configuration.read") == 2
    opened = [entry["detail"]["serves"] for entry in entries if entry["act"] == "key.opened"]
    assert opened.count("sealing") == 3, "once more after it was killed, once more after the restart"
    assert opened.count("log") == 2
    came_in = {(entry["origin"]["process"], entry["outcome"]) for entry in entries if entry["act"] == "sign-in"}
    assert came_in == {("submission", "done"), ("imap", "done"), ("submission", "refused")}
    assert {entry["mailbox"] for entry in entries if entry["act"] == "sign-in"} >= {ANNA}
    used = [entry for entry in entries if entry["act"] == "key.used" and entry["detail"]["serves"] == "sealing"]
    assert sum(entry["detail"]["count"] for entry in used) >= 6, "acceptance, envelope and delivery of two messages"
    assert any("left" in entry["detail"] for entry in used)
    assert {entry["about"] for entry in used} < {entry["about"] for entry in entries if entry["act"] == "key.opened"}
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))


@pytest.mark.requirement("VI-1", "VI-2")
def test_an_infected_message_is_refused_and_kept_where_it_cannot_act(running, serve):
    before = len(running.letters(ANNA))
    with running.submission() as smtp:
        octets = serve.message(message_id="<virus@client.example>", body=f"{eicar().decode()}\r\n")
        smtp.sendmail(ANNA, [BRUNO], octets)
    serve.until(lambda: len(running.letters(ANNA)) == before + 1, "the notice")
    assert serve.header(running.letters(ANNA)[-1], "X-Ricevuta") == "non-accettazione"
    (kept,) = running.data.vault.glob("*/*.vault")
    assert eicar() not in kept.read_bytes()
    assert "virus-found" in [row["event"] for row in running.ask("trace", "virus@client.example")["rows"]]


@pytest.mark.requirement("AP-2")
def test_a_wrong_sender_is_refused(running, serve):
    with running.submission() as smtp, pytest.raises(smtplib.SMTPException):
        smtp.sendmail(BRUNO, [BRUNO], serve.message(sender=BRUNO))
