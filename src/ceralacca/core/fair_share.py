"""How much of the work that is due one of several workers takes: pure arithmetic.

When there is less than enough for everybody, all are to come to its end at about the same time: who takes all that is
left works on alone. Where there is more, batches are as large as they may be, for a batch has its own cost.
"""

from typing import Final

_FEW: Final = 8
"""Jobs that make a batch worth its own cost."""


def fair_share(due: int, *, limit: int, sharing: int) -> int:
    """Return how many of the jobs that are due one of `sharing` workers takes: at most `limit`, at least a few."""
    return min(limit, max(-(-due // sharing), _FEW))
