"""One mailbox on disk, its folders open and locked while messages go in.

Clauses: DP-3, DP-5.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put
from ceralacca.store.maildir_files import home_of
from ceralacca.store.maildir_folders import INBOX
from ceralacca.store.maildir_homes import Home, Homes
from ceralacca.store.maildir_records import Record
from ceralacca.store.maildir_size import add_octets, every_message, used_octets

_NAME: Final = re.compile(r"\.([0-9a-f]{32})[,:]")


@dataclass(slots=True)
class Box:
    """One mailbox, its folders open and locked against other writers of ours."""

    home: Home
    maildir: int
    new: int
    arriving: int
    delivered: int
    counted_in: int = 0
    """Octets of this batch that the quota was asked for."""
    brought: list[int] = field(default_factory=list)
    """Octets of each message of this batch."""
    used: int | None = None
    """Octets before this batch, once asked for: nobody else writes while the mailbox is locked."""

    @classmethod
    def open(cls, homes: Homes, mailbox: Address) -> "Box":
        """Open a mailbox's folders, made when they are not there, once nobody else has it. Raises OSError.

        It stays locked until it is unlocked, or its home is closed.
        """
        home = homes.home(home_of(mailbox))
        home.lock()
        try:
            folder = home.folder
            return cls(home, folder("Maildir"), home.inbox(), folder("arriving"), folder("delivered"))
        except BaseException:
            home.unlock()
            raise

    def unlock(self) -> None:
        """Let others at the mailbox."""
        self.home.unlock()

    def fits(self, put: Put) -> bool:
        """Count the message in, if the quota allows."""
        wanted = self.counted_in + len(put.octets)
        if self.used is None or self.used + wanted > put.quota:
            self.used = used_octets(self.maildir, quota=put.quota, wanted=wanted)
        if self.used + wanted > put.quota:
            return False
        self.counted_in = wanted
        return True

    def count_in(self) -> None:
        """Tell the server what this batch brings.

        Before anything is recorded or shown: where a try is cut in between, the redo counts again, and too much is
        looked at before a mailbox is called full; too little would not be.
        """
        if self.brought:
            with suppress(FileNotFoundError):  # counted anew when it is next asked for
                add_octets(self.maildir, sum(self.brought), messages=len(self.brought))

    def holds(self, name: str) -> bool:
        """Say whether a message of that name is in any folder, whatever its file is called now."""
        record = Record.of(self.delivered, name) or Record("", "", INBOX)
        return any(
            _named(entry.name, name)
            or (str(entry.inode()) == record.inode and _changed(folder, entry.name) == record.changed)
            for folder, entry in every_message(self.maildir)
        )


def _named(file: str, name: str) -> bool:
    match = _NAME.search(file)
    return match is not None and match[1] == name


def _changed(folder: int, file: str) -> str:
    try:
        return str(os.stat(file, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
    except FileNotFoundError:
        return "gone"
