"""Envelopes at the incoming point a second time: what was decided stays decided."""

import pytest

from ceralacca.core.model.notification import MessageRow
from ceralacca.services.steps import run
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import ANNA, VIRUS_MARK, submission


@pytest.mark.requirement("IP-18", "IP-21", "VI-2")
@pytest.mark.parametrize("infected", [True, False])
def test_an_infected_envelope_that_comes_again_is_let_go_again(infected):
    live = LiveCircuit.at()
    live.alfa.scanner.blind = True
    live.submit(submission(to=[ANNA], body=f"\r\n{VIRUS_MARK.decode() if infected else 0}\r\n"))
    live.carry(holding=[MessageRow.TRANSPORT_ENVELOPE])
    envelope = live.take(MessageRow.TRANSPORT_ENVELOPE)
    live.wire.hand_over(envelope)
    live.carry()

    live.wire.hand_over(envelope, as_="again")
    (job,) = live.beta.claim()
    digest = live.beta.store.inbound("again").digest
    ((commit,), _) = run([job], live.beta.office)

    assert commit.infected_again == ((digest,) if infected else ())
    assert len(commit.jobs) == 1  # the same taking in charge, sent again
