"""The incoming point's side of SMTP: mail of other providers and of everybody else, for our domains only.

Says nothing on what the mail is: that is for the worker to classify. Whether the channel was
protected is recorded, not required, as ordinary mail may come in the clear (IP-1, IP-4).

Clauses: IP-1, IP-3, IP-5.
"""

import asyncio
from collections.abc import Callable, Collection

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.net.smtp_server import replies
from ceralacca.net.smtp_server.paths import PathArgument
from ceralacca.net.smtp_server.rules import Client, Fresh, Refusal
from ceralacca.ports.letters import Point
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.sign_in import SignInOutcome

_READY_FOR = 1.0
_DOMAINS_FOR = 2.0


class IncomingRules:
    """For whom mail is taken.

    `own` holds the provider address and the service mailbox, whose domain need not be a PEC domain; `domains` and
    `mailbox` are the store's and may block, so may `ready`, which says whether mail could be classified (IP-5).
    Without `accept_unknown` mailboxes that do not exist are refused at RCPT. `postmaster` is who that bare name is.
    """

    point = Point.INCOMING
    extensions: tuple[str, ...] = ("8BITMIME",)
    parameters = frozenset({"BODY"})
    signs_in = False

    def __init__(
        self,
        *,
        domains: Callable[[], frozenset[str]],
        own: Collection[Address],
        mailbox: Callable[[Address], MailboxRecord | None],
        ready: Callable[[], bool],
        accept_unknown: bool = True,
        postmaster: Address | None = None,
    ) -> None:
        self._domains = Fresh(domains, seconds=_DOMAINS_FOR)
        self._own = frozenset(own)
        self._mailbox = mailbox
        self._ready = Fresh(ready, seconds=_READY_FOR)
        self._accept_unknown, self._postmaster = accept_unknown, postmaster

    async def ready(self) -> bool:
        """Say whether mail could be classified now (IP-5)."""
        return await self._ready.get()

    async def sign_in(self, login: str, password: bytes, ip: str) -> SignInOutcome:
        """Nobody signs in here. Raises WorldError."""
        del login, password, ip
        raise WorldError("nobody signs in at the incoming point")

    async def reverse_path(self, client: Client, argument: PathArgument) -> Address | Refusal | None:
        """Take any sender, also none, also one that our own grammar would not write."""
        del client
        if not argument.path:
            return None
        if "@" not in argument.path or len(argument.path) > 254:
            return Refusal(replies.BAD_SENDER)
        return Address(argument.path)

    async def forward_path(self, client: Client, argument: PathArgument) -> Address | Refusal:
        """Take addresses of ours, whether the mailbox exists or not (IP-3, AM-22); never relay."""
        del client
        if argument.path.lower() == "postmaster" and self._postmaster is not None:  # RFC 5321, 4.5.1
            return self._postmaster
        try:
            recipient = Address.parse(argument.path)
        except InvalidAddress:
            return Refusal(replies.BAD_RECIPIENT)
        if recipient in self._own:
            return recipient
        if recipient.domain not in await self._domains.get():
            return Refusal(replies.NO_RELAY.format(path=recipient))
        if not self._accept_unknown and not await self._exists(recipient):
            return Refusal(replies.UNKNOWN_USER.format(path=recipient))
        return recipient

    async def _exists(self, recipient: Address) -> bool:
        record = await asyncio.to_thread(self._mailbox, recipient)
        return record is not None and record.status is not MailboxStatus.CLOSED
