"""`pec receipt` over a real store: listed, given out again identical, recorded; what cannot be given is told."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.letters import Inbound, Letter
from ceralacca.ports.store import Commit
from ceralacca.testing.logs import busy_day
from ceralacca.testing.paper_cast import MARIO


@pytest.fixture
def filled(store):
    """The log, letters and received receipts of the busy day."""
    memory = busy_day().alfa.store
    letters = [
        Letter(
            key=one.key,
            octets=memory.octets(one.digest),
            reverse_path=one.reverse_path,
            forward_paths=one.forward_paths,
            message_id=one.message_id,
            instant=one.instant,
            row=one.row,
            identifier=one.identifier,
        )
        for one in memory._letters.values()
    ]
    inbound = [
        Inbound(
            key=one.key,
            point=one.point,
            octets=memory.octets(one.digest),
            reverse_path=one.reverse_path,
            forward_paths=one.forward_paths,
            received=one.received,
        )
        for one in memory._inbound.values()
    ]
    store.commit(
        [
            Commit(
                sent=tuple(memory._sent.values()),
                letters=tuple(letters),
                inbound=tuple(inbound),
                receipts=tuple(memory._receipts.values()),
                log=tuple(memory.log),
            )
        ]
    )
    return store


@pytest.fixture
def identifier():
    return busy_day().alfa.store.log[0].identifier


@pytest.mark.requirement("LO-8")
def test_receipts_are_listed_and_given_out_as_they_were(pec, filled, identifier, tmp_path):
    listed = json.loads(pec("receipt", "list", identifier, "--json").out)
    assert len(listed) == 7
    assert "preavviso-errore-consegna" in pec("receipt", "list", identifier, "--lang", "it").out
    again = ("receipt", "again", identifier, "--purpose", "ricevute perdute", "--out", str(tmp_path / "out"))
    written = json.loads(pec(*again, "--json").out)
    delivered = {sha256(octets).hexdigest() for octets in busy_day().mailbox(MARIO)}
    for one in written:
        octets = Path(one["file"]).read_bytes()
        assert sha256(octets).hexdigest() == one["sha256"]
        assert one["sha256"] in delivered
    (entry,) = filled.audit.search(AuditQuery(acts=frozenset({AuditAct.RECEIPT_REISSUED})))
    assert (entry.event.mailbox, entry.event.about, entry.event.purpose) == (MARIO, identifier, "ricevute perdute")


@pytest.mark.requirement("LO-8")
def test_what_is_not_kept_or_without_purpose_is_told(pec, filled, identifier, tmp_path):
    assert "pec log extract" in pec("receipt", "list", "nowhere@x", status=2).err
    assert "purpose" in pec("receipt", "again", identifier, "--out", str(tmp_path), status=2).err
    assert list(tmp_path.glob("*.eml")) == []
