"""Several messages that clamd is asked about at once, in one session: one turn for all of them instead of one for each.

A round gathers messages until the first of their verdicts is wanted. Then all are sent, and clamd answers under
their numbers in any order, as it has done with them. It wants its answers to be read while it is sent to.

No answer is believed before every message of the round has its own: one, whole, under the number of a command that was
sent whole before the answer began, in the form of an answer, and nothing besides. Whatever else is heard, or not heard
in time, makes all answers of the round void: one that came under a wrong number shows by the one that is missing or
doubled. The messages of such a round have to be scanned alone, each in a turn of its own.

Not here: sessions and their time limits (`net.clamd_session`), what answers mean, and scanning alone (`net.clamd`).

Clauses: AP-17, AP-18.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Final

from ceralacca.formats.splice import Octets
from ceralacca.net.clamd_session import (
    MOST_ANSWER,
    NOTHING,
    Session,
    SessionEnded,
    Sessions,
    in_stream,
    not_scanned,
    session_ended,
)
from ceralacca.ports.scanner import NotScanned, NotScannedReason

LARGEST: Final = 1 << 18
"""Octets of a message that goes with others. A larger one is worth a turn of its own, and is not copied to be sent."""
_MOST_MESSAGES: Final = 32
"""So that rounds of three processes find room in the queue of a clamd as it is delivered (MaxQueue 100)."""
_MOST_OCTETS: Final = 4 << 20
"""As much is copied for a round, and lies in clamd's temporary files at once."""

Key = tuple[bytes, str]
"""Digest of a message, and the edition under which it is asked about."""


class Round:
    """Messages that are asked about at once. Safe between threads."""

    def __init__(self, sessions: Sessions, is_answer: Callable[[str], object], seconds: float) -> None:
        self._sessions = sessions
        self._is_answer, self._seconds = is_answer, seconds
        self._turn = Lock()
        self._messages: dict[Key, Octets] = {}
        self._octets = 0
        self._answers: Mapping[Key, str] | None = None

    def takes(self, key: Key, octets: Octets) -> bool:
        """Take a message in, unless the round is full or over; equal ones are one."""
        with self._turn:
            if self._answers is not None:
                return False
            if key not in self._messages:
                if len(self._messages) == _MOST_MESSAGES or self._octets + len(octets) > _MOST_OCTETS:
                    return False
                self._messages[key] = octets
                self._octets += len(octets)
            return True

    def answer(self, key: Key) -> str | None:
        """Return clamd's answer to a message; None when it has to be scanned alone.

        The first who wants one has all asked.
        """
        with self._turn:
            if self._answers is None:
                messages, self._messages, self._answers = self._messages, {}, {}
                self._answers = self._asked(messages)
            return self._answers.get(key)

    def _asked(self, messages: Mapping[Key, Octets]) -> Mapping[Key, str]:
        if len(messages) == 1:
            return {}
        words = partial(_ask, messages=[*messages.values()], is_answer=self._is_answer, seconds=self._seconds)
        try:
            return dict(zip(messages, self._sessions.speak(words), strict=True))
        except NotScanned:
            return {}


def _ask(
    session: Session, *, messages: Iterable[Octets], is_answer: Callable[[str], object], seconds: float
) -> list[str]:
    """Have messages scanned in a session; return the answers in their order.

    Raises SessionEnded, NotScanned, OSError.
    """
    talk = _Talk(session, is_answer, seconds)
    asked = [talk.put(octets) for octets in messages]
    try:
        talk.go_on()
    except SessionEnded:
        if talk.has_heard:  # then it is not one that was idle for too long
            raise not_scanned("clamd broke off among its answers", NotScannedReason.AWAY) from None
        raise
    return [one.answer for one in asked]


@dataclass(slots=True)
class _Asked:
    """One command and what was answered to it."""

    ends: int
    """How many octets have been sent when it has been sent whole."""
    answer: str = ""


class _Talk:
    """Several commands in a session, and their answers."""

    def __init__(self, session: Session, is_answer: Callable[[str], object], seconds: float) -> None:
        self._session, self._is_answer, self._seconds = session, is_answer, seconds
        self._open: dict[str, _Asked] = {}
        """What has no answer yet, by its number as clamd writes it."""
        self._left: list[memoryview] = []
        self._to_send, self._sent, self._answered = 0, 0, False
        self._cut = b""
        """The beginning of an answer."""
        self._sent_by_then = 0
        """How many octets had been sent when that began."""

    @property
    def has_heard(self) -> bool:
        """Whether a word of answer has come."""
        return self._answered or self._cut not in NOTHING

    def put(self, octets: Octets) -> _Asked:
        """Add a message."""
        command = b"".join(self._session.numbered(*in_stream(octets)))
        self._to_send += len(command)
        self._left.append(memoryview(command))
        asked = self._open[str(self._session.number)] = _Asked(ends=self._to_send)
        return asked

    def go_on(self) -> None:
        """Send all and hear all answers, as it comes. Raises SessionEnded, NotScanned, OSError."""
        self._session.until = time.monotonic() + self._seconds
        while self._open:
            if self._left and self._session.may_write():
                self._sent += self._session.write(self._left)
            elif self._sent:
                self._listen()
            else:
                raise self._session.early()
        if self._cut:
            raise _irregular()

    def _listen(self) -> None:
        try:
            more = self._session.read()
        except ConnectionError:
            more = b""
        if more is None:
            return
        if not more:
            raise session_ended("clamd broke off")
        if not self._cut:
            self._sent_by_then = self._sent
        *whole, self._cut = (self._cut + more).split(b"\0")
        for answer in whole:
            self._take(answer.decode("ascii", "replace"))
            self._sent_by_then = self._sent
        if len(self._cut) > MOST_ANSWER:
            raise _irregular()

    def _take(self, text: str) -> None:
        """Take an answer that is to a command which was sent whole before it, and has none yet."""
        number, _, answer = text.partition(": ")
        asked = self._open.pop(number, None)
        if asked is None or asked.ends > self._sent_by_then or not self._is_answer(answer):
            raise _irregular()
        asked.answer, self._answered = answer, True
        self._session.until = time.monotonic() + self._seconds  # each scan has its time


def _irregular() -> NotScanned:
    return not_scanned("clamd's answers are not to what was asked", NotScannedReason.GARBLED)
