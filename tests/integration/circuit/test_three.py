"""Three providers that run: mail between all of them and to the outside, many recipients, large messages."""

import pytest

from ceralacca.apps.demo.cast import (
    ALFA,
    ANNA,
    BETA,
    BRUNO,
    CARLA,
    COUNCIL,
    FRANCO,
    GAMMA_ALIVE,
    GIADA,
    MARIO,
    OUTSIDER,
    STUDIO,
)
from ceralacca.apps.demo.messages import letter
from ceralacca.apps.demo.nation import set_up
from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.demo.stage import facts_of
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow

from .conftest import free_ports, passable_folder, sized

pytestmark = [pytest.mark.system, pytest.mark.slow]
SERVICE = ALFA.service_mailbox
_LIMIT = 30 * 2**20


@pytest.fixture(scope="module")
def running():
    with passable_folder() as folder:
        nation = set_up(folder / "nation", free_ports(), running=(ALFA, BETA, GAMMA_ALIVE))
        with RunningNation(nation) as running:
            yield running


@pytest.mark.requirement("BT-5", "BT-6", "PC-1", "DP-4", "IP-15")
def test_one_envelope_reaches_three_providers_and_the_outside(stage):
    """F4: each provider speaks for its own recipients, and for no others."""
    expected = {
        MARIO: [3, 10, 10, 10, 10], ANNA: [4], FRANCO: [4], GIADA: [4], CARLA: [4], OUTSIDER: [4], SERVICE: [6, 6, 6],
    }  # fmt: skip
    came = stage.play(letter(to=[ANNA, FRANCO, OUTSIDER], cc=[CARLA, GIADA]), expected)
    envelopes = {one.sighting.octets for one in came.messages if one.row is MessageRow.TRANSPORT_ENVELOPE}
    assert len(envelopes) == 1
    spoke = {facts.delivery_recipient: facts.issuer for facts in map(facts_of, came.all(MessageRow.DELIVERY))}
    assert spoke == {ANNA: BETA.name, FRANCO: GAMMA_ALIVE.name, GIADA: GAMMA_ALIVE.name, CARLA: ALFA.name}
    takers = {facts_of(one).issuer for one in came.all(MessageRow.TAKING_IN_CHARGE)}
    assert takers == {ALFA.name, BETA.name, GAMMA_ALIVE.name}
    assert stage.faults == []


@pytest.mark.parametrize("sender", [ANNA, FRANCO])
def test_whoever_writes_has_an_outcome_from_each_of_the_others(stage, running, sender):
    others = [one for one in (MARIO, ANNA, FRANCO) if one != sender]
    service = (BETA if sender is ANNA else GAMMA_ALIVE).service_mailbox
    expected = {sender: [3, 10, 10], service: [6, 6], **{one: [4] for one in others}}
    stage.play(letter(sender=sender, to=others), expected, sender=sender)
    assert stage.faults == []


@pytest.mark.requirement("SL-1", "AP-13", "AD-2", "DR-1")
def test_fifty_recipients_at_three_providers_have_fifty_outcomes(stage):
    there = [ANNA, BRUNO, STUDIO, FRANCO, GIADA, CARLA, COUNCIL]
    missing = [
        Address(f"utente{number}@{domain}")
        for number, domain in enumerate((*[ANNA.domain] * 21, *[FRANCO.domain] * 20, CARLA.domain))
    ]
    assert len(there) + len(missing) + 1 == 50
    expected = {
        MARIO: [3, *[10] * len(there), *[11] * len(missing)], SERVICE: [6] * 4, OUTSIDER: [4],
        **{one: [4] for one in there},
    }  # fmt: skip
    came = stage.play(letter(to=[*there, *missing], cc=[OUTSIDER]), expected)
    assert {facts_of(one).delivery_recipient for one in came.all(MessageRow.DELIVERY)} == set(there)
    assert {facts_of(one).delivery_recipient for one in came.all(MessageRow.NON_DELIVERY)} == set(missing)
    assert stage.faults == []


@pytest.mark.requirement("SL-1", "AP-12", "AM-16", "MO-9")
def test_size_times_recipients_at_the_limit_and_one_octet_over(stage):
    to = [ANNA, FRANCO, CARLA]
    at_limit = sized(_LIMIT // len(to), to=to)
    assert len(at_limit) * len(to) == _LIMIT
    came = stage.play(at_limit, {MARIO: [3, 10, 10, 10], **{one: [4] for one in to}, SERVICE: [6, 6, 6]})
    submitted = at_limit.partition(b"\r\n\r\n")[2]
    for envelope in came.all(MessageRow.TRANSPORT_ENVELOPE):
        assert bytes(envelope.original).partition(b"\r\n\r\n")[2] == submitted
    came = stage.play(sized(_LIMIT // len(to) + 1, to=to), {MARIO: [1]})
    assert "ecceduta la dimensione massima" in came.facts(MessageRow.NON_ACCEPTANCE).error_detail
