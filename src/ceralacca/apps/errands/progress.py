"""How far an errand is, said once a second at most: each word is a write to the database."""

from collections.abc import Callable
from typing import Final

from ceralacca.base.clock import Clock
from ceralacca.ports.errand import Errands

_EVERY: Final = 1.0
Progress = Callable[[int, int], None]
"""Called with what is done and with all there is."""


class Reporter:
    """Says how far one errand is; a `Progress`."""

    def __init__(self, errands: Errands, number: str, *, clock: Clock, elapsed: Callable[[], float]) -> None:
        """Report on an errand; `elapsed` tells seconds that pass."""
        self._errands, self._number, self._clock, self._elapsed = errands, number, clock, elapsed
        self._next = elapsed()
        self.done = self.total = 0

    def __call__(self, done: int, total: int) -> None:
        """Say it, when a second has passed. Raises WorldError."""
        self.done, self.total = done, total
        if self._elapsed() >= self._next:
            self._next = self._elapsed() + _EVERY
            self._errands.report(self._number, now=self._clock.now(), done=done, total=total)
