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

A worker that knows what it is about to put may have its octets durable in `arriving/` before (`maildir_aside`), and
goes on while records and names become durable: nothing is claimed before they are (`MailInHand.settle`).

Octets are stored as they came, CRLF and all; the server then shows the very same octets. `arriving/` is
not the Maildir's own `tmp/`, because the server deletes what lies long in there. That a record is never
durable before the octets' name is asked of the file system: those that keep the order of names do (ext4,
XFS, btrfs).

Clauses: DP-2, DP-3, DP-4, DP-8, MO-9; invariant 3 of ARCHITECTURE.md.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.model.address import Address
from ceralacca.formats.lines import has_bare_feed
from ceralacca.formats.splice import Octets
from ceralacca.ports.mail_store import Coming, Put, PutOutcome
from ceralacca.ports.store import Settle
from ceralacca.store.maildir_aside import Aside
from ceralacca.store.maildir_box import Box
from ceralacca.store.maildir_files import FEW, FOLDER, NEW_FILE, Owner, file_name, home_of, write_all
from ceralacca.store.maildir_folders import is_in_place, name_on_disk, open_new
from ceralacca.store.maildir_homes import Homes, open_folder
from ceralacca.store.maildir_records import Record, forget, recorded_names
from ceralacca.store.maildir_size import used_octets
from ceralacca.store.syncing import Syncs, UnderWay

_BATCH = 64
"""Messages that share their syncs: bounds the open files and folders."""
_END = 256
"""Octets at the end of a message that are another's as well hardly ever: a seal is in them, or a boundary."""
_T = TypeVar("_T")


class Maildir:
    """A `MailStore` of Maildir folders below one root. Safe between threads and processes of one host."""

    def __init__(self, root: Path, *, clock: Clock, owner: Owner | None = None, mirror: bool = False) -> None:
        """Keep mailboxes below `root`, made when absent; a mirror judges no quota, and makes no folder above it."""
        self._root = root
        self._clock = clock
        self._owner = owner if owner != Owner(uid=os.geteuid(), gid=os.getegid()) else None
        self._mirror = mirror
        self._syncs = Syncs()

    def home(self, mailbox: Address) -> Path:
        """Return the home folder of a mailbox: named by a digest, so that no address can lead elsewhere."""
        return self._root / home_of(mailbox)

    def make_home(self, mailbox: Address) -> Path:
        """Make a mailbox's folders where they are not there yet, and return its home. Raises WorldError."""
        with self._opened(mailbox):
            return self.home(mailbox)

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        """Store messages durably, with one sync a batch; what is stored is the octets, unmodified.

        Raises WorldError when the disk refuses: nothing is then certain, and the same call again is right.
        """
        outcomes, settle = self.show(messages)
        settle()
        return outcomes

    def show(self, messages: list[Put], aside: Aside | None = None) -> tuple[list[PutOutcome], Settle]:
        """Store messages, some of which may lie aside already, and return what makes sure that they stay shown.

        Raises WorldError, as that does.
        """
        outcomes: list[PutOutcome] = []
        settling: list[Settle] = []
        homes = aside.homes if aside else self._homes()

        def settle() -> None:
            try:
                _settle_all(settling)
            finally:
                if aside is None:
                    homes.close()

        try:
            for start in range(0, len(messages), _BATCH):
                if homes.are_many:
                    _settle_all(settling)
                    homes.make_room()
                batch = _Batch(homes, self._owner, self._clock.now(), start, self._syncs, not self._mirror, aside)
                outcomes += batch.put(messages[start : start + _BATCH])
                settling.append(batch.settle())
        except BaseException as error:
            with suppress(WorldError):
                settle()
            if isinstance(error, OSError):
                raise _disk(error) from error
            raise
        return outcomes, settle

    @contextmanager
    def in_hand(self) -> Iterator["MaildirInHand"]:
        """Give the same mailboxes for one round of a worker."""
        aside = Aside(self._homes(), self._owner, self._syncs)
        in_hand = MaildirInHand(self, aside)
        try:
            yield in_hand
        finally:
            in_hand.close()

    def holds(self, mailbox: Address, name: str) -> bool:
        """Say whether a message of that name is in any folder, seen or not. Raises WorldError when the disk refuses."""
        with self._opened(mailbox) as box:
            return box.holds(file_name(name))

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
            return sum(forget(home, name, before) for name in recorded_names(home))

    @contextmanager
    def _opened(self, mailbox: Address) -> Iterator["Box"]:
        try:
            with closing(self._homes()) as homes:
                yield Box.open(homes, mailbox)
        except OSError as error:
            raise _disk(error) from error

    def _homes(self) -> Homes:
        return Homes(self._open_root, self._owner)

    def _open_root(self) -> int:
        try:
            return os.open(self._root, FOLDER & ~os.O_NOFOLLOW)  # the operator may have put it on another disk
        except FileNotFoundError:
            if not self._mirror:  # one that is away is not to be made here
                self._root.parent.mkdir(parents=True, exist_ok=True)
            parent = os.open(self._root.parent, FOLDER & ~os.O_NOFOLLOW)
            try:
                return open_folder(parent, self._root.name, self._owner)
            finally:
                os.close(parent)


