"""Named points before and after every durable or outward act, at which a test can kill the process.

`reach("store.commit.before")` costs one comparison and does nothing, unless the environment of a
test names the point: then the process ends there at once, as in a power cut. Production never sets
the variable, and `pec doctor` says so loudly when it is set.
"""

import os
import signal

VARIABLE = "CERALACCA_TEST_FAILPOINT"
"""`name` or `name:n`: end at the n-th time the point is reached."""

_WANTED, _, _COUNT = os.environ.get(VARIABLE, "").partition(":")
_left = int(_COUNT or "1")


def reach(name: str) -> None:
    """End the process here, when a test asks for it."""
    if name != _WANTED:
        return
    global _left  # noqa: PLW0603 the count is of the process
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
