"""Any order, repetition, loss, delay and forgery of messages between two providers: what holds in the end holds always.

Random steps over a paper circuit, then a day and more in which everything still under way arrives and every deadline
passes. The invariants are those that the live provider promises: one answer to a submission, one outcome per
recipient, a receipt exactly when the message is in the mailbox, one object for one fact, nothing for a receipt.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow, RecipientKind
from ceralacca.core.timeout_notice import timeout_of
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    NOBODY,
    find_nothing,
)
from ceralacca.testing.paper_provider import PaperProvider
from ceralacca.testing.paper_sender import Letter, Sent

from .submitted import ANSWERS, SUBMISSIONS

MINUTES = (1, 60, 240)
OUTCOMES = {MessageRow.DELIVERY, MessageRow.NON_DELIVERY, MessageRow.VIRUS_DETECTION}


@dataclass(slots=True)
class World:
    """A circuit under random steps."""

    circuit: Circuit = field(default_factory=Circuit.at)
    submitted: int = 0

    def under_way(self, number: int) -> Letter | None:
        return self.circuit.wire[number % len(self.circuit.wire)] if self.circuit.wire else None

    def submit(self, number: int) -> None:
        self.circuit.submit(SUBMISSIONS[number % len(SUBMISSIONS)])
        self.submitted += 1

    def deliver(self, number: int) -> None:
        letter = self.under_way(number)
        if letter:
            self.circuit.deliver(letter)

    def repeat(self, number: int) -> None:
        letter = self.under_way(number)
        if letter:
            self.circuit.wire.append(letter)

    def lose(self, number: int) -> None:
        letter = self.under_way(number)
        if letter:
            self.circuit.wire.remove(letter)

    def forge(self, number: int) -> None:
        letter = self.under_way(number)
        if letter:
            self.circuit.wire.append(replace(letter, octets=letter.octets.replace(b"rossi", b"verdi"), by=""))

    def wait(self, number: int) -> None:
        self.circuit.pass_time(minutes=MINUTES[number % len(MINUTES)])

    def fill_mailbox(self, number: int) -> None:
        self.circuit.beta.mailboxes[BRUNO].failure = DeliveryFailure.OVER_QUOTA if number % 2 else None

    def lose_anchors(self, number: int) -> None:
        """Make the recipient's provider answer 4xx for a while (IP-5)."""
        self.circuit.beta.trust = None if number % 2 else self.circuit.cast.trust

    def end(self) -> None:
        """Let everything arrive and every deadline pass."""
        self.circuit.beta.trust = self.circuit.cast.trust
        for _ in range(5):
            self.circuit.carry()
            self.circuit.pass_time(hours=6)
        self.circuit.carry()


Step = Callable[[World, int], None]
STEPS: tuple[Step, ...] = (
    World.submit,
    World.deliver,
    World.deliver,
    World.repeat,
    World.lose,
    World.wait,
    World.forge,
    World.wait,
    World.fill_mailbox,
    World.lose_anchors,
)

histories = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 59)), min_size=20, max_size=40)


stories = given(
    first=st.sampled_from(range(6)),
    history=histories,
    refused=st.sampled_from([None, ANNA, BRUNO, NOBODY]),
    scanners=st.sampled_from([(False, True), (True, True), (False, False)]),
)
"""What is submitted first, what happens then, whom a peer refuses for good, and which antivirus is on."""


@pytest.mark.requirement("MO-10", "MO-13", "DR-1", "DP-3", "IP-21", "AM-8", "TI-7", "TI-8", "AP-26", "RV-1", "MV-1")
@settings(max_examples=25)
@stories
def test_whatever_happens_on_the_wire(first, history, refused, scanners):
    _check(_played(first, history, refused, scanners))


@pytest.mark.slow
@pytest.mark.requirement("MO-13", "DR-1", "IP-21", "AM-8")
@settings(max_examples=300)
@stories
def test_whatever_happens_on_the_wire_at_length(first, history, refused, scanners):
    _check(_played(first, history, refused, scanners))


