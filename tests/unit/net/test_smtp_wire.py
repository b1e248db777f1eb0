"""Replies as they come, whatever the pieces; octets go out whole to who reads slowly."""

import socket
import threading

import pytest

from ceralacca.net.smtp_wire import NoReply, Wire

WITHIN = 30.0


def replies(pair, octets, *, pieces=1, number=1):
    wire = Wire(pair[0])

    def speak():
        for start in range(0, len(octets), pieces):
            pair[1].sendall(octets[start : start + pieces])
        pair[1].shutdown(socket.SHUT_WR)

    peer = threading.Thread(target=speak)
    peer.start()
    try:
        return [wire.reply(seconds=WITHIN) for _ in range(number)]
    finally:
        peer.join()


@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_replies_are_read_one_by_one_however_they_come(pair, pieces):
    octets = b"250-mx.example\r\n250-SIZE 10\r\n250 HELP\r\n354\r\n550 5.1.1 no\n250 \r\r\n"
    assert replies(pair, octets, pieces=pieces, number=4) == [
        (250, b"mx.example\nSIZE 10\nHELP"),
        (354, b""),
        (550, b"5.1.1 no"),
        (250, b""),
    ]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"250",
        b"250-more\r\n",
        b"hello\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"250-ok\r\nok\r\n",
        b"250-ok\r\n" * 200 + b"250 ok\r\n",
        b"250 ok\r" + b"\r" * 20_000,
        b"x" * 20_000,
    ],
)
def test_what_is_no_reply_is_none(pair, octets):
    with pytest.raises(NoReply):
        replies(pair, octets, pieces=1000)


def test_a_silent_peer_is_waited_for_no_longer_than_said(pair):
    with pytest.raises(TimeoutError):
        Wire(pair[0]).reply(seconds=0.01)


def test_all_octets_reach_who_reads_slowly(pair):
    octets, read = bytes(range(256)) * 20_000, bytearray()

    def reads():
        while len(read) < len(octets):
            read.extend(pair[1].recv(1 << 20))

    peer = threading.Thread(target=reads)
    peer.start()
    Wire(pair[0]).send(octets, seconds=WITHIN)
    peer.join(WITHIN)
    assert read == octets


def test_who_does_not_read_is_waited_for_no_longer_than_said(pair):
    with pytest.raises(TimeoutError):
        Wire(pair[0]).send(bytes(1 << 24), seconds=0.01)
