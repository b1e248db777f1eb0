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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one whose turn it is. Raises WorldError when the file of the queue cannot be had."""
        with self._lock:
            if self._path is None:
                yield
                return
            handle = self._opened(self._path)
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

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
