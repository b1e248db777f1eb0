"""Where a message lies while it arrives: in memory while small, in a nameless temporary file when large.

Nothing here is durable: that is the store's affair, before the `250`. Memory is bounded for all
connections together; so is what lies on disk, and a reserve of the disk is left alone (threat:
disk full), so that closing and notices still work.
"""

import asyncio
import mmap
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Octets

MIB = 2**20
_SMALL = MIB
"""Up to here a message stays in memory; above, this much is collected before it is written."""


class NoRoom(WorldError):
    """The room for messages that arrive is full, or the disk is."""


class SpoolRoom:
    """The room that all messages which arrive at one process share; used on one event loop.

    `memory` and `octets` bound what lies in memory and in all; `reserve` is what stays free on the disk of `folder`.
    """

    def __init__(
        self, folder: Path, *, memory: int = 16 * MIB, octets: int = 2048 * MIB, reserve: int = 256 * MIB
    ) -> None:
        self.folder = os.fspath(folder)
        self._memory, self._octets, self._reserve = memory, octets, reserve
        self._in_memory = self._in_all = 0

    def has_room(self, size: int) -> bool:
        """Say whether a message of that size can be let in now."""
        if self._in_all + size > self._octets:
            return False
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize > self._reserve + size

    def take(self, size: int) -> None:
        """Count octets that have arrived. Raises NoRoom."""
        if self._in_all + size > self._octets:
            raise NoRoom("the spool is full", remedy="try again later")
        self._in_all += size

    def take_memory(self, size: int) -> bool:
        """Count octets that are to stay in memory; False when they may not."""
        if self._in_memory + size > self._memory:
            return False
        self._in_memory += size
        return True

    def give_back(self, size: int, memory: int) -> None:
        """Count octets that are gone."""
        self._in_all -= size
        self._in_memory -= memory


class Spool:
    """One message as it arrives. Close it whatever happens."""

    def __init__(self, room: SpoolRoom) -> None:
        self._room = room
        self._pieces: list[bytes] = []
        self._waiting = 0  # octets in `_pieces`
        self._counted = 0  # octets of memory that the room counts for us
        self._file: BinaryIO | None = None
        self.size = 0

    async def add(self, piece: bytes) -> None:
        """Add octets. Raises NoRoom when the room or the disk is full."""
        if not piece:
            return
        self._room.take(len(piece))
        self.size += len(piece)
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._file is None and self.size <= _SMALL and self._room.take_memory(len(piece)):
            self._counted += len(piece)
        elif self._waiting > _SMALL or self._file is None:
            await self._write()

    async def octets(self) -> Octets:
        """Return the whole message: octets in memory, or a view of the file."""
        if self._file is None:
            return b"".join(self._pieces)
        await self._write()
        return memoryview(mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ))

    def drop(self) -> None:
        """Forget what has arrived: the message will not be taken."""
        self._pieces.clear()
        self._room.give_back(self.size, self._counted)
        self._waiting = self._counted = self.size = 0
        if self._file is not None:
            self._file.close()  # waits for a write in another thread
            self._file = None

    close = drop

    async def _write(self) -> None:
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._room.folder, prefix="smtp-")  # noqa: SIM115 closed by close
            await asyncio.to_thread(_append, self._file, pieces)
        except OSError as error:
            raise NoRoom("the spool cannot be written", remedy="free space on the disk") from error
        self._room.give_back(0, self._counted)
        self._counted = 0


def _append(file: BinaryIO, pieces: list[bytes]) -> None:
    file.writelines(pieces)
    file.flush()
