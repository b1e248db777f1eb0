"""Who claims jobs: a name that is there before the first claim, so that a successor finds what its holder left.

A lease ends by itself, but only after as long as the longest step takes. A role that was killed is
started again in a moment, under the same name: what its predecessor had in hand is due again then, also what
the database was still claiming for it when it died.
"""

import fcntl
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.ports.store import Store

_LOG = structlog.get_logger(__name__)
_CLAIMER: Final = re.compile(rb"[0-9a-f]{16}\n")


class Claims:
    """The claims of one role of that name on this data folder; only one process can have them at a time."""

    claimer: str
    """Its name in the store: chosen once and kept in the folder, for roles of several hosts may share a store."""

    def __init__(self, folder: Path, role: str) -> None:
        """Take hold of the name. Raises UserError while another process has it, WorldError."""
        try:
            self._file = os.open(folder / f"{role}.claims", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WorldError(f"{folder}: {error.strerror}", remedy="look at the data folder") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise UserError(f"another {role} works on this data folder", remedy="stop it first") from None
        self.claimer = _name_in(self._file)

    def give_back(self, store: Store, *, now: datetime, lease: timedelta) -> int:
        """Make due again what the predecessor had in hand, unless its leases have ended; return how much."""
        if jobs := store.give_back(self.claimer, now=now, lease=lease):
            _LOG.warning("claims.given-back", jobs=jobs)
        return jobs

    def close(self) -> None:
        """Let go of the name."""
        os.close(self._file)


def _name_in(file: int) -> str:
    """Return the name in a file; one that holds none is given one, which a power cut does not take away."""
    octets = os.pread(file, 1 << 10, 0)
    if not _CLAIMER.fullmatch(octets):
        octets = f"{system_entropy(8).hex()}\n".encode()
        os.ftruncate(file, 0)
        os.pwrite(file, octets, 0)
        os.fdatasync(file)
    return octets.decode().strip()
