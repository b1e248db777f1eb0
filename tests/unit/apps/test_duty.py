"""How a role hears of its end, and what it says to the supervisor."""

import asyncio
import fcntl
import json
import os
import resource
import signal

import pytest

from ceralacca.apps.duty import Duty


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(sign):
    with Duty().watched() as duty:
        assert not duty.ending.is_set()
        os.kill(os.getpid(), sign)
        assert duty.ending.wait(20)


@pytest.fixture
def many_descriptors():
    """Let this process have more than a thousand of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize("least", [0, 2000])
def test_the_end_of_the_supervisor_ends_it(least):
    low, says = os.pipe()
    hears = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, least)
    try:
        with Duty(life=hears).watched() as duty:
            os.close(says)
            assert duty.ending.wait(20)
    finally:
        os.close(low)
        os.close(hears)


def test_the_handlers_that_were_there_are_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with Duty().watched():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_says_that_it_is_ready_and_that_it_lives():
    hears, says = os.pipe()
    duty = Duty(ready=says)
    duty.ready(port=465)
    duty.beat()
    duty.beat()  # a moment ago it was said
    assert [json.loads(line) for line in os.read(hears, 4096).splitlines()] == [{"ready": {"port": 465}}, {}]
    os.close(hears)
    Duty(ready=says).beat()  # nobody listens any more: no matter
    os.close(says)


def test_the_event_loop_waits_for_the_end():
    async def wait(duty):
        asyncio.get_running_loop().call_soon(duty.end)
        await duty.ended()

    with Duty().watched() as duty:
        asyncio.run(wait(duty))
        asyncio.run(duty.ended())  # it has ended already


def test_a_callback_comes_once_and_also_when_it_is_late():
    duty, calls = Duty(), []
    duty.when_ending(lambda: calls.append("early"))
    duty.end()
    duty.end()
    duty.when_ending(lambda: calls.append("late"))
    assert calls == ["early", "late"]
