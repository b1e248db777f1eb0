"""One TCP connection of a client: octets in and out, time-outs, errors counted, first and last words.

Carried by aiosmtpd, which owns the connection's life (task, timer, end). Line discipline, STARTTLS and
replies are ours: aiosmtpd takes lines that end with a bare LF, drops what a client sent before it
half-closed, switches to TLS through private parts of asyncio, and logs addresses. Its logger is
therefore silent; what happened is one structured line a connection, without addresses.

What is said on it is `conversation`. Clauses: RFC 5321 4.5.3.2; threats: slow clients, smuggling.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass, field, replace
from typing import Any, cast

import structlog
from aiosmtpd.smtp import SMTP

from ceralacca.base.clock import Clock
from ceralacca.base.identifiers import Entropy
from ceralacca.net.smtp_server import replies
from ceralacca.net.smtp_server.inbox import BadLine, Inbox
from ceralacca.net.smtp_server.limits import Limits
from ceralacca.net.smtp_server.reception import Reception
from ceralacca.net.smtp_server.rules import Client, Rules
from ceralacca.net.smtp_server.spool import SpoolRoom

_LOG = structlog.get_logger(__name__)
logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)  # aiosmtpd's: it writes addresses

_NO_HOOKS = object()
_NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What every conversation of one listener works with."""

    hostname: str
    """As the server names itself in greeting and Received; the name in its TLS certificate."""
    rules: Rules
    reception: Reception
    room: SpoolRoom
    clock: Clock
    entropy: Entropy
    tls: ssl.SSLContext | None
    """For STARTTLS and implicit TLS; None offers neither."""
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class Figures:
    """What the one line of diagnostics says."""

    messages: int = 0
    not_taken: int = 0
    errors: int = 0
    sign_in_failures: int = 0
    ended: str = "client left"


class Over(Exception):
    """The conversation is to end now; everything has been said."""


