"""DATA: a message comes in chunks, under limits of its own, and the instant of its final dot is kept.

A client may hold the final dot back for minutes (holders compete on the second at which a window
opens), so silence is borne; dripping is not: what has come must keep an average rate once the time
that silence is allowed has passed.

Clauses: AP-4; design: T0 is the instant at which the final dot arrived.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ceralacca.base.clock import Clock
from ceralacca.net.smtp_server import replies
from ceralacca.net.smtp_server.end_of_data import Defect, EndOfData
from ceralacca.net.smtp_server.inbox import Inbox
from ceralacca.net.smtp_server.limits import Limits
from ceralacca.net.smtp_server.spool import NoRoom, Spool

_DEFECT_REPLIES = {Defect.BARE_LINE_END: replies.BARE_LINE_END, Defect.NUL: replies.NUL_OCTET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A whole message lies in the spool; `instant` is that of its final dot."""

    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """The message is not taken. `fatal`: the client is still sending, or not to be trusted; close."""

    reply: str
    fatal: bool = False


class ClientGone(ConnectionError):
    """The client left inside DATA: what it sent is no message."""


class DataPhase:
    """Reads one message from the inbox into the spool; `arm` sets the time-out of the connection, in seconds."""

    def __init__(
        self, inbox: Inbox, spool: Spool, *, clock: Clock, limits: Limits, arm: Callable[[float], None]
    ) -> None:
        self._inbox, self._spool, self._clock, self._limits, self._arm = inbox, spool, clock, limits, arm
        self._scan = EndOfData()
        self._refused = ""

    async def read(self) -> Arrived | NotTaken:
        """Read up to the final dot, or to what is wrong. Raises ClientGone."""
        now = asyncio.get_running_loop().time
        start, seen = now(), 0
        while True:
            self._arm(min(self._limits.chunk_time, max(self._time_for(seen) - (now() - start), 0.001)))
            chunk = await self._inbox.chunk()
            if not chunk:
                raise ClientGone("the client left inside DATA")
            seen += len(chunk)
            content = self._scan.feed(chunk)
            instant = self._clock.now()  # T0, should this chunk hold the final dot
            if self._scan.defect is not None:
                return NotTaken(reply=_DEFECT_REPLIES[self._scan.defect], fatal=True)
            await self._keep(content)
            if self._scan.ended:
                self._inbox.put_back(self._scan.rest)
                return NotTaken(reply=self._refused) if self._refused else Arrived(instant=instant)
            if self._refused and seen > 2 * self._limits.size:
                return NotTaken(reply=self._refused, fatal=True)

    def _time_for(self, seen: int) -> float:
        """Return the seconds that a message may have taken when so many octets have come."""
        return min(self._limits.data_time, self._limits.chunk_time + seen / self._limits.data_rate)

    async def _keep(self, content: bytes) -> None:
        if self._refused:
            return
        if self._spool.size + len(content) > self._limits.size:
            self._refuse(replies.TOO_LARGE)  # AP-4; said at the end, as RFC 5321 asks
            return
        try:
            await self._spool.add(content)
        except NoRoom:
            self._refuse(replies.NO_ROOM)

    def _refuse(self, reply: str) -> None:
        self._refused = reply
        self._spool.drop()
