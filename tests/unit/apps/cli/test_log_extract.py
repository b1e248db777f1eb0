"""`pec log extract` over a real store, signed with a real key of the log: files, refusals, the audit trail."""

import json
import stat

import pytest

from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.store import Commit
from ceralacca.testing.clock import FixedClock
from ceralacca.testing.logs import ALFA_DOMAINS, busy_day
from ceralacca.testing.paper_cast import ANNA, MARIO
from ceralacca.testing.scenario import INSTANT

ASKED = ("log", "extract", "--mailbox", MARIO.text, "--purpose", "richiesta del titolare")
PERIOD = ("--from", "2026-11-05", "--to", "2026-11-06")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return Sandbox.create(tmp_path_factory.mktemp("extract") / "sandbox", clock=FixedClock())


@pytest.fixture
def keyed(config, sandbox):
    """A provider with a key of the log and a certificate of its messages' key."""
    folder = config.parent / "keys"
    sandbox.certify_log("Gestore Alfa", into=folder)
    (config.parent / "none.pem").write_bytes((sandbox.public / "directory-manager.pem").read_bytes())
    keys = f'certificate = "{folder / "certificate.pem"}"\nkey = "{folder / "key.pem"}"\n'
    config.write_text(config.read_text() + f"[message_log.keys]\n{keys}")
    return config


@pytest.fixture
def filled(keyed, store):
    for domain in ALFA_DOMAINS:
        store.add_domain(domain, now=INSTANT)
    store.commit([Commit(log=tuple(busy_day().alfa.store.log))])
    return store


@pytest.mark.requirement("LO-8")
def test_the_files_are_written_for_their_owner_alone(pec, filled, tmp_path):
    told = pec(*ASKED, *PERIOD, "--out", str(tmp_path / "out"), "--pages", "it,en")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [name.rpartition("-")[2] for name in names[:2]] == ["en.pdf", "it.pdf"]
    assert names[2].endswith(".json.p7m")
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "out").iterdir())
    assert "3 messages" in told.out
    assert "without time stamp" in told.out
    assert MARIO.text not in "".join(names)


@pytest.mark.requirement("LO-8", "SE-3")
def test_each_extract_is_recorded_with_its_purpose(pec, filled, tmp_path):
    plain = json.loads(pec(*ASKED, *PERIOD, "--ticket", "T-9", "--out", str(tmp_path / "out"), "--json").out)
    (entry,) = filled.audit.search(AuditQuery(acts=frozenset({AuditAct.LOG_EXTRACTED})))
    event = entry.event
    assert (event.mailbox, event.purpose, event.ticket) == (MARIO, "richiesta del titolare", "T-9")
    assert event.about == plain["reference"]
    assert event.detail["rows"] == plain["rows"] > 0


@pytest.mark.requirement("LO-8")
def test_also_after_the_mailbox_is_closed(pec, filled, tmp_path):
    filled.put_mailbox(MailboxRecord(address=MARIO, status=MailboxStatus.CLOSED), now=INSTANT)
    plain = json.loads(pec(*ASKED, *PERIOD, "--out", str(tmp_path / "out"), "--json").out)
    assert plain["messages"] == 3


@pytest.mark.requirement("LO-8")
def test_one_message_alone(pec, filled, tmp_path):
    identifier = busy_day().alfa.store.log[0].identifier
    plain = json.loads(pec(*ASKED, "--message", identifier, "--out", str(tmp_path / "out"), "--json").out)
    assert plain["messages"] == 1
    assert "no message" in pec(*ASKED, "--message", "nowhere@x", "--out", str(tmp_path), status=2).err


@pytest.mark.requirement("LO-8", "LO-6")
def test_what_cannot_be_given_is_refused_and_leaves_no_file(pec, filled, config, tmp_path):
    out = ("--out", str(tmp_path / "out"))
    assert "purpose" in pec("log", "extract", "--mailbox", MARIO.text, "--purpose", " ", *out, status=2).err
    foreign = ("log", "extract", "--mailbox", ANNA.text, "--purpose", "curiosità")
    assert "not a mailbox of this provider" in pec(*foreign, *out, status=2).err
    assert "give it, en" in pec(*ASKED, "--pages", "fr", *out, status=2).err
    config.write_text(config.read_text().partition("[message_log.keys]")[0])
    assert "no key of the log" in pec(*ASKED, *out, status=2).err
    assert not (tmp_path / "out").exists()
    assert not filled.audit.search(AuditQuery(acts=frozenset({AuditAct.LOG_EXTRACTED})))
