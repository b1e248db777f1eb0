"""Steps done again, cut off, repeated and interleaved at will: what holds in the end holds always.

Two live providers over memory ports under random acts: a job is done whole, or its process dies before the commit, or
after it and somebody does it again; what is on the wire arrives late, twice or never; scanners and directories come
and go; hours pass. In the end everything is let run for a day and more, and the invariants of the design are read
from stores and mailboxes alone.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.core.delivery_point import Fate, Timeout
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.log_consistency import LIFE, examine
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow, NotificationKind, RecipientKind
from ceralacca.core.timeout_notice import timeout_of
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.ports.letters import StoredLetter
from ceralacca.services.steps import perform
from ceralacca.testing.memory_world import LiveCircuit, LiveProvider
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    MARIO,
    VIRUS_MARK,
)

from .submitted import ANSWERS, SUBMISSIONS

MINUTES = (1, 11, 60, 240)
BY_RECIPIENT = {MessageRow.DELIVERY, MessageRow.NON_DELIVERY, MessageRow.VIRUS_DETECTION}
ISSUED = {
    LogEvent.ACCEPTANCE,
    LogEvent.NON_ACCEPTANCE,
    LogEvent.ENVELOPE_SENT,
    LogEvent.TAKING_IN_CHARGE_ISSUED,
    LogEvent.VIRUS_DETECTION_ISSUED,
    LogEvent.NOTICE_ISSUED,
}


@dataclass(slots=True)
class World:
    """Two providers under random acts."""

    live: LiveCircuit = field(default_factory=LiveCircuit.at)
    submitted: int = 0

    def provider(self, number: int) -> LiveProvider:
        return self.live.providers[number % 2]

    def submit(self, number: int) -> None:
        self.live.submit(SUBMISSIONS[number % len(SUBMISSIONS)])
        self.submitted += 1

    def work(self, number: int) -> None:
        """Do a small batch."""
        provider = self.provider(number)
        perform(provider.claim(limit=1 + number % 3), provider.office)

    def die_before_commit(self, number: int) -> None:
        """Whatever the step does outside its commit is done, the commit is not; the lease has to run out."""
        provider = self.provider(number)
        provider.decide(provider.claim(limit=1 + number % 3))

    def do_again(self, number: int) -> None:
        """Two processes do the same jobs, as when a lease has ended too soon."""
        provider = self.provider(number)
        jobs = provider.claim(limit=2)
        first = provider.decide(jobs)
        perform(jobs, provider.office)
        provider.store.commit(first)

    def arrive(self, number: int) -> None:
        wire = self.live.wire
        if wire.under_way:
            wire.hand_over(wire.under_way.pop(number % len(wire.under_way)))

    def arrive_twice(self, number: int) -> None:
        wire = self.live.wire
        if wire.under_way:
            transaction = wire.under_way[number % len(wire.under_way)]
            wire.hand_over(transaction, as_=f"{transaction.key}-again-{number}")

    def scanner(self, number: int) -> None:
        scanner = self.provider(number).scanner
        scanner.away = not scanner.away

    def miss(self, number: int) -> None:
        """A scanner of old signatures: what it lets pass, the other finds."""
        self.live.alfa.scanner.blind = number % 2 == 0

    def directory(self, number: int) -> None:
        copy = self.provider(number).directory
        copy.directory = None if copy.directory else self.live.cast.directory

    def disk(self, number: int) -> None:
        mail = self.live.beta.mail
        mail.broken.symmetric_difference_update({(ANNA, BRUNO)[number % 2]})

    def pass_time(self, number: int) -> None:
        self.live.clock.advance(timedelta(minutes=MINUTES[number % len(MINUTES)]))

    def settle(self) -> None:
        """Everything works again, and a day and more passes."""
        for provider in self.live.providers:
            provider.scanner.away = False
            provider.directory.directory = self.live.cast.directory
            provider.mail.broken.clear()
        for _ in range(13):
            self.live.clock.advance(timedelta(hours=2, minutes=30))
            self.live.carry()


ACTS: tuple[Callable[[World, int], None], ...] = (
    World.submit,
    World.work,
    World.work,
    World.work,
    World.die_before_commit,
    World.die_before_commit,
    World.do_again,
    World.arrive,
    World.arrive,
    World.arrive_twice,
    World.scanner,
    World.miss,
    World.directory,
    World.disk,
    World.pass_time,
)
SENT = st.lists(st.integers(0, len(SUBMISSIONS) - 1), min_size=1, max_size=4)
HISTORIES = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 11)), min_size=8, max_size=60)


def letters(live: LiveCircuit) -> list[tuple[LiveProvider, StoredLetter]]:
    return [(one, letter) for one in live.providers for letter in one.store._letters.values()]


def facts_of(provider: LiveProvider, letter: StoredLetter):
    return read_received(provider.store.octets(letter.digest)).facts


def check_answers(world: World) -> None:
    """Invariant 1: a 250 means exactly one answer, issued once, and in the sender's mailbox once."""
    answers = [facts_of(*one).original.identifier for one in letters(world.live) if one[1].row in ANSWERS]
    assert len(answers) == len(set(answers)) == world.submitted
    stored = [
        received.facts.original.identifier
        for author in (MARIO, ANNA)
        for received in map(read_received, world.live.mailbox(author))
        if received.row in ANSWERS
    ]
    assert sorted(stored) == sorted(answers)


