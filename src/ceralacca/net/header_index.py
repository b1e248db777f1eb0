"""From and Subject of a large folder, remembered for a session to say which messages a search need not look at.

Dovecot looks at every message of a folder for each search, and takes more than half a second for 100,000. Here is
only told which of them cannot have what is searched for; the rest are searched by Dovecot, so that what is found is
what it finds. A header never changes under its number (RFC 3501, 2.3.1.1); messages that came later count as possible.

What is told rests on one thing: a letter or digit of ASCII that Dovecot sees in a plain field stands in that field,
and their order is the same. A field that is not plain (encoded words, other octets than ASCII, addresses with
comments, groups or escapes) is read in other ways, so its message is always possible.
"""

import re
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

WORTH: Final = 10_000
"""Messages of a folder from which on its headers are remembered."""
_ATOMS: Final = rb"A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-"
_ADDRESS: Final = rb"[%b]+@[A-Za-z0-9.-]+" % _ATOMS
_SPACE: Final = rb"(?:[ \t]|\r\n[ \t])*"
_NAME: Final = rb'(?:"(?:[\t !#-\[\]-~]|\r\n[ \t])*"|(?:[%b \t]|\r\n[ \t])*)' % _ATOMS
_PLAIN: Final = re.compile(
    rb"(?i:(?:from:%b(?:%b|%b%b<%b>)%b\r\n|subject:(?:[\t -~]|\r\n[ \t])*\r\n)*\r\n)"
    % (_SPACE, _ADDRESS, _NAME, _SPACE, _ADDRESS, _SPACE)
)
_LONGEST: Final = 2000
"""Octets of the fields of one message; longer ones are not remembered."""
_RUNS: Final = re.compile(r"[A-Za-z0-9]+")
_END: Final = b"\0"
_RANGES: Final = 2000
"""Of one command: 44,000 octets at most, and Dovecot reads lines of 65,536."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderIndex:
    """The headers of one folder up to a number."""

    validity: int
    following: int
    """The first number that is not known."""
    uids: "array[int]"
    starts: "array[int]"
    """Where in `text` the message of the same place in `uids` begins."""
    text: bytes
    """Plain fields of one message after the other, in small letters, each message closed by NUL."""
    unsure: "array[int]"
    """Messages whose fields are not plain."""

    @classmethod
    def nothing(cls, validity: int) -> "HeaderIndex":
        """Return the index of a folder of which nothing is known."""
        return cls(validity=validity, following=1, uids=array("I"), starts=array("I"), text=b"", unsure=array("I"))

    def with_messages(self, messages: Iterable[tuple[int, bytes]]) -> "HeaderIndex":
        """Return it with more messages: their numbers, rising from `following` on, and their fields as they stand."""
        uids, starts, unsure, text = self.uids[:], self.starts[:], self.unsure[:], bytearray(self.text)
        following = self.following
        for uid, fields in messages:
            if uid < following:  # the last one, which the server gives for N:* when there is none from N on
                continue
            if len(fields) <= _LONGEST and b"=?" not in fields and _PLAIN.fullmatch(fields):
                uids.append(uid)
                starts.append(len(text))
                text += fields.lower() + _END
            else:
                unsure.append(uid)
            following = uid + 1
        return HeaderIndex(
            validity=self.validity, following=following, uids=uids, starts=starts, text=bytes(text), unsure=unsure
        )

    @property
    def octets(self) -> int:
        """Memory that it takes."""
        return len(self.text) + sum(len(one) * one.itemsize for one in (self.uids, self.starts, self.unsure))

    @property
    def known(self) -> int:
        """Number of messages in it."""
        return len(self.uids) + len(self.unsure)

    def possible(self, texts: Sequence[str]) -> list[bytes] | None:
        """Return the sets of messages that may have all these texts in From or Subject, each set fit for one command.

        None when asking for all is as good: nothing to look for, or too many that may have it.
        """
        most = self.known // 2 - len(self.unsure)
        found: set[int] | None = None
        for text in texts:
            pattern = _pattern(text)
            if pattern is not None and (found is None or found):
                having = self._having(pattern, most)
                if having is not None:
                    found = having if found is None else found & having
        if found is None:
            return None
        return _sets(sorted(found.union(self.unsure)), self.following)

    def _having(self, pattern: re.Pattern[bytes], most: int) -> set[int] | None:
        """Return the messages that have it; None when they are more than so many."""
        found: set[int] = set()
        match = pattern.search(self.text)
        while match is not None:
            if len(found) >= most:
                return None
            place = bisect_right(self.starts, match.start())
            found.add(self.uids[place - 1])
            if place == len(self.starts):
                break
            match = pattern.search(self.text, self.starts[place])
        return found


def _pattern(text: str) -> re.Pattern[bytes] | None:
    """Return what a plain field that has a text must have: its letters and digits of ASCII in their order."""
    runs = [run.lower().encode("ascii") for run in _RUNS.findall(text)]
    if not runs:
        return None
    between = rb"[^a-z0-9\0]+" if text.isascii() else rb"[^\0]*?"
    return re.compile(between.join(runs))


def _sets(uids: Sequence[int], following: int) -> list[bytes]:
    """Write numbers as sequence sets of some length, with all from `following` on."""
    ranges = [b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in _stretches(uids)]
    ranges.append(b"%d:*" % following)
    return [b",".join(ranges[start : start + _RANGES]) for start in range(0, len(ranges), _RANGES)]


def _stretches(uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of numbers that follow each other."""
    start = 0
    for place in range(1, len(uids) + 1):
        if place == len(uids) or uids[place] != uids[place - 1] + 1:
            yield uids[start], uids[place - 1]
            start = place


