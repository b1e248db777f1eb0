"""The relay's way out: one SMTP transaction to one domain, its outcome for every recipient (BT-6).

`smtplib` connects and introduces itself; the transaction is spoken by us (`net.smtp_wire`), so that many go on in one
thread, each recipient has its reply, 30 MB are never copied and not one octet is changed but for the dots
that SMTP doubles. A transaction whose final reply was lost is deferred: the peer removes duplicates
(IP-21). Connections to a host are kept and used again: a TLS handshake costs as much as three seals. What comes
before the message goes out as one group where the host allows it (RFC 2920): a turn of its own for each command costs
both sides more than the message does.

Clauses: BT-5, BT-6, SE-1, SE-2, SE-6, AD-3, IP-21.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Final

from ceralacca.base.failpoints import reach
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import RecipientKind
from ceralacca.core.routing import Connection, refusal
from ceralacca.formats.splice import Octets
from ceralacca.net.mail_exchangers import Exchanger, FindsExchangers, LookupDeferred, NoSuchDomain
from ceralacca.net.smtp_wire import NoReply, Wire
from ceralacca.net.switchboard import aside
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult

_CHUNK: Final = 256 * 1024
_TLS_VERSIONS: Final = {"TLSv1": (1, 0), "TLSv1.1": (1, 1), "TLSv1.2": (1, 2), "TLSv1.3": (1, 3)}
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
_NO_DOMAIN: Final = "5.1.2"
"""Enhanced code for a domain that does not exist or takes no mail (RFC 3463)."""
_FORBIDDEN: Final = "4.7.10"
"""Enhanced code for a connection that BT-6 forbids (RFC 7372: encryption needed)."""
_LONGEST_TEXT: Final = 200
_ENDS_OF_PATHS: Final = frozenset("\r\n<>")
_FINAL_REPLY_SECONDS: Final = 600.0
"""How long the reply to the final dot may take (RFC 5321, 4.5.3.2.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How the relay introduces itself and whom it believes."""

    hostname: str
    """What it says in EHLO."""
    tls: ssl.SSLContext
    """Verifies the names of PEC hosts; made by `tls_context`."""
    timeout: float = 60.0
    """Seconds for each command."""
    most_kept: int = 16
    """Idle connections that are kept: as many as transactions go on at once, or some begin with a handshake."""


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that verifies names and takes TLS 1.2 or newer (SE-1); `ca_file` None means the system's CAs."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class SmtpClient:
    """Satisfies `ports.mail_sender.SendsMail`."""

    def __init__(self, settings: ClientSettings, exchangers: FindsExchangers) -> None:
        self._settings = settings
        self._exchangers = exchangers
        self._kept: dict[tuple[Exchanger, bool], list[_Session]] = {}
        self._lock = Lock()

    def send(
        self,
        domain: str,
        *,
        reverse_path: Address | None,
        recipients: Sequence[Address],
        octets: Octets,
        require_tls: bool,
    ) -> Mapping[Address, RcptOutcome]:
        """Send to every recipient in one transaction; hosts are tried in order until one answers."""
        try:
            hosts = self._exchangers.find(domain)
        except NoSuchDomain:
            return _same(recipients, RcptResult.FAILED, "no such domain", enhanced=_NO_DOMAIN)
        except LookupDeferred:
            return _same(recipients, RcptResult.DEFERRED, "no answer from DNS")
        deferred: dict[Address, RcptOutcome] = {}
        for host in hosts:
            while (kept := self._take(host, verified=require_tls)) is not None:
                with suppress(_Gone):
                    return self._transact(kept, reverse_path, recipients, octets)
            try:
                session = self._open(host, hosts, verified=require_tls)
            except _NotSent as fault:
                deferred = _same(recipients, RcptResult.DEFERRED, str(fault), host=host.name, enhanced=fault.enhanced)
                continue
            return self._transact(session, reverse_path, recipients, octets)
        return deferred or _same(recipients, RcptResult.DEFERRED, "no host answers")

    def close(self) -> None:
        """Say QUIT on every kept connection."""
        with self._lock:
            kept = [session for sessions in self._kept.values() for session in sessions]
            self._kept.clear()
        for session in kept:
            session.quit()

    def _transact(
        self, session: "_Session", reverse_path: Address | None, recipients: Sequence[Address], octets: Octets
    ) -> Mapping[Address, RcptOutcome]:
        try:
            return session.transact(reverse_path, recipients, octets)
        finally:
            self._keep(session)

    def _open(self, host: Exchanger, hosts: Sequence[Exchanger], *, verified: bool) -> "_Session":
        session = aside(partial(_Session.open, host, self._settings, verified=verified))
        kind = RecipientKind.CERTIFIED if verified else RecipientKind.EXTERNAL
        connection = Connection(host=host.name, tls=_TLS_VERSIONS.get(session.tls))
        why = refusal(kind, connection, [other.name for other in hosts])
        if why is not None:  # BT-6
            session.quit()
            raise _NotSent(f"not over this connection: {why}", enhanced=_FORBIDDEN)
        return session

    def _take(self, host: Exchanger, *, verified: bool) -> "_Session | None":
        with self._lock:
            sessions = self._kept.get((host, verified))
            return sessions.pop() if sessions else None

    def _keep(self, session: "_Session") -> None:
        if not session.usable:
            session.quit()
            return
        with self._lock:
            if sum(map(len, self._kept.values())) < self._settings.most_kept:
                self._kept.setdefault((session.host, session.verified), []).append(session)
                return
        session.quit()


class _NotSent(Exception):
    """This host did not take the message, and has not seen it: try the next one, or later."""

    def __init__(self, what: str, *, enhanced: str = "") -> None:
        super().__init__(what)
        self.enhanced = enhanced


class _Gone(Exception):
    """A kept connection did not answer any more when it was used again; nothing was sent over it."""


class _Session:
    """One connection, introduced and protected."""

    def __init__(self, host: Exchanger, smtp: smtplib.SMTP, *, verified: bool) -> None:
        self.host = host
        self.verified = verified
        self.usable = True
        assert smtp.sock is not None, "it is connected"
        self.tls = (smtp.sock.version() if isinstance(smtp.sock, ssl.SSLSocket) else None) or ""
        self._smtp, self._wire, self._seconds = smtp, Wire(smtp.sock), smtp.timeout
        self._sized, self._grouped = smtp.has_extn("size"), smtp.has_extn("pipelining")
        """`_grouped`: commands may go out without waiting for the replies to those before them."""
        self._used = self._open = False
        """`_open`: the host may still be within a transaction."""

    @classmethod
    def open(cls, host: Exchanger, settings: ClientSettings, *, verified: bool) -> "_Session":
        """Connect and introduce ourselves; with STARTTLS where the host offers it, always when it must be verified."""
        smtp = smtplib.SMTP(local_hostname=settings.hostname, timeout=settings.timeout)
        smtp._host = host.name  # type: ignore[attr-defined]  # noqa: SLF001 the name that STARTTLS verifies
        try:
            _greet(smtp, host)
            _protect(smtp, settings, verified=verified)
        except (OSError, smtplib.SMTPException, ssl.SSLError) as fault:
            smtp.close()
            raise _NotSent(type(fault).__name__) from fault
        except _NotSent:
            smtp.close()
            raise
        return cls(host, smtp, verified=verified)

    def quit(self) -> None:
        """End the connection, politely when it still stands."""
        with suppress(OSError, NoReply):
            if self.usable:
                self._say("QUIT")
                self._reply()
        self._smtp.close()

    def transact(
        self, reverse_path: Address | None, recipients: Sequence[Address], octets: Octets
    ) -> dict[Address, RcptOutcome]:
        """Send one message; from the final dot on a lost reply means that the peer may have it (IP-21).

        Raises _Gone when the connection was used before and stands no more.
        """
        outcomes: dict[Address, RcptOutcome] = {}
        try:
            replies = self._begin(reverse_path, recipients, len(octets))
            code, text = next(replies)
            if code != 250:
                outcomes = self._all(recipients, code, text)
                if not self._grouped:
                    return outcomes
            taken = []
            for recipient in recipients:
                code, text = next(replies)
                if recipient in outcomes:  # which went out in one group with the MAIL that was refused
                    continue
                if code in {250, 251}:
                    taken.append(recipient)
                else:
                    outcomes[recipient] = self._outcome(code, text)
            if taken or self._grouped:
                code, text = next(replies)
                if code == 354:
                    code, text = self._data(octets) if taken else self._end()
                outcomes |= self._all(taken, code, text)
        except (OSError, NoReply, ValueError) as fault:
            self.usable = False
            left = [recipient for recipient in recipients if recipient not in outcomes]
            outcomes |= self._all(left, 0, type(fault).__name__.encode())
        return outcomes

    def _begin(
        self, reverse_path: Address | None, recipients: Sequence[Address], size: int
    ) -> Iterator[tuple[int, bytes]]:
        """Say all that comes before a message; give the replies to MAIL, to each RCPT and to DATA as they come.

        Raises _Gone.
        """
        sized = f" SIZE={size}" if self._sized else ""
        commands = [f"MAIL FROM:{_path(reverse_path)}{sized}", *[f"RCPT TO:{_path(one)}" for one in recipients], "DATA"]
        reset = self._open
        replies = self._replies(["RSET", *commands] if reset else commands)
        first = self._first(replies, reset=reset) if self._used else next(replies)
        self._used = self._open = True
        if not reset:
            yield first
        yield from replies

    def _replies(self, commands: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        if self._grouped:
            self._say(*commands)
        for command in commands:
            if not self._grouped:
                self._say(command)
            yield self._reply()

    def _first(self, replies: Iterator[tuple[int, bytes]], *, reset: bool) -> tuple[int, bytes]:
        """Return the first reply on a connection that was used before. Raises _Gone when that stands no more."""
        try:
            code, text = next(replies)
        except (OSError, NoReply) as fault:
            self.usable = False
            raise _Gone from fault
        if code == 421 or (reset and code != 250):
            self.usable = False
            raise _Gone
        return code, text

    def _say(self, *commands: str) -> None:
        self._wire.send("\r\n".join((*commands, "")).encode("ascii"), seconds=self._seconds)

    def _reply(self) -> tuple[int, bytes]:
        return self._wire.reply(seconds=self._seconds)

    def _end(self) -> tuple[int, bytes]:
        """End at once what a host has begun to take for nobody (RFC 2920, 3.1)."""
        self._say(".")
        reply = self._reply()
        self._open = False
        return reply

    def _data(self, octets: Octets) -> tuple[int, bytes]:
        held = b""
        for chunk in stuffed(octets):
            self._wire.send(held, seconds=self._seconds)
            held = chunk
        reach("smtp_client.dot.before")
        self._wire.send(held + b".\r\n", seconds=self._seconds)  # in one piece: one record of TLS for a small message
        reach("smtp_client.dot.after")
        code, text = self._wire.reply(seconds=_FINAL_REPLY_SECONDS)
        reach("smtp_client.reply.after")
        self._open = False
        return code, text

    def _all(self, recipients: Sequence[Address], code: int, text: bytes) -> dict[Address, RcptOutcome]:
        return {recipient: self._outcome(code, text) for recipient in recipients}

    def _outcome(self, code: int, text: bytes) -> RcptOutcome:
        words = _words(text)
        result = RcptResult.DEFERRED
        if code == 250:
            result = RcptResult.ACCEPTED
        elif code == 421:
            self.usable = False
        elif 500 <= code < 600:
            result = RcptResult.FAILED
        found = _ENHANCED.match(words)
        return RcptOutcome(
            result=result,
            code=code,
            enhanced=found[0] if found else "",
            text=words[found.end() :].lstrip() if found else words,
            host=self.host.name,
            tls=self.tls,
        )


def _greet(smtp: smtplib.SMTP, host: Exchanger) -> None:
    code, _ = smtp.connect(host.address, host.port)
    assert smtp.sock is not None, "it is connected"
    smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each message waits 40 ms for an ACK
    if code != 220:
        raise _NotSent(f"greeting {code}")
    smtp.ehlo()


def _protect(smtp: smtplib.SMTP, settings: ClientSettings, *, verified: bool) -> None:
    if smtp.has_extn("starttls"):
        context = settings.tls
        if not verified:  # ordinary mail: encryption where it can be had, whoever it is (SE-6)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        code, _ = smtp.starttls(context=context)
        if code != 220:
            raise _NotSent(f"STARTTLS {code}")
        smtp.ehlo()
    elif verified:
        raise _NotSent("no STARTTLS", enhanced=_FORBIDDEN)


def stuffed(octets: Octets) -> Iterator[bytes]:
    """Give a message as DATA wants it, a piece at a time: leading dots doubled, CRLF at the end (RFC 5321, 4.5.2).

    The octets must have CRLF line ends: anything else was refused when it came in.
    """
    start, at_line_start = 0, True
    while start < len(octets):
        chunk = bytes(octets[start : start + _CHUNK])
        start += len(chunk)
        if at_line_start and chunk.startswith(b"."):
            yield b"."
        at_line_start = chunk.endswith(b"\n")
        yield chunk.replace(b"\n.", b"\n..")
    if bytes(octets[-2:]) != b"\r\n":
        yield b"\r\n"


def _path(address: Address | None) -> str:
    """Write a path of SMTP; the null one for nobody. Raises ValueError for what cannot stand in a command."""
    text = address.text if address else ""
    if not _ENDS_OF_PATHS.isdisjoint(text):
        raise ValueError("a path holds what ends it")
    return f"<{text}>"


def _words(text: bytes) -> str:
    """The peer's words on one printable line, cut."""
    line = " ".join(text.decode("utf-8", "replace").split())
    if not line.isprintable():
        line = "".join(character if character.isprintable() else "?" for character in line)
    return line[:_LONGEST_TEXT]


def _same(
    recipients: Sequence[Address],
    result: RcptResult,
    text: str,
    *,
    enhanced: str = "",
    host: str = "",
) -> dict[Address, RcptOutcome]:
    outcome = RcptOutcome(result=result, enhanced=enhanced, text=text, host=host)
    return dict.fromkeys(recipients, outcome)
