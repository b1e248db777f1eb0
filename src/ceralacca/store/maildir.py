"""Mailboxes as Maildir folders that an IMAP server shows: the delivery point's last act (DP-2, DP-3).

A message is written aside, synced, recorded, renamed into `new/`, synced again: one sync of each kind for
a whole batch. Under every mailbox's home stand

    Maildir/            what the IMAP server sees and changes
    arriving/<name>     octets on their way in
    delivered/<name>    a symbolic link to nowhere that says which file was delivered under that name, and into
                        which folder when that is not the inbox

The record is made when the octets are durable and before the rename. So, whatever the holder did since
(read, moved, deleted) and wherever the power was cut, a redo knows by two looks what an earlier try did:

    no record                   nothing that counts: write anew
    record, octets arriving     durable but not renamed: rename
    record, nothing arriving    delivered: never a second copy

A redo goes by the folder of the record: rules that were changed between two tries cannot lead to two copies. A folder
that is not there, or that goes in this moment, means the inbox (`maildir_folders`). Only where folder and message
are gone at the redo it is written anew: nobody can tell then whether the holder ever saw it.

Octets are stored as they came, CRLF and all; the server then shows the very same octets. `arriving/` is
not the Maildir's own `tmp/`, because the server deletes what lies long in there. That a record is never
durable before the octets' name is asked of the file system: those that keep the order of names do (ext4,
XFS, btrfs).

Clauses: DP-2, DP-3, DP-4, DP-8, MO-9; invariant 3 of ARCHITECTURE.md.
"""

import ctypes
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets
from ceralacca.ports.mail_store import Put, PutOutcome
from ceralacca.store.maildir_folders import INBOX, is_in_place, name_on_disk, open_new
from ceralacca.store.maildir_size import add_octets, every_message, used_octets

_BATCH = 64
"""Messages that share their syncs: bounds the open files and folders."""
_THREADS = 8
"""Calls for durability under way at once: a journalling file system lets them share one write."""
_FEW = 16
"""Up to so many files or folders are synced each for itself; more of them by one call for the volume, which also
waits for what others wrote there (measured: bench/mailboxes.py)."""
_CHUNK = 2**18
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = re.compile(r"\.([0-9a-f]{32})[,:]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whom the mailboxes belong to, where that is not ourselves: a provider started by root."""

    uid: int
    gid: int


class Maildir:
    """A `MailStore` of Maildir folders below one root. Safe between threads and processes of one host."""

    def __init__(self, root: Path, *, clock: Clock, owner: Owner | None = None, mirror: bool = False) -> None:
        """Keep mailboxes below `root`, made when absent; a mirror judges no quota, and makes no folder above it."""
        self._root = root
        self._clock = clock
        self._owner = owner if owner != Owner(uid=os.geteuid(), gid=os.getegid()) else None
        self._mirror = mirror
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="maildir")

    def home(self, mailbox: Address) -> Path:
        """Return the home folder of a mailbox: named by a digest, so that no address can lead elsewhere."""
        return self._root / _home(mailbox)

    def make_home(self, mailbox: Address) -> Path:
        """Make a mailbox's folders where they are not there yet, and return its home. Raises WorldError."""
        with self._opened(mailbox):
            return self.home(mailbox)

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        """Store messages durably, with one sync a batch; what is stored is the octets, unmodified.

        Raises WorldError when the disk refuses: nothing is then certain, and the same call again is right.
        """
        outcomes: list[PutOutcome] = []
        try:
            with self._open_root() as root:
                for start in range(0, len(messages), _BATCH):
                    batch = _Batch(root, self._owner, self._clock.now(), start, self._threads, not self._mirror)
                    outcomes += batch.put(messages[start : start + _BATCH])
        except OSError as error:
            raise _disk(error) from error
        return outcomes

    def holds(self, mailbox: Address, name: str) -> bool:
        """Say whether a message of that name is in any folder, seen or not. Raises WorldError when the disk refuses."""
        with self._opened(mailbox) as box:
            return box.holds(_file_name(name))

    def used(self, mailbox: Address, *, quota: int) -> int:
        """Return how many octets of its quota a mailbox uses. Raises WorldError when the disk refuses."""
        with self._opened(mailbox) as box:
            return used_octets(box.maildir, quota=quota, wanted=0)

    def forget_deliveries(self, *, before: datetime) -> int:
        """Remove the records of deliveries older than that, and remains of tries; return how many.

        A record is of use as long as its delivery may be done again: some hours (DP-6). Raises WorldError.
        """
        try:
            return sum(self._forget(home, before.timestamp()) for home in self._root.glob("[0-9a-f][0-9a-f]/*"))
        except OSError as error:
            raise _disk(error) from error

    def _forget(self, home: Path, before: float) -> int:
        with _locked(home):
            return sum(_forget_one(home, name, before) for name in _names(home))

    @contextmanager
    def _opened(self, mailbox: Address) -> Iterator["_Box"]:
        try:
            with self._open_root() as root, ExitStack() as open_folders:
                yield _Box.open(root, mailbox, self._owner, open_folders)
        except OSError as error:
            raise _disk(error) from error

    @contextmanager
    def _open_root(self) -> Iterator[int]:
        try:
            root = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)  # the operator may have put it on another disk
        except FileNotFoundError:
            if not self._mirror:  # one that is away is not to be made here
                self._root.parent.mkdir(parents=True, exist_ok=True)
            parent = os.open(self._root.parent, _FOLDER & ~os.O_NOFOLLOW)
            try:
                root = _folder(parent, self._root.name, self._owner)
            finally:
                os.close(parent)
        try:
            yield root
        finally:
            os.close(root)


