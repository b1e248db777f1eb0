"""Child processes by fork: they share the memory of what is already loaded, and start in no time.

A provider is eight processes of one program. Forked from one that has loaded it, they cost a fifth of the
memory and of the time that eight new interpreters would. This is sound while the parent has one thread,
holds no secret and has no connection open: the supervisor is such a process.

The child leaves nothing of its parent's event loop, signals and descriptors in use, and never returns
into the parent's code.
"""

import asyncio
import ctypes
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

Main = Callable[[], int]
"""What the child does; returns its exit status."""

DEFECT: Final = 70
"""Exit status of a child whose main raised: it has shown its traceback."""
_SET_NAME: Final = 15  # prctl(2)
_HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Child:
    """A child of this process, watched on the running event loop."""

    def __init__(self, pid: int) -> None:
        """Watch a child that has not been waited for."""
        self.pid = pid
        self.returncode: int | None = None
        """Exit status, or minus the signal that ended it; None while it runs."""
        self._ended = asyncio.Event()
        self._handle = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._handle, self._reap)

    async def wait(self) -> int:
        """Wait until it has ended; return how."""
        await self._ended.wait()
        assert self.returncode is not None, "set before the event"
        return self.returncode

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal to it and to nobody else; harmless when it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, sign)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:  # somebody else has waited for it
            self.returncode = DEFECT
        else:
            self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()


def fork(main: Main, *, name: str, keep: Collection[int]) -> Child:
    """Run `main` in a child, in a session of its own, with standard streams and the descriptors in `keep` only."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)  # none may reach the child with the parent's handlers
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _be_child(main, name, keep, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Child(pid)


def _be_child(main: Main, name: str, keep: Collection[int], mask: Collection[int]) -> None:
    """Never return."""
    status = DEFECT
    try:
        signal.set_wakeup_fd(-1)
        for sign in _HANDLED:
            signal.signal(sign, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        asyncio.events._set_running_loop(None)  # noqa: SLF001 the parent's, not ours
        asyncio.set_event_loop(None)
        os.setsid()
        _close_all_but({0, 1, 2, *keep})
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        ctypes.CDLL(None).prctl(_SET_NAME, f"pec {name}".encode()[:15], 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = main()
    except BaseException:  # noqa: BLE001 nothing may reach the parent's code
        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _close_all_but(keep: Collection[int]) -> None:
    """Close descriptors by number; the objects of the parent that held them are never touched again here."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        found = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 names are wanted
    except OSError:
        found = list(range(3, min(most, 4096)))
    for descriptor in found:
        if descriptor not in keep:
            with suppress(OSError):
                os.close(descriptor)
