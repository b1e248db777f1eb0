"""The supervisor over tiny roles: order, restart, refusal, silence, clean stop, nobody left behind."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ceralacca.apps.supervisor import Patience, Role, Supervisor

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded")  # what is forked here becomes a program

QUICK = Patience(first_pause=0.01, longest_pause=0.05, steady=60.0, stop=10.0, start=20.0)
PRELUDE = """
import json, os, signal, subprocess, sys, threading, time
ready, life, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def note(text):
    with open(f"{folder}/log", "a") as log:
        log.write(text + "\\n")
def say(facts):
    os.write(ready, json.dumps({"ready": facts}).encode() + b"\\n")
def wait():
    signal.sigwait([signal.SIGTERM])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
"""


def role(name, body, folder, *, stage=0, **how):
    script = PRELUDE + textwrap.dedent(body)
    return Role(name=name, main=partial(become, script, str(folder)), stage=stage, **how)


def become(script, folder, ready, life):
    """Be a small program of its own: the tests' process is larger than any role, and has threads."""
    os.set_inheritable(ready, True)
    os.set_inheritable(life, True)
    os.execv(sys.executable, [sys.executable, "-S", "-c", script, str(ready), str(life), folder])


def log(folder):
    path = folder / "log"
    return path.read_text().split() if path.exists() else []


