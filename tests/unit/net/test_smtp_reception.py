"""Messages that arrive together are made durable together, and none is answered for before it is."""

import asyncio
import threading

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.net.smtp_server import Reception
from ceralacca.ports.letters import Inbound, Point
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.reception import RecordingStore


def message(n, octets=b"x"):
    return Inbound(
        key=f"k{n}",
        point=Point.ACCESS,
        octets=octets,
        reverse_path=None,
        forward_paths=(Address("a@b.example"),),
        received=NOON,
    )


def receive(store, *messages, arriving=None):
    """Give all messages at once; return what became of each."""

    async def play():
        reception = Reception(store, FixedClock())
        for _ in range(len(messages) if arriving is None else arriving):
            reception.arriving()
        answers = await asyncio.gather(*(reception.receive(one) for one in messages), return_exceptions=True)
        await reception.close()
        return answers

    return asyncio.run(play())


@pytest.mark.requirement("AP-25")
def test_what_comes_together_is_one_call():
    store = RecordingStore()
    assert receive(store, *map(message, range(20))) == [None] * 20
    assert store.batches == [20]
    assert [one.key for one in store.messages] == [f"k{n}" for n in range(20)]


def test_a_batch_is_bounded_in_messages_and_octets():
    store = RecordingStore(keeps=False)
    receive(store, *map(message, range(150)))
    assert store.batches == [64, 64, 22]
    store = RecordingStore(keeps=False)
    receive(store, *(message(n, bytes(20 * 2**20)) for n in range(3)))
    assert store.batches == [1, 1, 1]


def test_a_lone_message_waits_for_nobody_but_one_that_is_arriving():
    store = RecordingStore()
    assert receive(store, message(1), arriving=1) == [None]
    assert receive(store, message(2), arriving=2) == [None]  # the other never comes: a moment, then on
    assert store.batches == [1, 1]


@pytest.mark.requirement("IP-5", "AP-25")
def test_a_store_that_fails_fails_all_of_the_batch():
    store = RecordingStore(fails=True)
    answers = receive(store, message(1), message(2))
    assert [type(answer) for answer in answers] == [WorldError, WorldError]
    assert store.messages == []


def test_a_message_that_the_store_chokes_on_fails_alone():
    class Choking(RecordingStore):
        def receive(self, messages, *, now):
            if any(one.key == "k2" for one in messages):
                raise ZeroDivisionError
            RecordingStore.receive(self, messages, now=now)

    store = Choking()
    answers = receive(store, *map(message, range(4)))
    assert [isinstance(answer, WorldError) for answer in answers] == [False, False, True, False]
    assert {one.key for one in store.messages} == {"k0", "k1", "k3"}


def test_a_client_that_is_gone_takes_nobody_with_it():
    async def play():
        store = RecordingStore(gate=threading.Event())
        store.gate.clear()
        reception = Reception(store, FixedClock())
        first, second = (asyncio.create_task(reception.receive(message(n))) for n in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        store.gate.set()
        await second
        await reception.close()
        return [one.key for one in store.messages]

    assert "k2" in asyncio.run(play())
