"""Whose turn it is to write into SQLite: waiting at the lock of its own is polling, and sleeps long.

Threads of one process queue at a lock in memory, processes at a lock of the kernel on a file beside the database,
which wakes the next as soon as it is let go, also by a process that was killed. Only a queue: what keeps two writers
apart is SQLite's own lock as ever, and a database without a file has but one process.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ceralacca.base.errors import WorldError


class Turn:
    """The queue before one database file."""

    def __init__(self, database: str | None) -> None:
        """Name the file of the queue; it is made when it is first needed."""
        self._path = f"{database}-turn" if database and database != ":memory:" else None
        self._lock = threading.Lock()
        self._file: int | None = None

    def take(self) -> None:
        """Wait until it is our turn. Raises WorldError when the file of the queue cannot be had: then it is not."""
        self._lock.acquire()
        if self._path is None:
            return
        try:
            fcntl.flock(self._opened(self._path), fcntl.LOCK_EX)
        except BaseException:
            self._lock.release()
            raise

    def give(self) -> None:
        """Let the next one have it."""
        try:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one whose turn it is. Raises WorldError when the file of the queue cannot be had."""
        self.take()
        try:
            yield
        finally:
            self.give()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _opened(self, path: str) -> int:
        if self._file is None:
            try:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise WorldError(
                    f"the queue of the database cannot be opened: {error.strerror}", remedy="look at the data folder"
                ) from error
        return self._file
