"""A mail host for tests that answers as it is told to, over a real socket on loopback.

It keeps the exact octets between DATA's 354 and the final dot, speaks STARTTLS when given a
context, and can hang up where a test says: the contrary half of every SMTP dialogue.
"""

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO, Self

_GOOD = {"MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go on", ".": "250 2.0.0 taken", "RSET": "250 ok"}


@dataclass
class SmtpPeer:
    """One host on 127.0.0.1; use as a context manager, then read `port` and what it has seen."""

    answers: Mapping[str, str] = field(default_factory=dict)
    """Replies by verb (`MAIL`, `DATA`, `.`), by `RCPT address`, or by `MAIL again` for a verb that the connection has
    heard before; `HANGUP` closes instead of answering."""
    tls: ssl.SSLContext | None = None
    """Offers STARTTLS with it."""
    pipelining: bool = False
    """Says that it takes commands in groups (RFC 2920)."""
    greeting: str = "220 peer.example ready"
    lines: list[str] = field(default_factory=list)
    """Every command line, in order."""
    messages: list[bytes] = field(default_factory=list)
    """Each message as it stood on the wire, dots still doubled, without the final dot."""
    connections: int = 0
    port: int = 0

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with socket.create_connection(("127.0.0.1", self.port)):  # wakes the listener, which then finds itself closed
            self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing.is_set():
                connection.close()
                return
            self.connections += 1
            threading.Thread(target=self._dialogue, args=(connection,), daemon=True).start()

    def _dialogue(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._speak(connection)
        except OSError:
            return

    def _speak(self, connection: socket.socket) -> None:
        with ExitStack() as open_:
            self._converse(connection, open_)

    def _converse(self, connection: socket.socket, open_: ExitStack) -> None:
        current: socket.socket = connection
        current.sendall(f"{self.greeting}\r\n".encode())
        reader, heard = current.makefile("rb"), set[str]()
        while line := reader.readline():
            command = line.decode("latin-1").strip()
            self.lines.append(command)
            verb = command.split(" ")[0].upper()
            if verb == "STARTTLS" and self.tls is not None:
                current.sendall(b"220 go ahead\r\n")
                current = open_.enter_context(self.tls.wrap_socket(connection, server_side=True))
                reader = current.makefile("rb")
                continue
            reply = self.answers.get(f"{verb} again") if verb in heard else None
            reply = reply or self._reply(verb, command)
            heard.add(verb)
            if reply == "HANGUP":
                return
            current.sendall(f"{reply}\r\n".encode())
            if verb == "QUIT":
                return
            if verb == "DATA" and reply.startswith("354"):
                self._take_data(reader)
                final = self.answers.get(".", _GOOD["."])
                if final == "HANGUP":
                    return
                current.sendall(f"{final}\r\n".encode())

    def _reply(self, verb: str, command: str) -> str:
        if verb == "EHLO":
            words = ["peer.example", "SIZE 1000000000", *["PIPELINING"] * self.pipelining]
            words.append("STARTTLS" if self.tls else "HELP")
            return "\r\n".join(f"250{' ' if word is words[-1] else '-'}{word}" for word in words)
        if verb == "RCPT":
            address = command.partition("<")[2].partition(">")[0]
            return self.answers.get(f"RCPT {address}", self.answers.get("RCPT", _GOOD["RCPT"]))
        return self.answers.get(verb, _GOOD.get(verb, "250 ok"))

    def _take_data(self, reader: BinaryIO) -> None:
        octets = bytearray()
        while not octets.endswith(b"\r\n.\r\n") and bytes(octets) != b".\r\n":
            line = reader.readline()
            if not line:
                raise OSError("cut in the data")
            octets += line
        self.messages.append(bytes(octets[:-3]))
