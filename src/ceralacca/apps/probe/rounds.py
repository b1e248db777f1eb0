"""Walk after walk, at equal distances, whatever is down; every one made durable as evidence.

A walk that waits for receipts does not hold up the next one: each has a thread. What cannot be written to the disk
waits in memory and is written with the next; a probe that dies leaves minutes unseen, and says so by their absence.

Clauses: SL-2, SL-3.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

import structlog

from ceralacca.apps.probe.settings import ProbeSettings
from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.core.availability import Loop
from ceralacca.store.probe_evidence import KEPT, EvidenceWriter

_LOG = structlog.get_logger(__name__)
_MOST_WAITING: Final = 10_000
_SPARE: Final = 2


class Rounds:
    """The life of a probe."""

    def __init__(
        self,
        settings: ProbeSettings,
        walks: Callable[[], Loop],
        writer: EvidenceWriter,
        *,
        clock: Clock,
        ending: threading.Event,
        tells: Callable[[Loop], None] = lambda _: None,
    ) -> None:
        self._every, self._walks, self._writer = settings.every, walks, writer
        self._clock, self._ending, self._tells = clock, ending, tells
        self._at_once = _SPARE + -(-(settings.patience + 6 * settings.timeout) // settings.every)
        self._turn = threading.Lock()
        self._waiting: deque[Loop] = deque(maxlen=_MOST_WAITING)
        self._tidied: datetime | None = None

    def once(self) -> Loop:
        """Walk once, and keep it. Raises WorldError when it cannot be kept."""
        loop = self._walks()
        self._waiting.append(loop)
        self._tells(loop)
        self._write()
        return loop

    def run(self) -> None:
        """Walk until the end is asked for; walks under way are then cut short and written."""
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="walk") as threads:
            due = self._clock.now()
            while not self._ending.is_set():
                threads.submit(self._guarded)
                now = self._clock.now()
                due = max(due + self._every, now)  # no walks are made up after a sleep of the machine
                self._ending.wait((due - now) / timedelta(seconds=1))

    def _guarded(self) -> None:
        try:
            self.once()
        except WorldError as error:
            _LOG.error("probe.not-written", reason=str(error), waiting=len(self._waiting))
        except Exception:
            _LOG.exception("probe.defect")
            raise

    def _write(self) -> None:
        with self._turn:
            now = self._clock.now()
            while self._waiting:
                self._writer.add(self._waiting[0], now=now)
                self._waiting.popleft()
            if self._tidied is None or now - self._tidied > timedelta(days=1):
                self._tidied = now
                self._writer.forget(before=now - KEPT)