@dataclass(slots=True)
class _Kept:
    index: HeaderIndex
    used: float


class HeaderIndexes:
    """Indexes of all sessions: so many octets at most, each for a while after its last use. Safe between threads."""

    def __init__(self, *, now: Callable[[], float], most: int = 64 * 2**20, keep: float = 1800.0) -> None:
        """Keep `most` octets in all, and none that is unused for `keep` seconds of the monotonic clock `now`."""
        self._now, self._most, self._keep = now, most, keep
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._learning: set[tuple[str, str]] = set()

    def of(self, session: str) -> "KnownHeaders":
        """Return what a session knows."""
        return KnownHeaders(self, session)

    def forget(self, session: str) -> None:
        """Forget what a session that has ended knew."""
        with self._lock:
            for place in [place for place in self._kept if place[0] == session]:
                del self._kept[place]

    def drop_old(self) -> None:
        """Forget what has not been used for long."""
        oldest = self._now() - self._keep
        with self._lock:
            for place in [place for place, kept in self._kept.items() if kept.used <= oldest]:
                del self._kept[place]

    def get(self, place: tuple[str, str]) -> HeaderIndex | None:
        """Return the index of a session's folder."""
        self.drop_old()
        with self._lock:
            kept = self._kept.get(place)
            if kept is None:
                return None
            kept.used = self._now()
            self._kept.move_to_end(place)
            return kept.index

    def put(self, place: tuple[str, str], index: HeaderIndex) -> None:
        """Keep an index in place of the one before; those unused for longest go when there is no room."""
        with self._lock:
            self._kept.pop(place, None)
            self._kept[place] = _Kept(index, self._now())
            while sum(one.index.octets for one in self._kept.values()) > self._most:
                self._kept.popitem(last=False)

    @contextmanager
    def claimed(self, place: tuple[str, str]) -> Iterator[bool]:
        """Give True to whoever may learn a session's folder, False while somebody else does."""
        with self._lock:
            mine = place not in self._learning
            self._learning.add(place)
        try:
            yield mine
        finally:
            if mine:
                with self._lock:
                    self._learning.discard(place)


@dataclass(frozen=True, slots=True)
class KnownHeaders:
    """The indexes of one session's folders."""

    _all: HeaderIndexes
    _session: str

    def get(self, folder: str, validity: int) -> HeaderIndex | None:
        """Return the index of a folder under this UIDVALIDITY."""
        index = self._all.get((self._session, folder))
        return index if index is not None and index.validity == validity else None

    def put(self, folder: str, index: HeaderIndex) -> None:
        """Keep an index in place of the one before."""
        self._all.put((self._session, folder), index)

    def learning(self, folder: str) -> AbstractContextManager[bool]:
        """Give True to whoever may learn a folder, False while somebody else does."""
        return self._all.claimed((self._session, folder))