@dataclass(slots=True)
class _Box:
    """One mailbox, its folders open and locked against other writers of ours."""

    maildir: int
    new: int
    arriving: int
    delivered: int
    counted_in: int = 0
    """Octets of this batch."""
    used: int | None = None
    """Octets before this batch, once asked for: nobody else writes while the mailbox is locked."""

    @classmethod
    def open(cls, root: int, mailbox: Address, owner: Owner | None, open_folders: ExitStack) -> "_Box":
        def folder(parent: int, name: str) -> int:
            handle = _folder(parent, name, owner)
            open_folders.callback(os.close, handle)
            return handle

        shelf, _, digest = _home(mailbox).partition("/")
        home = folder(folder(root, shelf), digest)
        fcntl.flock(home, fcntl.LOCK_EX)
        maildir = folder(home, "Maildir")
        for name in ("tmp", "cur"):
            folder(maildir, name)
        return cls(maildir, folder(maildir, "new"), folder(home, "arriving"), folder(home, "delivered"))

    def fits(self, put: Put) -> bool:
        """Count the message in, if the quota allows."""
        wanted = self.counted_in + len(put.octets)
        if self.used is None or self.used + wanted > put.quota:
            self.used = used_octets(self.maildir, quota=put.quota, wanted=wanted)
        if self.used + wanted > put.quota:
            return False
        self.counted_in = wanted
        return True

    def holds(self, name: str) -> bool:
        record = _Record.of(self.delivered, name) or _Record("", "", INBOX)
        return any(
            _named(entry.name, name)
            or (str(entry.inode()) == record.inode and _changed(folder, entry.name) == record.changed)
            for folder, entry in every_message(self.maildir)
        )


class _Record(NamedTuple):
    """What is written down of a delivery: which file, and into which folder."""

    inode: str
    changed: str
    folder: str
    """Its name on disk."""

    @classmethod
    def of(cls, delivered: int, name: str) -> "_Record | None":
        try:
            inode, _, rest = os.readlink(name, dir_fd=delivered).partition(":")
        except FileNotFoundError:
            return None
        changed, _, folder = rest.partition(":")
        return cls(inode, changed, folder)

    def write(self, delivered: int, name: str) -> None:
        os.symlink(":".join(self if self.folder else self[:2]), name, dir_fd=delivered)


@dataclass(slots=True, kw_only=True)
class _Staged:
    """A message whose octets are in `arriving/`."""

    box: _Box
    name: str
    octets: Octets
    final: str
    folder: str
    """Name on disk of the folder it is for; empty for the inbox."""
    recorded: bool
    """An earlier try made it durable and recorded it."""


