"""A whole site is lost under load, and the other one misses nothing; `tools/crash.py --site 20` loses twenty."""

import pytest

from ceralacca.testing.crash_plants import SITE_PLANTS

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.requirement("SL-6")]


@pytest.mark.requirement("AP-25", "AP-26", "DP-3", "IP-21", "LO-3", "TI-10")
def test_the_other_site_misses_nothing(campaign):
    code, (result,) = campaign("--site", "3", "--seed", "3")
    assert result["broken"] == []
    assert (code, result["cases"]) == (0, 3)
    assert int(result["note"].partition(" ")[0]) >= 6  # answered 250: there was something to lose


@pytest.mark.parametrize("plant", SITE_PLANTS)
def test_a_site_that_was_not_written_into_is_seen(campaign, plant):
    code, (result,) = campaign("--site", "2", "--seed", "1", "--plant", plant)
    assert result["broken"]
    assert not any("rig failed" in words for words in result["broken"])
    assert code == 1
