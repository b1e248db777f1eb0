"""Conversations in one thread: who waits lets the others go on, and whatever one does, all come to their end."""

import os
import socket
import threading

import pytest

from ceralacca.base.errors import OurError
from ceralacca.net.switchboard import READABLE, WRITABLE, Switchboard, aside, wait

WITHIN = 30.0


def test_without_a_switchboard_waiting_and_blocking_are_what_they_say(pair):
    wait(pair[0].fileno(), WRITABLE, WITHIN)
    with pytest.raises(TimeoutError):
        wait(pair[0].fileno(), READABLE, 0.01)
    assert aside(threading.get_ident) == threading.get_ident()


def test_who_waits_lets_the_others_go_on(pair):
    said = []

    def listens():
        wait(pair[0].fileno(), READABLE, WITHIN)
        said.append(pair[0].recv(9))

    with Switchboard(2, name="test") as board:
        board.submit(listens, lambda: pair[1].send(b"first"))
    assert said == [b"first"]


def test_all_are_held_by_one_thread_and_so_many_at_once(pair):
    threads, at_once, most = set(), [], []

    def conversation():
        at_once.append(1)
        most.append(len(at_once))
        wait(pair[0].fileno() if len(at_once) == 1 else pair[1].fileno(), WRITABLE, WITHIN)
        at_once.pop()
        threads.add(threading.get_ident())

    with Switchboard(2, name="test") as board:
        board.submit(*[conversation] * 20)
    assert len(threads) == 1
    assert len(most) == 20
    assert max(most) == 2


def test_who_has_waited_too_long_is_told_and_the_others_wait_on(pair):
    ends, other = [], socket.socketpair()

    def impatient():
        with pytest.raises(TimeoutError):
            wait(pair[0].fileno(), READABLE, 0.02)
        ends.append("impatient")
        other[1].send(b"x")

    def patient():
        wait(other[0].fileno(), READABLE, WITHIN)
        ends.append("patient")

    with Switchboard(2, name="test") as board:
        board.submit(impatient, patient)
    assert ends == ["impatient", "patient"]
    for end in other:
        end.close()


def test_whose_time_was_short_and_who_was_answered_may_wait_longer_next(pair):
    ends, other = [], socket.socketpair()

    def waits_twice():
        wait(pair[0].fileno(), WRITABLE, 0.01)
        wait(pair[0].fileno(), READABLE, WITHIN)
        ends.append(pair[0].recv(9))

    def impatient():
        with pytest.raises(TimeoutError):
            wait(other[0].fileno(), READABLE, 0.05)
        pair[1].send(b"late")

    with Switchboard(2, name="test") as board:
        board.submit(waits_twice, impatient)
    assert ends == [b"late"]
    for end in other:
        end.close()


def test_what_blocks_is_done_aside_while_the_others_go_on():
    go_on, ends = threading.Event(), []

    def blocks():
        here = threading.get_ident()
        assert aside(lambda: go_on.wait(WITHIN) and threading.get_ident() != here)
        assert threading.get_ident() == here
        ends.append("blocks")

    def other():
        ends.append("other")
        go_on.set()

    with Switchboard(2, name="test") as board:
        board.submit(blocks)
        board.submit(other)
    assert ends == ["other", "blocks"]


def test_what_an_act_aside_raises_is_raised_where_it_was_asked_for():
    raised = []

    def asks():
        try:
            aside(lambda: os.stat("/nowhere"))  # noqa: PTH116 any error does
        except FileNotFoundError as error:
            raised.append(error)

    with Switchboard(1, name="test") as board:
        board.submit(asks)
    assert len(raised) == 1


@pytest.mark.parametrize("trouble", [ValueError, SystemExit])
def test_the_trouble_of_one_ends_nobody_else(trouble):
    ended = []

    def fails():
        raise trouble

    with Switchboard(1, name="test") as board:
        board.submit(fails, lambda: ended.append(1))
    assert ended == [1]


def test_many_from_many_threads_are_all_held():
    done = []

    def speaks(number):
        done.append(aside(lambda: number))

    with Switchboard(3, name="test") as board:
        callers = [
            threading.Thread(
                target=lambda start=start: [board.submit(lambda n=n: speaks(n)) for n in range(start, start + 50)]
            )
            for start in (0, 50, 100)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert sorted(done) == list(range(150))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_thread_has_ended_whoever_comes_hears_of_it(monkeypatch):
    def end(_):
        raise RuntimeError

    monkeypatch.setattr(Switchboard, "_begin", end)
    with Switchboard(1, name="test") as board:
        board.submit(lambda: None)
        board._thread.join(WITHIN)
        with pytest.raises(OurError):
            board.submit()
