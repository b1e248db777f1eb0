"""A provider pair is killed at some failpoints of each flow, lives again, and breaks nothing; `make crash` does all."""

import pytest

HOLDS = "AP-25", "AP-26", "DP-2", "DP-3", "DP-4", "IP-20", "IP-21", "LO-3", "TI-10"


@pytest.mark.slow
@pytest.mark.requirement(*HOLDS, "VI-1", "IP-18", "IP-19")
def test_a_death_at_some_points_of_each_flow_breaks_nothing(campaign):
    code, results = campaign("--engine", "sqlite", "--storm", "3", "--no-plants", "--every", "40")
    assert [result["broken"] for result in results] == [[]] * 10
    assert sum(result["cases"] for result in results) >= 20
    assert code == 0


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.requirement(*HOLDS)
def test_a_death_on_postgresql_breaks_nothing(campaign):
    words = ["--flow", "arrive", "--storm", "0", "--no-plants", "--every", "9"]
    code, results = campaign("--engine", "postgresql", *words)
    assert [result["broken"] for result in results] == [[]]
    assert results[0]["cases"] >= 4
    assert code == 0
