"""Children by fork: what they do, how they ended, and what of the parent they no longer hold."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from ceralacca.apps.child import DEFECT, fork

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded")


def outcome(main, *, keep=(), during=None):
    async def run():
        child = fork(main, name="test", keep=keep)
        if during is not None:
            during(child)
        return await child.wait()

    return asyncio.run(run())


def hear(main):
    """Return the exit status, and what the child wrote on a pipe that it was left."""
    hears, says = os.pipe()
    try:
        status = outcome(lambda: main(says), keep={says})
        os.close(says)
        return status, os.read(hears, 65536).decode()
    finally:
        os.close(hears)


def test_its_status_is_what_main_returns():
    assert outcome(lambda: 7) == 7


def test_a_main_that_raises_never_reaches_the_parents_code(capfd):
    def main():
        raise LookupError("a defect")

    assert outcome(main) == DEFECT
    assert "LookupError: a defect" in capfd.readouterr().err


def test_a_signal_that_ended_it_is_told():
    def main():
        signal.pause()
        return 0

    assert outcome(main, during=lambda child: child.signal(signal.SIGKILL)) == -signal.SIGKILL


def test_it_keeps_no_descriptor_but_those_it_is_left():
    others = os.pipe()

    def main(says):
        os.write(says, " ".join(path.name for path in Path("/proc/self/fd").iterdir()).encode())
        return 0

    try:
        status, listed = hear(main)
    finally:
        for descriptor in others:
            os.close(descriptor)
    assert status == 0
    assert len(listed.split()) == 5  # standard streams, the pipe, and the folder being listed


def test_it_may_run_an_event_loop_of_its_own():
    async def work():
        await asyncio.sleep(0)
        return 3

    assert outcome(lambda: asyncio.run(work())) == 3


def test_it_has_a_session_and_a_name_of_its_own():
    def main(says):
        name = Path("/proc/self/comm").read_text().strip()
        os.write(says, f"{os.getsid(0) == os.getpid()} {name}".encode())
        return 0

    assert hear(main) == (0, "True pec test")


def test_signals_have_their_first_meaning_again():
    def handler(*_):
        raise AssertionError("the parent's")

    before = signal.signal(signal.SIGTERM, handler)
    try:

        def main():
            signal.pause()
            return 0

        assert outcome(main, during=lambda child: child.signal(signal.SIGTERM)) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
