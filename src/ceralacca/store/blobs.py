"""Octets under their digest: small ones in a row, large ones in a file of their own.

    blobs/ab/cdef...      the octets whose SHA-256 is abcdef...
    blobs/new/            what is being written; what a cut left there is nobody's

A file is durable before the row that names it is committed, so that a row without octets cannot be;
octets without a row are harmless. A message is written piece by piece and never joined (GE-31).
Several files of one batch share two syncs of the whole volume, which is why it should be one of
its own; a single file is synced alone.
"""

import mmap
import os
from collections.abc import Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.formats.splice import Octets, Splice, pieces_of, sha256_of
from ceralacca.store.durable_files import make_folder, sync_folder
from ceralacca.store.syncing import sync_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED_FROM = 2
"""From so many files on, syncing the volume twice is quicker than syncing each file and its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Some octets and the name they are kept under."""

    digest: str
    """SHA-256, hexadecimal."""
    size: int
    octets: Octets | Splice


def blob_of(octets: Octets | Splice) -> Blob:
    """Name octets; reads each of them once and copies none."""
    return Blob(digest=sha256_of(octets), size=len(octets), octets=octets)


class BlobFolder:
    """The folder of large blobs. Many processes may write and read at once."""

    def __init__(self, folder: Path) -> None:
        """Make the folder unless it is there. Raises WorldError."""
        self._folder = folder
        self._new = folder / "new"
        self._made: set[str] = set()
        with refused_by_disk():
            make_folder(folder)
            make_folder(self._new)

    def put(self, blobs: Sequence[Blob]) -> None:
        """Make blobs durable, all of them before this returns. Raises WorldError: then some may be there."""
        wanted = {blob.digest: blob for blob in blobs}
        if not wanted:
            return
        reach("blobs.put.before")
        with refused_by_disk():
            self._make_shelves(wanted)
            written = [self._write(blob) for blob in wanted.values() if not self._is_there(blob)]
            reach("blobs.sync.before")
            self._sync(written)
            reach("blobs.rename.before")
            for path, digest in written:
                path.rename(self._path(digest))
            reach("blobs.rename.after")
            self._sync_names(wanted)  # also of those that another process has renamed just now
        reach("blobs.put.after")

    def read(self, digest: str, size: int) -> Octets:
        """Return a view of the file; its pages are read when looked at. Raises WorldError when it is not whole."""
        try:
            with self._path(digest).open("rb") as file:
                view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            raise WorldError("stored octets are missing", remedy="restore them from a backup") from error
        if len(view) != size:
            raise WorldError("stored octets are not whole", remedy="restore them from a backup")
        return view

    def has(self, digest: str) -> bool:
        """Say whether octets have a file, whole or not."""
        return self._path(digest).exists()

    def remove(self, digest: str) -> None:
        """Remove octets that have a file; harmless when they have none. Raises WorldError."""
        reach("blobs.remove.before")
        with refused_by_disk():
            self._path(digest).unlink(missing_ok=True)
        reach("blobs.remove.after")

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    def _is_there(self, blob: Blob) -> bool:
        """Ask for the file; what has its name was synced before it got it."""
        try:
            return self._path(blob.digest).stat().st_size == blob.size
        except FileNotFoundError:
            return False

    def _make_shelves(self, digests: Iterable[str]) -> None:
        for shelf in {digest[:2] for digest in digests} - self._made:
            make_folder(self._folder / shelf)
            self._made.add(shelf)

    def _write(self, blob: Blob) -> tuple[Path, str]:
        path = self._new / f"{blob.digest}.{os.getpid()}.{id(blob)}"
        with suppress(FileNotFoundError):
            path.unlink()  # of a process that had our number and was cut off
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            for piece in pieces_of(blob.octets):
                _write_all(handle, piece)
        finally:
            os.close(handle)
        return path, blob.digest

    def _sync(self, written: Sequence[tuple[Path, str]]) -> None:
        if len(written) >= _SHARED_FROM:
            _sync_volume(self._folder)
            return
        for path, _ in written:
            _sync_file(path)

    def _sync_names(self, digests: Iterable[str]) -> None:
        shelves = {digest[:2] for digest in digests}
        if len(shelves) >= _SHARED_FROM:
            _sync_volume(self._folder)
            return
        for shelf in shelves:
            sync_folder(self._folder / shelf)


def _write_all(handle: int, octets: Octets) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_volume(folder: Path) -> None:
    """Make everything on the volume of a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_volume(handle)
    finally:
        os.close(handle)


@contextmanager
def refused_by_disk() -> "Iterator[None]":
    """Say of an OSError what it means for octets. Raises WorldError."""
    try:
        yield
    except OSError as error:
        raise WorldError(f"the disk refused octets: {error.strerror}", remedy="look at space and disk") from error
