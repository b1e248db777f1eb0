"""The life of one role process: when it must end, and whom it tells that it is ready or still there.

Under the supervisor a role has two pipes. On one it writes a line of JSON when it is ready and from
time to time after; the other is silent, and its end means that the supervisor is gone. Alone, started
by hand or by a service unit, it has neither and ends on SIGTERM or SIGINT only.
"""

import asyncio
import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

Facts = Mapping[str, str | int]
"""What a role says of itself when it is ready, such as its ports."""
_REST: Final = 0.5
"""Seconds between two beats of who is busy: each wakes the supervisor, which bears a minute of silence."""


class Duty:
    """When to end, and what to say meanwhile. One a process, made by its main thread."""

    def __init__(self, *, ready: int | None = None, life: int | None = None) -> None:
        self._ready = ready
        self._life = life
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._next_beat = 0.0
        self.ending = threading.Event()
        """Set when the role must finish what it has in hand and end."""
        self.facts: Facts = {}
        """What was said with `ready`."""

    @contextmanager
    def watched(self) -> Iterator["Duty"]:
        """Listen to signals and to the supervisor for the length of the block."""
        hears, says = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        # The signal is written to a pipe and an ordinary thread acts on it: a handler that sets an event may find its
        # own thread inside that event's lock.
        before = signal.set_wakeup_fd(says, warn_on_full_buffer=False)
        handlers = {sign: signal.signal(sign, lambda *_: None) for sign in (signal.SIGTERM, signal.SIGINT)}
        watcher = threading.Thread(target=self._watch, args=(hears,), name="duty", daemon=True)
        watcher.start()
        try:
            yield self
        finally:
            self.end()
            signal.set_wakeup_fd(before)
            for sign, handler in handlers.items():
                signal.signal(sign, handler)
            with suppress(BlockingIOError):
                os.write(says, b"\0")
            watcher.join()
            os.close(hears)
            os.close(says)

    def ready(self, **facts: str | int) -> None:
        """Say that the work has begun; `facts` are for the operator and for tests, such as ports."""
        self.facts = facts
        self._say({"ready": facts})

    def beat(self) -> None:
        """Say that the role is still at work, for the supervisor's sense of health; not again at once."""
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + _REST
            self._say({})

    def end(self) -> None:
        """Make the role end; harmless when it is ending already."""
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
            self.ending.set()
        for callback in callbacks:
            callback()

    def when_ending(self, callback: Callable[[], None]) -> None:
        """Call back once, from another thread, when the role must end; at once when it must already."""
        with self._lock:
            if not self.ending.is_set():
                self._callbacks.append(callback)
                return
        callback()

    async def ended(self, *, beat_every: float = 10.0) -> None:
        """Wait on the event loop until the role must end, beating meanwhile: a loop that hangs falls silent."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        self.when_ending(lambda: _soon(loop, done))
        while not done.is_set():
            self.beat()
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), beat_every)

    def _say(self, words: Mapping[str, object]) -> None:
        if self._ready is not None:
            with suppress(BrokenPipeError):
                os.write(self._ready, json.dumps(words).encode() + b"\n")

    def _watch(self, hears: int) -> None:
        poll = select.poll()  # select(2) knows no descriptor beyond 1023
        poll.register(hears, select.POLLIN)
        if self._life is not None:
            poll.register(self._life, select.POLLIN)
        while not self.ending.is_set():
            heard = {handle for handle, _ in poll.poll()}
            if self._life in heard or _asks_to_end(hears):
                self.end()


def _soon(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(done.set)


def _asks_to_end(hears: int) -> bool:
    with suppress(BlockingIOError):
        return any(number in {0, signal.SIGTERM, signal.SIGINT} for number in os.read(hears, 64))
    return False
