"""What is said on a connection: the commands in their order, the same at both points; `rules` says where they differ.

Pipelining (RFC 2920) is offered, and a client that speaks on past a reply it must wait for (EHLO,
STARTTLS, DATA) is sent away: nothing of what it said unprotected is ever obeyed (RFC 3207).

Clauses: AP-1, AP-3, AP-4, AP-13, AP-18, AP-25, IP-1, IP-5, AM-30; RFC 5321, 4954, 3207, 2920.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.model.address import Address
from ceralacca.net.smtp_server import replies, sasl
from ceralacca.net.smtp_server.connection import Connection, Equipment, Over, channel_of
from ceralacca.net.smtp_server.data_phase import Arrived, DataPhase, NotTaken
from ceralacca.net.smtp_server.inbox import BadLine
from ceralacca.net.smtp_server.paths import BadPath, PathArgument, read_path
from ceralacca.net.smtp_server.rules import Client, Refusal
from ceralacca.net.smtp_server.spool import Spool
from ceralacca.net.smtp_server.trace import peer_name, protocol_name, received_field
from ceralacca.ports.letters import Inbound
from ceralacca.ports.sign_in import SignInOutcome, SignInVerdict

_STRANGE = frozenset({b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT"})
"""A browser that was lured here (cross-protocol attack): not one more line of it is read."""


@dataclass(slots=True)
class _Transaction:
    """What MAIL and RCPT have said."""

    reverse_path: Address | None
    forward_paths: list[Address] = field(default_factory=list)
    refused: int = 0


class Conversation(Connection):
    """One connection's commands."""

    def __init__(self, equipment: Equipment, ip: str) -> None:
        super().__init__(equipment, ip)
        self._mail: _Transaction | None = None
        self._commands = self._all_commands()

    def _longest_line(self) -> int:
        return sasl.LONGEST_RESPONSE if self._may_sign_in() else super()._longest_line()

    async def _obey(self, line: bytes) -> None:
        word, _, argument = line.partition(b" ")
        word = word.upper()
        command = self._commands.get(word)
        if command is not None:
            await command(argument)
        elif word in _STRANGE:
            await self._end(replies.FORBIDDEN, "not SMTP", linger=True)
        else:
            await self._refuse(replies.UNKNOWN_COMMAND)

    def _all_commands(self) -> Mapping[bytes, Callable[[bytes], Awaitable[None]]]:
        return {
            b"EHLO": self._ehlo,
            b"HELO": self._helo,
            b"STARTTLS": self._starttls,
            b"AUTH": self._auth,
            b"MAIL": self._mail_from,
            b"RCPT": self._rcpt_to,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": self._noop,
            b"QUIT": self._quit,
            b"VRFY": self._vrfy,  # off, as EXPN and HELP: nobody learns here who exists
            b"EXPN": self._not_here,
            b"HELP": self._not_here,
        }

    # -- small commands -------------------------------------------------------------------------------

    async def _ehlo(self, argument: bytes) -> None:
        if await self._greeted(argument, extended=True):
            await self.push("\r\n".join(self._offers()))

    async def _helo(self, argument: bytes) -> None:
        if await self._greeted(argument, extended=False):
            await self.push(f"250 {self.hostname}")

    async def _greeted(self, argument: bytes, *, extended: bool) -> bool:
        if self._inbox.pending:
            await self._spoke_ahead()
        helo = argument.strip().decode("ascii", "replace")
        if not helo:
            await self._refuse(replies.BAD_SYNTAX.format(syntax="EHLO hostname"))
            return False
        self._mail = None
        self._client = replace(self._client, helo=helo, extended=extended)
        return True

    def _offers(self) -> list[str]:
        """List what EHLO says: exactly what is done here (AP-3, AP-4, IP-1)."""
        words = ["PIPELINING", f"SIZE {self._limits.size}", *self._rules.extensions]
        if self._equipment.tls is not None and not self._client.tls:
            words.append("STARTTLS")
        if self._may_sign_in():
            words.append("AUTH PLAIN LOGIN")
        lines = [self.hostname, *words]
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    async def _rset(self, argument: bytes) -> None:
        del argument
        self._mail = None
        await self.push(replies.OK)

    async def _noop(self, argument: bytes) -> None:
        del argument
        await self.push(replies.OK)

    async def _quit(self, argument: bytes) -> None:
        del argument
        await self._end(replies.BYE, "quit")

    async def _vrfy(self, argument: bytes) -> None:
        del argument
        await self._refuse(replies.CANNOT_VERIFY)

    async def _not_here(self, argument: bytes) -> None:
        del argument
        await self._refuse(replies.NOT_HERE)

    # -- STARTTLS -------------------------------------------------------------------------------------

    async def _starttls(self, argument: bytes) -> None:
        if argument:
            await self._refuse(replies.BAD_SYNTAX.format(syntax="STARTTLS"))
        elif self._client.tls:
            await self._refuse(replies.OUT_OF_TURN.format(what="TLS already active"))
        elif self._equipment.tls is None:
            await self._refuse(replies.NO_TLS_NOW)
        else:
            await self._protect(self._equipment.tls)

    async def _protect(self, context: ssl.SSLContext) -> None:
        """Switch to TLS and forget everything said before (RFC 3207, 4.2)."""
        if self._inbox.pending:
            await self._spoke_ahead()
        await self.push(replies.READY_FOR_TLS)
        if self._inbox.pending:  # arrived in the clear, while the reply was being written
            raise Over
        self._reset_timeout(2 * self._limits.handshake_time)  # the handshake has a time-out of its own
        plain = self._pipe()
        try:
            protected = await self.loop.start_tls(
                plain,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self._limits.handshake_time,
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self._figures.ended = "no handshake"
            plain.abort()
            self.loop.call_soon(self.connection_lost, None)
            raise Over from error
        if protected is None or self._lost.done():
            raise Over
        self.transport = self._inbox.transport = protected
        self._client = Client(ip=self._client.ip, tls=channel_of(protected))
        self._mail = None

    # -- AUTH -----------------------------------------------------------------------------------------

    def _may_sign_in(self) -> bool:
        return self._rules.signs_in and bool(self._client.tls) and self._client.identity is None

    async def _auth(self, argument: bytes) -> None:
        if not self._rules.signs_in:
            await self._refuse(replies.NOT_HERE)
        elif not self._client.tls:
            await self._refuse(replies.AUTH_NEEDS_TLS)  # AP-1
        elif not self._client.extended:
            await self._refuse(replies.OUT_OF_TURN.format(what="Send EHLO first"))
        elif self._client.identity is not None or self._mail is not None:
            await self._refuse(replies.OUT_OF_TURN.format(what="Already authenticated, or inside a mail transaction"))
        else:
            await self._sign_in(argument)

    async def _sign_in(self, argument: bytes) -> None:
        try:
            credentials = await sasl.exchange(argument, self._challenge)
        except sasl.NoMechanism:
            await self._refuse(replies.NO_MECHANISM)
        except sasl.Cancelled:
            await self._refuse(replies.CANCELLED)
        except sasl.BadResponse:
            await self._refuse(replies.BAD_BASE64)
        else:
            await self._judge(credentials)

    async def _challenge(self, challenge: bytes) -> bytes:
        """Put a challenge and return the client's line."""
        await self.push("334 " + challenge.decode())
        self._reset_timeout(self._limits.stranger_time)
        try:
            line = await self._inbox.line(sasl.LONGEST_RESPONSE)
        except BadLine as error:
            if error.fatal:
                await self._end(replies.BAD_LINE_END, "bare line end", linger=True)
            raise sasl.BadResponse("the line is too long") from error
        if line is None:
            raise Over
        return line

    async def _judge(self, credentials: sasl.Credentials) -> None:
        """Ask who it is; a failure is answered late, and some of them end the connection (SE-3)."""
        self._hold_timeout()
        try:
            outcome = await self._rules.sign_in(credentials.login, credentials.password, self._client.ip)
        except WorldError:
            await self._refuse(replies.NOBODY_TO_ASK)
            return
        if outcome.signed_in:
            await asyncio.sleep(outcome.delay)
            self._client, self._patient = replace(self._client, identity=outcome), True
            await self.push(replies.SIGNED_IN)
        else:
            await self._turn_down(outcome)

    async def _turn_down(self, outcome: SignInOutcome) -> None:
        self._figures.sign_in_failures += 1
        await asyncio.sleep(max(outcome.delay, self._limits.sign_in_delay))
        too_many = outcome.verdict is SignInVerdict.TOO_MANY
        reply = replies.TOO_MANY_ATTEMPTS if too_many else replies.WRONG_CREDENTIALS
        if self._figures.sign_in_failures >= self._limits.sign_in_failures:
            await self._end(f"{reply}\r\n{replies.TOO_MANY_ERRORS}", "sign-in failures")
        await self._refuse(reply)

    # -- MAIL and RCPT --------------------------------------------------------------------------------

    async def _mail_from(self, argument: bytes) -> None:
        refusal = self._out_of_turn() or await self._open(argument)
        if refusal:
            await self._refuse(refusal)
        else:
            await self.push(replies.SENDER_OK)

    def _out_of_turn(self) -> str:
        if not self._client.helo:
            return replies.OUT_OF_TURN.format(what="Send EHLO first")
        if self._rules.signs_in and not self._client.tls:
            return replies.NEEDS_TLS  # AP-1
        if self._rules.signs_in and self._client.identity is None:
            return replies.NEEDS_SIGN_IN  # AP-1
        if self._mail is not None:
            return replies.OUT_OF_TURN.format(what="Nested MAIL command")
        return ""

    async def _open(self, argument: bytes) -> str:
        """Open a transaction; return the refusal, or nothing."""
        try:
            path = read_path(argument, b"FROM:")
        except BadPath as error:
            return _bad_path(error, "MAIL FROM:<address>", replies.BAD_SENDER)
        if refusal := self._parameters(path):
            return refusal
        self._hold_timeout()
        try:
            if not await self._rules.ready():
                return replies.NOT_READY  # AP-18, IP-5
            sender = await self._rules.reverse_path(self._client, path)
        except WorldError:
            return replies.NOT_READY
        if isinstance(sender, Refusal):
            return sender.reply
        self._mail, self._patient = _Transaction(sender), True
        return ""

    def _parameters(self, path: PathArgument) -> str:
        room_seen = False
        for keyword, value in path.parameters.items():
            if keyword == "SIZE" and self._client.extended:
                if not value.isdecimal():
                    return replies.BAD_SYNTAX.format(syntax="SIZE=octets")
                if len(value) > 20 or int(value) > self._limits.size:
                    return replies.TOO_LARGE  # AP-4
                if not self._equipment.room.has_room(int(value)):
                    return replies.NO_ROOM
                room_seen = True
            elif keyword not in self._rules.parameters or not self._client.extended:
                return replies.UNKNOWN_PARAMETER  # AP-3: SMTPUTF8, BODY and DSN's are not offered
            elif keyword == "BODY" and value.upper() not in {"7BIT", "8BITMIME"}:
                return replies.UNKNOWN_PARAMETER
        return "" if room_seen or self._equipment.room.has_room(0) else replies.NO_ROOM

    async def _rcpt_to(self, argument: bytes) -> None:
        mail = self._mail
        if mail is None:
            await self._refuse(replies.OUT_OF_TURN.format(what="Need MAIL command"))
            return
        answer = await self._recipient(argument, mail)
        if isinstance(answer, Address):
            if answer not in mail.forward_paths:  # AM-30: the same recipient twice is one
                mail.forward_paths.append(answer)
            await self.push(replies.RECIPIENT_OK)
            return
        mail.refused += answer.startswith("5")  # who has too many is no harvester
        if mail.refused > self._limits.recipients:
            await self._end(replies.TOO_MANY_ERRORS, "too many refused recipients")
        await self.push(answer)

    async def _recipient(self, argument: bytes, mail: _Transaction) -> Address | str:
        """Return the recipient, or the reply that refuses it."""
        try:
            path = read_path(argument, b"TO:")
        except BadPath as error:
            return _bad_path(error, "RCPT TO:<address>", replies.BAD_RECIPIENT)
        if path.parameters:
            return replies.UNKNOWN_PARAMETER
        self._hold_timeout()
        try:
            answer = await self._rules.forward_path(self._client, path)
        except WorldError:
            return replies.NOT_READY
        if isinstance(answer, Refusal):
            return answer.reply
        if len(mail.forward_paths) >= self._limits.recipients and answer not in mail.forward_paths:
            return replies.TOO_MANY_RECIPIENTS  # AP-13
        return answer

    # -- DATA -----------------------------------------------------------------------------------------

    async def _data(self, argument: bytes) -> None:
        if argument:
            await self._refuse(replies.BAD_SYNTAX.format(syntax="DATA"))
        elif self._mail is None:
            await self._refuse(replies.OUT_OF_TURN.format(what="Need MAIL command"))
        elif not self._mail.forward_paths:
            await self._refuse(replies.NO_RECIPIENTS)
        else:
            if self._inbox.pending:
                await self._spoke_ahead()
            await self._take(self._mail)

    async def _take(self, mail: _Transaction) -> None:
        """Read a message, make it durable, and only then say `250` (AP-25)."""
        spool = Spool(self._equipment.room)
        self._equipment.reception.arriving()
        try:
            await self.push(replies.START_MAIL)
            ending = await self._read(spool)
            if isinstance(ending, Arrived):
                reply = await self._store(mail, spool, ending)
            else:
                reply = ending.reply
        finally:
            spool.close()
            self._equipment.reception.gone()
        self._mail = None
        if isinstance(ending, NotTaken) and ending.fatal:
            await self._end(reply, "message not to be read", linger=True)
        await self._reply_to_message(reply)

    async def _read(self, spool: Spool) -> Arrived | NotTaken:
        phase = DataPhase(self._inbox, spool, clock=self._equipment.clock, limits=self._limits, arm=self._reset_timeout)
        ending = await phase.read()
        self._hold_timeout()
        self._figures.messages += isinstance(ending, Arrived)
        self._figures.not_taken += isinstance(ending, NotTaken)
        return ending

    async def _store(self, mail: _Transaction, spool: Spool, arrived: Arrived) -> str:
        """Return the reply that tells the truth of where the message is."""
        key = f"{self._rules.point}-{arrived.instant:%Y%m%d%H%M%S}-{self._equipment.entropy(16).hex()}"
        try:
            await self._equipment.reception.receive(await self._inbound(key, mail, spool, arrived))
        except WorldError:
            return replies.NOT_DURABLE
        return replies.RECEIVED.format(key=key)

    async def _inbound(self, key: str, mail: _Transaction, spool: Spool, arrived: Arrived) -> Inbound:
        client, recipients = self._client, tuple(mail.forward_paths)
        peer = peer_name(client.helo, client.ip)
        mailbox = client.identity.mailbox if client.identity else None
        return Inbound(
            key=key,
            point=self._rules.point,
            octets=await spool.octets(),
            reverse_path=mail.reverse_path,
            forward_paths=recipients,
            received=arrived.instant,
            peer=peer,
            tls=client.tls,  # IP-4
            authenticated=mailbox.text if mailbox else "",
            trace=received_field(
                peer=peer,
                host=self.hostname,
                protocol=protocol_name(
                    extended=client.extended, tls=bool(client.tls), signed_in=client.identity is not None
                ),
                key=key,
                tls=client.tls,
                recipients=recipients,
                instant=arrived.instant,
            ),
        )

    async def _reply_to_message(self, reply: str) -> None:
        reach("smtp.reply.before")
        self._said.append(reply.encode("ascii") + b"\r\n")
        await self._flush()
        reach("smtp.reply.after")


class _Cancelled(Exception):
    """The client broke AUTH off with `*`."""


def _bad_path(error: BadPath, syntax: str, malformed: str) -> str:
    if error.international:
        return replies.INTERNATIONAL  # AM-15
    return malformed if "bracket" in str(error) else replies.BAD_SYNTAX.format(syntax=syntax)