class Connection(SMTP):
    """One connection from greeting to goodbye; what is said in between is the subclass's."""

    def __init__(self, equipment: Equipment, ip: str) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(_NO_HOOKS, hostname=equipment.hostname, timeout=equipment.limits.stranger_time, loop=loop)
        self._equipment, self._limits, self._rules = equipment, equipment.limits, equipment.rules
        self._client = Client(ip=ip)
        self._inbox = Inbox()
        self._said: list[bytes] = []
        self._figures = Figures()
        self._patient = False  # the client has signed in or shown that it comes to send mail
        self._listening = False  # between two commands
        self._dismissed = False
        self._deadline = self._rings = _NEVER
        self._lost: asyncio.Future[None] = loop.create_future()

    async def _obey(self, line: bytes) -> None:
        """Do what a command line says. Raises Over to end the connection."""
        raise NotImplementedError

    def _longest_line(self) -> int:
        """Octets that the next command may have."""
        return 2048

    # -- what asyncio calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the conversation."""
        self._inbox.transport = cast("asyncio.Transport", transport)  # what other loops give is of no such class
        self._client = replace(self._client, tls=channel_of(transport))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self._inbox.put(data)

    def eof_received(self) -> bool:
        """Go on with what has come; a plain connection stays open for the replies."""
        self._inbox.end()
        return not self._client.tls

    def connection_lost(self, error: Exception | None) -> None:
        """End the conversation, wherever it was; a message whose final dot has come may still be stored."""
        if not self._lost.done():
            super().connection_lost(error)
            self._inbox.end()
            self._lost.set_result(None)

    # -- the client's time: one timer for many deadlines, which is set anew when it rings before the last of them --

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Give the client so many seconds from now on."""
        self._deadline = self.loop.time() + (duration or self._timeout_duration)
        if self._deadline < self._rings:
            self._set_timer()

    def _hold_timeout(self) -> None:
        """Stop the clock of the client: it is we who are at work."""
        self._deadline = _NEVER

    def _set_timer(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._rings = self._deadline
        self._timeout_handle = self.loop.call_at(self._rings, self._timeout_cb)

    def _timeout_cb(self) -> None:
        rung, self._rings = self._rings, _NEVER
        if self._deadline <= rung:
            self._figures.ended = "time-out"
            self._last_words(replies.TIMED_OUT)
        elif self._deadline != _NEVER:
            self._set_timer()

    # -- what the listener calls ----------------------------------------------------------------------

    async def over(self) -> None:
        """Return when the connection has ended, and all that was under way on it."""
        await self._lost
        if self._handler_coroutine is not None:
            await asyncio.wait([self._handler_coroutine])

    def dismiss(self) -> None:
        """End after the command under way: a message that is arriving may still arrive, and gets its reply."""
        self._dismissed = True
        if self._listening and not self._inbox.has_line:
            self._figures.ended = "dismissed"
            self._last_words(replies.CLOSING)

    def abort(self) -> None:
        """End at once."""
        if self.transport is not None:
            self._pipe().abort()

    # -- speaking -------------------------------------------------------------------------------------

    def _pipe(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.transport)

    def _last_words(self, reply: str) -> None:
        if self.transport is not None and not self._pipe().is_closing():
            self._pipe().write(reply.format(host=self.hostname).encode() + b"\r\n")
            self._close()

    def _close(self) -> None:
        """Close when what was said has been sent, but do not wait long for a client that does not read it."""
        if self.transport is not None:
            self._pipe().close()
            self.loop.call_later(self._limits.linger_time, self.abort)

    async def push(self, status: str | bytes) -> None:
        """Say something; held back while the next command is already here, so that replies travel together."""
        assert isinstance(status, str)
        self._said.append(status.encode("ascii", "replace") + b"\r\n")
        if not self._inbox.has_line:
            await self._flush()

    async def _flush(self) -> None:
        if self._said:
            if self.transport is None:
                raise ConnectionResetError
            self._pipe().write(b"".join(self._said))
            self._said.clear()
            await self._writer.drain()

    async def _refuse(self, reply: str) -> None:
        """Say no, and count: who errs too often goes."""
        self._figures.errors += 1
        if self._figures.errors > self._limits.errors:
            await self._end(replies.TOO_MANY_ERRORS, "too many errors")
        await self.push(reply)

    async def _end(self, reply: str, why: str, *, linger: bool = False) -> None:
        """Say the last words, let the client read them, and leave by Over."""
        self._figures.ended = why
        self._said.append(reply.format(host=self.hostname).encode() + b"\r\n")
        await self._flush()
        if linger:
            await self._linger()
        raise Over

    async def _linger(self) -> None:
        """Read and drop what a client still sends: closing on unread octets would take our reply from it."""
        if self._pipe().can_write_eof():
            self._pipe().write_eof()
        dropped = 0
        try:
            async with asyncio.timeout(self._limits.linger_time):
                while (chunk := await self._inbox.chunk()) and dropped <= self._limits.size:
                    dropped += len(chunk)
        except TimeoutError:
            pass

    # -- listening ------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        started = self.loop.time()
        try:
            await self._converse()
        except (Over, ConnectionError):
            pass
        except Exception as error:  # noqa: BLE001 one connection's trouble must not end the server
            self._figures.ended = "our error"
            _LOG.error("smtp.error", point=self._rules.point, error=type(error).__name__, where=_where(error))
            self._last_words(replies.CLOSING)
        finally:
            self._close()
            self._report(self.loop.time() - started)

    async def _converse(self) -> None:
        await self.push(replies.GREETING.format(host=self.hostname))
        while True:
            if self._dismissed:
                await self._end(replies.CLOSING, "dismissed")
            line = await self._next_line()
            if line is not None:
                await self._obey(line)

    async def _next_line(self) -> bytes | None:
        """Return the next command; None when it could not be read and the client has been told."""
        if self._said and not self._inbox.has_line:
            await self._flush()
        self._reset_timeout(self._limits.command_time if self._patient else self._limits.stranger_time)
        self._listening = True
        try:
            line = await self._inbox.line(self._longest_line())
        except BadLine as error:
            if error.fatal:
                await self._end(replies.BAD_LINE_END, "bare line end", linger=True)
            await self._refuse(replies.LINE_TOO_LONG)
            return None
        finally:
            self._listening = False
        if line is None:
            await self._flush()
            raise Over
        return line

    async def _spoke_ahead(self) -> None:
        """Send a client away that did not wait for a reply which changes what may be said next."""
        self._inbox.clear()
        await self._end(replies.SPOKE_AHEAD, "spoke ahead", linger=True)

    def _report(self, seconds: float) -> None:
        figures = self._figures
        _LOG.info(
            "smtp.connection",
            point=self._rules.point,
            tls=self._client.tls,
            seconds=round(seconds, 3),
            messages=figures.messages,
            not_taken=figures.not_taken,
            errors=figures.errors,
            sign_in_failures=figures.sign_in_failures,
            ended=figures.ended,
        )


def channel_of(transport: asyncio.BaseTransport) -> str:
    """Return version and cipher of a protected channel; empty for a plain one."""
    protected: Any = transport.get_extra_info("ssl_object")
    if protected is None:
        return ""
    cipher = protected.cipher()
    return f"{protected.version()} {cipher[0] if cipher else ''}".strip()


def _where(error: BaseException) -> str:
    """Return where an error arose, without its text, which may hold addresses."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace is not None else ""