def alive(pid):
    with suppress(ProcessLookupError, FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until(condition):
    for _ in range(4000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never came to that")


def play(supervisor, during=None):
    """Run a supervisor; when it is ready play `during`, then end it. Returns its exit status."""

    async def run():
        ready = asyncio.Event()
        task = asyncio.create_task(supervisor.run(on_ready=ready.set))
        gate = asyncio.create_task(ready.wait())
        await asyncio.wait({task, gate}, return_when=asyncio.FIRST_COMPLETED)
        gate.cancel()
        if ready.is_set() and during is not None:
            await during()
        supervisor.end()
        return await task

    return asyncio.run(run())


STEADY = "note(NAME + '-up'); say({'port': 7}); wait(); note(NAME + '-down')"


def steady(name, folder, stage=0):
    return role(name, STEADY.replace("NAME", repr(name)), folder, stage=stage)


def test_stages_start_in_order_and_end_in_the_reverse_order(tmp_path):
    once = role("first", "note('first-done')", tmp_path, stage=0, once=True)
    roles = [steady("last", tmp_path, 2), steady("middle", tmp_path, 1), once]
    assert play(Supervisor(roles, patience=QUICK)) == 0
    assert log(tmp_path) == ["first-done", "middle-up", "last-up", "last-down", "middle-down"]


def test_roles_may_end_in_another_order_than_the_reverse_of_their_start(tmp_path):
    door, work = replace(steady("door", tmp_path, 0), ends=1), replace(steady("work", tmp_path, 1), ends=0)
    assert play(Supervisor([door, work], patience=QUICK)) == 0
    assert log(tmp_path) == ["door-up", "work-up", "door-down", "work-down"]


def test_what_a_stage_needs_is_loaded_while_the_one_before_starts(tmp_path, monkeypatch):
    status = tmp_path / "status.json"
    (tmp_path / "loaded_by_the_supervisor.py").write_text(
        f"import json\nfrom pathlib import Path\nroles = json.loads(Path({str(status)!r}).read_text())['roles']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    late = replace(steady("late", tmp_path, 1), loads=("loaded_by_the_supervisor",))
    try:
        assert play(Supervisor([steady("early", tmp_path, 0), late], status=status, patience=QUICK)) == 0
        seen = sys.modules.pop("loaded_by_the_supervisor").roles
    finally:
        gc.unfreeze()
    assert (seen["early"]["state"], seen["late"]["state"]) == ("starting", "waiting")


def test_the_status_file_says_how_the_roles_are(tmp_path):
    status = tmp_path / "status.json"
    seen = {}

    async def look():
        seen.update(json.loads(status.read_text()))

    play(Supervisor([steady("one", tmp_path)], status=status, patience=QUICK), look)
    assert seen["supervisor"] == os.getpid()
    assert seen["roles"]["one"]["state"] == "ready"
    assert seen["roles"]["one"]["facts"] == {"port": 7}
    after = json.loads(status.read_text())["roles"]["one"]
    assert after["state"] == "ended"
    assert after["pid"] is None


def test_a_role_that_dies_is_started_again(tmp_path):
    status = tmp_path / "status.json"

    def of_one():
        return json.loads(status.read_text())["roles"]["one"]

    async def kill():
        before = of_one()
        os.kill(before["pid"], signal.SIGKILL)
        await until(lambda: of_one()["starts"] == 2 and of_one()["state"] == "ready")
        assert of_one()["pid"] != before["pid"]

    play(Supervisor([steady("one", tmp_path)], status=status, patience=QUICK), kill)


def test_a_role_that_keeps_failing_is_tried_with_growing_pauses(tmp_path):
    body = "note('try'); sys.exit(1)"
    supervisor = Supervisor([role("one", body, tmp_path)], patience=QUICK)

    async def run():
        task = asyncio.create_task(supervisor.run())
        await until(lambda: len(log(tmp_path)) >= 4)
        supervisor.end()
        assert await task == 0

    asyncio.run(run())


def test_a_role_that_refuses_its_settings_ends_the_start(tmp_path):
    roles = [steady("good", tmp_path), role("bad", "sys.exit(2)", tmp_path), steady("later", tmp_path, 1)]
    assert play(Supervisor(roles, patience=QUICK)) == 2
    assert "later-up" not in log(tmp_path)
    assert log(tmp_path).count("good-up") == log(tmp_path).count("good-down")


def test_a_role_that_falls_silent_is_killed_and_started_again(tmp_path):
    body = "note('up'); say({}); wait()"
    supervisor = Supervisor([role("one", body, tmp_path, silence=0.2)], patience=QUICK)

    async def wait():
        await until(lambda: len(log(tmp_path)) >= 2)

    assert play(supervisor, wait) == 0


def test_a_role_that_does_not_end_is_killed(tmp_path):
    body = "note('up'); say({}); time.sleep(600)"
    patience = Patience(first_pause=0.01, longest_pause=0.05, stop=0.2)
    assert play(Supervisor([role("one", body, tmp_path)], patience=patience)) == 0


def test_what_a_dead_role_had_started_does_not_outlive_it(tmp_path):
    body = """
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        note(str(child.pid)); say({}); wait(); child.kill()
    """
    status = tmp_path / "status.json"

    async def kill():
        stray = int(log(tmp_path)[0])
        assert alive(stray)
        os.kill(json.loads(status.read_text())["roles"]["one"]["pid"], signal.SIGKILL)
        await until(lambda: not alive(stray))

    play(Supervisor([role("one", body, tmp_path)], status=status, patience=QUICK), kill)


def test_roles_end_when_the_supervisor_is_killed(tmp_path):
    """They hear it on the pipe: `apps.duty` is the listener here."""
    program = """
import asyncio, os, sys
from ceralacca.apps.duty import Duty
from ceralacca.apps.supervisor import Role, Supervisor
def main(ready, life):
    with Duty(ready=ready, life=life).watched() as duty:
        duty.ready(pid=os.getpid())
        duty.ending.wait()
    return 0
roles = [Role(name=name, main=main, stage=0) for name in ("one", "two")]
asyncio.run(Supervisor(roles).run(on_ready=lambda: print("ready", flush=True)))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as supervisor:
        lines = iter(supervisor.stdout.readline, "")
        next(line for line in lines if line == "ready\n")
        children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
        others = [p for t in Path(f"/proc/{supervisor.pid}/task").glob("*/children") for p in t.read_text().split()]
        pids = {int(pid) for pid in children + others}
        assert pids
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()

    async def gone():
        await until(lambda: not any(map(alive, pids)))

    asyncio.run(gone())


def test_signals_end_it(tmp_path):
    async def interrupt():
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: "one-down" in log(tmp_path))

    assert play(Supervisor([steady("one", tmp_path)], patience=QUICK), interrupt) == 0
