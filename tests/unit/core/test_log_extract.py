"""The extract for a holder over logs of live providers: everything of the own mailbox, nothing of anybody else's."""

from dataclasses import asdict
from datetime import timedelta

import pytest

from ceralacca.core.log_extract import KeptAs, KeptReceipt, Selection, seen_by, with_receipts
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.story import RecipientOutcome
from ceralacca.testing import logs
from ceralacca.testing.logs import busy_day
from ceralacca.testing.memory_world import LiveCircuit, LiveProvider
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    MARIO,
    NOBODY,
    ORDINARY_RECIPIENT,
    OUT_OF_REACH,
)
from ceralacca.testing.scenario import INSTANT

EVERYBODY = (MARIO, CARLA, ANNA, BRUNO, NOBODY, ORDINARY_RECIPIENT, OUT_OF_REACH)


@pytest.fixture(scope="module")
def live() -> LiveCircuit:
    return busy_day()


def drawn(provider: LiveProvider, mailbox: Address, **selection):
    return logs.drawn(provider, Selection(mailbox=mailbox, **selection))


def addresses(value) -> set[str]:
    """Return every address that an extract names anywhere."""
    text = repr(value)
    return {one.text for one in EVERYBODY if one.text in text}


@pytest.mark.requirement("LO-8", "MO-6")
def test_the_sender_has_the_outcome_of_each_recipient(live):
    first, *_ = drawn(live.alfa, MARIO).transactions
    assert first.as_sender
    assert not first.as_recipient
    assert {one.address: one.outcome for one in first.recipients} == {
        ANNA: RecipientOutcome.DELIVERED,
        CARLA: RecipientOutcome.DELIVERED,
        BRUNO: RecipientOutcome.DELIVERED,
        NOBODY: RecipientOutcome.NOT_DELIVERED,
        ORDINARY_RECIPIENT: RecipientOutcome.ACCEPTED_EXTERNAL,
        OUT_OF_REACH: RecipientOutcome.EXPIRED,
    }
    assert "5.1.1" in next(one for one in first.recipients if one.address == NOBODY).detail
    assert first.recipients[0].instant == INSTANT


@pytest.mark.requirement("LO-8", "MV-1")
def test_refusal_and_virus_are_told(live):
    refused, *_ = drawn(live.alfa, CARLA, identifier=None).transactions[-1:]
    mine = [one for one in drawn(live.alfa, CARLA).transactions if one.as_sender]
    assert [one.recipients[0].outcome for one in mine] == [RecipientOutcome.REFUSED]
    infected = drawn(live.alfa, MARIO).transactions[-1]
    assert {one.outcome for one in infected.recipients} == {RecipientOutcome.VIRUS}
    assert refused.identifier


@pytest.mark.requirement("LO-8")
def test_a_recipient_sees_nothing_of_the_others(live):
    got = [one for one in drawn(live.beta, ANNA).transactions if one.as_recipient]
    assert [one.subject for one in got] == ["Perizia sulla città", "Infetto"]
    assert [one.recipients[0].outcome for one in got] == [RecipientOutcome.DELIVERED, RecipientOutcome.VIRUS]
    assert addresses(got) == {MARIO.text, ANNA.text}


@pytest.mark.requirement("LO-8")
def test_on_one_provider_sender_and_recipient_have_their_own_side(live):
    carla = [one for one in drawn(live.alfa, CARLA).transactions if one.as_recipient]
    assert [one.sender for one in carla] == [MARIO, ANNA]
    assert addresses(carla) == {MARIO.text, ANNA.text, CARLA.text}
    assert not any(row.event is LogEvent.ACCEPTANCE for one in carla for _, row in one.events)


@pytest.mark.requirement("LO-8")
@pytest.mark.parametrize("mailbox", EVERYBODY)
def test_no_extract_names_anybody_beyond_what_was_sent_and_got(live, mailbox):
    for provider in live.providers:
        found = drawn(provider, mailbox)
        known = {mailbox.text}
        for one in found.transactions:
            known |= {one.sender.text} | ({each.address.text for each in one.recipients} if one.as_sender else set())
        known |= {row.sender.text for _, row in found.ordinary if row.sender}
        assert addresses(found) <= known


@pytest.mark.requirement("LO-8")
def test_what_the_provider_notes_for_itself_is_nobodys(live):
    for provider in live.providers:
        for mailbox in EVERYBODY:
            for row in provider.store.log:
                seen = seen_by(mailbox, row)
                if seen is not None and row.event in {LogEvent.VIRUS_FOUND, LogEvent.ARRIVAL, LogEvent.ANOMALY}:
                    assert seen.detail == ""
    assert seen_by(MARIO, LogRow(instant=INSTANT, event=LogEvent.SUSPICIOUS, sender=MARIO, concerned=(ANNA,))) is None


@pytest.mark.requirement("LO-8", "BA-1")
def test_ordinary_mail_is_told_apart(live):
    found = drawn(live.beta, ANNA)
    assert [row.event for _, row in found.ordinary][:2] == [LogEvent.ARRIVAL, LogEvent.ANOMALY]
    assert all(row.concerned == (ANNA,) for _, row in found.ordinary)
    assert drawn(live.beta, ANNA, identifier="4711").ordinary == ()
    assert found.rows == len(found.ordinary) + sum(len(one.events) for one in found.transactions)


@pytest.mark.requirement("LO-8")
def test_a_message_with_an_event_in_the_period_is_told_whole(live):
    whole = drawn(live.alfa, MARIO).transactions[0]
    late = drawn(live.alfa, MARIO, since=INSTANT + timedelta(hours=20), until=INSTANT + timedelta(hours=25))
    assert [one.identifier for one in late.transactions] == [whole.identifier]
    assert late.transactions[0] == whole
    assert drawn(live.alfa, MARIO, until=INSTANT).transactions == ()


@pytest.mark.requirement("LO-8")
def test_what_is_left_of_each_receipt_is_said(live):
    found = drawn(live.alfa, MARIO)
    first = found.transactions[0]
    acceptance = next(row.message_id for _, row in first.events if row.event is LogEvent.ACCEPTANCE)
    kept = KeptReceipt(message_id=acceptance, kept=KeptAs.HASH, sha256="ab" * 32, size=5)
    told = with_receipts(found, {first.identifier: {acceptance: kept}}).transactions[0].receipts
    assert told[0] == kept
    assert {one.kept for one in told[1:]} == {KeptAs.LOG}
    assert len(told) == 1 + 4 + 2, "acceptance, three deliveries and a failure, two notices of elapsed time"
    assert all(not one.receipts for one in with_receipts(drawn(live.beta, BRUNO), {}).transactions)
    assert asdict(told[1])["sha256"] == ""
