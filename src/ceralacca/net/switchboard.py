"""One thread that holds many conversations: who waits for the other side lets the others go on.

With a thread for each of them, all wake at once when a peer has stored what they sent, and stand in line for the
interpreter. Here each is a greenlet, code that is written straight down; where it would wait for its socket it says
`wait`, and what must block (names, new connections, calls of web hooks) it has done `aside`, by a thread. Where there
is no switchboard, both do plainly what they say.

Whoever waits holds no lock, for the others are of the same thread.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import structlog
from greenlet import getcurrent, greenlet

from ceralacca.base.errors import OurError

_LOG = structlog.get_logger(__name__)
_Result = TypeVar("_Result")

READABLE: Final = select.POLLIN
WRITABLE: Final = select.POLLOUT
_NEVER: Final = float("inf")


class _Here(threading.local):
    """The switchboard whose thread this is."""

    board: "Switchboard | None" = None


_HERE: Final = _Here()


def wait(handle: int, event: int, seconds: float) -> None:
    """Wait until a descriptor is READABLE or WRITABLE, or at its end. Raises TimeoutError."""
    if _HERE.board is not None:
        _HERE.board.wait(handle, event, seconds)
        return
    poll = select.poll()
    poll.register(handle, event)
    if not poll.poll(seconds * 1000):
        raise TimeoutError


def aside(act: Callable[[], _Result]) -> _Result:
    """Return what an act returns that may block."""
    return act() if _HERE.board is None else _HERE.board.aside(act)


class Switchboard:
    """Holds so many conversations at once, in a thread of its own; the end of its `with` waits for them all."""

    def __init__(self, most: int, *, name: str) -> None:
        self._most = self._free = most
        self._thread = threading.Thread(target=self._attend, name=name)
        self._blocking = ThreadPoolExecutor(most, thread_name_prefix=f"{name}-aside")
        self._poll = select.poll()
        self._waiting: dict[int, tuple[greenlet, float]] = {}
        """By descriptor: who waits for it, and until when."""
        self._soonest = _NEVER
        """When the first of them is to be cut off, or sooner: who was answered is not looked for."""
        self._lock = threading.Lock()
        self._new: deque[Callable[[], None]] = deque()
        self._back: deque[greenlet] = deque()
        """Whose acts aside are done."""
        self._idle: list[greenlet] = []
        self._rung = self._closing = False

    def __enter__(self) -> Self:
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._bell, select.POLLIN)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closing = True
            self._ring()
        self._thread.join()
        self._blocking.shutdown()
        os.close(self._bell)

    def submit(self, *conversations: Callable[[], None]) -> None:
        """Hold these conversations, each as soon as there is room for it; from any thread.

        Raises OurError when nothing is held any more, which is a defect: also with no conversation, to find out.
        """
        if not self._thread.is_alive():
            raise OurError("the thread that holds all conversations has ended")
        with self._lock:
            self._new += conversations
            self._ring()

    # -- within a conversation ------------------------------------------------------------------------

    def wait(self, handle: int, event: int, seconds: float) -> None:
        """Let the others go on until a descriptor is ready. Raises TimeoutError."""
        self._poll.register(handle, event)
        until = time.monotonic() + seconds
        self._waiting[handle] = getcurrent(), until
        self._soonest = min(self._soonest, until)
        try:
            self._hub.switch()
        finally:
            self._poll.unregister(handle)
            del self._waiting[handle]

    def aside(self, act: Callable[[], _Result]) -> _Result:
        """Let the others go on while a thread does something that blocks."""
        done = self._blocking.submit(act)
        done.add_done_callback(partial(self._is_back, getcurrent()))
        self._hub.switch()
        return done.result()

    def _is_back(self, who: greenlet, _: "Future[Any]") -> None:
        with self._lock:
            self._back.append(who)
            self._ring()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            os.eventfd_write(self._bell, 1)

    # -- the thread that holds them -------------------------------------------------------------------

    def _attend(self) -> None:
        _HERE.board, self._hub = self, getcurrent()
        while not (self._closing and not self._new and self._free == self._most):
            patience = None if self._soonest == _NEVER else max(self._soonest - time.monotonic(), 0) * 1000
            for handle, _ in self._poll.poll(patience):
                if handle == self._bell:
                    self._answer()
                else:
                    self._waiting[handle][0].switch()
            if self._soonest <= (now := time.monotonic()):
                self._cut_off(now)
            self._begin()
        for held in self._idle:
            held.throw()

    def _answer(self) -> None:
        """Let those go on whose acts aside are done."""
        with self._lock:
            os.eventfd_read(self._bell)
            self._rung = False
        while self._back:
            self._back.popleft().switch()

    def _cut_off(self, now: float) -> None:
        for who in [who for who, until in self._waiting.values() if until <= now]:
            who.throw(TimeoutError)
        self._soonest = min((until for _, until in self._waiting.values()), default=_NEVER)

    def _begin(self) -> None:
        while self._free and self._new:
            self._free -= 1
            held = self._idle.pop() if self._idle else greenlet(self._hold)
            held.gr_context = copy_context()
            held.switch(self._new.popleft())

    def _hold(self, conversation: Callable[[], None]) -> None:
        """Hold one conversation after another: making a greenlet costs more than a wait."""
        while True:
            try:
                conversation()
            except BaseException as error:  # noqa: BLE001 one conversation never ends the others
                _LOG.error("switchboard.failed", error=type(error).__name__)
            self._free += 1
            self._idle.append(getcurrent())
            conversation = self._hub.switch()
