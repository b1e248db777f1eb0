"""Octets of many letters in one file: a large batch appends them all with one sync, before the rows that name them.

    packs/4711-1.pack      octets of letters, one after the other; named after the process, and counted

Whoever writes has a pack of its own, so nobody waits for anybody; when it is full the next one begins. The row of
a blob says its *place*: pack and offset. Octets that no row names, because a cut or a failure came before
the commit, are harmless. What is let go of becomes a hole: the file keeps its length and gives its disk back.

Only letters lie here, our own sealed messages: what comes in is in its row or in a file, from where an infected
message can be purged without a trace (VI-2).

Clauses: AP-25, GE-31.
"""

import ctypes
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.formats.splice import Octets, pieces_of, sha256_of
from ceralacca.store.blobs import Blob, refused_by_disk
from ceralacca.store.durable_files import make_folder, sync_folder

_FULL: Final = 256 << 20
_AT_ONCE: Final = 512
"""Pieces that one call writes; systems take 1024 (limits.h: IOV_MAX)."""
_PUNCH_HOLE: Final = 0x01 | 0x02  # fallocate(2): KEEP_SIZE, and PUNCH_HOLE


class Packs:
    """The folder of packs. Many processes may write and read at once; safe between threads."""

    def __init__(self, folder: Path, *, full: int = _FULL) -> None:
        """Name the folder, which is made when it is needed; after `full` octets a pack is followed by the next one."""
        self._folder, self._full = folder, full
        self._turn = threading.Lock()
        self._handle, self._pack, self._count, self._end = -1, "", 0, 0

    def put(self, blobs: Sequence[Blob]) -> dict[str, str]:
        """Make octets durable, all of them before this returns; return the place of each by its digest.

        Raises WorldError: then none has a place.
        """
        wanted = {blob.digest: blob for blob in blobs}
        if not wanted:
            return {}
        with self._turn, refused_by_disk():
            try:
                self._make_room()
                places = self._append(wanted)
            except BaseException:
                self._close()  # what a failed sync has left of it is anybody's guess: the next batch begins a new one
                raise
        reach("packs.put.after")
        return places

    def read(self, place: str, size: int, digest: str) -> bytes:
        """Return the octets that lie at a place. Raises WorldError when they are not whole or not there any more."""
        path, offset = self._at(place)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                octets = os.pread(handle, size, offset)
            finally:
                os.close(handle)
        except OSError as error:
            raise WorldError("stored octets are missing", remedy="restore them from a backup") from error
        if len(octets) != size or sha256_of(octets) != digest:
            raise WorldError("stored octets are not whole", remedy="restore them from a backup")
        return octets

    def let_go(self, place: str, size: int) -> None:
        """Give the disk back what lies at a place; harmless when that was done before. Raises WorldError."""
        path, offset = self._at(place)
        reach("packs.hole.before")
        with refused_by_disk():
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
            try:
                _punch(handle, offset, size)
                os.fsync(handle)
            finally:
                os.close(handle)
        reach("packs.hole.after")

    def close(self) -> None:
        """Give up the pack that is written."""
        with self._turn:
            self._close()

    def _at(self, place: str) -> tuple[Path, int]:
        pack, _, offset = place.partition(":")
        return self._path(pack), int(offset)

    def _path(self, pack: str) -> Path:
        return self._folder / f"{pack}.pack"

    def _make_room(self) -> None:
        """See that there is a pack to write to, under a durable name."""
        if self._handle >= 0 and self._end < self._full:
            return
        self._close()
        make_folder(self._folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        while self._handle < 0:
            self._count += 1
            self._pack, self._end = f"{os.getpid()}-{self._count}", 0
            with suppress(FileExistsError):  # of a process that had our number, or has it on another host
                self._handle = os.open(self._path(self._pack), flags, 0o600)
        sync_folder(self._folder)

    def _append(self, wanted: Mapping[str, Blob]) -> dict[str, str]:
        places, end = {}, self._end
        for digest, blob in wanted.items():
            places[digest] = f"{self._pack}:{end}"
            end += blob.size
        reach("packs.write.before")
        _write_at(self._handle, (piece for blob in wanted.values() for piece in pieces_of(blob.octets)), self._end)
        reach("packs.sync.before")
        os.fsync(self._handle)
        self._end = end
        return places

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _write_at(handle: int, pieces: Iterator[Octets], offset: int) -> None:
    """Write pieces one after the other, many with each call; the system may take fewer octets than it is given."""
    while group := list(islice(pieces, _AT_ONCE)):
        while group:
            written = os.pwritev(handle, group, offset)
            offset += written
            group = _left(group, written)


def _left(group: list[Octets], written: int) -> list[Octets]:
    """Return what is still to be written of some pieces."""
    for at, piece in enumerate(group):
        if written < len(piece):
            return [memoryview(piece)[written:], *group[at + 1 :]]
        written -= len(piece)
    return []


def _punch(handle: int, offset: int, size: int) -> None:
    """Make a hole; where the file system knows none, overwrite with zeros. Raises OSError."""
    fallocate = getattr(_LIBC, "fallocate", None)
    whole = ctypes.c_int64
    if fallocate is None or fallocate(handle, _PUNCH_HOLE, whole(offset), whole(size)) != 0:
        _write_at(handle, iter([bytes(size)]), offset)


_LIBC = ctypes.CDLL(None, use_errno=True)
