"""A holder's mail programs for benchmarks: messages, and connections over which they go out and cost little.

They speak through the relay's own wire and switchboard (`net.smtp_wire`, `net.switchboard`): all in one thread, for
what a client costs is taken from the cores that are measured.

Not a benchmark itself: the underscore keeps it from `make bench`.
"""

import base64
import os
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from ceralacca.apps.demo.ports import HOST
from ceralacca.core.model.address import Address
from ceralacca.net.smtp_wire import NoReply, Wire
from ceralacca.net.switchboard import Switchboard

_SECONDS = 120.0
"""How long a reply may take."""


def message(sender: Address, to: Address, octets: int) -> bytes:
    """Return a message of about that size, as a client ends it: with a text that has no two equal lines."""
    head = (
        f"From: {sender}\r\nTo: {to}\r\nSubject: Prova di carico\r\nDate: Mon, 23 Nov 2026 12:00:00 +0100\r\n"
        f"Message-ID: <{os.urandom(12).hex()}@client.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    ).encode()
    filling = base64.b64encode(os.urandom(octets * 3 // 4))
    lines = b"\r\n".join(filling[start : start + 76] for start in range(0, len(filling), 76))
    return head + lines + b"\r\n.\r\n"


@dataclass(slots=True)
class Senders:
    """A holder's clients over kept TLS connections, signed in once.

    What comes before a message goes out as one group where the server allows it (RFC 2920), as Postfix does.
    """

    port: int
    context: ssl.SSLContext
    user: str
    password: str
    connections: int
    wires: list[Wire] = field(default_factory=list)
    sockets: list[ssl.SSLSocket] = field(default_factory=list)
    grouped: bool = False

    def connect(self) -> None:
        """Sign in on every connection. Raises OSError while nobody listens."""
        plain = base64.b64encode(f"\0{self.user}\0{self.password}".encode())
        for _ in range(self.connections):
            opened = socket.create_connection((HOST, self.port), _SECONDS)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            protected = self.context.wrap_socket(opened, server_hostname="localhost")
            wire = Wire(protected)
            _reply(wire)
            wire.send(b"EHLO client.example\r\n", seconds=_SECONDS)
            self.grouped = b"PIPELINING" in _reply(wire).split(b"\n")
            wire.send(b"AUTH PLAIN " + plain + b"\r\n", seconds=_SECONDS)
            _reply(wire)
            self.wires.append(wire)
            self.sockets.append(protected)

    def send(self, number: int, octets: bytes, to: Address) -> tuple[float, float]:
        """Send one message on one connection; return the instants of its final dot and of its `250`."""
        wire = self.wires[number]
        commands = [f"{text}\r\n".encode() for text in (f"MAIL FROM:<{self.user}>", f"RCPT TO:<{to}>", "DATA")]
        if self.grouped:
            wire.send(b"".join(commands), seconds=_SECONDS)
        for command in commands:
            if not self.grouped:
                wire.send(command, seconds=_SECONDS)
            _reply(wire)
        start = len(octets) - 3 if len(octets) > 1 << 20 else 0
        if start:
            wire.send(octets[:start], seconds=_SECONDS)
        dot = time.perf_counter()
        wire.send(octets[start:], seconds=_SECONDS)
        _reply(wire)
        return dot, time.perf_counter()

    def send_all(self, messages: Iterable[bytes], to: Address) -> None:
        """Send messages as quickly as they are taken."""
        left = list(messages)

        def client(number: int) -> None:
            while left:
                self.send(number, left.pop(), to)

        with _conversations(len(self.wires)) as begin:
            for number in range(len(self.wires)):
                begin(partial(client, number))

    def send_at(self, rate: float, messages: Iterable[bytes], to: Address) -> list[float]:
        """Send so many a second, at fixed instants; return the instant of each final dot, in their order."""
        free, dots = deque(range(len(self.wires))), dict[int, float]()

        def one(place: int, octets: bytes) -> None:
            number = free.popleft()  # in turn, so that none falls idle; as many go on at once as there are connections
            dots[place] = self.send(number, octets, to)[0]
            free.append(number)

        with _conversations(len(self.wires)) as begin:
            start = time.perf_counter()
            for place, octets in enumerate(messages):
                time.sleep(max(start + place / rate - time.perf_counter(), 0))
                begin(partial(one, place, octets))
        return [dots[place] for place in sorted(dots)]

    def close(self) -> None:
        """Leave."""
        for one in self.sockets:
            with suppress(OSError):
                one.close()
        self.sockets.clear()
        self.wires.clear()


@contextmanager
def _conversations(most: int) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Give what begins a conversation, as many at once as are allowed; what ends one early ends the benchmark."""
    ended: list[BaseException] = []

    def held(conversation: Callable[[], None]) -> None:
        try:
            conversation()
        except (Exception, SystemExit) as error:  # noqa: BLE001 told by the thread that waits for all
            ended.append(error)

    with Switchboard(most, name="senders") as board:
        yield lambda conversation: board.submit(partial(held, conversation))
    for error in ended:
        raise SystemExit(f"a client ended: {type(error).__name__}: {error}") from error


def _reply(wire: Wire) -> bytes:
    """Return the words of a reply that is no refusal."""
    try:
        code, words = wire.reply(seconds=_SECONDS)
    except NoReply as error:
        raise ConnectionError(str(error)) from None
    if not 200 <= code < 400:
        raise SystemExit(f"refused: {code} {words!r}")
    return words
