"""When to try again: delays that double up to a limit. Pure; no jitter, so that a test knows the instant.

Clauses: DP-6, IP-5, BT-7.
"""

from datetime import timedelta

from ceralacca.base.errors import WorldError

_STEP = (timedelta(seconds=5), timedelta(minutes=5))
_RELAY = (timedelta(seconds=30), timedelta(minutes=30))


class NotYet(WorldError):
    """A step cannot be done at present and has changed nothing; its text holds no address (IP-5, AP-18)."""


def step_delay(attempts: int) -> timedelta:
    """Return how long a job waits after its n-th attempt: 5 s, 10 s, up to 5 min."""
    return _doubled(*_STEP, attempts)


def relay_delay(attempts: int) -> timedelta:
    """Return how long a letter waits after its n-th attempt: 30 s, 1 min, up to half an hour."""
    return _doubled(*_RELAY, attempts)


def _doubled(first: timedelta, most: timedelta, attempts: int) -> timedelta:
    doublings = min(max(attempts - 1, 0), 16)
    return min(first * (1 << doublings), most)
