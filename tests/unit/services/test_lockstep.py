"""Steps that go side by side: as far as each other, with the results and troubles of steps that go alone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from ceralacca.services.lockstep import give_way, side_by_side


def walk(trace, parts=3):
    def step(item):
        for part in range(parts):
            trace.append((item, part))
            give_way()
        return item * 10

    return step


def test_all_go_through_one_part_before_any_comes_to_the_next():
    trace = []
    assert side_by_side([1, 2, 3], walk(trace)) == [10, 20, 30]
    assert trace == [(item, part) for part in range(3) for item in (1, 2, 3)]


def test_a_short_step_does_not_wait_for_long_ones():
    ended = []

    def step(item):
        for _ in range(item):
            give_way()
        ended.append(item)
        return item

    assert side_by_side([3, 0, 1], step) == [3, 0, 1]
    assert ended == [0, 1, 3]


@pytest.mark.parametrize("items", [[], [5]])
def test_none_and_one_go_as_they_are(items):
    trace = []
    assert side_by_side(items, walk(trace)) == [item * 10 for item in items]


def test_who_goes_alone_gives_way_to_nobody():
    give_way()


def test_steps_within_a_step_go_one_after_the_other():
    trace = []
    assert side_by_side([1, 2], lambda item: side_by_side([item, item + 5], walk(trace, 1))) == [[10, 60], [20, 70]]
    assert trace == [(1, 0), (2, 0), (6, 0), (7, 0)]


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt])
def test_what_one_raises_ends_all_and_closes_what_they_hold(trouble):
    closed = []

    def step(item):
        try:
            give_way()
            if item == 2:
                raise trouble
            give_way()
        finally:
            closed.append(item)

    with pytest.raises(trouble):
        side_by_side([1, 2, 3], step)
    assert sorted(closed) == [1, 2, 3]
    assert side_by_side([1, 2], walk([])) == [10, 20], "and the next batch goes as ever"


def test_a_step_that_catches_its_own_trouble_troubles_nobody():
    def step(item):
        try:
            give_way()
            if item == 1:
                int("no number")
        except ValueError:
            give_way()
            return "caught"
        return "well"

    assert side_by_side([1, 2], step) == ["caught", "well"]


def test_threads_have_nothing_to_do_with_each_other():
    both = threading.Barrier(2)

    def step(item):
        both.wait(30)
        give_way()
        return item, threading.get_ident()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda items: side_by_side(items, step), [[1, 2], [3, 4]])
    assert [item for item, _ in first + second] == [1, 2, 3, 4]
    assert len({thread for _, thread in first}) == len({thread for _, thread in second}) == 1


def test_each_sees_the_context_of_who_leads_them():
    about = ContextVar("about", default="nothing")
    for batch in ("a batch", "another batch"):
        about.set(batch)
        assert side_by_side([1, 2], lambda _: about.get()) == [batch, batch]
