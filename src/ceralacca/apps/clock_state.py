"""Does anybody keep this machine's clock? Asked of the kernel, which whoever keeps it must tell (TI-2)."""

import ctypes
from enum import StrEnum
from typing import Final

_TIMEX_OCTETS: Final = 512
"""More than any kernel's `struct timex`; zeroes change nothing."""
_UNSYNCHRONISED: Final = 5


class ClockState(StrEnum):
    """What the kernel knows."""

    KEPT = "kept"
    """Somebody (NTP, PTP) disciplines it."""
    ALONE = "alone"
    UNKNOWN = "unknown"


def clock_state() -> ClockState:
    """Ask adjtimex(2), changing nothing."""
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (AttributeError, OSError):
        return ClockState.UNKNOWN
    if answer < 0:
        return ClockState.UNKNOWN
    return ClockState.ALONE if answer == _UNSYNCHRONISED else ClockState.KEPT
