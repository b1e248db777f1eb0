"""A server of clamd's sessions for tests, that does to each scan what the test says: honest unless told otherwise."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

FRESH: Final = b"ClamAV 1.4.6/27800/Thu Nov  5 08:00:00 2026\0"
"""Signatures of the day of the tests."""

Behaviour = Callable[[socket.socket, bytes], None]
"""What is done to a connection after INSTREAM; the number of the command is given as the answer begins with it."""


def read_stream(peer: socket.socket) -> bytes:
    """Read what follows zINSTREAM up to the end mark, and not what comes behind."""
    octets = b""
    while size := struct.unpack("!I", peer.recv(4, socket.MSG_WAITALL))[0]:
        octets += peer.recv(size, socket.MSG_WAITALL)
    return octets


def reset(peer: socket.socket) -> None:
    """Make the close a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say(peer: socket.socket, octets: bytes) -> None:
    """Say it, and no more when it is cut."""
    peer.sendall(octets)
    if not octets.endswith(b"\0"):
        peer.shutdown(socket.SHUT_WR)


class FakeClamd:
    """Listens on loopback, or on a path: there no more is under way than the kernel holds of one socket."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self.listener = socket.create_server(("127.0.0.1", 0))
        else:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(str(path))
            self.listener.listen()
        self.address = path or self.listener.getsockname()
        self.version = FRESH
        self.streams: list[bytes] = []
        self.peers: list[socket.socket] = []
        self.commands: list[bytes] = []
        self.release = threading.Event()
        self.behave: Behaviour = self.honest
        self.answer = b"stream: OK\0"
        self.threads = [threading.Thread(target=self._serve, daemon=True)]
        self.threads[0].start()

    def honest(self, peer: socket.socket, number: bytes) -> None:
        """Hear all and give the answer that is set."""
        self.streams.append(read_stream(peer))
        say(peer, number + self.answer)

    def first(self, behave: Behaviour) -> None:
        """Be honest after one scan."""

        def once(peer: socket.socket, number: bytes) -> None:
            self.behave = self.honest
            behave(peer, number)

        self.behave = once

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            self.threads.append(threading.Thread(target=self._talk, args=[peer], daemon=True))
            self.threads[-1].start()

    def _talk(self, peer: socket.socket) -> None:
        asked = -1
        with peer, suppress(OSError, struct.error):
            while command := self._command(peer):
                self.commands.append(command)
                asked += asked >= 0 or command == b"zIDSESSION\0"
                self._one(peer, command, b"%d: " % asked if asked >= 0 else b"")

    def _command(self, peer: socket.socket) -> bytes:
        command = b""
        while not command.endswith(b"\0"):
            if not (octet := peer.recv(1)):
                return b""
            command += octet
        return command

    def _one(self, peer: socket.socket, command: bytes, number: bytes) -> None:
        if command == b"zVERSION\0":
            say(peer, number + self.version)
        elif command == b"zPING\0":
            peer.sendall(number + b"PONG\0")
        elif command == b"zINSTREAM\0":
            self.behave(peer, number)
        elif command == b"zRELOAD\0" and not number:
            peer.sendall(b"RELOADING\0")

    def close(self) -> None:
        """Leave, and break all connections off."""
        self.release.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5)
