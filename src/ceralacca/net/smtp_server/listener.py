"""Doors and who stands in them: accepts connections, counts them, turns away what is too many, closes in good order.

Connections are counted before any TLS, by address and in all: a crowd of half-open handshakes costs
nothing but its places, which time out.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ceralacca.net.smtp_server import replies
from ceralacca.net.smtp_server.connection import Equipment
from ceralacca.net.smtp_server.conversation import Conversation

_LOG = structlog.get_logger(__name__)
_WAITING_ROOM = 512
_LAST_WAIT = 2.0
"""Seconds for a connection that was cut to notice it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One socket to listen on; port 0 takes any free one."""

    host: str
    port: int
    implicit_tls: bool = False
    shared: bool = False
    """Whether other processes listen on the same port (SO_REUSEPORT)."""


class Listener:
    """The doors of one point; lives on one event loop."""

    def __init__(self, doors: Sequence[Door], equipment: Equipment) -> None:
        self._doors, self._equipment = tuple(doors), equipment
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._conversations: set[Conversation] = set()
        self._by_peer: Counter[str] = Counter()

    async def start(self) -> tuple[int, ...]:
        """Open the doors; return their ports in order. Raises OSError when one is taken."""
        try:
            for door in self._doors:
                self._sockets.append(_open(door))
        except OSError:
            self._close_doors()
            raise
        for door, listening in zip(self._doors, self._sockets, strict=True):
            self._accepting.append(asyncio.create_task(self._accept(door, listening)))
        return self.ports

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports listened on, in the order of the doors."""
        return tuple(listening.getsockname()[1] for listening in self._sockets)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._serving)

    async def stop(self, grace: float = 30.0) -> None:
        """Close the doors, say 421 to who is idle, let messages that are arriving arrive within `grace` seconds."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        self._close_doors()
        for conversation in tuple(self._conversations):
            conversation.dismiss()
        if self._serving:
            await asyncio.wait(self._serving, timeout=grace)
        for conversation in tuple(self._conversations):
            conversation.abort()
        if self._serving:
            await asyncio.wait(self._serving, timeout=_LAST_WAIT)
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _close_doors(self) -> None:
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()
        self._accepting.clear()

    async def _accept(self, door: Door, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:  # no file descriptors left: the places that are taken must first come free
                _LOG.error("smtp.accept", error=type(error).__name__)
                await asyncio.sleep(0.1)
                continue
            ip = str(address[0])
            limits = self._equipment.limits
            if len(self._serving) >= limits.connections or self._by_peer[ip] >= limits.connections_per_peer:
                _turn_away(connection, speaks=not door.implicit_tls)
                continue
            self._by_peer[ip] += 1
            task = asyncio.create_task(self._serve(connection, ip, implicit_tls=door.implicit_tls))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve(self, connection: socket.socket, ip: str, *, implicit_tls: bool) -> None:
        conversation = Conversation(self._equipment, ip)  # raises nothing that a client could bring about
        self._conversations.add(conversation)
        tls = self._equipment.tls if implicit_tls else None
        wait = self._equipment.limits.handshake_time if tls else None
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a greeting waits 40 ms for an ACK
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: conversation, connection, ssl=tls, ssl_handshake_timeout=wait
            )
            await conversation.over()
        except (OSError, ssl.SSLError, TimeoutError) as error:
            _LOG.info("smtp.no_handshake", error=type(error).__name__)
        finally:
            self._conversations.discard(conversation)
            self._by_peer[ip] -= 1
            if not self._by_peer[ip]:
                del self._by_peer[ip]


def _open(door: Door) -> socket.socket:
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    listening = socket.create_server(
        (door.host, door.port), family=family, backlog=_WAITING_ROOM, reuse_port=door.shared
    )
    listening.setblocking(False)
    return listening


def _turn_away(connection: socket.socket, *, speaks: bool) -> None:
    """Close a connection that is one too many; a client that has not begun TLS is told why."""
    with connection:
        connection.setblocking(False)
        if speaks:
            try:
                connection.send(replies.TOO_MANY_CONNECTIONS.encode() + b"\r\n")
            except OSError:
                return
