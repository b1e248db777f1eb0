"""A campaign that finds nothing is worth what it would have found: each bug planted on purpose is seen."""

import pytest

from ceralacca.testing.crash_plants import PLANTS

SEEN_BY = {
    "receipt-before-commit": "signed_once",
    "reply-before-commit": "what_was_answered_is_there",
    "missing-sync": "mailboxes_are_whole",
    "late-sync": "mailboxes_are_whole",
    "unsynced-pack": "octets_are_whole",
    "unsynced-commit": "signed_once",
    "doubled-receipt": "signed_once",
    "lost-timer": "open_states_have_timers",
    "swallowed-outcome": "submissions_have_one_answer",
    "second-folder": "mailboxes_are_whole",
}


def test_every_plant_has_the_rule_that_sees_it():
    assert set(SEEN_BY) == set(PLANTS)


@pytest.mark.slow
@pytest.mark.requirement("AP-25", "DP-3", "IP-21", "TI-10")
def test_planted_bugs_are_found(campaign):
    code, results = campaign("--engine", "sqlite", "--flow", "--storm", "0", "--plants")
    assert [result["broken"] for result in results] == [[]] * len(PLANTS)
    for (plant, rule), result in zip(SEEN_BY.items(), results, strict=True):
        assert plant in result["name"]
        assert rule in result["note"]
    assert code == 0
