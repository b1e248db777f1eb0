"""A provider pair is killed at some failpoints of each flow, lives again, and breaks nothing; `make crash` does all."""

import pytest

from ceralacca.testing.crash_flows import FLOWS

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.system)]
HOLDS = "AP-25", "AP-26", "DP-2", "DP-3", "DP-4", "IP-20", "IP-21", "LO-3", "TI-10"


@pytest.mark.slow
@pytest.mark.requirement(*HOLDS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flow", [name for name in FLOWS if name not in {"virus", "receipt-in"}])
def test_a_death_at_some_points_of_a_flow_breaks_nothing(campaign, engine, flow):
    code, results = campaign("--engine", engine, "--flow", flow, "--storm", "0", "--no-plants", "--every", "12")
    assert [result["broken"] for result in results] == [[]]
    assert results[0]["cases"] >= 4
    assert code == 0


@pytest.mark.slow
@pytest.mark.requirement(*HOLDS, "VI-1", "IP-18", "IP-19")
@pytest.mark.parametrize("flow", ["virus", "receipt-in"])
def test_a_death_at_some_points_of_a_long_flow_breaks_nothing(campaign, flow):
    code, results = campaign("--engine", "sqlite", "--flow", flow, "--storm", "0", "--no-plants", "--every", "25")
    assert [result["broken"] for result in results] == [[]]
    assert results[0]["cases"] >= 4
    assert code == 0


@pytest.mark.slow
@pytest.mark.requirement(*HOLDS)
def test_deaths_at_random_moments_under_load_break_nothing(campaign):
    code, results = campaign("--engine", "sqlite", "--flow", "--storm", "5", "--no-plants")
    assert [result["broken"] for result in results] == [[]]
    assert code == 0
