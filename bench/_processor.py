"""Processor time, as the kernel counts it (proc(5)): of one process, and of the whole machine.

Not a benchmark itself: the underscore keeps it from `make bench`.
"""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor(pid: int) -> float:
    """Return the seconds that a process has had, itself and the system for it. Raises OSError once it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def worked() -> float:
    """Return for how many seconds the processors of this machine have worked, for whomever."""
    _, *fields = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _, _, interrupts, soft, *_ = map(int, fields)
    return (user + nice + system + interrupts + soft) / _TICKS
