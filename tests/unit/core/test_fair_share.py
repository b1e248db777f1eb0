"""Shares of work: nobody is left with all of it, and nobody takes crumbs."""

import pytest

from ceralacca.core.fair_share import fair_share


@pytest.mark.parametrize(
    ("due", "sharing", "share"),
    [
        (0, 2, 8),
        (3, 2, 8),
        (16, 2, 8),
        (17, 2, 9),
        (100, 2, 50),
        (128, 2, 64),
        (1000, 2, 64),
        (1000, 1, 64),
        (40, 1, 40),
    ],
)
def test_what_one_takes(due, sharing, share):
    assert fair_share(due, limit=64, sharing=sharing) == share


def test_a_limit_below_a_few_holds():
    assert fair_share(100, limit=2, sharing=4) == 2


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_workers_that_take_turns_come_to_the_end(workers):
    left, shares = 300, []
    while left > 0:
        shares.append(min(fair_share(left, limit=64, sharing=workers), left))
        left -= shares[-1]
    assert sum(shares) == 300
    assert shares == sorted(shares, reverse=True)
