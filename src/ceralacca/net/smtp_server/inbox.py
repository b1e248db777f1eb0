"""The octets that a client has sent and nobody has read yet: lines while commands are spoken, chunks inside DATA.

Bounded: above a limit the transport is told to read no more. Knows when a client has spoken ahead
of its turn, which after STARTTLS, EHLO and DATA is an attack (RFC 3207, RFC 2920).
"""

import asyncio

from ceralacca.base.errors import PeerError

_FULL = 256 * 1024


class BadLine(PeerError):
    """A command line that cannot be read: `fatal` when the connection must not go on."""

    def __init__(self, what: str, *, fatal: bool) -> None:
        super().__init__(what)
        self.fatal = fatal


class Inbox:
    """What was received on one connection, in order."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._paused = False
        self.transport: asyncio.Transport | None = None
        """Whom to ask to pause; changes with STARTTLS."""

    @property
    def pending(self) -> bool:
        """Whether octets wait to be read."""
        return bool(self._octets)

    @property
    def has_line(self) -> bool:
        """Whether a whole line waits to be read."""
        return b"\n" in self._octets

    def put(self, octets: bytes) -> None:
        """Take what the transport received."""
        self._octets += octets
        if len(self._octets) > _FULL and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def put_back(self, octets: bytes) -> None:
        """Give back octets that were taken: they are read next."""
        self._octets[:0] = octets

    def end(self) -> None:
        """Learn that nothing more will come."""
        self._ended = True
        self._wake()

    def clear(self) -> None:
        """Forget everything unread."""
        self._octets.clear()
        if self._paused:
            self._resume()

    async def chunk(self) -> bytes:
        """Return everything that is there, waiting for something; empty at the end of the stream."""
        while not self._octets and not self._ended:
            await self._more()
        octets = bytes(self._octets)
        self.clear()
        return octets

    async def line(self, limit: int) -> bytes | None:
        """Return the next line without its CR LF; None at the end of the stream.

        Raises BadLine for a line longer than `limit` (which is then gone) and for one with a bare CR or LF or a NUL.
        """
        while (end := self._octets.find(b"\n")) < 0:
            if len(self._octets) > limit:
                await self._drop_line()
                raise BadLine("the line is too long", fatal=False)
            if self._ended:
                return None
            await self._more()
        line = bytes(self._octets[: end + 1])
        del self._octets[: end + 1]
        if self._paused and len(self._octets) <= _FULL:
            self._resume()
        if not line.endswith(b"\r\n") or line.count(b"\r") != 1 or b"\0" in line:
            raise BadLine("a line ends with CR LF and holds neither", fatal=True)
        if len(line) > limit:
            raise BadLine("the line is too long", fatal=False)
        return line[:-2]

    async def _drop_line(self) -> None:
        """Forget octets up to the end of the line; the caller's time-out bounds how long that may take."""
        while (end := self._octets.find(b"\n")) < 0:
            self.clear()
            if self._ended:
                return
            await self._more()
        del self._octets[: end + 1]

    async def _more(self) -> None:
        if self._paused:
            self._resume()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        if self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
