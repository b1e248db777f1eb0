"""The homes of mailboxes below one root, their folders opened once for a whole round of a worker.

A message alone goes into the same three mailboxes twice within a round: its octets are written aside, and later it is
put. Opening their folders anew each time was more work than writing the message. A home is locked only while
somebody writes there. Where one is removed meanwhile, nothing can be written into it any more, and what was to be put
is put again in the next round.

Clauses: DP-3.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from ceralacca.store.maildir_files import FOLDER, Owner

_MANY: Final = 64
"""Homes that stay open between two batches; each has up to five folders open."""


class Homes:
    """Homes that stay open until they are closed. For one thread."""

    def __init__(self, open_root: Callable[[], int], owner: Owner | None) -> None:
        """Open nothing yet; what is made below the root belongs to `owner`."""
        self._open_root, self._owner = open_root, owner
        self._root: int | None = None
        self._homes: dict[str, Home] = {}
        self._users = 0

    def home(self, path: str, *, make: bool = True) -> "Home":
        """Return a home by its place below the root, made when it is not there if that is wanted. Raises OSError."""
        home = self._homes.get(path)
        if home is None:
            opened = partial(open_folder, owner=self._owner) if make else open_existing
            home = self._homes[path] = self._open(path, opened)
        return home

    @property
    def are_many(self) -> bool:
        """Whether so many are open that they are better closed before others are opened."""
        return len(self._homes) >= _MANY

    def use(self) -> None:
        """Keep all open until as many have let go: their folders are still to be synced."""
        self._users += 1

    def let_go(self) -> None:
        """End one use."""
        self._users -= 1

    def make_room(self) -> None:
        """Close all homes, not the root, unless somebody uses them: of those that come again all is opened again."""
        if not self._users:
            self._close_homes()

    def close(self) -> None:
        """Close all."""
        self._close_homes()
        if self._root is not None:
            os.close(self._root)
            self._root = None

    def _close_homes(self) -> None:
        while self._homes:
            self._homes.popitem()[1].close()

    def _open(self, path: str, opened: Callable[[int, str], int]) -> "Home":
        if self._root is None:
            self._root = self._open_root()
        shelf_name, _, name = path.partition("/")
        shelf = opened(self._root, shelf_name)
        try:
            return Home(opened(shelf, name), self._owner)
        finally:
            os.close(shelf)


class Home:
    """One home and its folders, each opened when it is first asked for."""

    def __init__(self, handle: int, owner: Owner | None) -> None:
        """Take over the open home."""
        self._handle, self._owner = handle, owner
        self._folders: dict[str, int] = {}

    def lock(self, *, wait: bool = True) -> None:
        """Lock it when nobody else writes there. Raises BlockingIOError where that is not to be waited for."""
        fcntl.flock(self._handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(self) -> None:
        """Let others write there: what waits to be durable, another one of the same name would wait for as well."""
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def folder(self, name: str, *, make: bool = True) -> int:
        """Return a folder right below the home, made when it is not there if that is wanted. Raises OSError."""
        handle = self._folders.get(name)
        if handle is None:
            handle = open_folder(self._handle, name, self._owner) if make else open_existing(self._handle, name)
            self._folders[name] = handle
        return handle

    def inbox(self) -> int:
        """Return the folder of new messages of the Maildir, the last of its three to be made. Raises OSError."""
        handle = self._folders.get("new")
        if handle is None:
            maildir = self.folder("Maildir")
            try:
                handle = open_existing(maildir, "new")
            except FileNotFoundError:
                for name in ("tmp", "cur"):
                    os.close(open_folder(maildir, name, self._owner))
                handle = open_folder(maildir, "new", self._owner)
            self._folders["new"] = handle
        return handle

    def close(self) -> None:
        """Close all of it, and let others at it."""
        for handle in (*self._folders.values(), self._handle):
            os.close(handle)
        self._folders.clear()


def open_existing(parent: int, name: str) -> int:
    """Open a folder. Raises OSError."""
    return os.open(name, FOLDER, dir_fd=parent)


def open_folder(parent: int, name: str, owner: Owner | None) -> int:
    """Open a folder, made for its owner alone when it is not there. Raises OSError."""
    try:
        return open_existing(parent, name)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
            os.fsync(parent)
    handle = open_existing(parent, name)
    if owner is not None:
        os.fchown(handle, owner.uid, owner.gid)
    return handle
