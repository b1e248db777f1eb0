"""`pec serve` that ends when the process that started it ends, whatever ended that one.

python -m ceralacca.apps.demo.child PARENT CONFIG
"""

import ctypes
import os
import signal
import sys
from typing import Final

from ceralacca.apps.cli import run

_DEATH_SIGNAL: Final = 1  # prctl(2): PR_SET_PDEATHSIG


def live_and_die_with(parent: int) -> None:
    """Ask the kernel for SIGTERM when our parent ends; end at once when it has ended already."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    live_and_die_with(int(sys.argv[1]))
    sys.exit(run(["serve", "--config", sys.argv[2]]))
