"""Sections 1 to 7, played by the live services over memory ports and compared with the paper circuit.

Each script is played twice, by two providers on paper and by two offices with stores, mailboxes, scanners and a wire.
Who is told what, what lies in which mailbox and where each recipient stands must be the same; and the log tells it.
"""

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import (
    ANNA,
    MARIO,
    NOBODY,
    submission,
)
from ceralacca.trust.verifier import JudgedAt, verify_seal

from .circuit_scripts import EVERYBODY, SCRIPTS, Either


def boxes(circuit: Either) -> dict[Address, list[str]]:
    """What lies where, by row; a message without row by its length."""
    return {
        user: sorted(str(read_received(octets).row or len(octets)) for octets in circuit.mailbox(user))
        for user in EVERYBODY
    }


def states(circuit: Either) -> dict[Address, RecipientState]:
    sides = (circuit.alfa, circuit.beta)
    if isinstance(circuit, Circuit):
        return {
            who: state
            for side in sides
            for sent in side.sender_side.sent.values()
            for who, state in sent.states.items()
        }
    found = [side.store.sent(identifier) for side in sides for identifier in side.store._sent]
    return {who: state for sent in found if sent for who, state in sent.states.items()}


@pytest.mark.requirement("MO-1", "MO-5", "MO-7", "MO-10", "MO-11", "MO-13", "AP-26", "DP-4", "IP-10", "IP-11", "IP-17")
@pytest.mark.requirement("IP-18", "IP-19", "IP-20", "AD-1", "AD-3", "TI-7", "TI-8", "TI-9", "TI-10", "DP-1", "DP-5")
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_live_providers_tell_the_story_of_the_paper_circuit(name):
    script, paper, live = SCRIPTS[name], Circuit.at(), LiveCircuit.at()
    for circuit in (paper, live):
        script.set_up(circuit)
        script.play(circuit)
    assert {who: sorted(rows) for who, rows in live.told().items()} == {
        who: sorted(rows) for who, rows in paper.told().items()
    }
    assert boxes(live) == boxes(paper)
    assert states(live) == states(paper)


@pytest.mark.requirement("GE-1")
@pytest.mark.parametrize("name", ["F4", "F6", "F7", "F10", "F11 unknown", "F13 c"])
def test_everything_that_is_issued_has_a_good_seal(name):
    live = LiveCircuit.at()
    SCRIPTS[name].set_up(live)
    SCRIPTS[name].play(live)
    for row in MessageRow:
        for octets in live.of(row):
            at = JudgedAt.now(live.clock.now())
            report = verify_seal(octets, trust=live.cast.trust, directory=live.cast.directory, at=at)
            assert report.good


@pytest.mark.requirement("LO-1", "LO-2", "LO-9")
def test_every_event_of_a_transaction_is_logged_with_what_it_is_about(live):
    live.submit(submission(to=[ANNA, NOBODY]))
    live.carry()
    original = live.sent().original
    for provider in live.providers:
        for row in provider.store.log_of(original.identifier):
            assert (row.sender, row.subject, row.client_message_id) == (MARIO, "Prova", "<4711@client.alfa.example>")
            assert row.recipients == original.recipients
    alfa = [row.event for row in live.alfa.store.log]
    assert alfa[:3] == [LogEvent.SUBMISSION, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT]
    assert {LogEvent.RELAYED, LogEvent.TAKING_IN_CHARGE_RECEIVED, LogEvent.RECEIPT_RECEIVED} < set(alfa)
    beta = [row.event for row in live.beta.store.log]
    wanted = {LogEvent.ARRIVAL, LogEvent.TAKING_IN_CHARGE_ISSUED, LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE}
    assert wanted < set(beta)
    assert "completa" in {row.detail for row in live.beta.events(LogEvent.DELIVERY)}  # LO-7: ricevuta
    issued = {row.message_id for provider in live.providers for row in provider.store.log if row.message_id}
    letters = {letter.message_id for provider in live.providers for letter in provider.store._letters.values()}
    assert letters <= issued


@pytest.mark.requirement("IP-15")
def test_a_late_receipt_is_delivered_logged_late_and_changes_nothing(live):
    SCRIPTS["F13 c"].play(live)
    late = [row for row in live.alfa.events(LogEvent.RECEIPT_RECEIVED) if row.detail == "late"]
    assert [row.kind for row in late] == ["avvenuta-consegna"]
    assert live.state(ANNA) is RecipientState.EXPIRED
    assert live.told()[MARIO] == [3, 5, 5, 10]
