"""The memory twin of `store.disservices`."""

from dataclasses import replace
from datetime import datetime

from ceralacca.base.errors import UserError
from ceralacca.core.model.disservice import Disservice


class MemoryDisservices:
    """A register that forgets; satisfies `ports.disservices.Disservices`."""

    def __init__(self) -> None:
        self._entries: dict[int, Disservice] = {}

    def add(self, entry: Disservice) -> int:
        """Enter it."""
        number = len(self._entries) + 1
        self._entries[number] = replace(entry, number=number)
        return number

    def close(self, number: int, *, ends: datetime, remedy: str, now: datetime) -> Disservice:
        """Close it. Raises UserError."""
        entry = self._entries.get(number)
        if entry is None or entry.closed is not None:
            raise UserError(f"there is no open entry {number}", remedy="pec incident list")
        self._entries[number] = replace(entry, ends=ends, remedy=remedy, closed=now)
        return self._entries[number]

    def entries(self, *, since: datetime, until: datetime) -> list[Disservice]:
        """Return what was in some part of a stretch of time."""
        found = [entry for entry in self._entries.values() if entry.overlaps(since, until)]
        return sorted(found, key=lambda one: (one.begins, one.number))
