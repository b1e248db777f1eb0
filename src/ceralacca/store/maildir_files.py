"""The files below a mailbox's home: how they are named, opened and written, for whoever brings messages.

Clauses: DP-2, DP-3.
"""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FEW: Final = 16
"""Up to so many files or folders are synced each for itself; more of them by one call for the volume, which also
waits for what others wrote there (measured: bench/mailboxes.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whom the mailboxes belong to, where that is not ourselves: a provider started by root."""

    uid: int
    gid: int


def home_of(mailbox: Address) -> str:
    """Return where the home of a mailbox is below the root: named by a digest, so that no address leads elsewhere."""
    digest = hashlib.sha256(mailbox.key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{digest[:2]}/{digest}"


def file_name(name: str) -> str:
    """Return what the files of a delivery are called that is known under a name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def write_all(handle: int, octets: Octets, owner: Owner | None) -> None:
    """Write a new file to its end, for its owner. Raises OSError."""
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(handle, rest) :]
    if owner is not None:
        os.fchown(handle, owner.uid, owner.gid)
