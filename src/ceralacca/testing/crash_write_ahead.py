"""A write-ahead log of SQLite that forgets at a power cut the commits that nobody has synced.

Before the calls by which the product and SQLite sync stands `VolatileLog`, which writes down how long each log below a
folder was then; what is longer after the death was not durable (`crash_disk.cut_power`). SQLite's own syncs are not
seen, but it is known which commits it makes with one. A log that was begun anew keeps its length, and so nothing of it
is lost any more: the lives of a campaign are shorter.

Serves: AP-25, DP-3.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ceralacca.store import engine
from ceralacca.store.driver import Direct
from ceralacca.store.turn import Turn


def opened(handle: int) -> str:
    """Return the path of an open file or folder."""
    return str(Path(f"/proc/self/fd/{handle}").readlink())


class VolatileLog:
    """Writes down what becomes durable of the logs below a folder; install it once, in the child."""

    def __init__(self, root: Path, note: Callable[..., None]) -> None:
        self._root, self._note = root, note
        self._known: set[str] = set()
        self._begun = threading.local()

    def install(self) -> None:
        """Stand before `os` and before the turns in which the database is written."""
        for log in self._root.rglob("*-wal"):
            self._is_durable(os.path.realpath(log))
        changes: Any = os
        changes.fdatasync = self._watched_sync(os.fsync)
        self._watch_begin()
        self._watch_turn()

    def _is_durable(self, log: str, size: int | None = None) -> None:
        self._known.add(log)
        self._note("log", log, Path(log).stat().st_size if size is None else size)

    def _watched_sync(self, others: Callable[[int], None]) -> Callable[[int], None]:
        def watched(handle: int) -> None:
            place = opened(handle)
            if place.endswith("-wal"):
                self._is_durable(place, os.fstat(handle).st_size)
            else:
                others(handle)

        return watched

    def _watch_begin(self) -> None:
        """Know of the transaction that a thread has begun whether SQLite syncs its commit."""
        begin, run = Direct.begin, engine._run  # noqa: SLF001 its own testing kit

        def watched_begin(connection: Direct, *, synced: bool | None) -> None:
            begin(connection, synced=synced)
            if synced is not None:
                self._begun.synced = synced

        def watched_run(connection: Any, statement: str) -> None:
            run(connection, statement)
            if statement.startswith("PRAGMA synchronous="):
                self._begun.synced = statement.endswith("FULL")

        changes: Any = Direct
        changes.begin = watched_begin
        changes = engine
        changes._run = watched_run  # noqa: SLF001

    def _watch_turn(self) -> None:
        give = Turn.give

        def watched(turn: Turn) -> None:
            if turn._path is not None:  # noqa: SLF001
                log = os.path.realpath(turn._path.removesuffix("-turn") + "-wal")  # noqa: SLF001
                if log.startswith(str(self._root)) and os.path.exists(log):  # noqa: PTH110
                    self._at_the_end(log)
            give(turn)

        changes: Any = Turn
        changes.give = watched

    def _at_the_end(self, log: str) -> None:
        """Write down a commit while nobody else writes."""
        if getattr(self._begun, "synced", False):
            self._is_durable(log)
        elif log not in self._known:
            self._is_durable(log, 0)
