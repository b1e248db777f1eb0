"""Processes of one machine tell each other that there is something to do.

Only a hint: polling is the truth, and a hint that is lost costs one turn of it. Whoever waits has a
datagram socket `wake-<pid>-<n>-<kinds>` in a folder; whoever has made jobs sends their kinds to every socket there
whose name has one of them.
"""

import contextlib
import itertools
import os
import select
import socket
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from ceralacca.base.errors import WorldError
from ceralacca.ports.store import JobKind
from ceralacca.store.durable_files import make_folder

LOOK_EVERY: Final = 1.0
"""Seconds after which whoever waits looks at the queue without a hint: what is due later needs none when it is made."""

_PREFIX = "wake-"
_OCTETS = 256
_NUMBERS = itertools.count(1)


class Wake:
    """One process's end: it may notify, and wait for what concerns it. For one waiting thread each."""

    def __init__(self, folder: Path, kinds: Iterable[JobKind] = JobKind) -> None:
        """Listen for these kinds, from the first `wait` on. Raises WorldError when the folder cannot be made."""
        try:
            make_folder(folder)
        except OSError as error:
            raise WorldError(
                f"the folder of wake-ups cannot be made: {error.strerror}", remedy="look at the path"
            ) from error
        self._folder = folder
        self._kinds = frozenset(kinds)
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._ear: socket.socket | None = None
        self._name = ""
        self._lock = threading.Lock()

    def notify(self, kinds: Iterable[JobKind]) -> None:
        """Tell every process that waits for one of these kinds; never fails, never waits."""
        made = frozenset(kinds)
        if not made:
            return
        said = " ".join(sorted(made)).encode()
        with self._lock, contextlib.suppress(OSError), _short_path(self._folder) as short:
            for name in os.listdir(short):  # noqa: PTH208 names alone: this runs for every batch
                if name.startswith(_PREFIX) and not made.isdisjoint(_kinds_of(name)):
                    self._tell(f"{short}/{name}", said)

    def wait(self, timeout: float) -> bool:
        """Wait until somebody has made jobs for us, or for so many seconds; say whether somebody did.

        Listen first, poll then: `wait(0)` before the first poll makes sure that no hint falls between.
        """
        ear, poll = self._ear or self._listen(), select.poll()  # select(2) knows no descriptor beyond 1023
        poll.register(ear, select.POLLIN)
        return bool(poll.poll(max(timeout, 0) * 1000)) and self._heard(ear)

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            self._sender.close()
            if self._ear is not None:
                self._ear.close()
                with contextlib.suppress(OSError):
                    (self._folder / self._name).unlink()
                self._ear = None

    def _listen(self) -> socket.socket:
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.setblocking(False)
        self._name = f"{_PREFIX}{os.getpid()}-{next(_NUMBERS)}-{'+'.join(sorted(self._kinds))}"
        try:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / self._name).unlink()  # of a process that had our number
            with _short_path(self._folder) as short:
                ear.bind(f"{short}/{self._name}")
        except OSError as error:
            ear.close()
            raise WorldError(f"cannot listen for wake-ups: {error.strerror}", remedy="look at the folder") from error
        self._ear = ear
        return ear

    def _heard(self, ear: socket.socket) -> bool:
        """Take all hints that are there; one of them that concerns us is enough."""
        concerned = False
        with contextlib.suppress(BlockingIOError):
            while True:
                said = ear.recv(_OCTETS).decode("ascii", "replace").split()
                concerned = concerned or not self._kinds.isdisjoint(said)
        return concerned

    def _tell(self, path: str, said: bytes) -> None:
        try:
            self._sender.sendto(said, path)
        except ConnectionRefusedError:  # its process is gone
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 text alone
        except OSError:
            pass  # full: it has hints enough


@lru_cache(maxsize=256)
def _kinds_of(name: str) -> frozenset[str]:
    """Return the kinds that a socket's name says."""
    return frozenset(name.removeprefix(_PREFIX).split("-", 2)[-1].split("+"))


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """Name a folder in a few octets: the path of a socket may have no more than 107."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
