from datetime import timedelta

import pytest

from ceralacca.services.retry import relay_delay, step_delay


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (8, 300), (10_000, 300)]
)
def test_a_step_waits_longer_each_time_up_to_five_minutes(attempts, seconds):
    assert step_delay(attempts) == timedelta(seconds=seconds)


@pytest.mark.requirement("BT-7")
def test_a_letter_waits_longer_each_time_up_to_half_an_hour():
    delays = [relay_delay(number) for number in range(1, 60)]
    assert delays[0] == timedelta(seconds=30)
    assert delays == sorted(delays)
    assert max(delays) == timedelta(minutes=30)
