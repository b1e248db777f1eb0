"""The relay's end of a connection that is introduced: octets out and replies in, without keeping others waiting.

Not here: what is said (`net.smtp_client`), and connecting and introducing oneself, which `smtplib` does.

Clauses: RFC 5321 4.2, 4.5.3.2.
"""

import re
import socket
import ssl
from typing import Final

from ceralacca.base.errors import PeerError
from ceralacca.net.switchboard import READABLE, WRITABLE, wait

_REPLY: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\n]*)|\r*)\n")
"""One line of a reply; its text may end with CR."""
_MOST_OCTETS: Final = 16 * 1024
"""What is read at once: a whole record of TLS, so that none is left where no waiting sees it."""
_LONGEST_LINE: Final = 8192
_MOST_LINES: Final = 100


class NoReply(PeerError):
    """What came is no reply of SMTP, or the connection ended before one."""


class Wire:
    """One connection; its socket is nobody else's from now on. Whatever this raises ends its use."""

    def __init__(self, opened: socket.socket) -> None:
        opened.setblocking(False)
        self._socket, self._kept = opened, b""

    def send(self, octets: bytes, *, seconds: float) -> None:
        """Send all of it; `seconds` is how long the other side may refuse to read. Raises OSError."""
        left = memoryview(octets)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                wait(self._socket.fileno(), WRITABLE, seconds)
            except ssl.SSLWantReadError:
                wait(self._socket.fileno(), READABLE, seconds)

    def reply(self, *, seconds: float) -> tuple[int, bytes]:
        """Return code and text of the next reply; `seconds` is how long the other side may be silent.

        Raises OSError, NoReply.
        """
        words: list[bytes] = []
        while len(words) < _MOST_LINES:
            while b"\n" not in self._kept:
                self._hear(seconds)
            found = _REPLY.match(self._kept)
            if found is None:
                break
            self._kept = self._kept[found.end() :]
            words.append((found[3] or b"").rstrip(b"\r"))
            if found[2] != b"-":
                return int(found[1]), b"\n".join(words)
        raise NoReply("no reply of SMTP")

    def _hear(self, seconds: float) -> None:
        more = self._heard(seconds)
        if not more or len(self._kept) > _LONGEST_LINE:
            raise NoReply("the connection ended before a reply, or a line has no end")
        self._kept += more

    def _heard(self, seconds: float) -> bytes:
        event = READABLE
        while True:
            wait(self._socket.fileno(), event, seconds)
            try:
                return self._socket.recv(_MOST_OCTETS)
            except (BlockingIOError, ssl.SSLWantReadError):
                event = READABLE
            except ssl.SSLWantWriteError:
                event = WRITABLE
