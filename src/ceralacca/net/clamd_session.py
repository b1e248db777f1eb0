"""Sessions with a clamd (IDSESSION of clamd(8)): connections that are kept, commands and answers with numbers.

A session belongs to one thread while it is spoken to, and goes back among the kept ones only after a whole answer with
its very number and nothing behind it; after all else it is thrown away. Here is what one command at a time needs.

clamd ends sessions that are idle for its ReadTimeout, and all of them when it ends: a kept session that is found ended
before a word of answer came is replaced once by a new one, and what was asked is asked again, whole. On a new session
the same is a failure (AP-18).

clamd takes up each command of a session with the signatures that it has at that instant, so a session sees what a new
connection would see, whatever was loaded meanwhile.

Not here: several commands at once (`net.clamd_together`), and what the answers mean (`net.clamd`).

Clauses: AP-18.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from ceralacca.formats.splice import Octets
from ceralacca.ports.scanner import NotScanned, NotScannedReason

Address = Path | tuple[str, int]
"""Path of a Unix socket, or host and port."""

OVER_STREAM: Final = "INSTREAM size limit exceeded"
MOST_ANSWER: Final = 1024
_CHUNK: Final = 1 << 18
_END_MARK: Final = bytes(4)
_PIECES_AT_ONCE: Final = 64
_LONGEST_SOCKET_PATH: Final = 100
NOTHING: Final = (b"", b"COMMAND READ TIMED OUT\n")
"""No word of an answer: nothing, or what clamd says, without a number, when it ends a session that was idle."""

_T = TypeVar("_T")


class SessionEnded(NotScanned):
    """The other side had left before it said anything of what was asked."""


class Session:
    """One connection in a session of clamd, for one thread at a time."""

    def __init__(self, opened: socket.socket, silent_seconds: float) -> None:
        opened.setblocking(False)
        self.until = 0.0
        """An instant of `time.monotonic` after which nobody waits any more."""
        self._socket = opened
        self._silent = silent_seconds
        self._number = 0
        self._asked = False
        self._ears, self._both = select.poll(), select.poll()
        self._ears.register(opened, select.POLLIN)
        self._both.register(opened, select.POLLIN | select.POLLOUT)

    @property
    def kept(self) -> bool:
        """Whether it was asked something before the last command: that was answered, or is asked in the same turn."""
        return self._number > 1

    def ask(self, *octets: Octets, until: float) -> None:
        """Begin a command, to be answered whole until that instant of `time.monotonic`."""
        self.until = until
        self.send(*self.numbered(*octets))

    def numbered(self, *octets: Octets) -> tuple[Octets, ...]:
        """Count one more command and return it as it is to be sent: the first begins the session."""
        self._asked = False
        self._number += 1
        return octets if self.kept else (b"zIDSESSION\0", *octets)

    @property
    def number(self) -> int:
        """Of the last command."""
        return self._number

    def send(self, *octets: Octets) -> None:
        """Send all of it.

        Raises SessionEnded or NotScanned also when clamd has spoken already: its answer is none.
        """
        left = [memoryview(piece) for piece in octets]
        while left:
            if not self.may_write():
                raise self.early()
            self.write(left)

    def may_write(self) -> bool:
        """Wait until it takes octets or says something; say whether it takes them and says nothing.

        Raises TimeoutError.
        """
        return self._wait(self._both) == select.POLLOUT

    def write(self, left: list[memoryview]) -> int:
        """Send what it takes at once of what is left, take that off, and return how many octets it was.

        Raises SessionEnded or NotScanned when clamd has left.
        """
        try:
            sent = taken = self._socket.sendmsg(left[:_PIECES_AT_ONCE])
        except BlockingIOError:
            return 0
        except ConnectionError:
            raise self.early() from None
        self._asked = True
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if sent:
            left[0] = left[0][sent:]
        return taken

    def read(self) -> bytes | None:
        """Wait until it says something and return that; empty when it has ended, None when it was nothing after all.

        Raises TimeoutError, ConnectionError.
        """
        self._wait(self._ears)
        try:
            return self._socket.recv(MOST_ANSWER)
        except BlockingIOError:
            return None

    def answer(self) -> str:
        """Return the one answer with the number of this command, without it. Raises SessionEnded, NotScanned."""
        number, text = f"{self.number}: ", self._heard()
        if not text.startswith(number):
            raise not_scanned("clamd's answer is not to what was asked", NotScannedReason.GARBLED)
        return text.removeprefix(number)

    def ask_alone(self, command: bytes, *, until: float) -> str:
        """Ask what has no place in a session, instead of beginning one. Raises NotScanned."""
        self.until = until
        self.send(command)
        return self._heard()

    def close(self, *, politely: bool = False) -> None:
        """End it."""
        with suppress(OSError), self._socket:
            if politely:
                self._socket.send(b"zEND\0")

    def _heard(self) -> str:
        """Return what is said up to a NUL that nothing follows, without it. Raises SessionEnded, NotScanned."""
        octets = b""
        while b"\0" not in octets and len(octets) <= MOST_ANSWER:
            try:
                more = self.read()
            except ConnectionError:
                if octets in NOTHING:
                    raise session_ended("clamd broke off") from None
                raise
            if more is None:
                continue
            if not more:
                break
            octets += more
        if octets in NOTHING:
            raise session_ended("clamd's answer is cut or not one", NotScannedReason.GARBLED)
        if len(octets) > MOST_ANSWER or octets.find(b"\0") != len(octets) - 1:
            raise not_scanned("clamd's answer is cut or not one", NotScannedReason.GARBLED)
        return octets[:-1].decode("ascii", "replace")

    def early(self) -> NotScanned:
        """Tell what it means that clamd spoke or left before it had heard all."""
        try:
            octets = self._socket.recv(MOST_ANSWER)
        except OSError:
            octets = b""
        if octets in NOTHING or (self.kept and not self._asked):
            return session_ended("clamd broke off")
        if OVER_STREAM.encode() in octets:
            return not_scanned("the message is larger than clamd's StreamMaxLength", NotScannedReason.TOO_LARGE)
        return not_scanned("clamd answered before it had heard all", NotScannedReason.GARBLED)

    def _wait(self, for_what: select.poll) -> int:
        """Wait until the socket can do something, and say what. Raises TimeoutError."""
        left = min(self.until - time.monotonic(), self._silent)
        if left <= 0 or not (found := for_what.poll(left * 1000)):
            raise TimeoutError
        return found[0][1]


class Sessions:
    """Opens sessions and keeps some. Safe between threads; another process starts with none."""

    def __init__(self, address: Address, *, connect_seconds: float, silent_seconds: float, most_kept: int) -> None:
        self._address, self._connect_seconds, self._silent_seconds = address, connect_seconds, silent_seconds
        self._most_kept = most_kept
        self._lock = Lock()
        self._kept: list[Session] = []
        self._process = os.getpid()

    def speak(self, words: Callable[[Session], _T]) -> _T:
        """Let a session be asked something and answer.

        Whatever it raises ends that session. Raises NotScanned.
        """
        try:
            if (session := self._take()) is not None:
                with suppress(SessionEnded):
                    return self._through(session, words)
            return self._through(self._open(), words)
        except OSError as error:
            raise _broken(error) from None

    def ask_alone(self, command: bytes, *, until: float) -> str:
        """Ask something on a connection of its own, outside of any session. Raises NotScanned."""
        try:
            with closing(self._open()) as connection:
                return connection.ask_alone(command, until=until)
        except OSError as error:
            raise _broken(error) from None

    def close(self) -> None:
        """End those that are kept."""
        while (session := self._take()) is not None:
            session.close(politely=True)

    def _open(self) -> Session:
        return Session(_connect(self._address, self._connect_seconds), self._silent_seconds)

    def _through(self, session: Session, words: Callable[[Session], _T]) -> _T:
        try:
            said = words(session)
        except BaseException:
            session.close()
            raise
        with self._lock:
            if spare := len(self._kept) < self._most_kept:
                self._kept.append(session)
        if not spare:
            session.close(politely=True)
        return said

    def _take(self) -> Session | None:
        """Take the kept session that was spoken to last: the others may become idle, and be ended."""
        with self._lock:
            if self._process != os.getpid():  # the sessions are the parent's: only our copies are closed
                self._process = os.getpid()
                for session in self._kept:
                    session.close()
                self._kept.clear()
            return self._kept.pop() if self._kept else None


def in_stream(octets: Octets) -> list[Octets]:
    """Return the command that has a message scanned, with the message, as it goes over the wire."""
    view = memoryview(octets)
    chunks = [view[start : start + _CHUNK] for start in range(0, len(view), _CHUNK)]
    stream = [piece for chunk in chunks for piece in (struct.pack("!I", len(chunk)), chunk)]
    return [b"zINSTREAM\0", *stream, _END_MARK]


def _connect(address: Address, seconds: float) -> socket.socket:
    """Open a connection to clamd. Raises OSError."""
    if isinstance(address, tuple):
        opened = socket.create_connection(address, seconds)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.settimeout(seconds)
        with _reachable(address) as path:
            opened.connect(path)
    except BaseException:
        opened.close()
        raise
    return opened


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Give a name of the socket that is short enough for the system: long ones go by the folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _broken(error: OSError) -> NotScanned:
    """Tell what a failure of the connection means: never a verdict."""
    if isinstance(error, TimeoutError):
        return not_scanned("clamd does not answer in time", NotScannedReason.SLOW)
    return not_scanned(f"no word with clamd: {error.strerror or type(error).__name__}", NotScannedReason.AWAY)


def not_scanned(what: str, reason: NotScannedReason) -> NotScanned:
    """Return the refusal with the remedy of its reason."""
    return NotScanned(what, reason=reason, remedy=_REMEDIES[reason])


def session_ended(what: str, reason: NotScannedReason = NotScannedReason.AWAY) -> SessionEnded:
    """Return the refusal of a session that had ended before a word of answer came."""
    return SessionEnded(what, reason=reason, remedy=_REMEDIES[reason])


_REMEDIES: Final = {
    NotScannedReason.AWAY: "look whether clamd runs and where its socket is; mail waits meanwhile",
    NotScannedReason.SLOW: "look at the load of clamd; mail waits meanwhile",
    NotScannedReason.TOO_LARGE: "raise clamd's StreamMaxLength above the largest message accepted",
    NotScannedReason.LIMITS: "look at the message by hand; clamd's MaxScanSize, MaxFiles, MaxRecursion are the limits",
    NotScannedReason.ENGINE: "look at clamd's log",
    NotScannedReason.GARBLED: "look whether it is clamd that listens there, and at its log",
    NotScannedReason.OLD_SIGNATURES: "update the signatures with freshclam",
}
