"""What differs between the two listeners: who may speak, what is offered, which paths are taken.

`Rules` is the small port between the conversation (which is the same) and the points of the norm:
`access.AccessRules` for holders' submissions, `incoming.IncomingRules` for the rest of the world.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ceralacca.core.model.address import Address
from ceralacca.net.smtp_server.paths import PathArgument
from ceralacca.ports.letters import Point
from ceralacca.ports.sign_in import SignInOutcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What is known of who speaks, at one moment."""

    ip: str
    helo: str = ""
    extended: bool = False
    """Whether it greeted with EHLO."""
    tls: str = ""
    """Version and cipher of the channel; empty when it is not protected."""
    identity: SignInOutcome | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A path that is not taken, and the reply that says so."""

    reply: str


class Rules(Protocol):
    """The rules of one point."""

    point: Point
    extensions: tuple[str, ...]
    """EHLO keywords beside SIZE, PIPELINING, STARTTLS and AUTH."""
    parameters: frozenset[str]
    """Parameters of MAIL beside SIZE."""
    signs_in: bool
    """Whether mail is taken from those only who signed in over a protected channel (AP-1)."""

    async def ready(self) -> bool:
        """Say whether a message could be handled now; when not, it is not let in (AP-18, IP-5)."""
        ...

    async def sign_in(self, login: str, password: bytes, ip: str) -> SignInOutcome:
        """Check a name and password. Raises WorldError."""
        ...

    async def reverse_path(self, client: Client, argument: PathArgument) -> Address | Refusal | None:
        """Take or refuse the path of MAIL; None is the null reverse path."""
        ...

    async def forward_path(self, client: Client, argument: PathArgument) -> Address | Refusal:
        """Take or refuse the path of RCPT. May raise WorldError: then the client is to come again."""
        ...


class Fresh(Generic[T]):
    """The answer to a question that blocks, asked in a thread and used again for some seconds."""

    def __init__(self, ask: Callable[[], T], *, seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._answer: tuple[T, float] | None = None
        self._asking = asyncio.Lock()

    async def get(self) -> T:
        """Return the answer. Raises what the question raises; nothing is used again then."""
        if (answer := self._still_fresh()) is not None:
            return answer[0]
        async with self._asking:  # one question at a time, whatever the number of clients
            if (answer := self._still_fresh()) is not None:
                return answer[0]
            value = await asyncio.to_thread(self._ask)
            self._answer = (value, asyncio.get_running_loop().time() + self._seconds)
            return value

    def _still_fresh(self) -> tuple[T, float] | None:
        if self._answer is None or self._answer[1] <= asyncio.get_running_loop().time():
            return None
        return self._answer
