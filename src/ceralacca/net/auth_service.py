"""The sign-in that Dovecot asks: its authentication protocol, served by us on two Unix sockets.

Dovecot's login processes and its mail processes speak to an authentication server over a simple line protocol
(documented: "Authentication Protocol", client and master side, version 1). Here that server is ours, so that a
password has one judge, one limiter and one audit whatever the protocol; Dovecot's own `auth` process never
starts. A password crosses one socket of mode 0600 and is never part of anything that Dovecot logs.

    login socket    AUTH <id> PLAIN ... resp=<base64>      ->  OK <id> user=... | FAIL <id> ...
    master socket   REQUEST <id> <pid> <auth id> <cookie>  ->  USER <id> <mailbox> home=... quota_rule=...

The mail process asks with the number of the sign-in that let its client in, and a cookie that only the login
processes were told: nobody gets a mailbox without a sign-in.

Clauses: DP-7, MO-4 (what `SignsIn` says no to is not shown), SE-3.
"""

import asyncio
import base64
import binascii
import hmac
import os
import re
from asyncio import StreamReader, StreamWriter
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address
from ceralacca.ports.sign_in import SignInProtocol, SignInVerdict, SignsIn

_LOG = structlog.get_logger(__name__)

LONGEST_PATH: Final = 100
"""A Unix socket's path has 108 octets at most."""
_LONGEST_LINE: Final = 16 * 1024
_WAITING: Final = 4096
"""Sign-ins whose mail process has not asked yet."""
_HASHERS: Final = 4
_PROTOCOLS: Final = {"imap": SignInProtocol.IMAP, "pop3": SignInProtocol.POP3}
_ESCAPES: Final = {b"\x01t": b"\t", b"\x01n": b"\n", b"\x01r": b"\r", b"\x010": b"\0", b"\x011": b"\x01"}
_UNESCAPES: Final = {plain: escape for escape, plain in _ESCAPES.items()}
_ESCAPED: Final = re.compile(rb"\x01[tnr01]")
_SPECIAL: Final = re.compile(rb"[\t\n\r\x00\x01]")
TOO_MANY_TEXT: Final = "Troppi tentativi di accesso: riprovare tra qualche minuto"
"""Shown by mail clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxView:
    """What a mail process needs to know of the mailbox it opens."""

    home: Path
    quota: int
    """Octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxDirectory:
    """Where mailboxes lie and what they may hold; calls block."""

    home: Callable[[Address], Path]
    """The home folder, which is there."""
    quota: Callable[[Address], int]

    def view(self, mailbox: Address) -> MailboxView:
        """Return what is to be told of a mailbox. Raises WorldError."""
        return MailboxView(home=self.home(mailbox), quota=self.quota(mailbox))


@dataclass(slots=True, eq=False)
class _Asker:
    """One connection of a Dovecot process."""

    writer: StreamWriter
    pid: str = ""
    """As a login process gave it; its sign-ins are known by it."""
    half_done: dict[str, Sequence[str]] = field(default_factory=dict)
    """Sign-ins whose name and password come with the next line."""

    def say(self, *fields: object) -> None:
        if not self.writer.is_closing():
            self.writer.write(b"\t".join(_escaped(str(part)) for part in fields) + b"\n")


Hear = Callable[["_Asker", Sequence[str]], Coroutine[None, None, None]]


