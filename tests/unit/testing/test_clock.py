from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.base.identifiers import new_boundary, new_identifier
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock


@pytest.mark.requirement("TI-12")
def test_the_clock_stands_until_it_is_moved():
    clock = FixedClock()
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(hours=12))
    assert clock.now() == NOON + timedelta(hours=12)
    assert clock.now().tzinfo is UTC


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 11, 5))  # noqa: DTZ001 that is the point


def test_entropy_counts_and_never_repeats():
    entropy = CountingEntropy()
    made = {new_boundary(entropy) for _ in range(100)} | {new_identifier(NOON, entropy, domain="a.example")}
    assert len(made) == 101
    assert CountingEntropy(7)(16) == bytes(15) + b"\x07"
