"""Sealing: dense numbers, touching periods, files that OpenSSL opens, outages made up for, nothing done twice."""

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest
from sqlalchemy import delete, update

from ceralacca.apps.auditing import by_program
from ceralacca.apps.authority.paper_log import paper_log
from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.log_chain import MOST_ROWS, Ledger
from ceralacca.core.model.audit import AuditAct
from ceralacca.core.model.log import LogEvent
from ceralacca.store.engine import Database
from ceralacca.store.log_folder import FolderWitness
from ceralacca.store.tables import LOG_ROW
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import FixedClock
from ceralacca.trust.log_seal import LogSealKey

MORNING = datetime(2026, 11, 5, 8, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def clock():
    return FixedClock(MORNING)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, clock):
    return Sandbox.create(tmp_path_factory.mktemp("log") / "sandbox", clock=clock)


@pytest.fixture
def log(tmp_path, sandbox, clock):
    clock.advance(MORNING - clock.now())
    with paper_log(tmp_path, sandbox) as opened:
        yield opened


def rows(*names):
    return [some.log_row(name) for name in names]


def at(clock, instant):
    clock.advance(instant - clock.now())
    return instant


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def content(log, name):
    """Open a file as OpenSSL does, and read its lines."""
    trusted = log.stamper.sandbox.public / "pec-root.pem"
    out = openssl(
        *("cms", "-verify", "-inform", "DER", "-in", log.files / name, "-CAfile", trusted),
        *("-purpose", "any", "-attime", int(MORNING.timestamp()) + 7 * 86400, "-binary"),
    )
    return [json.loads(line) for line in out.split(b"\n")[:-1]], out.split(b"\n")[:-1]


def record_in(log, seal):
    """Open the seal of a head as OpenSSL does."""
    path = log.folder / "seal.p7m"
    path.write_bytes(seal)
    trusted = log.stamper.sandbox.public / "pec-root.pem"
    return openssl(
        *("cms", "-verify", "-inform", "DER", "-in", path, "-CAfile", trusted, "-purpose", "any", "-binary"),
        *("-attime", int(MORNING.timestamp()) + 7 * 86400),
    )