@dataclass(slots=True)
class _Batch:
    """Messages that share their syncs."""

    root: int
    owner: Owner | None
    instant: datetime
    start: int
    """How many messages of the same instant went before."""
    threads: ThreadPoolExecutor
    limited: bool
    open_now: ExitStack = field(default_factory=ExitStack)
    files: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    boxes: dict[Address, _Box] = field(default_factory=dict)
    staged: dict[tuple[str, str], _Staged] = field(default_factory=dict)
    sources: list[tuple[Octets, _Staged]] = field(default_factory=list)

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        with self.open_now:
            # In one order everywhere, so that two batches never wait for each other.
            for mailbox in sorted({put.mailbox for put in messages}, key=_home):
                self.boxes[mailbox] = _Box.open(self.root, mailbox, self.owner, self.open_now)
            outcomes = [self._stage(put) for put in messages]
            self._settle()
            return outcomes

    def _settle(self) -> None:
        self._sync("sync", self.files)  # the octets
        for staged in self.staged.values():
            self._record(staged)
            reach("maildir.rename.before")
            self.changed += [staged.box.delivered, self._show(staged)]
            reach("maildir.rename.after")
            _count_in(staged)
        self._sync("settle", self.changed)  # records and names

    def _stage(self, put: Put) -> PutOutcome:
        box, name = self.boxes[put.mailbox], _file_name(put.name)
        if (put.mailbox.key, name) in self.staged:
            return PutOutcome.ALREADY_THERE
        record, arriving = _Record.of(box.delivered, name), _is_there(box.arriving, name)
        if record and not arriving and (shown := self._shown(box, record, name)) is not None:
            self.changed += [box.delivered, shown]  # the earlier try may have been cut before it settled
            return PutOutcome.ALREADY_THERE
        recorded = record is not None and arriving
        if not recorded and not box.fits(put) and self.limited:
            return PutOutcome.OVER_QUOTA
        staged = _Staged(
            box=box,
            name=name,
            octets=put.octets,
            final=self._final(put, name),
            folder=record.folder if record and arriving else name_on_disk(put.folder),
            recorded=recorded,
        )
        if not recorded:
            self._write(staged)
        self.staged[put.mailbox.key, name] = staged
        return PutOutcome.STORED

    def _shown(self, box: _Box, record: _Record, name: str) -> int | None:
        """Return where an earlier try put a message; None when its folder is gone, and it is nowhere else."""
        if not record.folder:
            return box.new
        new = self._new_of(box, record.folder)
        if new is None and not box.holds(name):
            os.unlink(name, dir_fd=box.delivered)
        elif new is None:
            return box.new
        return new

    def _new_of(self, box: _Box, folder: str) -> int | None:
        handle = open_new(box.maildir, folder)
        if handle is not None:
            self.open_now.callback(os.close, handle)
        return handle

    def _show(self, staged: _Staged) -> int:
        """Let the holder see a message: in its folder, else in the inbox; return the `new` that it is in."""
        box = staged.box
        new = self._new_of(box, staged.folder) if staged.folder else None
        if new is not None:
            with suppress(OSError):  # the folder goes, or takes nothing
                os.rename(staged.name, staged.final, src_dir_fd=box.arriving, dst_dir_fd=new)
                reach("maildir.folder.after")
                if is_in_place(box.maildir, staged.folder, new):
                    return new
                os.rename(staged.final, staged.name, src_dir_fd=new, dst_dir_fd=box.arriving)
        if new is not None and not _is_there(box.arriving, staged.name):  # it went with its folder, in this moment
            if box.holds(staged.name):
                return box.new
            self._write(staged)
            os.fsync(self.files[-1])
        os.rename(staged.name, staged.final, src_dir_fd=box.arriving, dst_dir_fd=box.new)
        return box.new

    def _final(self, put: Put, name: str) -> str:
        """Return the name in `new/`: servers show messages by the number in front, then by the next."""
        size = len(put.octets)
        seen = f",W={size}" if _lines_end_in_crlf(put.octets) else ""  # the size that IMAP shows
        seconds, microseconds = int(self.instant.timestamp()), self.instant.microsecond
        position = self.start + len(self.staged)
        return f"{seconds}.{microseconds:06d}{position:06d}.{name},S={size}{seen}"

    def _write(self, staged: _Staged) -> None:
        reach("maildir.write.before")
        with suppress(FileNotFoundError):
            os.unlink(staged.name, dir_fd=staged.box.arriving)  # left by a try that was cut
        if not self._linked(staged):
            handle = os.open(staged.name, _NEW_FILE, 0o600, dir_fd=staged.box.arriving)
            self.open_now.callback(os.close, handle)
            self.files.append(handle)
            _write_all(handle, staged.octets, self.owner)
        reach("maildir.write.after")

    def _linked(self, staged: _Staged) -> bool:
        """Share the file of another recipient of the same octets in this batch (DP-4: mailboxes differ)."""
        octets = staged.octets
        for others, source in self.sources:
            if others is octets or (type(others) is type(octets) is bytes and others == octets):
                with suppress(OSError):  # too many links, or a mailbox on another volume
                    os.link(source.name, staged.name, src_dir_fd=source.box.arriving, dst_dir_fd=staged.box.arriving)
                    return True
        self.sources.append((octets, staged))
        return False

    def _record(self, staged: _Staged) -> None:
        if not staged.recorded:
            status = os.stat(staged.name, dir_fd=staged.box.arriving, follow_symlinks=False)
            reach("maildir.record.before")
            record = _Record(str(status.st_ino), str(status.st_mtime_ns), staged.folder)
            record.write(staged.box.delivered, staged.name)
            reach("maildir.record.after")

    def _sync(self, act: str, handles: Iterable[int]) -> None:
        distinct = list(dict.fromkeys(handles))
        if distinct:
            reach(f"maildir.{act}.before")
            self._make_durable(distinct)
            reach(f"maildir.{act}.after")

    def _make_durable(self, handles: list[int]) -> None:
        if len(handles) > _FEW:
            _sync_volume(self.root)
            return
        under_way = [self.threads.submit(os.fsync, handle) for handle in handles[1:]]
        os.fsync(handles[0])
        for call in under_way:
            call.result()