class MaildirInHand:
    """Mailboxes for one round of a worker; a `ports.mail_store.MailInHand`. For one thread."""

    def __init__(self, store: Maildir, aside: Aside) -> None:
        self._store, self._aside = store, aside
        self._settling: list[Settle] = []

    def expect(self, messages: Iterable[Coming]) -> None:
        """Begin to write what is put soon, if it comes about."""
        self._aside.write(messages)

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        """Store messages; they are durable once `settle` has returned. Raises WorldError, as it does."""
        outcomes, settle = self._store.show(messages, self._aside)
        self._settling.append(settle)
        return outcomes

    def settle(self) -> None:
        """Wait until all that was put is durable. Raises WorldError: nothing is then certain, put it again."""
        settling, self._settling = self._settling, []
        _settle_all(settling)

    def close(self) -> None:
        """End the round: what was expected and not put is taken away."""
        with suppress(WorldError):  # nobody has built on it
            self.settle()
        self._aside.close()


@dataclass(slots=True, kw_only=True)
class _Staged:
    """A message whose octets are in `arriving/`."""

    box: Box
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

    homes: Homes
    owner: Owner | None
    instant: datetime
    start: int
    """How many messages of the same instant went before."""
    syncs: Syncs
    limited: bool
    aside: Aside | None
    open_now: ExitStack = field(default_factory=ExitStack)
    files: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    boxes: dict[Address, Box] = field(default_factory=dict)
    staged: dict[tuple[str, str], _Staged] = field(default_factory=dict)
    sources: dict[bytes, list[tuple[Octets, _Staged]]] = field(default_factory=dict)
    """What was staged of this batch, by how its octets end."""
    open_later: ExitStack = field(default_factory=ExitStack)
    """What stays open until it is durable."""

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        with self.open_now:
            try:
                # In one order everywhere, so that two batches never wait for each other.
                for mailbox in sorted({put.mailbox for put in messages}, key=home_of):
                    self.boxes[mailbox] = Box.open(self.homes, mailbox)
                outcomes = [self._stage(put) for put in messages]
                self._sync(self.files)
                for box in self.boxes.values():
                    box.count_in()
                for staged in self.staged.values():
                    self._record(staged)
                    reach("maildir.rename.before")
                    self.changed += [staged.box.delivered, self._show(staged)]
                    reach("maildir.rename.after")
            finally:
                for box in self.boxes.values():
                    box.unlock()
            self.open_later = self.open_now.pop_all()
        return outcomes

    def settle(self) -> Settle:
        """Begin to make records and names durable, and return what waits for it."""
        changed, open_now = list(dict.fromkeys(self.changed)), self.open_later
        if not changed:
            open_now.close()
            return lambda: None
        reach("maildir.settle.before")
        under_way = self._begin(changed)
        self.homes.use()
        open_now.callback(self.homes.let_go)

        def settle() -> None:
            with open_now:
                under_way.wait()
            reach("maildir.settle.after")

        return settle

    def _stage(self, put: Put) -> PutOutcome:
        box, name = self.boxes[put.mailbox], file_name(put.name)
        if (put.mailbox.key, name) in self.staged:
            return PutOutcome.ALREADY_THERE
        record = Record.of(box.delivered, name)
        recorded = record is not None and _is_there(box.arriving, name)
        if record and not recorded and (shown := self._shown(box, record, name)) is not None:
            self.changed += [box.delivered, shown]  # the earlier try may have been cut before it settled
            return PutOutcome.ALREADY_THERE
        if not recorded and not box.fits(put) and self.limited:
            return PutOutcome.OVER_QUOTA
        staged = _Staged(
            box=box,
            name=name,
            octets=put.octets,
            final=self._final(put, name),
            folder=record.folder if record and recorded else name_on_disk(put.folder),
            recorded=recorded,
        )
        if recorded:
            box.counted_in += len(put.octets)
        elif self.aside is not None and self.aside.take(put.mailbox, name, put.octets, box.arriving):
            self._alike(put.octets).append((put.octets, staged))
        else:
            self._write(staged)
        box.brought.append(len(put.octets))
        self.staged[put.mailbox.key, name] = staged
        return PutOutcome.STORED

    def _shown(self, box: Box, record: Record, name: str) -> int | None:
        """Return where an earlier try put a message; None when its folder is gone, and it is nowhere else."""
        if not record.folder:
            return box.new
        new = self._new_of(box, record.folder)
        if new is None and not box.holds(name):
            os.unlink(name, dir_fd=box.delivered)
        elif new is None:
            return box.new
        return new

    def _new_of(self, box: Box, folder: str) -> int | None:
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
        seen = f",W={size}" if put.ends_in_crlf or not has_bare_feed(put.octets) else ""  # the size that IMAP shows
        seconds, microseconds = int(self.instant.timestamp()), self.instant.microsecond
        position = self.start + len(self.staged)
        return f"{seconds}.{microseconds:06d}{position:06d}.{name},S={size}{seen}"

    def _write(self, staged: _Staged) -> None:
        reach("maildir.write.before")
        arriving = staged.box.arriving
        if not self._linked(staged):
            handle = _anew(staged, lambda: os.open(staged.name, NEW_FILE, 0o600, dir_fd=arriving))
            self.open_now.callback(os.close, handle)
            self.files.append(handle)
            write_all(handle, staged.octets, self.owner)
        reach("maildir.write.after")

    def _linked(self, staged: _Staged) -> bool:
        """Share the file of another recipient of the same octets in this batch (DP-4: mailboxes differ)."""
        octets, alike = staged.octets, self._alike(staged.octets)
        for others, source in alike:
            if others is octets or (type(others) is type(octets) is bytes and others == octets):
                with suppress(OSError):  # too many links, or a mailbox on another volume
                    _anew(staged, partial(_link, source, staged))
                    return True
        alike.append((octets, staged))
        return False

    def _alike(self, octets: Octets) -> list[tuple[Octets, _Staged]]:
        """Return what may have the same octets: comparing each message with all before it would take longer."""
        return self.sources.setdefault(bytes(octets[-_END:]), [])

    def _record(self, staged: _Staged) -> None:
        if not staged.recorded:
            status = os.stat(staged.name, dir_fd=staged.box.arriving, follow_symlinks=False)
            reach("maildir.record.before")
            record = Record(str(status.st_ino), str(status.st_mtime_ns), staged.folder)
            record.write(staged.box.delivered, staged.name)
            reach("maildir.record.after")

    def _sync(self, handles: list[int]) -> None:
        """Make octets durable."""
        if not handles:
            return
        reach("maildir.sync.before")
        self._begin(handles).wait()
        reach("maildir.sync.after")

    def _begin(self, handles: list[int]) -> UnderWay:
        """Begin to make files or folders durable."""
        return self.syncs.begin_volume(handles[0]) if len(handles) > FEW else self.syncs.begin(handles)


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    handle = os.open(home, FOLDER)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _anew(staged: _Staged, make: Callable[[], _T]) -> _T:
    """Make a file in `arriving/`; one that was left by a try that was cut goes first."""
    try:
        return make()
    except FileExistsError:
        os.unlink(staged.name, dir_fd=staged.box.arriving)
        return make()


def _link(source: _Staged, staged: _Staged) -> None:
    os.link(source.name, staged.name, src_dir_fd=source.box.arriving, dst_dir_fd=staged.box.arriving)


def _settle_all(settling: list[Settle]) -> None:
    """Wait for all, also where one of them fails. Raises WorldError."""
    refused: OSError | None = None
    for settle in settling:
        try:
            settle()
        except OSError as error:
            refused = error
    if refused is not None:
        raise _disk(refused) from refused


def _disk(error: OSError) -> WorldError:
    return WorldError(f"the mailboxes' disk refuses: {error.strerror}", remedy="look at the disk and its permissions")
