"""Which processes belong to one Dovecot, and how the last of them is ended.

When its master has ended, a process that is in the middle of a command may go on for seconds: it would hold ports
and write into folders that we think free. A Dovecot's processes are told by the folder they work in, and by the
session that they share with those; never by a name alone.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PAUSE: Final = 0.02
_SESSION: Final = 3
"""Where it stands in /proc/<pid>/stat, counted after the name."""
_DEAD: Final = {b"Z", b"X"}
_PID_FILE: Final = "master.pid"
"""Where Dovecot looks whether another one runs in its base folder."""


def wait_until(condition: Callable[[], bool], within: float) -> bool:
    """Wait until the condition holds; say whether it came to that."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE)
    return True


def processes_of(base: Path, session: int | None = None) -> set[int]:
    """Return the processes that work in Dovecot's base folder or share a session with one that does.

    `session` is one that is known beforehand: that of a master which has ended.
    """
    return set(_with_sessions(base, session))


def end_processes(base: Path, session: int | None = None, *, within: float) -> bool:
    """End what is left of a Dovecot, and its pid file with it: say whether nothing is left.

    Its master is asked first, who ends the others in good order: told all at once, now and then it waits for one
    of them for too long. Then they are asked, then forced.
    """
    for sign, masters_only in ((signal.SIGTERM, True), (signal.SIGTERM, False), (signal.SIGKILL, False)):
        left = _with_sessions(base, session)
        asked = [pid for pid, of in left.items() if pid == of or not masters_only]
        for pid in asked:
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
        if wait_until(lambda: not processes_of(base, session), within if asked else 0.0):
            # One that was forced leaves it behind, and its number may be another process's by now.
            (base / _PID_FILE).unlink(missing_ok=True)
            return True
    return False


def _with_sessions(base: Path, session: int | None) -> dict[int, int]:
    """Return what `processes_of` does, each with its session."""
    sessions: dict[int, int] = dict(_sessions())
    working = {pid for pid in sessions if _works_in(pid, base)}
    known = {sessions[pid] for pid in working} | ({session} if session else set())
    return {pid: of for pid, of in sessions.items() if pid in working or (of in known and _is_dovecots(pid))}


def _sessions() -> Iterator[tuple[int, int]]:
    """Yield every living process of this machine with its session."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError):
                status = Path(entry.path, "stat").read_bytes().rpartition(b") ")[2].split()
                if status[0] not in _DEAD:
                    yield int(entry.name), int(status[_SESSION])


def _works_in(pid: int, base: Path) -> bool:
    try:
        folder = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return False
    return folder in {base, base / "login"}


def _is_dovecots(pid: int) -> bool:
    try:
        return "dovecot" in Path(f"/proc/{pid}/exe").readlink().parts[1:]
    except OSError:
        return False