def merkle(leaves):
    """RFC 6962, 2.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + merkle(leaves[:k]) + merkle(leaves[k:])).digest()


@pytest.mark.requirement("LO-4", "LO-6", "LO-7")
@pytest.mark.system
def test_a_day_is_one_file_that_openssl_opens_and_whose_hashes_anybody_can_take(log, clock):
    log.write(rows("id-1", "id-2"))
    log.sealed(clock.now())
    log.write(rows(*(f"id-{number}" for number in range(3, 8))))
    done = log.sealed(at(clock, MIDNIGHT + timedelta(seconds=20)))

    assert done.files == done.stamps == ["PEC-alfa-2026-11-05.jsonl.p7m"]
    lines, raw = content(log, done.files[0])
    head, *others = lines
    assert head["file"]["rows"] == 2  # the other five were sealed after midnight
    chained = [(one, text) for one, text in zip(lines, raw, strict=True) if "seq" in one]
    assert [one["seq"] for one, _ in chained] == [1, 2]
    assert chained[0][0]["prev_hash"] == "0" * 64
    for one, text in chained:
        assert one["hash"] == sha256(text[: text.rindex(b',"hash"')] + b"}").hexdigest()
    assert chained[1][0]["prev_hash"] == chained[0][0]["hash"]
    block = others[-1]["block"]
    assert block["root"] == merkle([bytes.fromhex(one["hash"]) for one, _ in chained]).hex()
    assert head["file"]["blocks"] == [[1, 1, 2, block["root"]]]
    for held, part in ((head, "file"), (others[-1], "block")):
        assert json.loads(record_in(log, base64.b64decode(held["seal"]))) == held[part]
    stamp = log.files / "PEC-alfa-2026-11-05.jsonl.tsr"
    public = log.stamper.sandbox.public
    openssl(
        *("ts", "-verify", "-in", stamp, "-data", log.files / done.files[0], "-CAfile", public / "pec-root.pem"),
        *("-untrusted", public / "pec-intermediate.pem", "-attime", int(MIDNIGHT.timestamp()) + 60),
    )
    assert (log.files / done.files[0]).stat().st_mode & 0o777 == 0o600


@pytest.mark.requirement("LO-6")
@pytest.mark.system
def test_the_signature_is_of_cades_b(log, clock):
    log.write(rows("id-1"))
    log.sealed(clock.now(), close=True)
    log.sealed(at(clock, MORNING + DAY))
    name = "PEC-alfa-2026-11-05.jsonl.p7m"
    printed = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", log.files / name).decode()

    assert "id-smime-aa-signingCertificateV2" in printed
    assert "signingTime" in printed


@pytest.mark.requirement("LO-7")
def test_rows_are_numbered_without_gaps_whatever_their_places(log, clock):
    log.write(rows("id-1", "undone", "id-3"))
    with Database(f"sqlite:///{log.folder / 'store.db'}").transaction() as connection:
        connection.execute(delete(LOG_ROW).where(LOG_ROW.c.identifier == "undone"))  # as if it had never been
    log.sealed(clock.now())
    log.write(rows("id-4"))
    log.sealed(clock.now())

    heads = log.seal.store.block_heads(Ledger.MESSAGES, first=1, last=9)
    assert [(one.number, one.first, one.last) for one in heads] == [(1, 1, 2), (2, 3, 3)]


@pytest.mark.requirement("LO-4")
def test_days_touch_and_a_day_without_rows_has_a_file_too(log, clock):
    log.write(rows("id-1"))
    log.sealed(clock.now())
    done = log.sealed(at(clock, MIDNIGHT + 3 * DAY + timedelta(hours=2)))

    assert done.files == [f"PEC-alfa-2026-11-0{day}.jsonl.p7m" for day in (5, 6, 7, 8)]
    heads = [content(log, name)[0][0]["file"] for name in done.files]
    assert heads[0]["from"] == "2026-11-05T00:00:00.000000Z"
    assert all(before["until"] == after["from"] for before, after in pairwise(heads))
    assert [one["rows"] for one in heads] == [1, 0, 0, 0]
    assert [one["first"] for one in heads] == [1, 2, 2, 2]
    digests = [sha256((log.files / name).read_bytes()).hexdigest() for name in done.files]
    assert [one["prev_hash"] for one in heads] == ["0" * 64, *digests[:-1]]
    assert {one["sealed"] for one in heads} == {"2026-11-09T02:00:00.000000Z"}


@pytest.mark.requirement("LO-4")
def test_the_present_day_can_be_closed_on_command_and_goes_on(log, clock):
    log.write(rows("id-1"))
    first = log.sealed(clock.now() + timedelta(hours=1), close=True)
    log.write(rows("id-2"))
    second = log.sealed(at(clock, MORNING + timedelta(hours=2)), close=True)
    third = log.sealed(at(clock, MIDNIGHT))

    assert first.files + second.files + third.files == [
        "PEC-alfa-2026-11-05.jsonl.p7m",
        "PEC-alfa-2026-11-05.2.jsonl.p7m",
        "PEC-alfa-2026-11-05.3.jsonl.p7m",
    ]
    assert [content(log, name)[0][0]["file"]["rows"] for name in (*first.files, *second.files, *third.files)] == [
        1,
        1,
        0,
    ]


def test_closing_twice_in_a_second_makes_one_file(log, clock):
    log.write(rows("id-1"))

    assert len(log.sealed(clock.now() + timedelta(seconds=1), close=True).files) == 1
    assert log.sealed(clock.now() + timedelta(seconds=1), close=True).files == []


@pytest.mark.requirement("LO-4")
def test_an_authority_that_is_away_for_three_days_stops_nothing_and_stamps_late(log, clock):
    log.write(rows("id-1"))
    log.sealed(clock.now())
    log.stamper.away = True
    for day in range(3):
        done = log.sealed(at(clock, MIDNIGHT + day * DAY))
        assert len(done.files) == 1
        assert done.waits == ["stamp: the time-stamping authority does not answer"]
    status = log.seal.store.status(Ledger.MESSAGES)
    assert (status.files_unstamped, status.oldest_unstamped) == (3, MIDNIGHT)
    log.stamper.away = False
    done = log.sealed(at(clock, MIDNIGHT + 2 * DAY + timedelta(hours=5)))

    assert len(done.stamps) == 3
    assert log.seal.store.status(Ledger.MESSAGES).files_unstamped == 0
    assert log.seal.store.file(Ledger.MESSAGES, 1).stamped == clock.now()


def test_a_stamp_that_is_there_is_kept(log, clock):
    log.write(rows("id-1"))
    log.sealed(clock.now())
    log.sealed(at(clock, MIDNIGHT))
    stamp = log.files / "PEC-alfa-2026-11-05.jsonl.tsr"
    before = stamp.read_bytes()
    log.seal.store.stamped(Ledger.MESSAGES, 1, None)  # as after a cut between file and record
    log.sealed(at(clock, MIDNIGHT + timedelta(hours=1)))

    assert stamp.read_bytes() == before
    assert log.seal.store.file(Ledger.MESSAGES, 1).stamped == MIDNIGHT


def test_a_clock_that_was_set_back_never_makes_a_block_older_than_the_one_before(log, clock):
    log.write(rows("id-1"))
    log.sealed(clock.now())
    log.write(rows("id-2"))
    log.sealed(clock.now() - timedelta(hours=3))

    first, second = log.seal.store.block_heads(Ledger.MESSAGES, first=1, last=2)
    assert first.sealed == second.sealed


@pytest.mark.requirement("LO-5")
def test_a_row_that_was_changed_in_the_database_is_told_and_its_file_written_all_the_same(log, clock):
    log.write(rows("id-1", "id-2"))
    log.sealed(clock.now())
    with Database(f"sqlite:///{log.folder / 'store.db'}").transaction() as connection:
        connection.execute(update(LOG_ROW).where(LOG_ROW.c.identifier == "id-2").values(event=LogEvent.DELIVERY))
    log.sealed(at(clock, MIDNIGHT))

    assert log.seal.store.file(Ledger.MESSAGES, 1).altered == "1"
    assert log.seal.store.status(Ledger.MESSAGES).altered == ["PEC-alfa-2026-11-05.jsonl.p7m"]


def test_many_rows_are_several_blocks(log, clock):
    log.write(rows(*(f"id-{number}" for number in range(MOST_ROWS + 5))))

    assert log.sealed(clock.now()).blocks == 2
    assert [one.rows for one in log.seal.store.block_heads(Ledger.MESSAGES, first=1, last=2)] == [MOST_ROWS, 5]


@pytest.mark.requirement("LO-6")
@pytest.mark.system
def test_a_witness_has_the_signed_head_of_every_block_and_one_that_is_away_gets_it_later(tmp_path, sandbox, clock):
    clock.advance(MORNING - clock.now())
    away, kept = [True], FolderWitness(tmp_path / "witness")

    def witness(name, p7m):
        if away[0]:
            raise WorldError("the witness does not answer")
        kept(name, p7m)

    with paper_log(tmp_path, sandbox, witness=witness) as log:
        log.write(rows("id-1"))
        assert log.sealed(clock.now()).waits == ["witness: the witness does not answer"]
        log.write(rows("id-2"))
        away[0] = False
        assert log.sealed(clock.now()).witnessed == 2
        (first, second) = sorted((tmp_path / "witness").glob("*.p7m"))
        assert first.name == "PEC-alfa-messages-block-0000000001.p7m"
        records = [json.loads(record_in(log, path.read_bytes())) for path in (first, second)]
    assert records[1]["prev_hash"] != records[0]["prev_hash"] == "0" * 64
    with pytest.raises(WorldError, match="another block"):
        kept(first.name, second.read_bytes())


@pytest.mark.requirement("LO-6", "SE-3")
@pytest.mark.system
def test_the_audit_trail_is_sealed_in_a_chain_of_its_own(tmp_path, sandbox, clock):
    clock.advance(MORNING - clock.now())
    with paper_log(tmp_path, sandbox, ledger=Ledger.AUDIT) as log:
        event = by_program(AuditAct.LOG_EXTRACTED, "probe", clock.now(), mailbox=some.ANNA, purpose="causa 12/2026")
        log.store.audit.record(event, event)
        log.write(rows("id-1"))
        log.sealed(clock.now())
        done = log.sealed(at(clock, MIDNIGHT))
        lines, _ = content(log, done.files[0])

    assert done.files == ["PEC-alfa-audit-2026-11-05.jsonl.p7m"]
    assert [one["act"] for one in lines if "seq" in one] == ["log.extracted"] * 2
    assert lines[1]["purpose"] == "causa 12/2026"


@pytest.mark.requirement("LO-6")
def test_the_key_of_the_messages_is_refused(sandbox):
    manager = sandbox.manager()

    with pytest.raises(UserError, match="key of the messages"):
        LogSealKey(manager, messages=manager.certificate)
