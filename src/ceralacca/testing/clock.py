"""Time and randomness that a test holds in its hand (TI-12).

A clock that stands still until it is moved, and entropy that counts: with fixed keys they make
every composed and sealed message the same octets on every run.
"""

from datetime import UTC, datetime, timedelta

from ceralacca.base.instants import to_the_second

NOON = datetime(2026, 11, 5, 12, 0, 0, tzinfo=UTC)
"""The instant that tests use when any will do."""


class FixedClock:
    """A clock that shows one instant; satisfies `base.clock.Clock`."""

    def __init__(self, instant: datetime = NOON) -> None:
        to_the_second(instant)  # refuses a naive datetime
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._instant

    def advance(self, by: timedelta) -> None:
        """Move the clock; a negative step sets it back."""
        self._instant += by


class CountingEntropy:
    """Entropy that counts up: each call gives the next number, big-endian, in as many octets as asked.

    Never repeats within one object, and two objects with the same `start` give the same run.
    """

    def __init__(self, start: int = 1) -> None:
        self._next = start

    def __call__(self, octets: int) -> bytes:
        """Return the next number in `octets` octets."""
        value = self._next
        self._next += 1
        return value.to_bytes(octets, "big")
