"""Mailboxes at the mirror follow what holders do with theirs: seen, moved, kept in folders, deleted.

A delivered message is in both sites before its receipt; everything else comes here, from time to time. Under the lock
of each mailbox at the mirror, which delivery takes as well:

    1. a file that is at the mirror under another name or in another folder gets name and place as here
    2. a file that the mirror lacks is copied; one that we delivered with the record of its delivery
    3. a file that is here no more, at two looks, goes to `removed/`, and from there after thirty days

Nothing is ever deleted at once, so that a mistake of a holder's client or of ours can be undone. Numbers that IMAP
gives to messages (UID) are not carried over: another site is another UIDVALIDITY, and clients fetch anew.

Clauses: SL-6, DP-3.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ceralacca.base.errors import WorldError
from ceralacca.store.durable_files import copy_file, make_folder, sync_folder
from ceralacca.store.site.state import Site, at_mirror

_DELIVERED: Final = re.compile(r"\.([0-9a-f]{32})[,:]")
_BESIDE: Final = ("subscriptions", "dovecot-keywords", "maildirfolder")
_KEPT: Final = timedelta(days=30)


@dataclass(slots=True)
class Followed:
    """What a pass has done."""

    copied: int = 0
    moved: int = 0
    removed: int = 0

    @property
    def changes(self) -> int:
        """How much there was to do."""
        return self.copied + self.moved + self.removed


def follow_mail(site: Site, root: Path, now: datetime) -> Followed:
    """Let all mailboxes at the mirror follow; `root` is theirs here. Raises Fenced, MirrorAway, WorldError.

    One after the other, each for itself harmless when done again.
    """
    done = Followed()
    for home in homes(root):
        with site.writing() as mirror:
            if mirror is None:
                return done
            with _here_or_there(), at_mirror_home(site, home) as there:
                _follow(home, there, done)
                _forget(there / "removed", now)
    return done


def differing_mail(site: Site, root: Path) -> Followed:
    """Count what a pass would do, and do nothing. Raises MirrorAway, WorldError."""
    found = Followed()
    site.other()
    with _here_or_there():
        for home in homes(root):
            there, here = messages(site.in_mirror(home) / "Maildir"), messages(home / "Maildir")
            found.copied += sum(key not in there for key in here)
            found.moved += sum(key in there and there[key] != place for key, place in here.items())
            found.removed += sum(key not in here for key in there)
    return found


def homes(root: Path) -> Iterator[Path]:
    """Return the homes of all mailboxes in order."""
    yield from sorted(root.glob("[0-9a-f][0-9a-f]/[0-9a-f]*"))


def messages(maildir: Path) -> dict[str, Path]:
    """Return every message below a Maildir, by what stays the same of it: its place, relative to the Maildir."""
    found: dict[str, Path] = {}
    with suppress(FileNotFoundError):
        folders = [maildir, *(path for path in maildir.iterdir() if path.name.startswith(".") and path.is_dir())]
        for folder in folders:
            for part in ("new", "cur"):  # in this order: what is seen meanwhile is met in the second
                with suppress(FileNotFoundError), os.scandir(folder / part) as entries:
                    for entry in entries:
                        if not entry.name.startswith("."):
                            found[_key(entry.name)] = (folder / part / entry.name).relative_to(maildir)
    return found


def _key(name: str) -> str:
    match = _DELIVERED.search(name)
    return match[1] if match else name.partition(":")[0]


@contextmanager
def at_mirror_home(site: Site, home: Path) -> Iterator[Path]:
    """Make a mailbox's folders at the mirror, and hold its lock. Raises MirrorAway."""
    there = site.in_mirror(home)
    with at_mirror():
        for folder in (there.parent.parent, there.parent, there, there / "Maildir", there / "removed"):
            _like(home, folder)
        for name in ("arriving", "delivered"):
            _like(home, there / name)
        handle = os.open(there, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield there
    finally:
        os.close(handle)


def _follow(home: Path, there: Path, done: Followed) -> None:
    box, other = home / "Maildir", there / "Maildir"
    before = messages(other)  # first there: what was put there had been put here
    present = messages(box)
    for folder in {box, *((box / place).parent.parent for place in present.values())}:
        _beside(folder, other / folder.relative_to(box))
    for key, place in present.items():
        if before.get(key) == place:
            continue
        with suppress(FileNotFoundError):  # moved or deleted since the look: the next pass sees it
            _bring(box, other, key, place, before.get(key))
            if key in before:
                done.moved += 1
            else:
                done.copied += 1
    gone = before.keys() - present.keys()
    for key in gone - messages(box).keys() if gone else ():
        (other / before[key]).rename(there / "removed" / before[key].name)
        done.removed += 1
        (other / "maildirsize").unlink(missing_ok=True)  # counted anew when it is next asked for


def _bring(box: Path, other: Path, key: str, place: Path, at: Path | None) -> None:
    target = other / place
    _like((box / place).parent, target.parent)
    if at is not None:
        (other / at).rename(target)
        sync_folder(target.parent)
        return
    record = other.parent / "delivered" / key
    copy_file(box / place, target)
    if _DELIVERED.search(place.name) and not os.path.lexists(record):
        status = target.lstat()
        record.symlink_to(f"{status.st_ino}:{status.st_mtime_ns}")
        sync_folder(record.parent)


def _beside(folder: Path, there: Path) -> None:
    """Make a folder at the mirror as here, with the small files that clients see in it."""
    for path in (there, there / "new", there / "cur", there / "tmp"):
        _like(folder, path)
    for name in _BESIDE:
        with suppress(FileNotFoundError):
            octets = (folder / name).read_bytes()
            if not (there / name).exists() or (there / name).read_bytes() != octets:
                copy_file(folder / name, there / name)


def _like(model: Path, folder: Path) -> None:
    """Make a folder for the owner of another one, unless it is there."""
    if folder.is_dir():
        return
    make_folder(folder)
    if os.geteuid() == 0:
        status = model.stat()
        os.chown(folder, status.st_uid, status.st_gid)


def _forget(removed: Path, now: datetime) -> None:
    """Delete what was removed long ago: the change of its name is its last change of status."""
    before = (now - _KEPT).timestamp()
    for path in removed.iterdir():
        if path.lstat().st_ctime < before:
            path.unlink()


@contextmanager
def _here_or_there() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(f"mailboxes of the two sites cannot be compared: {error}", remedy="pec site status") from error
