"""What SMTP listeners are tried with: a store that writes down, holders who sign in, a server in a thread.

A test speaks to the server over real sockets with blocking clients, so the event loop runs beside it.
"""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.net.smtp_server import (
    AccessRules,
    Door,
    Equipment,
    IncomingRules,
    Limits,
    Listener,
    Reception,
    SpoolRoom,
    server_context,
)
from ceralacca.ports.letters import Inbound
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict, SignsIn
from ceralacca.testing.clock import CountingEntropy, FixedClock
from ceralacca.testing.paper_cast import ALFA_SERVICE, CARLA, MARIO
from ceralacca.testing.scenario import ALFA
from ceralacca.testing.tls import ServerFiles

HOST = "mx.gestore-alfa.example"
PASSWORD = "Segreta: 1%"  # noqa: S105 invented
UNUSUAL_PASSWORD = "Pässwort: 1€ è"  # noqa: S105 invented; not ASCII on purpose

T = TypeVar("T")


@dataclass(slots=True)
class RecordingStore:
    """Writes down what it receives; `octets` are copied, as the spool is gone afterwards."""

    messages: list[Inbound] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    """How many messages each call held."""
    fails: bool = False
    """Whether the disk refuses."""
    keeps: bool = True
    """Whether octets are kept; without, only their number is looked at."""
    entered: int = 0
    """How many messages calls have brought, those that still wait at the gate among them."""
    gate: threading.Event = field(default_factory=threading.Event)
    """A call waits for it; set from the start."""

    def __post_init__(self) -> None:
        self.gate.set()

    def receive(self, messages: Sequence[Inbound], *, now: datetime) -> None:
        """Take messages."""
        del now
        self.entered += len(messages)
        self.gate.wait(30)
        if self.fails:
            raise WorldError("the disk refuses")
        self.batches.append(len(messages))
        if self.keeps:
            self.messages += [replace(message, octets=_copy(message)) for message in messages]

    @property
    def texts(self) -> list[bytes]:
        """The octets of all messages."""
        return [_copy(message) for message in self.messages]


def _copy(message: Inbound) -> bytes:
    return bytes(message.octets)


@dataclass(slots=True)
class Holders:
    """Who signs in, by mailbox; satisfies `ports.sign_in.SignsIn`."""

    passwords: Mapping[Address, str] = field(default_factory=lambda: {MARIO: PASSWORD, CARLA: UNUSUAL_PASSWORD})
    readers: frozenset[Address] = frozenset()
    """Mailboxes that may not send."""
    aliases: Mapping[Address, frozenset[Address]] = field(default_factory=dict)
    attempts: list[tuple[str, SignInProtocol, str]] = field(default_factory=list)
    too_many: bool = False
    away: bool = False

    def check(
        self, mailbox: str, password: bytes, *, protocol: SignInProtocol, peer: str, device: str = ""
    ) -> SignInOutcome:
        """Check one attempt."""
        del device
        self.attempts.append((mailbox, protocol, peer))
        if self.away:
            raise WorldError("nobody can be asked")
        if self.too_many:
            return SignInOutcome(verdict=SignInVerdict.TOO_MANY)
        known = next((address for address in self.passwords if address.key == mailbox.lower()), None)
        if known is None or self.passwords[known].encode() != password:
            return SignInOutcome(verdict=SignInVerdict.REFUSED)
        may = (
            frozenset[Address]() if known in self.readers else frozenset({known}) | self.aliases.get(known, frozenset())
        )
        return SignInOutcome(verdict=SignInVerdict.SIGNED_IN, mailbox=known, may_send_as=may)


@dataclass(slots=True)
class World:
    """What the rules of a listener ask; a test changes it while the server runs."""

    store: RecordingStore = field(default_factory=RecordingStore)
    holders: SignsIn = field(default_factory=Holders)
    clock: Clock = field(default_factory=FixedClock)
    ready: bool = True
    domains: frozenset[str] = frozenset({"pec.alfa.example", "comune.alfa.example"})
    mailboxes: Mapping[Address, MailboxRecord] = field(
        default_factory=lambda: {one: MailboxRecord(address=one) for one in (MARIO, CARLA)}
    )


class RunningServer:
    """A listener on an event loop in a thread of its own. Use as a context manager.

    `doors` of the access point: implicit TLS, then STARTTLS; of the incoming point: one.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        *,
        access: bool,
        files: ServerFiles | None = None,
        limits: Limits | None = None,
        accept_unknown: bool = True,
        room: SpoolRoom | None = None,
    ) -> None:
        self.world = world
        self._access, self._files, self._accept_unknown = access, files, accept_unknown
        self._limits = limits or Limits(sign_in_delay=0)
        self._room = room or SpoolRoom(folder, reserve=0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-server")
        self.ports: tuple[int, ...] = ()

    @property
    def listener(self) -> Listener:
        """The listener itself; touch it by `run` only."""
        return self._listener

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.ports = self.run(self._start())
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(self, *unused: object) -> None:
        with suppress(TimeoutError):
            self.run(self._stop())
        self._end_loop()

    def stop(self, grace: float = 5.0) -> None:
        """Stop the listener in good order."""
        self.run(self._listener.stop(grace))

    async def _start(self) -> tuple[int, ...]:
        self._reception = Reception(self.world.store, self.world.clock)
        tls = server_context(self._files.certificate, self._files.key) if self._files else None
        equipment = Equipment(
            hostname=HOST,
            rules=self._access_rules() if self._access else self._incoming_rules(),
            reception=self._reception,
            room=self._room,
            clock=self.world.clock,
            entropy=CountingEntropy(),
            tls=tls,
            limits=self._limits,
        )
        doors = [Door(host="127.0.0.1", port=0)]
        if self._access:
            doors.insert(0, Door(host="127.0.0.1", port=0, implicit_tls=True))
        self._listener = Listener(doors, equipment)
        return await self._listener.start()

    def _access_rules(self) -> AccessRules:
        reserved = {ALFA.address, ALFA_SERVICE}
        return AccessRules(
            self.world.holders, reserved=reserved, ready=lambda: self.world.ready, clock=self.world.clock
        )

    def _incoming_rules(self) -> IncomingRules:
        return IncomingRules(
            domains=lambda: self.world.domains,
            own={ALFA.address, ALFA_SERVICE},
            mailbox=self.world.mailboxes.get,
            ready=lambda: self.world.ready,
            accept_unknown=self._accept_unknown,
            postmaster=ALFA_SERVICE,
        )

    async def _stop(self) -> None:
        await self._listener.stop(0.5)
        await self._reception.close()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
