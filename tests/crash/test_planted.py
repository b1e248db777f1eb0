"""A campaign that finds nothing is worth what it would have found: each bug planted on purpose is seen."""

import pytest

from ceralacca.testing.crash_plants import PLANTS

SEEN_BY = {
    "receipt-before-commit": "signed_once",
    "reply-before-commit": "what_was_answered_is_there",
    "missing-sync": "mailboxes_are_whole",
    "doubled-receipt": "signed_once",
    "lost-timer": "open_states_have_timers",
    "swallowed-outcome": "submissions_have_one_answer",
}


def test_every_plant_has_the_rule_that_sees_it():
    assert set(SEEN_BY) == set(PLANTS)


@pytest.mark.slow
@pytest.mark.requirement("AP-25", "DP-3", "IP-21", "TI-10")
@pytest.mark.parametrize("plant", list(PLANTS))
def test_a_planted_bug_is_found(campaign, plant):
    code, results = campaign("--engine", "sqlite", "--flow", "--storm", "0", "--plant", plant)
    (result,) = results
    assert code == 0
    assert result["broken"] == []
    assert SEEN_BY[plant] in result["note"]
