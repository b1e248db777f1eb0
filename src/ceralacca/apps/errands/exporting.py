"""A whole mailbox written into one ZIP: folders, flags, arrivals, every message as it is.

One message is in memory at a time. What goes while the export runs is left out; what comes is not in it.
"""

from collections.abc import Iterator
from typing import IO, Protocol

from ceralacca.apps.cli.safe_names import safe_name, unused_name
from ceralacca.apps.errands.progress import Progress
from ceralacca.formats.mailbox_archive import Kept, open_archive
from ceralacca.net.imap_mailbox import Folder, NotInMailbox
from ceralacca.net.imap_transfer import Stored


class Exported(Protocol):
    """The mailbox, as `net.imap_transfer.TransferMailbox` is."""

    def folders(self) -> tuple[Folder, ...]:
        """Return all folders."""
        ...

    def contents(self, folder: str) -> tuple[int, list[Stored]]:
        """Return what is in one."""
        ...

    def fetch(self, folder: str, uid: int) -> bytes:
        """Return a message. Raises NotInMailbox when it has gone."""
        ...


def export_mailbox(box: Exported, out: IO[bytes], way: str, progress: Progress) -> int:
    """Write the archive and return how many messages are in it. Raises WorldError, OSError."""
    folders = [one for one in box.folders() if one.selectable]
    total, done = sum(one.total for one in folders), 0

    def messages(folder: str) -> Iterator[Kept]:
        nonlocal done
        for stored in box.contents(folder)[1]:
            try:
                octets = box.fetch(folder, stored.uid)
            except NotInMailbox:
                continue
            done += 1
            progress(done, max(total, done))
            yield Kept(octets=octets, uid=stored.uid, flags=stored.flags, arrived=stored.arrived)

    names = SafeNames()
    with open_archive(out, way) as archive:
        for one in folders:
            archive.put(names.of(one.name), messages(one.name))
    return done


class SafeNames:
    """Names of folders as paths that every file system takes, each its own."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], str] = {(): ""}
        self._taken: dict[tuple[str, ...], set[str]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """Return the parts of a folder's path, `/` being what is between them."""
        parts = tuple(part for part in name.split("/") if part) or ("_",)
        path: list[str] = []
        for depth in range(1, len(parts) + 1):
            whole, above = parts[:depth], tuple(path)
            if whole not in self._known:
                taken = self._taken.setdefault(above, {"cur", "new", "tmp"})
                self._known[whole] = unused_name(safe_name(whole[-1], fallback="cartella"), taken)
            path.append(self._known[whole])
        return tuple(path)
