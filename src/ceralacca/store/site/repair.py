"""Finds and mends what one of two sites lacks of the files: stored octets, sealed log, virus storage, mailboxes.

Files that are written once are compared by name and size, or octet by octet (`thorough`), blobs against their own
digest. What the other site lacks is copied; what is spoilt here and whole there comes back. Of octets that are at the
mirror only, the database says what they are: still leaned upon, then they come back; purged, then they go (VI-2).

Clauses: SL-6, VI-2.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select

from ceralacca.base.errors import WorldError
from ceralacca.store.durable_files import copy_file, make_folder
from ceralacca.store.engine import Database
from ceralacca.store.site.files import copy_across
from ceralacca.store.site.mail import Followed, differing_mail, follow_mail
from ceralacca.store.site.state import Site, at_mirror
from ceralacca.store.tables import BLOB

BLOBS: Final = "blobs"
TREES: Final = ("packs", "log", "virus-storage", "vault", "directory", "crl")
"""Folders that are copied as they are. The copy of the directory and the CRLs let the other site begin at once."""
_PIECE: Final = 1 << 20


@dataclass(slots=True)
class Differences:
    """What one site lacks."""

    lacking_there: list[Path] = field(default_factory=list)
    """Not at the other site, or another there. Paths relative to the data folder."""
    lacking_here: list[Path] = field(default_factory=list)
    """Not here or spoilt, and whole there."""
    purged: list[Path] = field(default_factory=list)
    """At the other site only, though their octets were purged."""
    lost: list[Path] = field(default_factory=list)
    """Named by the database, whole in neither."""
    mail: Followed = field(default_factory=Followed)

    @property
    def count(self) -> int:
        """How many files differ."""
        files = (self.lacking_there, self.lacking_here, self.purged, self.lost)
        return sum(map(len, files)) + self.mail.changes


def compare(site: Site, database: Database, *, thorough: bool = False) -> Differences:
    """Compare both sites and change nothing. What is being written may differ. Raises MirrorAway, WorldError."""
    found = Differences()
    site.other()
    with _reading():
        _compare_blobs(site, database, found, thorough)
        for tree in TREES:
            for path in _files(site.folder / tree):
                if not _same(path, site.in_mirror(path), octets=thorough or _grows(path)):
                    found.lacking_there.append(path.relative_to(site.folder))
        found.lacking_there += [path.relative_to(site.folder) for path in _keys(site)]
    found.mail = differing_mail(site, site.folder / "mail")
    return found


def repair(site: Site, database: Database, now: datetime, *, thorough: bool = False) -> Differences:
    """Mend what `compare` finds, except what is lost; return what it was. Raises Fenced, MirrorAway, WorldError."""
    found = compare(site, database, thorough=thorough)
    for path in found.lacking_there:
        with site.writing() as mirror, suppress(FileNotFoundError):  # replaced or purged since the look
            if mirror is not None:
                copy_across(site, site.folder / path)
    for path in found.lacking_here:
        with site.writing(), _reading():
            make_folder((site.folder / path).parent)
            copy_file(site.mirror / path, site.folder / path)
    for path in found.purged:
        with site.writing() as mirror, at_mirror():
            if mirror is not None:
                (mirror / path).unlink(missing_ok=True)
    found.mail = follow_mail(site, site.folder / "mail", now)
    return found


def carry_keys(site: Site) -> None:
    """Copy the keys that were made in the data folder. Raises Fenced, MirrorAway, WorldError."""
    with site.writing() as mirror, _reading():
        for path in _keys(site) if mirror is not None else ():
            copy_across(site, path)


def follow(site: Site, now: datetime) -> Followed:
    """Let the mirror follow in what is not written into both sites at once. Raises Fenced, MirrorAway, WorldError."""
    for tree in ("directory", "crl", "virus-storage"):
        for path in _files(site.folder / tree):
            if _grows(path):
                with site.writing() as mirror, suppress(FileNotFoundError):
                    if mirror is not None and not _same(path, site.in_mirror(path), octets=True):
                        copy_across(site, path)
    return follow_mail(site, site.folder / "mail", now)


def _compare_blobs(site: Site, database: Database, found: Differences, thorough: bool) -> None:
    """Hold both folders against the rows that lean on a file, and the mirror's rest against the other rows."""
    there = {path.parent.name + path.name for path in _files(site.mirror / BLOBS)}
    with database.reading() as connection:
        in_files = BLOB.c.octets.is_(None) & BLOB.c.place.is_(None)
        rows = connection.execute(select(BLOB.c.digest, BLOB.c.size).where(in_files)).all()
    for digest, size in rows:
        path = Path(BLOBS, digest[:2], digest[2:])
        whole = [_whole(folder / path, digest, size, thorough) for folder in (site.folder, site.mirror)]
        if whole == [True, False]:
            found.lacking_there.append(path)
        elif whole == [False, True]:
            found.lacking_here.append(path)
        elif whole == [False, False]:
            found.lost.append(path)
    rest = there - {row.digest for row in rows}
    if rest:
        with database.reading() as connection:
            gone = [
                digest
                for digest in sorted(rest)
                if connection.scalar(select(BLOB.c.octets.is_not(None)).where(BLOB.c.digest == digest))
            ]
        found.purged += [Path(BLOBS, digest[:2], digest[2:]) for digest in gone]


def _whole(path: Path, digest: str, size: int, thorough: bool) -> bool:
    with suppress(FileNotFoundError):
        if path.stat().st_size != size:
            return False
        return not thorough or _digest(path) == digest
    return False


def _same(path: Path, there: Path, *, octets: bool) -> bool:
    try:
        if path.stat().st_size != there.stat().st_size:
            return False
        return not octets or _digest(path) == _digest(there)
    except FileNotFoundError:
        return False


def _keys(site: Site) -> list[Path]:
    """Return the keys that were made in the data folder and are not the same there."""
    return [path for path in sorted(site.folder.glob("*.key")) if not _same(path, site.in_mirror(path), octets=True)]


def _grows(path: Path) -> bool:
    """Whether a file may change under its name."""
    return path.suffix not in {".vault", ".p7m", ".tsr", ".ldif", ".pack"}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Return the finished files below a folder; a pointer to others comes last."""
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".new" and path.parent.name != "new"
    ]
    yield from sorted(found, key=lambda path: (path.name == "current", path))


class _Reading:
    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, OSError):
            raise WorldError(f"files of the two sites cannot be read: {error}", remedy="pec site status") from error


def _reading() -> _Reading:
    return _Reading()
