"""The access point as the live services play it over memory ports (section 3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.log import LogEvent
from ceralacca.formats.received import read_received
from ceralacca.ports.store import JobKind
from ceralacca.testing.memory_world import TRACE
from ceralacca.testing.paper_cast import (
    ANNA,
    CARLA,
    MARIO,
    submission,
)
from ceralacca.testing.scenario import INSTANT

from .circuit_scripts import INFECTED


@pytest.mark.requirement("AC-2", "TI-2", "TI-6", "LO-3")
@pytest.mark.parametrize(
    "octets", [submission(), submission(body=INFECTED), submission(to=[])], ids=["accept", "virus", "form"]
)
def test_a_busy_worker_costs_the_holder_no_second(live, octets):
    live.submit(octets, sender=MARIO, recipients=(ANNA,))
    live.clock.advance(timedelta(minutes=7))
    live.work()
    answers = [read_received(one).facts for one in live.mailbox(MARIO)]
    assert [facts.instant for facts in answers] == [INSTANT]
    issued = live.alfa.events(LogEvent.SUBMISSION, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT, LogEvent.NON_ACCEPTANCE)
    assert {row.instant for row in issued} == {INSTANT}
    dues = {job.due - INSTANT for job in live.alfa.store.jobs(kind=JobKind.DEADLINE)}
    accepted = octets == submission()
    assert dues == ({timedelta(hours=12), timedelta(hours=23)} if accepted else set())


@pytest.mark.requirement("AP-21", "GE-31")
def test_the_trace_of_the_listener_goes_in_front_of_the_original(live):
    live.submit(submission())
    live.carry()
    (envelope,) = live.mailbox(ANNA)
    original = bytes(read_received(envelope).original)
    assert original.startswith(TRACE)
    assert original.endswith(submission().partition(b"From:")[2])


@pytest.mark.requirement("AP-17", "AP-19", "VI-1")
def test_the_virus_notice_wins_over_the_formal_one_and_the_message_is_kept_as_it_is(live):
    octets = submission(fields="Bcc: bruno.verdi@pec.beta.example\r\nSubject: Prova\r\n", body=INFECTED)
    live.submit(octets)
    live.carry()
    assert live.told() == {MARIO: [2]}
    (row,) = live.alfa.events(LogEvent.VIRUS_FOUND)
    (kept,) = live.alfa.store.infected(row.identifier)
    assert bytes(live.alfa.store.octets(kept.digest)) == octets
    assert (kept.virus, kept.recipients, kept.sender) == (row.error_detail, (ANNA,), MARIO)
    assert kept.engine


@pytest.mark.requirement("AP-18", "AP-26")
def test_nothing_is_accepted_without_a_verdict_and_t0_stays(live):
    live.alfa.scanner.away = True
    live.submit(submission())
    live.carry()
    assert live.told() == {}
    assert live.alfa.store.log == []
    live.clock.advance(timedelta(hours=1))
    live.alfa.scanner.away = False
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    assert live.sent().accepted == INSTANT


@pytest.mark.requirement("AP-18", "AP-26")
def test_a_scanner_that_stays_away_ends_in_a_refusal_that_says_so(live):
    live.alfa.scanner.away = True
    live.submit(submission())
    live.carry()
    live.pass_time(hours=5)
    assert live.told() == {MARIO: [1]}
    (notice,) = live.mailbox(MARIO)
    assert read_received(notice).facts.error_detail == "il servizio non e' disponibile"


@pytest.mark.requirement("IP-5", "AP-24")
def test_without_a_directory_nothing_is_decided_and_nothing_lost(live):
    for provider in live.providers:
        provider.directory.directory = None
    live.submit(submission())
    live.carry()
    assert live.told() == {}
    live.alfa.directory.directory = live.cast.directory
    live.clock.advance(timedelta(days=1))
    live.carry()
    assert live.told() == {MARIO: [3, 5], ANNA: [4]}  # a day late: the final notice alone (TI-10)
    live.beta.directory.directory = live.cast.directory
    live.clock.advance(timedelta(hours=1))
    live.carry()
    assert live.mailbox(ANNA) == []  # the relay had given up before the final notice (AM-19)


@pytest.mark.requirement("AP-2")
def test_somebody_elses_address_is_refused_after_data_too(live):
    live.alfa.submit(submission(), sender=MARIO, recipients=(ANNA,))
    stored = live.alfa.store._inbound["submission-1"]
    live.alfa.store._inbound["submission-1"] = replace(stored, authenticated=CARLA.text, tls="")
    live.carry()
    assert live.told() == {MARIO: [1]}
    (notice,) = live.mailbox(MARIO)
    detail = read_received(notice).facts.error_detail
    assert "non e' stata utilizzata la cifratura del canale" in detail  # AP-1
    assert "le credenziali di autenticazione" in detail


@pytest.mark.requirement("AM-29", "AP-20")
def test_the_same_message_twice_is_two_transactions(live):
    live.submit(submission())
    live.submit(submission())
    live.carry()
    assert live.told()[MARIO] == [3, 3, 10, 10]
    assert len({read_received(one).facts.original.identifier for one in live.mailbox(ANNA)}) == 2
