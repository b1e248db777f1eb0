"""Octets of messages that are about to be put into mailboxes, written aside while what makes them certain is committed.

A worker knows before its commit what it is going to deliver right after. What is written here lies in `arriving/`
under its name, as `store.maildir` leaves it there itself, and synced; nobody sees it, and without a record it counts
for nothing. When it is put, its octets are the same and its file is still the one that was written, no sync is waited
for. When it is not put in the end it is taken away; after a cut the next try writes over it, or it goes with the
remains of old tries.

Only a few small messages at a time: many share one sync of the volume. A mailbox that somebody else has locked, and a
name that has a record or octets already, are left to the put.

Clauses: DP-3.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final

from ceralacca.base.failpoints import reach
from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets
from ceralacca.ports.mail_store import Coming
from ceralacca.store.maildir_files import FEW, NEW_FILE, Owner, file_name, home_of, write_all
from ceralacca.store.maildir_homes import Home, Homes
from ceralacca.store.maildir_records import Record
from ceralacca.store.syncing import Syncs, UnderWay

_SMALL: Final = 1 << 16
"""Octets: what is larger is not read and written twice for one sync."""


@dataclass(slots=True, kw_only=True)
class _Written:
    """A file in `arriving/`; open, so that its number stays its own."""

    home: str
    octets: bytes
    handle: int
    sync: UnderWay | None = None
    """Under way; None when the file was not written to its end."""

    def is_durable(self) -> bool:
        """Wait for the sync; say whether there was one and it succeeded."""
        if self.sync is None:
            return False
        try:
            self.sync.wait()
        except OSError:
            return False
        return True

    def is_at(self, arriving: int, name: str) -> bool:
        """Say whether the file of this name is this one."""
        try:
            there = os.stat(name, dir_fd=arriving, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self.handle))


class Aside:
    """What one worker has written aside. For one thread."""

    def __init__(self, homes: Homes, owner: Owner | None, syncs: Syncs) -> None:
        self.homes = homes
        """Of the round: open until it ends."""
        self._owner, self._syncs = owner, syncs
        self._written: dict[tuple[str, str], _Written] = {}

    def write(self, messages: Iterable[Coming]) -> None:
        """Write what can be written now, and begin to sync it; never fails, never waits."""
        small = [*islice((one for one in messages if len(one.octets) <= _SMALL), FEW + 1)]
        if len(small) > FEW:
            return
        in_order = sorted(small, key=lambda one: home_of(one.mailbox))
        for home, here in groupby(in_order, key=lambda one: home_of(one.mailbox)):
            with suppress(OSError):  # whatever the disk refuses here is told by the put
                self._write(home, here)

    def take(self, mailbox: Address, name: str, octets: Octets, arriving: int) -> bool:
        """Say whether these octets lie durable under a file's name, for whoever has the mailbox locked."""
        written = self._written.get((home_of(mailbox), name)) if self._written else None
        if written is None or not written.is_durable() or written.octets != octets or not written.is_at(arriving, name):
            return False
        os.close(self._written.pop((written.home, name)).handle)
        return True

    def close(self) -> None:
        """Take away what was not put, and close the homes."""
        for (home, name), written in self._written.items():
            written.is_durable()
            with suppress(OSError):
                self._take_away(written, self.homes.home(home, make=False), name)
            os.close(written.handle)
        self._written.clear()
        self.homes.close()

    def _write(self, home: str, messages: Iterable[Coming]) -> None:
        there = self.homes.home(home, make=False)
        there.lock(wait=False)
        try:
            arriving, delivered = there.folder("arriving", make=False), there.folder("delivered", make=False)
            for message in messages:
                name = file_name(message.name)
                if Record.of(delivered, name) is None:
                    with suppress(FileExistsError):
                        self._make(home, name, arriving, bytes(message.octets))
        finally:
            there.unlock()

    def _make(self, home: str, name: str, arriving: int, octets: bytes) -> None:
        reach("maildir.aside.before")
        handle = os.open(name, NEW_FILE, 0o600, dir_fd=arriving)
        written = self._written[home, name] = _Written(home=home, octets=octets, handle=handle)
        write_all(handle, octets, self._owner)
        written.sync = self._syncs.begin([handle])
        reach("maildir.aside.after")

    def _take_away(self, written: _Written, home: Home, name: str) -> None:
        home.lock()
        try:
            arriving = home.folder("arriving", make=False)
            if written.is_at(arriving, name):
                os.unlink(name, dir_fd=arriving)
        finally:
            home.unlock()
