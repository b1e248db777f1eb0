"""A clock is believed while it is kept, and after a jump only when it was kept and quiet for a while (TI-1)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.clock_trust import SETTLING, TOLERANCE, ClockLook, ClockTrust
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("TI-1", "TI-2")

SECOND = timedelta(seconds=1)


def looks(*seen):
    """Follow looks of (seconds by the counter, seconds of jump so far, kept)."""
    trust, said = ClockTrust(), []
    for counter, jumped, kept in seen:
        elapsed = counter * SECOND
        trust = trust.after(ClockLook(wall=NOON + elapsed + jumped * SECOND, elapsed=elapsed, kept=kept))
        said.append(trust.trusted)
    return said


def test_nothing_is_believed_before_a_look():
    assert not ClockTrust().trusted


def test_it_is_believed_while_it_is_kept():
    assert looks((0, 0, False), (1, 0, True), (9000, 0, True), (9001, 0, False)) == [False, True, True, False]


@pytest.mark.parametrize("jump", [-3600, -2, 2, 3600])
def test_a_jump_is_explained_by_a_time_service_that_goes_on(jump):
    settled = 5 + SETTLING / SECOND
    assert looks((0, 0, True), (5, jump, True), (6, jump, True), (settled, jump, True)) == [True, False, False, True]


def test_a_jump_that_nobody_explains_is_never_forgotten():
    seen = looks((0, 0, True), (5, 90, False), (600, 90, False), (601, 90, True), (612, 90, True))
    assert seen == [True, False, False, False, True]


def test_slow_correction_and_sleep_are_no_jumps():
    assert looks((0, 0, True), (60, 0.4, True), (90_000, 0.8, True)) == [True, True, True]


@given(st.floats(-1e6, 1e6), st.booleans())
def test_never_right_after_more_than_the_tolerance(jump, kept):
    trusted = looks((0, 0, True), (1, jump, kept))[-1]
    assert not (trusted and (abs(timedelta(seconds=jump)) > TOLERANCE + timedelta(microseconds=2) or not kept))
