"""Mail between mailboxes of one provider: the short way does what the long way does, and only where it may."""

from dataclasses import replace

import pytest

from ceralacca.core.directory import Directory
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import JobKind
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import ALFA_SERVICE, ANNA, CARLA, MARIO, VIRUS_MARK, submission

STORY = [
    LogEvent.SUBMISSION,
    LogEvent.ACCEPTANCE,
    LogEvent.ENVELOPE_SENT,
    LogEvent.ARRIVAL,
    LogEvent.TAKING_IN_CHARGE_ISSUED,
    LogEvent.ARRIVAL,
    LogEvent.TAKING_IN_CHARGE_RECEIVED,
]


@pytest.fixture
def live() -> LiveCircuit:
    return LiveCircuit.at()


def submit(live: LiveCircuit, *to) -> None:
    live.submit(submission(to=list(to)))


def arrivals_due(live: LiveCircuit) -> int:
    return len(live.alfa.claim(kinds=[JobKind.ARRIVAL]))


def without_our_certificate(live: LiveCircuit) -> Directory:
    """Return the directory with another certificate under the name of Alfa."""
    name, other = live.cast.alfa.name, (live.cast.authority.provider("Gestore altro", "altro@gestore.example"),)
    records = [
        replace(one, certificates=tuple(each.certificate for each in other)) if one.name == name else one
        for one in live.cast.directory.records
    ]
    return Directory(records=tuple(records))


@pytest.mark.requirement("MO-7", "IP-17", "PC-1", "LO-2")
def test_one_step_accepts_seals_takes_in_charge_and_hears_that_it_did(live):
    submit(live, CARLA)
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    assert [row.event for row in live.alfa.store.log] == STORY
    assert live.state(CARLA) is RecipientState.TAKEN
    assert arrivals_due(live) == 0
    live.alfa.work()
    assert live.state(CARLA) is RecipientState.DELIVERED
    assert live.alfa.store.next_due(list(JobKind)) is None, "both timers are gone"
    assert len(live.mailbox(ALFA_SERVICE)) == len(live.mailbox(CARLA)) == 1
    assert len(live.mailbox(MARIO)) == 2


@pytest.mark.requirement("IP-5", "IP-14", "IP-15")
def test_a_seal_that_our_own_incoming_point_would_not_believe_goes_the_long_way(live):
    live.alfa.directory.directory = without_our_certificate(live)
    submit(live, CARLA)
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    assert live.state(CARLA) is RecipientState.DISPATCHED
    assert arrivals_due(live) == 1
    assert not live.of(MessageRow.TAKING_IN_CHARGE)


@pytest.mark.requirement("MO-7", "BT-5")
def test_of_mixed_recipients_only_ours_are_taken_at_once(live):
    submit(live, CARLA, ANNA)
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    assert live.state(CARLA) is RecipientState.TAKEN
    assert live.state(ANNA) is RecipientState.DISPATCHED
    live.carry()
    assert live.state(CARLA) is live.state(ANNA) is RecipientState.DELIVERED


@pytest.mark.requirement("IP-17", "IP-19", "AP-17")
def test_what_was_found_clean_is_not_scanned_again_under_the_same_signatures(live):
    submit(live, CARLA)
    live.alfa.work()
    assert live.alfa.scanner.scans == 1


@pytest.mark.requirement("IP-18", "VI-3")
def test_what_comes_the_long_way_under_other_signatures_is_scanned_again(live):
    live.alfa.scanner.blind = True
    live.alfa.directory.directory = without_our_certificate(live)
    live.submit(submission(to=[CARLA], body="\r\n" + VIRUS_MARK.decode("latin-1")))
    live.alfa.work(kinds=[JobKind.SUBMISSION])
    live.alfa.scanner.blind = False
    live.alfa.directory.directory = live.cast.directory
    live.alfa.work()
    assert live.state(CARLA) is RecipientState.FAILED_VIRUS
    assert live.mailbox(CARLA) == []


@pytest.mark.requirement("LO-8")
def test_a_receipt_that_never_left_is_on_the_shelf(live):
    submit(live, CARLA)
    live.alfa.work()
    shelved = live.alfa.store.received_receipts(live.sent().original.identifier, MARIO)
    assert [one.kind for one in shelved] == ["avvenuta-consegna"]