def check_outcomes(world: World) -> None:
    """Invariant 2: each certified recipient has one final state and what the sender was told fits it."""
    for provider in world.live.providers:
        for identifier in provider.store._sent:
            sent = provider.store.sent(identifier)
            told = [
                (letter.row, facts.delivery_recipient, timeout_of(facts.error_detail))
                for one, letter in letters(world.live)
                if one is provider
                and letter.identifier == identifier
                and "@" not in letter.key.rpartition("/")[2]
                and (facts := facts_of(one, letter)).delivery_recipient
            ]
            assert max(Counter(told).values(), default=0) <= 1
            for recipient in sent.original.recipients:
                state = sent.states[recipient.address]
                assert state.is_final
                expired = (MessageRow.DELIVERY_TIMEOUT, recipient.address, Timeout.TWENTY_FOUR_HOURS) in told
                assert expired == (state is RecipientState.EXPIRED)
                assert (recipient.kind is RecipientKind.EXTERNAL) == (state is RecipientState.SENT_EXTERNAL)


def check_deliveries(world: World) -> None:
    """Invariants 3 and 4: a receipt exactly where the envelope lies, once, unchanged; one taking in charge for one."""
    envelopes = {
        facts_of(*one).original.identifier: bytes(one[0].store.octets(one[1].digest))
        for one in letters(world.live)
        if one[1].row is MessageRow.TRANSPORT_ENVELOPE
    }
    lying: Counter[tuple[str, Address]] = Counter()
    for user in (MARIO, CARLA, ANNA, BRUNO):
        for octets in world.live.mailbox(user):
            received = read_received(octets)
            if received.row is MessageRow.TRANSPORT_ENVELOPE:
                lying[received.facts.original.identifier, user] += 1
                assert octets == envelopes[received.facts.original.identifier]
    outcomes: dict[tuple[str, Address], list[MessageRow]] = {}
    takings: Counter[tuple[str, tuple[Address, ...]]] = Counter()
    for provider, letter in letters(world.live):
        facts = facts_of(provider, letter)
        if letter.row in BY_RECIPIENT:
            outcomes.setdefault((facts.original.identifier, facts.delivery_recipient), []).append(letter.row)
        if facts and facts.kind is NotificationKind.TAKING_IN_CHARGE:
            takings[facts.original.identifier, tuple(sorted(facts.taken_recipients, key=str))] += 1
    assert all(len(rows) == 1 for rows in outcomes.values())
    receipts = {about for about, (row,) in outcomes.items() if row is MessageRow.DELIVERY}
    assert receipts == set(lying)
    assert set(lying.values()) <= {1}
    assert set(takings.values()) <= {1}
    for provider in world.live.providers:
        for fate in provider.store._fates.values():
            assert (fate.fate is Fate.STORED) == ((fate.identifier, fate.recipient) in lying)


def check_log(world: World) -> None:
    """Invariants 5 and 6: one object and one row for what was issued; no two letters share an identifier."""
    for provider in world.live.providers:
        own = [letter for one, letter in letters(world.live) if one is provider]
        assert len({letter.message_id for letter in own}) == len(own)
        rows = [row for row in provider.store.log if row.event in ISSUED]
        rows += [
            row
            for row in provider.store.log
            if row.event in {LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE}
            and row.message_id
            and row.detail not in frozenset(MessageClass)  # there it says what was stored, here what was issued
        ]
        assert Counter(row.message_id for row in rows) == Counter(letter.message_id for letter in own)


def check_consistency(world: World) -> None:
    """The report over the log accuses nobody (LO-10)."""
    for provider in world.live.providers:
        rows = list(enumerate(provider.store.log))
        report = examine(
            lambda rows=rows: rows, own_domains=provider.store.domains(), until=world.live.clock.now() + LIFE
        )
        assert report.findings == ()


def check_viruses(world: World) -> None:
    """Invariant 8: nothing infected is in a mailbox behind a scanner that sees it; what is kept is found again."""
    for user in (ANNA, BRUNO):
        assert not any(VIRUS_MARK in octets for octets in world.live.beta.mail.letters(user))
    for provider in world.live.providers:
        for row in provider.store.log:
            if row.event is LogEvent.VIRUS_FOUND and row.identifier:
                kept = provider.store.infected(row.identifier)
                assert kept
                assert all(VIRUS_MARK in bytes(provider.store.octets(one.digest)) for one in kept)


@pytest.mark.requirement(
    "AP-25", "AP-26", "DP-3", "DP-4", "IP-21", "TI-9", "TI-10", "DR-1", "AC-1", "VI-1", "LO-2", "LO-10"
)
@settings(max_examples=60)
@given(sent=SENT, history=HISTORIES)
def test_whatever_is_cut_off_repeated_or_away_every_invariant_holds_in_the_end(sent, history):
    world = World()
    for number in sent:
        world.submit(number)
    for act, number in history:
        act(world, number)
    world.settle()
    check_answers(world)
    check_outcomes(world)
    check_deliveries(world)
    check_log(world)
    check_consistency(world)
    check_viruses(world)
    assert [job for provider in world.live.providers for job in provider.store.jobs()] == []
