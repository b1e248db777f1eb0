"""A disk that forgets at a power cut what nobody has synced: names of files, and octets in them.

SIGKILL alone loses nothing that was written, so a missing sync goes unseen. In the child that is going to
die, `VolatileDisk` stands before `os` and writes down every new file, change of name and sync below
one folder; after the death `cut_power` takes back, in the worst order that a file system may choose, what
was not synced: commits of the database, then octets, then names, the newest first. Or names stay, because the file
system has just written them down by itself, and commits and octets alone are lost.

The model is that of file systems which keep the order of names (ext4, XFS, btrfs): syncing a file or a
folder makes the changes of names durable up to the last one that concerns it. Of what the database's own library
writes only the write-ahead log is looked at (`crash_write_ahead`).

Serves: AP-25, DP-3, IP-21.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from ceralacca.store import blobs, syncing
from ceralacca.testing.crash_write_ahead import VolatileLog, opened


class VolatileDisk:
    """Writes down what happens to the files below a folder; install it once, in the child."""

    def __init__(self, root: Path, journal: Path) -> None:
        self._root = str(root)
        self._logs = VolatileLog(root, self._note)
        self._out = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._open, self._pwritev = os.open, os.pwritev

    def install(self) -> None:
        """Stand before the calls of `os` by which the product writes."""
        changes: Any = os
        changes.open = self._watched_open
        changes.fsync = self._watched_sync
        changes.pwritev = self._watched_append
        changes.rename = self._watched_rename(os.rename)
        for name in ("link", "symlink", "mkdir"):
            setattr(os, name, self._watched_name(name, getattr(os, name)))
        octets: Any = blobs
        background: Any = syncing
        octets.sync_volume = background.sync_volume = self._watched_volume
        background._CAN_ASK = False  # noqa: SLF001 threads sync, by `os`
        self._logs.install()

    def _note(self, *words: object) -> None:
        os.write(self._out, json.dumps(words).encode() + b"\n")

    def _watched_open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        place = _place(path, dir_fd) if flags & os.O_CREAT else ""
        new = place.startswith(self._root) and not os.path.lexists(place)
        handle = self._open(path, flags, mode, dir_fd=dir_fd)
        if new:
            self._note("create", place, os.fstat(handle).st_ino)
        return handle

    def _watched_sync(self, handle: int) -> None:
        """Write down a sync instead of doing it: the machine does not really fall."""
        status = os.fstat(handle)
        self._note("sync", opened(handle) if S_ISDIR(status.st_mode) else "", status.st_ino)

    def _watched_append(self, handle: int, pieces: Any, offset: int) -> int:
        """Write down that a file has more than was synced, before it has."""
        if opened(handle).startswith(self._root):
            self._note("append", os.fstat(handle).st_ino, offset)
        return self._pwritev(handle, pieces, offset)

    def _watched_name(self, act: str, call: Callable[..., None]) -> Callable[..., None]:
        def watched(*paths: Any, **places: Any) -> None:
            call(*paths, **places)
            last = places.get("dst_dir_fd", places.get("dir_fd"))
            new = _place(paths[0] if act == "mkdir" else paths[1], last)
            if new.startswith(self._root):
                self._note(act, new, "", os.lstat(new).st_ino)

        return watched

    def _watched_rename(self, call: Callable[..., None]) -> Callable[..., None]:
        """Write a change of names down before it is made: one that is not known would outlive older ones that are."""

        def watched(*paths: Any, **places: Any) -> None:
            old, new = _place(paths[0], places.get("src_dir_fd")), _place(paths[1], places.get("dst_dir_fd"))
            if new.startswith(self._root):
                self._note("rename", new, old, os.lstat(old).st_ino)
            call(*paths, **places)

        return watched

    def _watched_volume(self, handle: int) -> None:
        """Write down a sync of everything: it is the C library's, not one of `os`."""
        del handle
        self._note("all")


def _place(path: Any, folder: int | None) -> str:
    text = os.fspath(path)
    return text if folder is None or text.startswith("/") else f"{opened(folder)}/{text}"


@dataclass(slots=True)
class _Name:
    """One change of names."""

    act: str
    new: str
    old: str
    file: int

    def concerns(self, folder: str, file: int) -> bool:
        return self.file == file or (
            bool(folder) and folder in {str(Path(self.new).parent), str(Path(self.old).parent)}
        )

    def take_back(self) -> None:
        with suppress(OSError):  # a folder that is not empty stays
            if self.act == "rename":
                Path(self.new).rename(self.old)
            elif self.act == "mkdir":
                Path(self.new).rmdir()
            else:
                Path(self.new).unlink()


@dataclass(slots=True)
class _Left:
    """What is not durable yet."""

    names: list[_Name] = field(default_factory=list)
    octets: dict[int, int] = field(default_factory=dict)
    """By file: up to which octet it is durable."""
    places: dict[int, set[str]] = field(default_factory=dict)
    logs: dict[str, int] = field(default_factory=dict)
    """By write-ahead log: up to which octet it is durable."""

    def hear(self, act: str, *words: Any) -> None:
        if act == "all":
            self.names, self.octets = [], {}
        elif act == "sync":
            self._synced(*words)
        elif act == "create":
            self._named(_Name("create", words[0], "", words[1]))
            self.octets[words[1]] = 0
        elif act == "append":
            self.octets.setdefault(*words)
        elif act == "log":
            self.logs[words[0]] = words[1]
        else:
            self._named(_Name(act, *words))

    def _named(self, change: _Name) -> None:
        self.names.append(change)
        places = self.places.setdefault(change.file, set())
        places.discard(change.old)
        places.add(change.new)

    def _synced(self, folder: str, file: int) -> None:
        self.octets.pop(file, None)
        last = max((at for at, name in enumerate(self.names) if name.concerns(folder, file)), default=-1)
        del self.names[: last + 1]


def cut_power(journal: Path, *, names_stay: bool = False) -> int:
    """Take back what was not synced, and forget the journal; return how many things were lost.

    `names_stay`: octets and commits alone are lost.
    """
    left = _Left()
    for words in _lines(journal):
        left.hear(*words)
    if names_stay:
        left.names.clear()
    lost = sum(_cut_log(log, durable) for log, durable in left.logs.items())
    for file, durable in left.octets.items():
        for place in left.places[file]:
            with suppress(OSError):
                if os.lstat(place).st_ino == file:
                    os.truncate(place, durable)
    for name in reversed(left.names):
        name.take_back()
    journal.unlink(missing_ok=True)
    return lost + len(left.octets) + len(left.names)


def _cut_log(log: str, durable: int) -> bool:
    """Take back what of a write-ahead log was not synced; say whether there was anything."""
    with suppress(FileNotFoundError):  # its last user has closed the database, synced
        if Path(log).stat().st_size > durable:
            os.truncate(log, durable)
            return True
    return False


def _lines(journal: Path) -> Iterator[list[Any]]:
    if journal.exists():
        for line in journal.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)
