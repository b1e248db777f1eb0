"""`pec probe` against a provider that runs, that is down, and that comes back."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.availability import Function, Watch
from ceralacca.core.four_months import FourMonths
from ceralacca.store.probe_evidence import Evidence, files_in

pytestmark = pytest.mark.system

PEC = (sys.executable, "-c", "from ceralacca.apps.cli import main; main()")
SONDA, PASSWORD = "sonda@alfa.example", "una frase di prova"


@pytest.fixture(scope="module")
def probe(running):
    """A probe of the running provider: runs `pec probe` with its settings."""
    folder = running.folder
    running.pec("mailbox", "add", SONDA, "--password-file", "-", input=f"{PASSWORD}\n")
    (folder / "sonda.password").write_text(f"{PASSWORD}\n")
    (folder / "sonda.password").chmod(0o600)

    def settings(**more):
        ports = running.ports or settings.ports
        settings.ports = ports
        words = {
            "name": "roma", "evidence": "evidence", "address": SONDA, "password_file": "sonda.password",
            "server": "localhost", "submission_port": ports["submissions"], "imap_port": ports["imaps"],
            "pop3_port": ports["pop3s"], "ca_file": str(running.authority.sandbox.tls_roots),
            "provider_config": "pec.toml", "timeout": "3s", "patience": "30s", **more,
        }  # fmt: skip
        (folder / "probe.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in words.items()))
        return folder / "probe.toml"

    def run(*arguments, check=0, **more):
        done = subprocess.run(
            [*PEC, "probe", "--config", str(settings(**more)), *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, "LANG": "en_US.UTF-8"},
        )  # fmt: skip
        assert done.returncode == check, done.stdout + done.stderr
        return done

    run.settings, run.folder = settings, folder / "evidence"
    return run


def loops(probe):
    now = datetime.now(UTC)
    evidence = Evidence([probe.folder], since=now - timedelta(days=1), until=now)
    found = sorted(evidence.loops(), key=lambda one: one.at)
    assert evidence.damage == []
    return found


@pytest.mark.requirement("SL-2", "SL-4")
def test_one_walk_tries_everything_and_is_kept(probe, running):
    told = json.loads(probe("--once", "--json").stdout)
    tried = set(Function) - {Function.WEBMAIL}
    assert {name for name, one in told["tried"].items() if one["ok"]} == {one.value for one in tried}
    assert told["service"] is True
    assert 0 < told["tried"]["acceptance"]["seconds"] < 30
    (loop,) = loops(probe)
    assert loop.ok
    assert set(loop.tried) == tried


def test_it_leaves_no_mail_behind(probe, running):
    import imaplib

    with imaplib.IMAP4_SSL("localhost", running.ports["imaps"], ssl_context=running.tls()) as imap:
        imap.login(SONDA, PASSWORD)
        imap.select("INBOX")
        left = imap.search(None, "ALL")[1][0].split()
    assert len(left) <= 1  # the envelope to itself may come after the receipt


def test_a_table_for_people(probe):
    said = probe("--once").stdout
    assert "acceptance receipt" in said
    assert "The whole service works." in said


def test_a_wrong_password_is_a_failure_of_every_door_and_no_words_of_the_server_are_kept(probe):
    (probe.folder.parent / "wrong").write_text("sbagliata\n")
    (probe.folder.parent / "wrong").chmod(0o600)
    told = json.loads(probe("--once", "--json", check=1, password_file="wrong", name="bari").stdout)
    assert not any(told["tried"][name]["ok"] for name in ("authenticate", "submit", "acceptance", "imap", "pop3"))
    assert told["tried"]["authenticate"]["reason"] == "SMTPAuthenticationError 535"
    assert SONDA not in "".join(one.path.read_text() for one in files_in(probe.folder))


@pytest.mark.requirement("SL-2", "SL-3")
def test_it_goes_on_while_everything_is_down_and_the_minutes_are_counted(probe, running, serve):
    before = len([one for one in loops(probe) if one.probe == "roma"])
    settings = probe.settings(every="1s", patience="20s")
    process = subprocess.Popen([*PEC, "probe", "--config", str(settings), "--json"], stdout=subprocess.PIPE, text=True)
    try:
        serve.until(lambda: any(one.ok for one in loops(probe)[before:]), "a good walk")
        assert running.stop() == 0
        stopped = datetime.now(UTC)
        serve.until(
            lambda: len([one for one in loops(probe) if one.at > stopped and not one.ok]) >= 2, "walks that failed"
        )
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        running.start()
    assert process.returncode == 0
    assert [one for one in map(json.loads, said.splitlines()) if not one["service"]]
    watch = Watch(FourMonths.of(stopped))
    for loop in loops(probe):
        if loop.at > stopped:
            watch.add(loop)
    assert watch.result(stopped + timedelta(hours=1)).down >= 1
    probe("--once")  # ports are others now: the walk finds the provider again


def test_a_probe_that_cannot_begin_says_what_is_missing(probe):
    done = probe("--once", check=2, every="0s")
    assert "at least a second" in done.stderr
    done = probe("--once", check=2, name="../x")
    assert "name" in done.stderr
