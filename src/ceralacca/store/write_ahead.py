"""SQLite's write-ahead log, made durable apart from the commit that wrote into it.

SQLite syncs inside a commit, and so inside everybody's turn to write. What is only taken in is committed without that
and synced here right after, while the next one writes. The log is only ever added to: a sync makes durable all that
was committed before, also by others. What has left it meanwhile was synced on the way: a checkpoint syncs the log
before it copies from it, and the database before the log is begun anew or removed.

Clauses: AP-25.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path

from ceralacca.base.errors import WorldError
from ceralacca.store.durable_files import sync_folder


class WriteAhead:
    """The write-ahead log of one database file. Safe between threads."""

    def __init__(self, database: str) -> None:
        """Open nothing yet."""
        file = Path(database).resolve()
        self._path = file.with_name(f"{file.name}-wal")
        self._lock = threading.Lock()
        self._handle: int | None = None

    def sync(self) -> None:
        """Make durable what was committed before. Raises WorldError: then it is not certain."""
        try:
            with self._lock, suppress(FileNotFoundError):  # gone with its last user: the database has it all, synced
                os.fdatasync(self._opened())
        except OSError as error:
            raise WorldError(f"the database's disk refuses: {error.strerror}", remedy="look at the disk") from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    def _opened(self) -> int:
        there = self._path.stat()
        if self._handle is None or not os.path.samestat(there, os.fstat(self._handle)):
            self._let_go()
            sync_folder(self._path.parent)
            self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return self._handle

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
