"""The scenarios of section 13 by live providers: what `pec demo --once` plays, one test each."""

import pytest

from ceralacca.apps.demo.once import play_one
from ceralacca.apps.demo.scenarios import SCENARIOS
from ceralacca.apps.demo.stage import Unexpected

pytestmark = [pytest.mark.system, pytest.mark.slow]


PLAYED = [
    pytest.param(one, id=one.id, marks=pytest.mark.scenario(one.id) if one.id.startswith("T-") else ())
    for one in SCENARIOS
    if one.id != "T-20"  # looks back on all the others: the demonstration's own test plays it
]


@pytest.mark.requirement("AP-4", "AP-25", "BT-5", "BT-6", "DP-2", "DP-3", "IP-1", "IP-3", "IP-21", "VI-1")
@pytest.mark.parametrize("scenario", PLAYED)
def test_live(stage, scenario):
    assert play_one(stage, scenario).faults == ()


def test_a_scenario_that_goes_otherwise_is_told(stage):
    with pytest.raises(Unexpected, match="expected"):
        stage.play(stage.letter(), {})
