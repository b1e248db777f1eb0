"""A worker that is killed in the middle of its work: whatever was answered 250 has its receipts, each once."""

import json
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, MARIO
from ceralacca.apps.demo.messages import letter
from ceralacca.apps.mail_client import submit
from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Postponed

pytestmark = [pytest.mark.system, pytest.mark.slow]
_MESSAGES = 20


def worker_of(running, provider) -> int:
    """Return the process number of a provider's worker, once it has one."""
    status = DataFolder(running.nation.settings(provider).data.folder).status
    until = time.monotonic() + 60
    while time.monotonic() < until:
        role = json.loads(status.read_text())["roles"]["worker-1"]
        if role["state"] == "ready" and role["pid"]:
            return role["pid"]
        time.sleep(0.05)
    raise AssertionError("no worker")


def settle(stage, expected):
    """Wait as always; a job that was claimed in the instant of a kill keeps its lease, which is ended here."""
    with suppress(WorldError):
        stage.lookout.quiet(within=20)
    for store in stage.lookout.stores.values():
        now = datetime.now(UTC)
        leased = [job for job in store.jobs() if job.leased_until is not None]
        store.commit((), [Postponed(job=job.id, due=now, note="its worker was killed") for job in leased])
    return stage.settle(expected)


@pytest.mark.scenario("T-18")
@pytest.mark.requirement("AP-25", "IP-21", "DP-3")
@pytest.mark.parametrize("provider", [ALFA, BETA], ids=lambda one: one.key)
def test_a_killed_worker_costs_no_receipt_and_doubles_none(stage, running, provider):
    for number in range(_MESSAGES):
        submit(running.account(MARIO), letter(), recipients=[ANNA])
        if number % 7 == 3:
            os.kill(worker_of(running, provider), signal.SIGKILL)
    usual = {MARIO: [3, 10], ANNA: [4], ALFA.service_mailbox: [6]}
    came = settle(stage, {place: rows * _MESSAGES for place, rows in usual.items()})
    assert stage.faults == []
    assert len({one.sighting.octets for one in came.messages}) == 4 * _MESSAGES
