"""SQLite's write-ahead log, made durable apart from the commit that wrote into it.

SQLite syncs inside a commit, and so inside everybody's turn to write. What is taken in and what a worker goes on with
is committed without that and synced here right after, while the next one writes. The log is only ever added to: a sync
makes durable all that was committed before, also by others. What has left it meanwhile was synced on the way: a
checkpoint syncs the log before it copies from it, and the database before the log is begun anew or removed.

After a sync that failed nobody can tell what reached the disk, and the kernel may say of the next that it succeeded.
So nothing is said to be durable then before a checkpoint has moved all of the log into the database, which is synced.

Clauses: AP-25, DP-3.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.ports.store import Settle
from ceralacca.store.durable_files import sync_folder
from ceralacca.store.syncing import Syncs


class WriteAhead:
    """The write-ahead log of one database file. Safe between threads."""

    def __init__(self, database: str, checkpoint: Callable[[], None]) -> None:
        """Open nothing yet; `checkpoint` moves all of the log into the database, or raises WorldError."""
        file = Path(database).resolve()
        self._path = file.with_name(f"{file.name}-wal")
        self._checkpoint = checkpoint
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._syncs: Syncs | None = None
        self._in_doubt = False

    def sync(self) -> None:
        """Make durable what was committed before. Raises WorldError: then it is not certain."""
        with self._lock:
            if self._in_doubt:
                self._checkpoint()
                self._in_doubt = False
            try:
                os.fdatasync(self._opened())
            except FileNotFoundError:  # gone with its last user: the database has it all, synced
                return
            except OSError as error:
                raise self._failed(error) from error

    def begin(self) -> Settle:
        """Begin to make durable what was committed before, and return what waits for it, in the same thread.

        That raises WorldError, as `sync` does.
        """
        with self._lock:
            if self._in_doubt:
                return self.sync
            try:
                self._syncs = self._syncs or Syncs()
                under_way = self._syncs.begin_data(self._opened())
            except OSError:
                return self.sync  # which tells what is wrong, or finds all of it in the database

        def settle() -> None:
            reach("write_ahead.settle.before")
            try:
                under_way.wait()
            except OSError as error:
                raise self._failed(error) from error
            if self._in_doubt:  # somebody else was told of an error, which the kernel does not repeat
                self.sync()
            reach("write_ahead.settle.after")

        return settle

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    def _failed(self, error: OSError) -> WorldError:
        self._in_doubt = True
        return WorldError(f"the database's disk refuses: {error.strerror}", remedy="look at the disk")

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
