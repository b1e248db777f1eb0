"""What a process that claims jobs has in hand, noted so that its successor can give it back at once.

A lease ends by itself, but only after as long as the longest step takes. A role that was killed is
started again in a moment, under the same name: what its predecessor had is due again then. The note is
not synced and need not be: after a power cut claims are forgotten by the store itself.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from ceralacca.base.errors import UserError, WorldError
from ceralacca.ports.store import Postponed, Store

_LOG = structlog.get_logger(__name__)
_NOTE = "given back: its worker ended in the middle"


class Claims:
    """The note of one role of that name on this host; only one process can hold it at a time."""

    def __init__(self, folder: Path, role: str) -> None:
        """Take hold of the note. Raises UserError while another process has it."""
        try:
            self._file = os.open(folder / f"{role}.claims", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WorldError(f"{folder}: {error.strerror}", remedy="look at the data folder") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise UserError(f"another {role} works on this data folder", remedy="stop it first") from None

    def give_back(self, store: Store, *, now: datetime, lease: timedelta) -> int:
        """Make due again what the predecessor had in hand, unless its leases have ended; return how much."""
        jobs: list[int] = []
        with suppress(ValueError, KeyError, TypeError):
            noted = json.loads(os.pread(self._file, 1 << 20, 0).partition(b"\n")[0] or b"{}")
            at = datetime.fromisoformat(noted["at"])
            if now - at < lease:
                jobs = [int(job) for job in noted["jobs"]]
        held = [one for job in jobs if (one := store.job(job)) is not None and one.leased_until is not None]
        if held:
            store.commit((), [Postponed(job=one.id, due=now, note=_NOTE) for one in held])
            _LOG.warning("claims.given-back", jobs=[one.id for one in held])
        self.note((), now=now)
        return len(held)

    def note(self, jobs: Iterable[int], *, now: datetime) -> None:
        """Note what is in hand now."""
        # The line end cuts off what a longer note before it has left, until the file is cut as well.
        octets = json.dumps({"at": now.isoformat(), "jobs": list(jobs)}).encode() + b"\n"
        os.pwrite(self._file, octets, 0)
        os.ftruncate(self._file, len(octets))

    def close(self) -> None:
        """Let go of the note."""
        os.close(self._file)
