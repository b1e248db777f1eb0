"""Starts the process of an errand: a few at once, others wait their turn, and what such a process dies of is told.

What a process is to do goes through a pipe: secrets are in no file, argument or environment. When this role ends, so do
they; an import goes on where it was when it is asked for again.
"""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from ceralacca.apps.errands.task import Task
from ceralacca.base.errors import WorldError

_LOG = structlog.get_logger(__name__)
_AT_ONCE: Final = 2
_MOST_WAITING: Final = 20
_COMMAND: Final = (sys.executable, "-I", "-m", "ceralacca.apps.errands.child")


class Launcher:
    """Does errands in processes of their own. Safe between threads; close it."""

    def __init__(self, failed: Callable[[Task], None], *, command: tuple[str, ...] = _COMMAND) -> None:
        """Tell `failed` of each errand whose process ended by a fault that nobody foresaw."""
        self._failed, self._command = failed, command
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="errand")
        self._lock = threading.Lock()
        self._waiting, self._ending = 0, False
        self._running: set[subprocess.Popen[bytes]] = set()

    def start(self, task: Task) -> None:
        """Do an errand when its turn comes. Raises WorldError when too many wait."""
        with self._lock:
            if self._ending or self._waiting >= _MOST_WAITING:
                raise WorldError("too many errands wait", remedy="try again in some minutes")
            self._waiting += 1
        self._pool.submit(self._do, task)

    def close(self) -> None:
        """End what runs."""
        with self._lock:
            self._ending = True
            running = list(self._running)
        for process in running:
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _do(self, task: Task) -> None:
        try:
            status = self._run(task.octets())
        except OSError as error:
            _LOG.error("errand.failed", errand=task.number, reason=error.strerror)
            status = -1
        finally:
            with self._lock:
                self._waiting -= 1
        if status != 0:
            _LOG.error("errand.failed", errand=task.number, kind=task.kind.value, status=status)
            try:
                self._failed(task)
            except WorldError as error:
                _LOG.warning("errand.away", reason=str(error))

    def _run(self, told: bytes) -> int:
        with self._lock:
            if self._ending:
                return -1
            process = subprocess.Popen(  # noqa: S603 our own module
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
            )
            self._running.add(process)
        try:
            process.communicate(told)
            return process.returncode
        finally:
            with self._lock:
                self._running.discard(process)
