"""An extract from the log to signed and stamped files: judged by OpenSSL and Poppler; whose it may be; how much."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import jsonschema
import pytest

from ceralacca.apps.authority.paper_log import SandboxStamper
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.log_extract import LogKeyOnDocuments
from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.base.errors import UserError
from ceralacca.core.log_extract import KeptAs, Selection
from ceralacca.core.model.log import LogEvent
from ceralacca.formats.log_extract_json import schema
from ceralacca.ports.receipts import ShelvedReceipt
from ceralacca.services import extract_log
from ceralacca.services.extract_log import Hand, draw, finish
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.logs import ALFA_DOMAINS, busy_day
from ceralacca.testing.memory_store import MemoryStore
from ceralacca.testing.paper_cast import ANNA, BRUNO, CARLA, MARIO
from ceralacca.testing.scenario import INSTANT
from ceralacca.trust.log_seal import LogSealKey
from ceralacca.trust.software_key import SoftwareKey

DAY = timedelta(days=1)


class Shelf:
    """Keeps the acceptance of one transaction as bytes and nothing else."""

    def receipts(self, identifier, holder):
        rows = [row for row in busy_day().alfa.store.log if row.identifier == identifier]
        found = next((row for row in rows if row.event is LogEvent.ACCEPTANCE), None)
        if found is None or holder != MARIO:
            return []
        return [
            ShelvedReceipt(
                identifier=identifier,
                holder=holder,
                message_id=found.message_id,
                kind=found.kind,
                instant=found.instant,
                digest="ab" * 32,
                size=1,
                kept=KeptAs.BYTES,
            )
        ]


def drawn(selection, *, log=None, shelf=None):
    return draw(
        log or busy_day().alfa.store,
        selection,
        shelf=shelf,
        own_domains=ALFA_DOMAINS,
        reference="20261108-4711",
        provider="Gestore Alfa S.p.A.",
        made=NOON,
        purpose="richiesta del titolare, identificato con CIE",
    )


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory) -> Sandbox:
    return Sandbox.create(tmp_path_factory.mktemp("extract") / "sandbox", clock=FixedClock())


@pytest.fixture(scope="module")
def hand(sandbox, tmp_path_factory) -> Hand:
    keys = tmp_path_factory.mktemp("extract") / "keys"
    sandbox.certify_log("Gestore Alfa", into=keys)
    signer = SoftwareKey.load(keys / "key.pem", keys / "certificate.pem")
    key = LogSealKey(signer, messages=sandbox.manager_certificate)
    seals = LogKeyOnDocuments(signer=signer, key=key, provider="Gestore Alfa S.p.A.")
    return Hand(
        seals=seals,
        languages=("it", "en"),
        fonts=find_fonts(),
        stamper=SandboxStamper(sandbox),
        clock=FixedClock(),
    )


@pytest.fixture(scope="module")
def finished(hand):
    return finish(drawn(Selection(mailbox=MARIO, since=INSTANT, until=INSTANT + 2 * DAY), shelf=Shelf()), hand)


def openssl(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)


@pytest.mark.requirement("LO-6", "LO-8")
def test_the_json_opens_with_openssl_and_is_what_was_drawn(finished, sandbox, tmp_path):
    (p7m,) = [file for file in finished.files if file.name.endswith(".json.p7m")]
    (tmp_path / "e.p7m").write_bytes(p7m.octets)
    command = ["cms", "-verify", "-cades", "-inform", "DER", "-in", tmp_path / "e.p7m", "-purpose", "any"]
    command += [
        "-CAfile",
        sandbox.public / f"{ROOT}.pem",
        "-attime",
        int(NOON.timestamp()),
        "-out",
        tmp_path / "e.json",
    ]
    judged = openssl(*command)
    assert judged.returncode == 0, judged.stderr.decode()
    plain = json.loads((tmp_path / "e.json").read_bytes())
    jsonschema.validate(plain, json.loads(schema()))
    assert plain["purpose"].startswith("richiesta del titolare")
    kept = [one["kept"] for one in plain["transactions"][0]["receipts"]]
    assert (kept[0], set(kept[1:])) == ("bytes", {"log"})


@pytest.mark.requirement("LO-8")
def test_the_pages_are_signed_in_both_languages(finished, tmp_path):
    pages = [file for file in finished.files if file.name.endswith(".pdf")]
    assert [file.name for file in pages] == ["extract-20261108-4711-it.pdf", "extract-20261108-4711-en.pdf"]
    for file in pages:
        (tmp_path / "e.pdf").write_bytes(file.octets)
        told = subprocess.run(["pdfsig", "-nocert", tmp_path / "e.pdf"], capture_output=True, text=True, check=False)
        assert "Signature is Valid" in told.stdout


@pytest.mark.requirement("LO-6", "LO-8")
def test_every_file_has_a_stamp_that_openssl_believes(finished, sandbox, tmp_path):
    assert finished.stamped
    by_name = {file.name: file.octets for file in finished.files}
    signed = [name for name in by_name if not name.endswith(".tsr")]
    assert len(by_name) == 2 * len(signed)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"".join((sandbox.public / f"{name}.pem").read_bytes() for name in (ROOT, INTERMEDIATE)))
    for name in signed:
        (tmp_path / "stamp").write_bytes(by_name[f"{name}.tsr"])
        digest = sha256(by_name[name]).hexdigest()
        command = ["ts", "-verify", "-in", tmp_path / "stamp", "-CAfile", chain, "-attime", int(NOON.timestamp())]
        assert openssl(*command, "-digest", digest).returncode == 0
        assert openssl(*command, "-digest", digest[::-1]).returncode != 0


@pytest.mark.requirement("LO-8")
def test_without_an_answer_of_the_authority_the_files_go_out_unstamped(hand, sandbox):
    away = finish(
        drawn(Selection(mailbox=MARIO, identifier=busy_day().alfa.store.log[0].identifier)),
        replace(hand, stamper=SandboxStamper(sandbox, away=True), languages=("it",)),
    )
    assert not away.stamped
    assert len(away.files) == 2
    assert not finish(away.extract, replace(hand, stamper=None, languages=())).stamped


@pytest.mark.requirement("LO-8", "MO-6")
def test_a_mailbox_of_somebody_else_is_refused():
    with pytest.raises(UserError, match="not a mailbox of this provider"):
        drawn(Selection(mailbox=ANNA))


@pytest.mark.requirement("LO-8")
def test_one_message_is_found_by_either_name_and_by_its_parties_alone():
    store = busy_day().alfa.store
    first = store.log[0]
    assert [one.identifier for one in drawn(Selection(mailbox=MARIO, identifier=first.identifier)).transactions] == [
        first.identifier
    ]
    by_msgid = drawn(Selection(mailbox=MARIO, identifier=first.client_message_id)).transactions
    assert first.identifier in [one.identifier for one in by_msgid]
    segreto = next(row for row in store.log if row.subject == "Segreto")
    with pytest.raises(UserError, match="no message"):
        drawn(Selection(mailbox=MARIO, identifier=segreto.identifier))
    assert drawn(Selection(mailbox=CARLA, identifier=segreto.identifier)).transactions


@pytest.mark.requirement("LO-8")
def test_a_message_at_the_edge_of_the_period_is_told_whole():
    late = drawn(Selection(mailbox=MARIO, since=INSTANT + timedelta(hours=22), until=INSTANT + timedelta(hours=24)))
    assert late.transactions[0].events == drawn(Selection(mailbox=MARIO)).transactions[0].events


def test_too_long_a_period_is_asked_for_in_parts(monkeypatch):
    monkeypatch.setattr(extract_log, "MOST_ROWS", 10)
    with pytest.raises(UserError, match="more than 10 rows"):
        drawn(Selection(mailbox=MARIO))


@pytest.mark.requirement("LO-8", "LO-5")
def test_the_log_alone_is_enough_when_the_mailbox_is_gone():
    log = MemoryStore()
    log.log = list(busy_day().alfa.store.log)
    assert log.mailbox(MARIO) is None
    assert drawn(Selection(mailbox=MARIO), log=log).transactions
    assert drawn(Selection(mailbox=CARLA), log=log).rows
    assert BRUNO.domain not in ALFA_DOMAINS
