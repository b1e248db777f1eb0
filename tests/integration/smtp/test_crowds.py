"""Many clients, slow clients, and a server that stops: bounded, and nobody's message is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ceralacca.net.smtp_server import Limits
from ceralacca.testing.paper_cast import ANNA, MARIO


def until(condition):
    """Wait for something that another thread brings about."""
    event = threading.Event()
    for _ in range(2000):
        if condition():
            return
        event.wait(0.005)
    raise AssertionError("it did not happen")


@pytest.mark.requirement("AP-25", "IP-21")
def test_fifty_connections_share_their_syncs(incoming):
    ready, clients = threading.Barrier(51), 50
    incoming.store.gate.clear()

    def send(n):
        with incoming.wire() as wire:
            wire.say("EHLO mx.beta.example")
            wire.send(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{MARIO}>\r\nDATA\r\n".encode())
            assert wire.codes(3) == ["250", "250", "354"]
            ready.wait(30)
            wire.send(b"%d\r\n.\r\n" % n)
            return wire.reply()[:3]

    with ThreadPoolExecutor(clients) as pool:
        answers = [pool.submit(send, n) for n in range(clients)]
        ready.wait(30)
        reception = incoming.server._reception
        until(lambda: incoming.store.entered + len(reception._queue) == clients)  # the first call holds the rest up
        incoming.store.gate.set()
        assert {answer.result(30) for answer in answers} == {"250"}
    assert sorted(incoming.store.texts) == sorted(b"%d\r\n" % n for n in range(clients))
    assert len(incoming.store.batches) <= 2, incoming.store.batches


def test_connections_are_bounded_for_each_peer(open_point):
    point = open_point(access=False, limits=Limits(connections_per_peer=2))
    with point.wire(), point.wire() as second:
        third = type(second)(point.port)
        assert third.reply() == "421 4.7.0 Too many connections, try again later"
        assert third.ended()
        third.close()
    until(lambda: point.server.listener.connections == 0)
    with point.wire() as wire:
        assert wire.say("NOOP")[:3] == "250"


def test_a_stranger_who_says_nothing_goes(open_point):
    point = open_point(access=True, limits=Limits(stranger_time=0.05))
    with point.wire() as wire:
        assert wire.reply()[:9] == "421 4.4.2"
        assert wire.ended()


def test_who_has_signed_in_is_no_stranger(open_point):
    point = open_point(access=True, limits=Limits(stranger_time=1.0, sign_in_delay=0))
    with point.signed_in() as wire:
        threading.Event().wait(1.5)  # longer than a stranger is waited for
        assert wire.say("NOOP")[:3] == "250"


def test_who_drips_a_command_goes(open_point):
    point = open_point(access=False, limits=Limits(stranger_time=0.1))
    with point.wire() as wire:
        pause, gone = threading.Event(), False
        for _ in range(500):
            try:
                wire.send(b"N")
            except OSError:
                gone = True
                break
            pause.wait(0.01)
        assert gone


def test_who_goes_on_speaking_may_stay_for_many_times_what_one_command_may_take(open_point):
    point = open_point(access=False, limits=Limits(command_time=1.0, stranger_time=1.0))
    with point.wire() as wire:
        pause = threading.Event()
        for _ in range(12):
            pause.wait(0.2)
            assert wire.say("NOOP")[:3] == "250"
        assert wire.reply()[:9] == "421 4.4.2"


def test_a_handshake_that_never_comes_ends(open_point):
    point = open_point(access=True, limits=Limits(handshake_time=0.05))
    with point.wire() as wire:
        wire.say("EHLO x")
        assert wire.say("STARTTLS")[:3] == "220"
        assert wire.ended()
    silent = type(wire)(point.server.ports[0])  # implicit TLS
    assert silent.ended()
    silent.close()
    until(lambda: point.server.listener.connections == 0)


def test_inside_data_the_time_out_is_another_one(open_point):
    point = open_point(access=False, limits=Limits(command_time=0.05, chunk_time=0.3))
    with point.sender(path=ANNA) as wire:
        wire.send(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{MARIO}>\r\nDATA\r\n".encode())
        assert wire.codes(3) == ["250", "250", "354"]
        threading.Event().wait(0.12)  # longer than any command may take
        wire.send(b"text\r\n.\r\n")
        assert wire.reply()[:3] == "250"
        assert wire.reply()[:9] == "421 4.4.2"  # the next command does not come
    with point.sender(path=ANNA) as wire:
        wire.send(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{MARIO}>\r\nDATA\r\n".encode())
        wire.codes(3)
        wire.send(b"text\r\n")
        assert wire.reply()[:9] == "421 4.4.2"
        assert wire.ended()
    assert point.store.texts == [b"text\r\n"]


def test_a_server_that_stops_lets_messages_arrive_and_tells_the_rest(incoming):
    with incoming.wire() as idle, incoming.sender(MARIO, path=ANNA) as busy:
        busy.say("DATA")
        busy.send(b"text\r\n")
        stopping = threading.Thread(target=incoming.server.stop, kwargs={"grace": 20})
        stopping.start()
        assert idle.reply()[:9] == "421 4.3.2"
        assert idle.ended()
        busy.send(b".\r\n")
        assert busy.reply()[:3] == "250"
        assert busy.reply()[:9] == "421 4.3.2"
        busy.close()
        stopping.join(20)
        assert not stopping.is_alive()
    assert incoming.store.texts == [b"text\r\n"]
    with pytest.raises(ConnectionRefusedError):
        incoming.wire()


def test_a_server_that_stops_does_not_wait_for_ever(incoming):
    with incoming.sender(MARIO, path=ANNA) as wire:
        wire.say("DATA")
        wire.send(b"text\r\n")
        incoming.server.stop(grace=0.05)
        assert wire.ended()
    assert incoming.store.texts == []
