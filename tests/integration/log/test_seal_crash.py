"""A sealer that is killed between any two acts leaves no gap and no second, different block or file."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.apps.authority.paper_log import paper_log
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.cli.log_verify import given_file
from ceralacca.base.failpoints import VARIABLE
from ceralacca.core.log_chain import Ledger
from ceralacca.services.verify_log import verify_log
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import FixedClock
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.log_reading import LogOpener

MORNING = datetime(2026, 11, 5, 8, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 6, tzinfo=UTC)
POINTS = [
    "log_seal.block.before",
    "log_seal.block.after",
    "log_seal.plan.before",
    "log_seal.plan.after",
    "log_seal.file.before",
    "log_seal.file.after",
    "log_seal.written.after",
    "log_seal.stamp.before",
    "log_seal.stamp.after",
    "log_seal.witness.after",
]
CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from ceralacca.apps.authority.paper_log import paper_log
from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.testing.clock import FixedClock
folder, sandbox, now = Path(sys.argv[1]), Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
with paper_log(folder, Sandbox.open(sandbox, clock=FixedClock(now))) as log:
    log.sealed(now)
"""


@pytest.fixture(scope="module")
def clock():
    return FixedClock(MORNING)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, clock):
    return Sandbox.create(tmp_path_factory.mktemp("crash") / "sandbox", clock=clock)


@pytest.mark.requirement("LO-4", "LO-5")
@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_any_point_is_made_up_for(tmp_path, sandbox, clock, point):
    clock.advance(MORNING - clock.now())
    with paper_log(tmp_path, sandbox) as log:
        log.write([some.log_row("id-1"), some.log_row("id-2")])
        log.sealed(MORNING)
        log.write([some.log_row("id-3")])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, tmp_path, sandbox.folder, (MIDNIGHT + timedelta(days=1)).isoformat()],
        env={**os.environ, VARIABLE: point},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    before = {path.name: path.read_bytes() for path in (tmp_path / "log").glob("PEC-*")}
    clock.advance(MIDNIGHT + timedelta(days=1, hours=1) - clock.now())
    with paper_log(tmp_path, sandbox) as log:
        heads = log.seal.store.block_heads(Ledger.MESSAGES, first=1, last=99)
        log.sealed(clock.now())
        assert log.seal.store.block_heads(Ledger.MESSAGES, first=1, last=len(heads)) == heads
        status = log.seal.store.status(Ledger.MESSAGES)

    after = {path.name: path.read_bytes() for path in (tmp_path / "log").glob("PEC-*")}
    assert {name: after[name] for name in before} == before
    assert (status.unsealed, status.files_unwritten, status.files_unstamped) == (0, 0, 0)
    assert status.blocks_without_witness == 0
    trust = TrustStore(anchors=sandbox.anchors, crls=(sandbox.crl(ROOT), sandbox.crl(INTERMEDIATE)))
    opener = LogOpener(trust=trust, anchors=(*sandbox.anchors, *sandbox.intermediates), present=clock.now())
    report = verify_log([given_file(path) for path in (tmp_path / "log").glob("*.p7m")], opener, present=clock.now())
    assert report.valid, report.findings
    assert [one.rows for one in report.files] == [2, 0]  # the third row is of the day that has begun
