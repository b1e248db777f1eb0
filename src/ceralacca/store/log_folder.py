"""The folder of sealed log files: each appears under its name whole or not at all, readable by us alone (LO-5).

A file may be larger than memory: its lines are first put aside while their digest is taken, then copied
between the octets that make a `.p7m` of them.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.log_chain import stamp_name
from ceralacca.ports.log_seal import LogKey
from ceralacca.store.durable_files import make_folder, put_file, sync_folder

_PIECE = 1 << 20
_LARGEST_STAMP = 1 << 17


class FileLogFolder:
    """A folder on disk; satisfies `ports.log_seal.LogFolder`. Of several processes one writes at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, lines: Iterable[bytes], key: LogKey, instant: datetime) -> tuple[str, int]:
        """Write lines as a sealed file. The same lines, key and instant make the same file. Raises WorldError."""
        with _turn(self._folder):
            content, aside = self._folder / ".content", self._folder / f"{name}.new"
            with _fresh(content) as file:
                digest, size = hashlib.sha256(), 0
                for line in lines:
                    digest.update(line)
                    size += file.write(line)
                before, after = key.frame(size, digest.digest(), instant)
                file.seek(0)
                reach("log_seal.file.before")
                with _fresh(aside) as sealed:
                    whole = _Hashing(sealed)
                    whole.write(before)
                    shutil.copyfileobj(file, whole, _PIECE)
                    whole.write(after)
                    sealed.flush()
                    os.fsync(sealed.fileno())
            aside.rename(self._folder / name)
            sync_folder(self._folder)
            reach("log_seal.file.after")
            content.unlink()
            return whole.digest.hexdigest(), len(before) + size + len(after)

    def stamp(self, name: str) -> bytes | None:
        """Return the stamp beside a file. Raises WorldError."""
        path = self._folder / stamp_name(name)
        with _translated(self._folder):
            return path.read_bytes() if path.exists() and path.stat().st_size <= _LARGEST_STAMP else None

    def put_stamp(self, name: str, reply: bytes) -> None:
        """Put a stamp beside a file. Raises WorldError."""
        with _turn(self._folder):
            put_file(self._folder / stamp_name(name), reply)


class FolderWitness:
    """A second place that is a folder, such as a disk of another machine; a `ports.log_seal.Witness`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, p7m: bytes, /) -> None:
        """Put the sealed head of a block there. Raises WorldError, also when another one of its name is there."""
        path = self._folder / name
        with _turn(self._folder):
            if path.exists() and path.read_bytes() != p7m:
                raise WorldError(
                    f"{name}: the witness has another block of this number",
                    remedy="find out which of them is false: pec log verify --witness",
                )
            put_file(path, p7m)


class _Hashing:
    """Writes through, and takes the digest of what goes by."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, octets: bytes) -> int:
        self.digest.update(octets)
        return self._file.write(octets)


@contextmanager
def _fresh(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that only we can read; what a cut has left under its name is thrown away."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w+b", buffering=_PIECE) as file:
        yield file


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until no other process writes here: the timekeeper and `pec log seal` may both be at it.

    The folder is there then. Raises WorldError, also for what fails within.
    """
    with _translated(folder):
        make_folder(folder)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(f"{folder}: {error.strerror}", remedy="look at the disk and at the folder's owner") from error
