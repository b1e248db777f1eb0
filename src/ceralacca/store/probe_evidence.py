"""The raw evidence of probes: one file a day and probe, only ever added to, each line synced, kept 30 months.

    folder/probe-roma-2026-11-28.jsonl

The day is that of writing, in UTC. Every line names the digest of the one before it, also across days
(`formats.probe_line`), so that reading finds a line that was changed, taken out or put in.

Clauses: SL-2, SL-3.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.availability import Loop
from ceralacca.formats.probe_line import UnreadableEvidence, digest, read_line, write_line
from ceralacca.store.durable_files import make_folder, sync_folder

KEPT: Final = timedelta(days=913)
"""Thirty months."""
_PROBE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,40}")
_FILE = re.compile(r"probe-(?P<probe>.+)-(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl")
_MOST_LINE: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """One file, by its name."""

    path: Path
    probe: str
    day: date

    @property
    def sha256(self) -> str:
        """Digest of its octets as they are now. Raises OSError."""
        return sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A place where evidence cannot be believed as it stands."""

    file: str
    line: int
    """Counted from 1."""
    what: str
    """`unreadable`, or `chain`: the line before is another than when this one was written."""


def files_in(folder: Path) -> list[EvidenceFile]:
    """Return the evidence in a folder, by probe and day. Raises UserError when it cannot be looked into."""
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}", remedy="name the folder that pec probe writes to") from error
    found = []
    for path in names:
        if match := _FILE.fullmatch(path.name):
            with suppress(ValueError):
                found.append(EvidenceFile(path=path, probe=match["probe"], day=date.fromisoformat(match["day"])))
    return sorted(found, key=lambda one: (one.probe, one.day))


class Evidence:
    """Reads folders; what is wrong with them is in `damage` afterwards."""

    def __init__(self, folders: Iterable[Path], *, since: datetime, until: datetime) -> None:
        """Choose the files that may hold loops of a stretch of time. Raises UserError."""
        first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date() + timedelta(days=1)
        self.files = [one for folder in folders for one in files_in(folder) if first <= one.day <= last]
        self.damage: list[Damage] = []

    def loops(self) -> Iterator[Loop]:
        """Give every loop that can be read, file by file. Raises WorldError."""
        ends: dict[tuple[Path, str], str] = {}
        for file in self.files:
            place = (file.path.parent, file.probe)
            previous = ends.get(place)
            try:
                with file.path.open("rb") as lines:
                    for number, octets in enumerate(lines, 1):
                        line = octets.removesuffix(b"\n")
                        loop = self._read(file, number, line, previous)
                        previous = digest(line)
                        if loop is not None:
                            yield loop
            except OSError as error:
                raise WorldError(f"{file.path}: {error.strerror}", remedy="look at the disk") from error
            if previous is not None:
                ends[place] = previous

    def _read(self, file: EvidenceFile, number: int, line: bytes, previous: str | None) -> Loop | None:
        try:
            found = read_line(line[:_MOST_LINE])
        except UnreadableEvidence:
            self.damage.append(Damage(file=file.path.name, line=number, what="unreadable"))
            return None
        if previous is not None and found.previous != previous:
            self.damage.append(Damage(file=file.path.name, line=number, what="chain"))
        return found.loop


class EvidenceWriter:
    """Adds loops of one probe. Safe between threads; one process a probe."""

    def __init__(self, folder: Path, probe: str) -> None:
        """Take up where the last line stands. Raises UserError, WorldError."""
        if not _PROBE.fullmatch(probe):
            raise UserError(f"{probe!r}: no name for a probe", remedy="use a-z, 0-9, . _ - such as roma-1")
        self._folder, self._probe, self._turn = folder, probe, Lock()
        try:
            make_folder(folder)
            self._previous = self._last_digest()
        except OSError as error:
            raise WorldError(f"{folder}: {error.strerror}", remedy="look at the folder of evidence") from error

    def add(self, loop: Loop, *, now: datetime) -> None:
        """Make a loop durable. Raises WorldError: then nothing of it counts, and it may be added again."""
        path = self._path(now.astimezone(UTC).date())
        with self._turn:
            line = write_line(loop, self._previous)
            try:
                self._append(path, line + b"\n")
            except OSError as error:
                raise WorldError(f"{path}: {error.strerror}", remedy="look at the disk") from error
            self._previous = digest(line)

    def forget(self, *, before: datetime) -> int:
        """Delete files of days before an instant; return how many. Raises WorldError."""
        last = before.astimezone(UTC).date()
        old = [one for one in files_in(self._folder) if one.probe == self._probe and one.day < last]
        try:
            for file in old:
                file.path.unlink(missing_ok=True)
        except OSError as error:
            raise WorldError(f"{self._folder}: {error.strerror}", remedy="look at the disk") from error
        return len(old)

    def _path(self, day: date) -> Path:
        return self._folder / f"probe-{self._probe}-{day.isoformat()}.jsonl"

    def _append(self, path: Path, octets: bytes) -> None:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            try:
                reach("probe.evidence.before")
                _write_whole(handle, octets)
                os.fsync(handle)
                reach("probe.evidence.after")
            except OSError:
                os.ftruncate(handle, size)  # half a line of a full disk is no evidence
                raise
            if size == 0:
                sync_folder(path.parent)
        finally:
            os.close(handle)

    def _last_digest(self) -> str:
        """Return the digest of the last line; one that a cut has torn is ended first."""
        mine = [one for one in files_in(self._folder) if one.probe == self._probe and one.path.stat().st_size]
        if not mine:
            return ""
        path = mine[-1].path
        octets = path.read_bytes()
        if not octets.endswith(b"\n"):
            self._append(path, b"\n")
            octets += b"\n"
        return digest(octets[:-1].rpartition(b"\n")[2])


def _write_whole(handle: int, octets: bytes) -> None:
    if os.write(handle, octets) != len(octets):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
