"""The records of deliveries beside a Maildir: which file was delivered under a name, as a link to nowhere.

What they are for, and when they are made: `store.maildir`.

Clauses: DP-3.
"""

import os
from pathlib import Path
from typing import NamedTuple


class Record(NamedTuple):
    """What is written down of a delivery: which file, and into which folder."""

    inode: str
    changed: str
    folder: str
    """Its name on disk."""

    @classmethod
    def of(cls, delivered: int, name: str) -> "Record | None":
        """Read the record of a name, None when there is none. `delivered` is the open folder. Raises OSError."""
        try:
            inode, _, rest = os.readlink(name, dir_fd=delivered).partition(":")
        except FileNotFoundError:
            return None
        changed, _, folder = rest.partition(":")
        return cls(inode, changed, folder)

    def write(self, delivered: int, name: str) -> None:
        """Record a delivery under a name. Raises OSError; FileExistsError when there is a record."""
        os.symlink(":".join(self if self.folder else self[:2]), name, dir_fd=delivered)


def recorded_names(home: Path) -> set[str]:
    """Return the names that a mailbox has a record or arriving octets of."""
    return {path.name for path in [*home.glob("delivered/*"), *home.glob("arriving/*")]}


def forget(home: Path, name: str, before: float) -> bool:
    """Remove what is left of a delivery when it is all older than that; say whether there was a record."""
    record, arriving = home / "delivered" / name, home / "arriving" / name
    if any(os.path.lexists(path) and path.lstat().st_mtime >= before for path in (record, arriving)):
        return False
    known = os.path.lexists(record)
    # The record goes first: a record without octets means delivered.
    record.unlink(missing_ok=True)
    arriving.unlink(missing_ok=True)
    return known
