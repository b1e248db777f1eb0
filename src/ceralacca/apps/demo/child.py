"""`pec serve` that ends when the process that started it ends, whatever ended that one.

python -m ceralacca.apps.demo.child PARENT CONFIG
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

from ceralacca.apps.serve import serve
from ceralacca.apps.settings.reading import read_settings
from ceralacca.base.errors import PecError

_DEATH_SIGNAL: Final = 1  # prctl(2): PR_SET_PDEATHSIG
_REFUSED: Final = 2


def live_and_die_with(parent: int) -> None:
    """Ask the kernel for SIGTERM when our parent ends; end at once when it has ended already."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def main(parent: str, config: str) -> int:
    """Serve until told to end; return the exit status."""
    live_and_die_with(int(parent))
    try:
        return serve(read_settings(Path(config)), Path(config))
    except PecError as error:
        sys.stderr.write(f"{error}; {error.remedy}\n" if error.remedy else f"{error}\n")
        return _REFUSED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
