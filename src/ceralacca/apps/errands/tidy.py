"""Takes away what was made for holders when its day is over, and errands of long ago. The timekeeper does it hourly."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ceralacca.ports.errand import REMEMBERED_FOR, Errands


def tidy_errands(errands: Errands, handouts: Path, now: datetime) -> int:
    """Remove what nobody may fetch any more; return how many files. Raises WorldError."""
    present = {path.name: path for path in handouts.iterdir()} if handouts.is_dir() else {}
    errands.forget(before=now - REMEMBERED_FOR, now=now)
    kept, gone = errands.files_kept(now=now), 0
    for name, path in present.items():
        if name not in kept:
            with suppress(OSError):
                path.unlink()
                gone += 1
    return gone