def _home(mailbox: Address) -> str:
    digest = hashlib.sha256(mailbox.key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{digest[:2]}/{digest}"


def _file_name(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _named(file: str, name: str) -> bool:
    match = _NAME.search(file)
    return match is not None and match[1] == name


def _changed(folder: int, file: str) -> str:
    try:
        return str(os.stat(file, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
    except FileNotFoundError:
        return "gone"


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _folder(parent: int, name: str, owner: Owner | None) -> int:
    """Open a folder, made for its owner alone when it is not there."""
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
            os.fsync(parent)
    handle = os.open(name, _FOLDER, dir_fd=parent)
    if owner is not None:
        os.fchown(handle, owner.uid, owner.gid)
    return handle


def _names(home: Path) -> set[str]:
    return {path.name for path in [*home.glob("delivered/*"), *home.glob("arriving/*")]}


def _forget_one(home: Path, name: str, before: float) -> bool:
    record, arriving = home / "delivered" / name, home / "arriving" / name
    if any(os.path.lexists(path) and path.lstat().st_mtime >= before for path in (record, arriving)):
        return False
    known = os.path.lexists(record)
    # The record goes first: a record without octets means delivered.
    record.unlink(missing_ok=True)
    arriving.unlink(missing_ok=True)
    return known


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    handle = os.open(home, _FOLDER)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write_all(handle: int, octets: Octets, owner: Owner | None) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(handle, rest) :]
    if owner is not None:
        os.fchown(handle, owner.uid, owner.gid)


def _count_in(staged: _Staged) -> None:
    with suppress(FileNotFoundError):  # counted anew when it is next asked for
        add_octets(staged.box.maildir, len(staged.octets))


def _lines_end_in_crlf(octets: Octets) -> bool:
    view = memoryview(octets)
    carried = b""  # a pair may lie across two chunks
    for start in range(0, len(view), _CHUNK):
        chunk = carried + bytes(view[start : start + _CHUNK])
        if b"\n" in chunk.replace(b"\r\n", b""):
            return False
        carried = b"\r" if chunk.endswith(b"\r") else b""
    return True


def _volume_sync() -> Callable[[int], None]:
    call = ctypes.CDLL(None, use_errno=True).syncfs

    def sync(handle: int) -> None:
        if call(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return sync


_sync_volume = _volume_sync()
"""Make everything written to the volume of an open folder durable: one call for a whole batch."""


def _disk(error: OSError) -> WorldError:
    return WorldError(f"the mailboxes' disk refuses: {error.strerror}", remedy="look at the disk and its permissions")
