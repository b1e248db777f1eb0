"""Files that survive a power cut, and files that nobody else has touched (DI-10).

A file appears under its name whole or not at all: written aside, synced, renamed, and the folder
synced. Reading checks owner and permissions on the very file that is then read.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from ceralacca.base.errors import WorldError

_PIECE = 1 << 20
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class UnprotectedFile(WorldError):
    """Owner or permissions let somebody else change the file or folder."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name}: {what}", remedy="find out who touched it; then chown and chmod go-w")
        self.path = path


def put_file(path: Path, octets: bytes, *, mode: int = 0o600) -> None:
    """Make the file hold exactly these octets, durably; whoever looks sees the old file or the new one.

    Not for two writers at once: the octets wait under `<name>.new` beside it. Raises OSError.
    """
    aside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        aside.unlink()  # left by a cut; may be half
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        _write_all(handle, octets)
        os.fsync(handle)
    finally:
        os.close(handle)
    aside.rename(path)
    sync_folder(path.parent)


def copy_file(source: Path, target: Path) -> None:
    """Make the target hold what the source holds, durably, with its time; a piece at a time. Raises OSError.

    Whoever looks sees the old file or the new one. Owner as of the source where we may give files away.
    """
    aside = target.with_name(target.name + ".new")
    with suppress(FileNotFoundError):
        aside.unlink()
    with source.open("rb") as given:
        status = os.fstat(given.fileno())
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            while piece := given.read(_PIECE):
                _write_all(handle, piece)
            if os.geteuid() == 0:
                os.fchown(handle, status.st_uid, status.st_gid)
            os.utime(handle, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(handle)
        finally:
            os.close(handle)
    aside.rename(target)
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder that only we can enter, durably, unless it is there. Raises OSError."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_protected(path: Path, *, limit: int) -> bytes:
    """Return the octets of a file that only we (or root) can change.

    Raises UnprotectedFile, also for a symbolic link, for what is no plain file, and for one of
    more than `limit` octets; OSError when it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnprotectedFile(path, "not a plain file")
        _check_status(path, status)
        octets = file.read(limit + 1)
    if len(octets) > limit:
        raise UnprotectedFile(path, f"more than {limit} octets")
    return octets


def check_folder(folder: Path) -> None:
    """Raise UnprotectedFile when somebody else can add or replace files in the folder."""
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise UnprotectedFile(folder, "not a folder")
    _check_status(folder, status)


def _check_status(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise UnprotectedFile(path, "belongs to another user")
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise UnprotectedFile(path, "others may write to it")


def _write_all(handle: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(handle, rest) :]
