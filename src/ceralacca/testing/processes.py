"""Processes as the kernel lists them, for tests and benches that end a whole provider or look at all of its memory."""

from contextlib import suppress
from pathlib import Path


def family(pid: int) -> set[int]:
    """Return the number of a process and of all its descendants."""
    found = {pid}
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has just ended
            for child in listed.read_text().split():
                found |= family(int(child))
    return found


def alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not waited for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