class AuthService:
    """The two sockets. Started and stopped inside one event loop; passwords are checked in threads beside it."""

    def __init__(
        self,
        login_socket: Path,
        master_socket: Path,
        *,
        signs_in: SignsIn,
        mailboxes: MailboxDirectory,
        entropy: Entropy,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Serve on these paths, in a folder that only we can enter; `owner` is Dovecot's user and group if not ours."""
        self._paths = (login_socket, master_socket)
        self._signs_in = signs_in
        self._mailboxes = mailboxes
        self._owner = owner
        self._cookie = entropy(16).hex()
        self._connections = 0
        self._signed_in: OrderedDict[tuple[str, str], Address] = OrderedDict()
        self._servers: list[asyncio.AbstractServer] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Listen. Raises WorldError when a socket cannot be made."""
        self._threads = ThreadPoolExecutor(_HASHERS, thread_name_prefix="sign-in")
        try:
            for path, talk in zip(self._paths, (self._talk_to_login, self._talk_to_mail), strict=True):
                self._servers.append(await self._listen(path, talk))
        except OSError as error:
            await self.stop()
            raise WorldError(f"the sign-in socket: {error}", remedy="look at the folder of the run files") from error

    async def stop(self) -> None:
        """Stop listening; answers under way are given up."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        for path in self._paths:
            _make_room(path)

    async def _listen(self, path: Path, talk: Callable[[StreamReader, StreamWriter], None]) -> asyncio.AbstractServer:
        _make_room(path)
        server = await asyncio.start_unix_server(talk, path, limit=_LONGEST_LINE)
        _give(path, self._owner)
        return server

    # -- login processes ----------------------------------------------------------------------------

    def _talk_to_login(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._connections += 1
        asker = _Asker(writer)
        asker.say("VERSION", 1, 2)
        asker.say("MECH", "PLAIN", "plaintext")
        asker.say("SPID", os.getpid())
        asker.say("CUID", self._connections)
        asker.say("COOKIE", self._cookie)
        asker.say("DONE")
        self._begin(self._listen_to(asker, reader, self._hear_login))

    async def _hear_login(self, asker: _Asker, fields: Sequence[str]) -> None:
        match fields:
            case ["CPID", pid]:
                asker.pid = pid
            case ["AUTH", number, "PLAIN", *parameters]:
                self._hear_password(asker, number, parameters)
            case ["CONT", number, response] if number in asker.half_done:
                self._hear_password(asker, number, [*asker.half_done.pop(number), f"resp={response}"])
            case ["CANCEL", number]:
                asker.half_done.pop(number, None)
            case ["AUTH" | "CONT", number, *_]:
                asker.say("FAIL", number)

    def _hear_password(self, asker: _Asker, number: str, parameters: Sequence[str]) -> None:
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if "resp" not in given:
            asker.half_done[number] = parameters
            asker.say("CONT", number, "")
            return
        names = _plain(given["resp"])
        protocol = _PROTOCOLS.get(given.get("service", ""))
        if names is None or protocol is None or "secured" not in given:  # DP-7
            asker.say("FAIL", number)
            return
        self._begin(self._sign_in(asker, number, (*names, protocol, given.get("rip", ""))))

    async def _sign_in(self, asker: _Asker, number: str, asked: tuple[str, bytes, SignInProtocol, str]) -> None:
        name, password, protocol, peer = asked
        check = partial(self._signs_in.check, name, password, protocol=protocol, peer=peer)
        try:
            outcome = await asyncio.get_running_loop().run_in_executor(self._threads, check)
        except Exception:  # noqa: BLE001 whatever it is, a client waits for the answer
            _LOG.warning("sign-in.away", protocol=str(protocol), exc_info=True)
            asker.say("FAIL", number, "code=temp_fail")
            return
        await asyncio.sleep(outcome.delay)
        if outcome.signed_in and outcome.mailbox is not None:
            self._remember(asker, number, outcome.mailbox)
            asker.say("OK", number, f"user={outcome.mailbox}")
        elif outcome.verdict is SignInVerdict.TOO_MANY:
            asker.say("FAIL", number, f"reason={TOO_MANY_TEXT}")
        else:
            asker.say("FAIL", number)

    def _remember(self, asker: _Asker, number: str, mailbox: Address) -> None:
        self._signed_in[asker.pid, number] = mailbox
        while len(self._signed_in) > _WAITING:
            self._signed_in.popitem(last=False)

    # -- mail processes -----------------------------------------------------------------------------

    def _talk_to_mail(self, reader: StreamReader, writer: StreamWriter) -> None:
        asker = _Asker(writer)
        asker.say("VERSION", 1, 2)
        asker.say("SPID", os.getpid())
        self._begin(self._listen_to(asker, reader, self._hear_mail))

    async def _hear_mail(self, asker: _Asker, fields: Sequence[str]) -> None:
        match fields:
            case ["REQUEST", number, pid, auth, cookie, *_]:
                known = hmac.compare_digest(cookie.encode(), self._cookie.encode())
                mailbox = self._signed_in.pop((pid, auth), None) if known else None
                if mailbox is None:
                    asker.say("NOTFOUND", number)
                else:
                    await self._show(asker, number, mailbox)
            case [_, number, *_] if number.isdecimal() and fields[0] != "VERSION":
                asker.say("FAIL", number)  # USER, PASS, LIST: nobody is looked up without a sign-in

    async def _show(self, asker: _Asker, number: str, mailbox: Address) -> None:
        try:
            view = await asyncio.get_running_loop().run_in_executor(self._threads, self._mailboxes.view, mailbox)
        except Exception:  # noqa: BLE001 whatever it is, a mail process waits for the answer
            _LOG.warning("sign-in.mailbox-away", exc_info=True)
            asker.say("FAIL", number, "temp")
            return
        asker.say("USER", number, mailbox, f"home={view.home}", f"quota_rule=*:bytes={view.quota}")

    # -- both ---------------------------------------------------------------------------------------

    async def _listen_to(self, asker: _Asker, reader: StreamReader, hear: Hear) -> None:
        try:
            with suppress(ConnectionError, ValueError):  # gone, or a line too long
                while line := await reader.readline():
                    await hear(asker, _fields(line))
        finally:
            asker.writer.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _make_room(path: Path) -> None:
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise UserError(f"{path} is too long for a socket", remedy="give a folder for run files with a shorter name")
    path.unlink(missing_ok=True)


def _give(path: Path, owner: tuple[int, int] | None) -> None:
    path.chmod(0o600)
    if owner is not None:
        os.chown(path, *owner)


def _plain(response: str) -> tuple[str, bytes] | None:
    """Read name and password (RFC 4616); None when they are not that, or ask to act as somebody else."""
    try:
        acts_as, name, password = base64.b64decode(response, validate=True).split(b"\0")
        return (name.decode(), password) if acts_as in {b"", name} else None
    except (binascii.Error, ValueError):
        return None


def _fields(line: bytes) -> list[str]:
    parts = line.rstrip(b"\n").split(b"\t")
    return [_ESCAPED.sub(lambda match: _ESCAPES[match[0]], part).decode("utf-8", "replace") for part in parts]


def _escaped(text: str) -> bytes:
    return _SPECIAL.sub(lambda match: _UNESCAPES[match[0]], text.encode("utf-8", "surrogateescape"))