def _played(first: int, history: list[tuple[Step, int]], refused: Address | None, scanners: tuple[bool, bool]) -> World:
    world = World()
    if refused is not None:
        world.circuit.refused[refused] = DeliveryFailure.NO_MAILBOX
    for provider, works in zip((world.circuit.alfa, world.circuit.beta), scanners, strict=True):
        provider.desk.scan = provider.desk.scan if works else find_nothing
    world.submit(first)
    for step, number in history:
        step(world, number)
    world.end()
    return world


read = lru_cache(maxsize=1000)(read_received)


def _check(world: World) -> None:
    circuit = world.circuit
    issued = [(letter, read(letter.octets).facts) for letter in circuit.issued]
    told = [(letter, facts) for letter, facts in issued if facts is not None]
    answers = Counter(facts.original.identifier for letter, facts in told if letter.row in ANSWERS)
    assert answers.total() == len(answers) == world.submitted  # one answer to each submission
    identities = [letter.octets for letter in circuit.issued]
    assert len(set(identities)) == len(identities)
    taken = Counter(
        (facts.original.identifier, facts.taken_recipients, facts.issuer)
        for letter, facts in told
        if letter.row is MessageRow.TAKING_IN_CHARGE
    )
    assert set(taken.values()) <= {1}  # one object for one transaction
    for provider in (circuit.alfa, circuit.beta):
        for identifier, sent in provider.sender_side.sent.items():
            about = [(letter, facts) for letter, facts in told if facts.original.identifier == identifier]
            for recipient in sent.original.recipients:
                if recipient.kind is RecipientKind.CERTIFIED:
                    _check_recipient(circuit, provider, sent, recipient.address, about)
                else:
                    assert all(facts.delivery_recipient != recipient.address for _, facts in about)
    _check_mailboxes(circuit)


def _check_recipient(
    circuit: Circuit,
    provider: PaperProvider,
    sent: Sent,
    recipient: Address,
    about: list[tuple[Letter, CertificationData]],
) -> None:
    state = sent.states[recipient]
    assert state.is_final
    mine = [(letter, facts) for letter, facts in about if facts.delivery_recipient == recipient]
    timeouts = Counter(timeout_of(facts.error_detail) for letter, facts in mine if letter.row.facts.number == 5)
    assert timeouts[Timeout.TWELVE_HOURS] <= 1
    assert timeouts[Timeout.TWENTY_FOUR_HOURS] == (state is RecipientState.EXPIRED)
    rows = Counter(letter.row for letter, _ in mine)
    assert rows[MessageRow.NON_DELIVERY_VIRUS] == (state is RecipientState.FAILED_VIRUS)
    assert sum(rows[row] for row in OUTCOMES) <= 1  # of the recipient's provider, or of the relay
    heard = set(circuit.mailbox(sent.original.sender))
    if state is RecipientState.DELIVERED:
        assert any(letter.octets in heard for letter, _ in mine if letter.row is MessageRow.DELIVERY)
    for letter, facts in mine:
        assert letter.forward_paths in ((sent.original.sender,), (provider.service_mailbox,))
        if letter.row is MessageRow.DELIVERY:
            assert facts.instant < sent.deadlines.queue_end
            assert _stored_originals(circuit, recipient, facts.original.identifier) == [sent.certified]
    if not rows[MessageRow.DELIVERY]:
        assert _stored_originals(circuit, recipient, sent.original.identifier) == []


def _stored_originals(circuit: Circuit, recipient: Address, identifier: str) -> list[bytes]:
    """The originals of this envelope in the recipient's mailbox."""
    if recipient == NOBODY:
        return []
    envelopes = [one for one in map(read, circuit.mailbox(recipient)) if one.row is MessageRow.TRANSPORT_ENVELOPE]
    return [bytes(one.original) for one in envelopes if one.facts.original.identifier == identifier]


def _check_mailboxes(circuit: Circuit) -> None:
    """Nothing lies in a mailbox that no provider has sealed, and nothing infected that was found."""
    sealed = {letter.octets for letter in circuit.issued}
    for provider in (circuit.alfa, circuit.beta):
        for mailbox in provider.mailboxes.values():
            assert sealed.issuperset(mailbox.letters)
            assert all(provider.desk.scan(octets) is None for octets in mailbox.letters)
