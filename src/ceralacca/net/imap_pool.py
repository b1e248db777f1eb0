"""Connections to mailboxes kept for a while: a page that opens asks three things, and signing in costs more than each.

At most two connections a session are kept, each for a minute; who asks while they are in use gets a new one. A
connection that fails is thrown away and the question asked once more on a new one, for the server closes idle ones.

What a session has learnt of headers, which makes its searches quick, is kept beside them and ends with it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from ceralacca.base.errors import WorldError
from ceralacca.net.header_index import HeaderIndexes
from ceralacca.net.imap_mailbox import ImapMailbox

_KEPT: Final = 2
_MOST: Final = 200
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kept:
    box: ImapMailbox
    until: float


class ImapPool:
    """Connections by session. Safe between threads."""

    def __init__(self, *, now: Callable[[], float], keep: float = 60.0) -> None:
        """Keep a connection for `keep` seconds of the monotonic clock `now`."""
        self._now = now
        self._keep = keep
        self._lock = threading.Lock()
        self._kept: dict[str, list[_Kept]] = {}
        self.headers = HeaderIndexes(now=now)
        """What sessions know of headers, for their connections."""

    def ask(self, session: str, connect: Callable[[], ImapMailbox], question: Callable[[ImapMailbox], _T]) -> _T:
        """Ask a mailbox something. Raises what `connect` and the question raise."""
        kept = self._take(session)
        if kept is not None:
            try:
                return self._ask(session, kept, question)
            except WorldError:
                pass  # closed by the server meanwhile
        return self._ask(session, connect(), question)

    def _ask(self, session: str, box: ImapMailbox, question: Callable[[ImapMailbox], _T]) -> _T:
        with self._returned(session, box):
            return question(box)

    @contextmanager
    def _returned(self, session: str, box: ImapMailbox) -> Iterator[None]:
        try:
            yield
        except WorldError:
            box.close()
            raise
        except BaseException:
            self._give(session, box)
            raise
        self._give(session, box)

    def forget(self, session: str) -> None:
        """Close the connections of a session that has ended."""
        with self._lock:
            gone = self._kept.pop(session, [])
        self.headers.forget(session)
        for one in gone:
            one.box.close()

    def close(self) -> None:
        """Close all."""
        for session in list(self._kept):
            self.forget(session)

    def _take(self, session: str) -> ImapMailbox | None:
        now, old = self._now(), []
        with self._lock:
            for name, several in list(self._kept.items()):
                old += [one for one in several if one.until <= now]
                self._kept[name] = [one for one in several if one.until > now]
                if not self._kept[name]:
                    del self._kept[name]
            several = self._kept.get(session, [])
            found = several.pop() if several else None
        for one in old:
            one.box.close()
        self.headers.drop_old()
        return found.box if found else None

    def _give(self, session: str, box: ImapMailbox) -> None:
        with self._lock:
            several = self._kept.setdefault(session, [])
            if len(several) < _KEPT and sum(map(len, self._kept.values())) < _MOST:
                several.append(_Kept(box, self._now() + self._keep))
                return
        box.close()
