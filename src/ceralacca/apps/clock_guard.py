"""Nothing is taken and nothing is issued while the clock cannot be believed: looks at it for one process.

The rule is `core.clock_trust`; here are the kernel, the two clocks and the line in the diagnostics when it
changes. A machine whose clock somebody else keeps, such as a container that cannot ask, says so in its settings.

Clauses: TI-1, TI-2, TI-12, IP-5.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from ceralacca.apps.clock_state import ClockState, clock_state
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK
from ceralacca.base.clock import Clock
from ceralacca.core.clock_trust import ClockLook, ClockTrust

_LOG = structlog.get_logger(__name__)


def elapsed() -> timedelta:
    """Read the counter that nobody sets and that runs on while the machine sleeps."""
    return timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))


class ClockGuard:
    """Says whether the clock may be believed now. Safe between threads."""

    def __init__(
        self,
        *,
        clock: Clock = CLOCK,
        counter: Callable[[], timedelta] = elapsed,
        asks: Callable[[], ClockState] = clock_state,
    ) -> None:
        self._clock, self._counter, self._asks = clock, counter, asks
        self._lock = threading.Lock()
        self._trust = ClockTrust()
        self._said: bool | None = None

    def trusted(self) -> bool:
        """Look at the clock, and say whether it may be believed; a kernel that cannot be asked is no witness."""
        with self._lock:
            state = self._asks()
            look = ClockLook(wall=self._clock.now(), elapsed=self._counter(), kept=state is ClockState.KEPT)
            self._trust = self._trust.after(look)
            if self._trust.trusted is not self._said:
                self._said = self._trust.trusted
                (_LOG.info if self._said else _LOG.error)("clock", trusted=self._said, kernel=state.value)
            return self._said


def clock_guard(settings: Settings) -> Callable[[], bool]:
    """Return what says whether the clock may be believed, by the settings."""
    if settings.clock.guard == "off":
        return lambda: True
    return ClockGuard().trusted
