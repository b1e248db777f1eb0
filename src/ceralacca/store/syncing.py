"""Syncs that go on while their caller does other work: handed to the kernel, several with one call.

A thread that syncs wants the interpreter again when it comes back, as does whoever waits for it: seven changes of
thread for one sync. The kernel takes them as asynchronous requests (io_submit(2)) and tells when they have ended;
nobody waits before somebody has to. Where it does not take them (forbidden to this process, or no such thing for this
file), threads sync.

Clauses: AP-25, DP-3.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from errno import EINTR
from typing import Any, Final

try:
    from caio.linux_aio import Context, Operation
except ImportError:  # it asks the kernel's version when it is loaded
    _CAN_ASK = False
else:
    _CAN_ASK = True

_MOST: Final = 64
"""Requests of one thread that the kernel has at a time."""
_THREADS: Final = 8
"""Threads that sync, at most: a journalling file system lets several share one write."""
_REFUSALS: Final = (OSError, OverflowError, RuntimeError, SystemError, ValueError)
"""What `caio` makes of a kernel that does not take a request, or takes none at all."""
_NEGATIVE: Final = 1 << 63


class Syncs:
    """Begins syncs. Safe between threads; the thread that began some is the one that waits for them."""

    def __init__(self) -> None:
        self._kernel = _Kernel()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sync")

    def begin(self, handles: Sequence[int]) -> "UnderWay":
        """Begin to make files or folders durable; they stay open until these are waited for."""
        under_way = UnderWay(self._kernel.context, self._threads)
        for handle in under_way.ask(handles):
            under_way.have_done(os.fsync, handle)
        return under_way

    def begin_data(self, handle: int) -> "UnderWay":
        """Begin to make the octets of a file durable, and of what is known about it what leads to them."""
        under_way = UnderWay(self._kernel.context, self._threads)
        for one in under_way.ask([handle], data_only=True):
            under_way.have_done(os.fdatasync, one)
        return under_way

    def begin_volume(self, handle: int) -> "UnderWay":
        """Begin to make everything durable that was written to the volume of an open file or folder."""
        under_way = UnderWay(None, self._threads)
        under_way.have_done(sync_volume, handle)
        return under_way


class _Kernel(threading.local):
    """The requests of each thread: what has ended is told to the thread that asked."""

    def __init__(self) -> None:
        self.context: Any = None
        if _CAN_ASK:
            with suppress(*_REFUSALS):  # it takes no requests from this process
                self.context = Context(max_requests=_MOST)


class UnderWay:
    """Some syncs that have begun."""

    def __init__(self, context: Any, threads: Executor) -> None:
        """Begin nothing yet."""
        self._context, self._threads = context, threads
        self._calls: list[Future[object]] = []
        self._asked, self._refused = 0, 0

    def ask(self, handles: Sequence[int], *, data_only: bool = False) -> Sequence[int]:
        """Ask the kernel for syncs; return the handles that it does not take."""
        if self._context is None:
            return handles
        wanted = Operation.fdsync if data_only else Operation.fsync
        requests = [wanted(handle) for handle in handles]
        for request in requests:
            request.set_callback(self._ended)
        try:
            self._asked = self._context.submit(*requests)
        except _REFUSALS:
            return handles
        return handles[self._asked :]

    def have_done(self, sync: Callable[[int], object], handle: int) -> None:
        """Let a thread sync."""
        self._calls.append(self._threads.submit(sync, handle))

    def wait(self) -> None:
        """Wait until all have ended, before one is told of. Raises OSError, also when it is asked again."""
        while self._asked:
            try:
                self._context.process_events(_MOST, min(self._asked, _MOST), -1)
            except SystemError as error:
                if error.args[0] != EINTR:
                    raise OSError(*error.args) from error
        wait(self._calls)
        for call in self._calls:
            call.result()
        if self._refused:
            raise OSError(self._refused, os.strerror(self._refused))

    def _ended(self, result: int) -> None:
        """Hear how a sync has ended: the result of its call, as an unsigned number."""
        self._asked -= 1
        if result & _NEGATIVE:
            self._refused = (_NEGATIVE << 1) - result


def _volume_sync() -> Callable[[int], None]:
    call = ctypes.CDLL(None, use_errno=True).syncfs

    def sync(handle: int) -> None:
        if call(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return sync


sync_volume = _volume_sync()
"""Make everything written to the volume of an open file or folder durable. Raises OSError."""
