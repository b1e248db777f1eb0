"""The access point's side of SMTP: submissions of holders who have signed in over a protected channel.

Refuses in SMTP what can be refused before DATA; what only the message itself shows is the worker's
affair and ends in a notice.

Clauses: AP-1 to AP-4, AP-13, AP-14, AP-18, AM-15, AM-33, SE-3.
"""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from ceralacca.base.clock import Clock
from ceralacca.core.mailbox_end import has_ended
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.net.smtp_server import replies
from ceralacca.net.smtp_server.paths import PathArgument
from ceralacca.net.smtp_server.rules import Client, Fresh, Refusal
from ceralacca.ports.letters import Point
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignsIn

_READY_FOR = 1.0


class AccessRules:
    """Who may submit, as whom, and to whom.

    `reserved` holds the provider address and the service mailbox; `ready` says whether the scanner would
    answer (`ports.scanner.Scanner.ready`) and may block; `sign_in_threads` is how many passwords are hashed at once.
    """

    point = Point.ACCESS
    extensions: tuple[str, ...] = ()  # AP-3: no 8BITMIME, SMTPUTF8, BINARYMIME, DSN, CHUNKING
    parameters = frozenset({"AUTH"})  # RFC 4954, 5: taken and not believed
    signs_in = True

    def __init__(
        self,
        signs_in: SignsIn,
        *,
        reserved: Collection[Address],
        ready: Callable[[], bool],
        clock: Clock,
        sign_in_threads: int = 2,
    ) -> None:
        self._signs_in = signs_in
        self._reserved = frozenset(reserved)
        self._clock = clock
        self._ready = Fresh(ready, seconds=_READY_FOR)
        self._hashing = ThreadPoolExecutor(max_workers=sign_in_threads, thread_name_prefix="sign-in")

    async def ready(self) -> bool:
        """Say whether the scanner would answer now (AP-18)."""
        return await self._ready.get()

    async def sign_in(self, login: str, password: bytes, ip: str) -> SignInOutcome:
        """Check a name and password off the event loop (SE-3). Raises WorldError."""

        def check() -> SignInOutcome:
            return self._signs_in.check(login, password, protocol=SignInProtocol.SUBMISSION, peer=ip)

        return await asyncio.get_running_loop().run_in_executor(self._hashing, check)

    async def reverse_path(self, client: Client, argument: PathArgument) -> Address | Refusal | None:
        """Take a path that belongs to who signed in (AP-2)."""
        if not argument.path:
            return Refusal(replies.NULL_SENDER)  # AP-14
        sender = read_address(argument.path, role="Sender", malformed=replies.BAD_SENDER)
        if isinstance(sender, Refusal):
            return sender
        assert client.identity is not None, "MAIL comes after AUTH"
        if has_ended(client.identity.ends, self._clock.now()):  # also for who signed in before it
            return Refusal(replies.CONTRACT_ENDED.format(path=sender, day=client.identity.ends))
        if not client.identity.may_send_as:
            return Refusal(replies.NOT_A_SENDER.format(path=sender))
        if sender not in client.identity.may_send_as:  # AP-2
            return Refusal(replies.NOT_OWNED.format(path=sender, user=client.identity.mailbox))
        return sender

    async def forward_path(self, client: Client, argument: PathArgument) -> Address | Refusal:
        """Take any address that PEC can carry, but not those that receipts are for (AM-33)."""
        del client
        recipient = read_address(argument.path, role="Recipient", malformed=replies.BAD_RECIPIENT)
        if isinstance(recipient, Address) and recipient in self._reserved:
            return Refusal(replies.RESERVED.format(path=recipient))
        return recipient


def read_address(path: str, *, role: str, malformed: str) -> Address | Refusal:
    """Read a path by the strict grammar; the refusal says what is wrong with it."""
    try:
        return Address.parse(path)
    except InvalidAddress:
        domain = path.rpartition("@")[2]
        if path and len(path) < 200 and not path.endswith("@") and "." not in domain and " " not in path:
            return Refusal(replies.NOT_QUALIFIED.format(path=path, role=role))
        return Refusal(malformed)
