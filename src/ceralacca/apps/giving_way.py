"""A process lets others go first.

Linux shares processors among sessions before it looks at niceness, where no cgroup does (sched(7), autogrouping). A
role that is our child has a session of its own: so that is made nice as well.
"""

import os
import time
from pathlib import Path
from typing import Final

_POLITELY: Final = 10
"""Added to our niceness: beside a process that never rests we get a tenth of a core, and all when it rests."""
_SESSION: Final = Path("/proc/self/autogroup")
"""Where the niceness of our session is set; not there in a kernel that does not know of it."""
_TRIES: Final = 20
_BETWEEN: Final = 0.05
"""Seconds between two of them."""


def give_way() -> None:
    """Let all others go first from now on: best effort. A session that others lead, such as a terminal's, is left."""
    os.nice(_POLITELY)
    if os.getsid(0) != os.getpid():
        return
    for _ in range(_TRIES):
        try:
            _SESSION.write_text(str(_POLITELY), encoding="ascii")
        except BlockingIOError:  # Linux lets those who are not root do this ten times a second, all of them together
            time.sleep(_BETWEEN)
        except OSError:
            return
        else:
            return
