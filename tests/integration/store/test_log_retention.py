"""A sealed month goes for good: its certificate opens with OpenSSL, and names the files that had stood for it."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from ceralacca.apps.authority.paper_log import paper_log
from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.core.model.log import LogEvent
from ceralacca.core.retention import LegalHold, Month
from ceralacca.ports.log_search import LogQuery
from ceralacca.services.keep_log import LogKeeper, Obstacle
from ceralacca.store.durable_files import put_file
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import FixedClock

pytestmark = [pytest.mark.system, pytest.mark.requirement("LO-5", "LO-6")]
MORNING = datetime(2026, 11, 5, 8, 0, tzinfo=UTC)
OLD = Month(2024, 4)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_month_goes_and_its_certificate_opens(engine, request, tmp_path):
    clock = FixedClock(MORNING)
    sandbox = Sandbox.create(tmp_path / "sandbox", clock=clock)
    url = request.getfixturevalue("postgresql").new_database() if engine == "postgresql" else None
    with paper_log(tmp_path, sandbox, url=url) as log:
        keeper = LogKeeper(
            node="alfa",
            retention=log.store.retention,
            key=log.seal.key,
            publish=lambda name, octets: put_file(log.files / name, octets),
            tell=lambda purge: None,
        )
        log.write([some.log_row(f"old-{day}")._replace(instant=OLD.start + timedelta(days=day)) for day in range(30)])
        log.write([some.log_row("new")._replace(instant=MORNING)])
        assert [due.obstacle for due in keeper.due(MORNING)] == [Obstacle.UNSEALED]
        log.sealed(MORNING, close=True)
        hold = LegalHold(number=0, identifier="old-7", reason="claim", set_at=MORNING, set_by="lucia")
        log.store.retention.set_hold(hold)

        (purge,) = keeper.do_what_is_due(MORNING + timedelta(hours=1))

        left = [entry.row.identifier for entry in log.store.stream_log(LogQuery(newest_first=False))]
        assert left == ["old-7", "new", None]
        (said,) = log.store.search_log(LogQuery(events=frozenset({LogEvent.PURGE})))
        assert sha256(purge.record).hexdigest() in said.row.detail
        (certificate,) = log.files.glob("PEC-alfa-purged-2024-04-*.json.p7m")
        opened = subprocess.run(
            ["openssl", "cms", "-verify", "-inform", "DER", "-in", certificate, "-CAfile",
             sandbox.public / "pec-root.pem", "-purpose", "any", "-attime", str(int(MORNING.timestamp()) + 86400),
             "-binary"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        record = json.loads(opened)
        assert opened == purge.record
        assert (record["rows_deleted"], record["rows_held"], record["holds"]) == (29, 1, [1])
        (file,) = record["files"]
        assert sha256((log.files / file["name"]).read_bytes()).hexdigest() == file["sha256"]
        assert file["stamped"] is not None

        log.sealed(MORNING + timedelta(days=1))  # the chain goes on over what is left
        assert log.seal.store.status(log.seal.ledger).unsealed == 0
