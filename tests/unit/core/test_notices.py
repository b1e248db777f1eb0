"""When a holder is told of something: once in five minutes, and at each step of the quota."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.notices import WINDOW, NoticeKind, called_for, expiry_step, quota_step, window_end

EVERYTHING = frozenset(NoticeKind)


@pytest.mark.parametrize(
    ("used", "step"), [(0, None), (799, None), (800, 80), (899, 80), (900, 90), (949, 90), (950, 95), (5000, 95)]
)
def test_the_step_is_the_highest_that_is_reached(used, step):
    assert quota_step(used, 1000) == step


def test_a_mailbox_without_room_has_no_steps():
    assert quota_step(10, 0) is None


def test_only_an_envelope_is_a_new_message_and_anything_may_fill_the_mailbox():
    told = {one: set(called_for(EVERYTHING, one)) for one in MessageClass}
    assert told.pop(MessageClass.ENVELOPE) == {NoticeKind.NEW_MESSAGE, NoticeKind.QUOTA}
    assert all(kinds == {NoticeKind.QUOTA} for kinds in told.values())
    assert list(called_for(frozenset(), MessageClass.ENVELOPE)) == []


def test_what_happens_within_five_minutes_ends_together_and_always_later():
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    ends = {window_end(start + timedelta(seconds=one)) for one in range(300)}
    assert ends == {start + WINDOW}
    assert window_end(start + WINDOW) == start + 2 * WINDOW


@pytest.mark.parametrize(
    ("left", "step"),
    [(31, None), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None), (-400, None)],
)
def test_the_step_before_an_end_is_the_last_that_is_reached_and_none_is_left_after_it(left, step):
    ends = date(2026, 12, 31)
    assert expiry_step(ends, datetime(2026, 12, 31, 11, 0, tzinfo=UTC) - timedelta(days=left)) == step


def test_a_step_begins_at_midnight_in_italy():
    ends, midnight = date(2026, 12, 31), datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    assert expiry_step(ends, midnight) == 30
    assert expiry_step(ends, midnight - timedelta(seconds=1)) is None
