"""How near SMTP reception, durable before `250`, comes to Postfix and to servers that do nothing (B6).

Subject: the incoming listener as the provider runs it, on a store that appends each batch to one file
and syncs it once. Beside it, in the same run and under the same client (smtp-source, in C), Postfix with its queue
and `discard` behind it, whose `250` is as durable as ours, and smtp-sink, which discards. The rows marked
*pipelined* send MAIL, RCPT and DATA together (RFC 2920), against a bare asyncio sink and under a client of our own,
as smtp-source does not know how. Messages of 5 KB over kept connections; client and server share two cores.
Floor: 1.5 times Postfix.

    python bench/smtp_in.py [--quick]
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from _folders import data_folder
from _peers import need_postfix, postfix, smtp_sink, smtp_source
from measure import Table, compare

FLOOR = 1.5
BODY = (b"Subject: prova\r\n\r\n" + (b"x" * 76 + b"\r\n") * 64)[:5000] + b"\r\n.\r\n"
COMMANDS = (
    b"MAIL FROM:<anna.bianchi@pec.beta.example> SIZE=5000\r\n",
    b"RCPT TO:<mario.rossi@pec.alfa.example>\r\n",
    b"DATA\r\n",
)


class Sink(asyncio.Protocol):
    """Discards mail."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.kept, self.in_data = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every command and every message."""
        self.kept += data
        while True:
            end = self.kept.find(b"\r\n.\r\n" if self.in_data else b"\r\n")
            if end < 0:
                return
            line, self.kept = self.kept[:end], self.kept[end + (5 if self.in_data else 2) :]
            self.in_data = not self.in_data and line == b"DATA"
            self.transport.write(b"354 go on\r\n" if self.in_data else b"250 2.0.0 OK\r\n")


class Source(asyncio.Protocol):
    """Sends message after message on one connection."""

    def __init__(self, end: float) -> None:
        self.steps = [(b"".join(COMMANDS), len(COMMANDS)), (BODY, 1)]
        self.end, self.sent, self.step, self.due = end, -1, -1, 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Count the replies that are due."""
        if self.sent < 0:  # greeting, then EHLO
            if data.startswith(b"220"):
                self.transport.write(b"EHLO mx.beta.example\r\n")
                return
            self.sent = 0
        elif data[:1] not in b"23":
            raise SystemExit(f"refused: {data!r}")
        self.due -= data.count(b"\n")
        if self.due <= 0:
            self.go_on()

    def go_on(self) -> None:
        """Send what comes next, or leave between two messages when the time is over."""
        self.step = (self.step + 1) % len(self.steps)
        if self.step == 0 and perf_counter() > self.end:
            self.transport.close()
            return
        octets, self.due = self.steps[self.step]
        self.sent += self.step == len(self.steps) - 1
        self.transport.write(octets)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Give the number of messages."""
        self.done.set_result(self.sent)


async def drive(port: int, connections: int, window: float) -> float:
    loop, start = asyncio.get_running_loop(), perf_counter()
    sources = [
        (await loop.create_connection(lambda: Source(start + window), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    sent = sum([await source.done for source in sources])
    return sent / (perf_counter() - start)


async def serve_sink() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def serve_incoming(folder: Path) -> None:
    import logging  # noqa: PLC0415 not in the sink

    import structlog  # noqa: PLC0415

    from ceralacca.base.clock import SystemClock  # noqa: PLC0415
    from ceralacca.base.identifiers import system_entropy  # noqa: PLC0415
    from ceralacca.net.smtp_server import (  # noqa: PLC0415
        Door,
        Equipment,
        IncomingRules,
        Limits,
        Listener,
        Reception,
        SpoolRoom,
    )

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    file = os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    class Appending:
        """Durable, and nothing else."""

        def receive(self, messages, *, now):  # noqa: ARG002
            """Append and sync."""
            os.write(file, b"".join(part for one in messages for part in (one.trace, one.octets)))
            os.fdatasync(file)

    rules = IncomingRules(
        domains=lambda: frozenset({"pec.alfa.example"}), own=(), mailbox=lambda _: None, ready=lambda: True
    )
    clock = SystemClock()
    equipment = Equipment(
        hostname="mx.gestore-alfa.example",
        rules=rules,
        reception=Reception(Appending(), clock),
        room=SpoolRoom(folder, reserve=0),
        clock=clock,
        entropy=system_entropy,
        tls=None,
        limits=Limits(connections_per_peer=1000),
    )
    listener = Listener([Door(host="127.0.0.1", port=0)], equipment)
    print(*await listener.start(), flush=True)
    await asyncio.Event().wait()


@contextmanager
def server(*arguments: str) -> Iterator[int]:
    """Run a server of this script as a process of its own; give its port."""
    with subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def sent(port: int, connections: int, window: float) -> float:
    """Return the messages a second that a server takes from smtp-source in about that time."""
    paths = {"sender": "anna.bianchi@pec.beta.example", "to": "mario.rossi@pec.alfa.example"}
    kit = {"connections": connections, "octets": 5000, **paths}
    guess = smtp_source(port, number=4 * connections, **kit)
    return smtp_source(port, number=max(int(guess * window), 4 * connections), **kit)


def main() -> int:
    if "--sink" in sys.argv:
        asyncio.run(serve_sink())
    if "--incoming" in sys.argv:
        asyncio.run(serve_incoming(Path(sys.argv[-1])))
    need_postfix()
    window = 0.4 if "--quick" in sys.argv else 1.0
    table = Table("smtp_in")
    discarding = {"virtual_mailbox_domains": "", "default_transport": "discard:", "relay_transport": "discard:"}
    with (
        server("--incoming", str(data_folder("pec-bench-"))) as incoming,
        server("--sink") as sink,
        smtp_sink() as discards,
        postfix(discarding) as peer,
    ):
        for connections in (10, 50):
            for name, port, floor in (("Postfix queue to discard", peer.port, FLOOR), ("smtp-sink", discards, None)):
                table.add(
                    compare(
                        f"5 KB, {connections} connections, over {name}",
                        subject=lambda connections=connections: sent(incoming, connections, window),
                        subject_rate=lambda connections=connections: sent(incoming, connections, window),
                        bound_rate=lambda port=port, connections=connections: sent(port, connections, window),
                        goal=floor,
                        samples=5,
                    )
                )

            def piped(port: int, connections: int = connections) -> float:
                return asyncio.run(drive(port, connections, window))

            table.add(
                compare(
                    f"5 KB, {connections} connections, pipelined, over an asyncio sink",
                    subject=lambda piped=piped: piped(incoming),
                    subject_rate=lambda piped=piped: piped(incoming),
                    bound_rate=lambda piped=piped: piped(sink),
                    samples=5,
                )
            )
    return 0 if table.finish() else 1


if __name__ == "__main__":
    sys.exit(main())
