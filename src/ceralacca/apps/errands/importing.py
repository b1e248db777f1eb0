"""Mail of another provider brought into a mailbox, under `Importati`, each message as it is, none twice.

The other mailbox is only read. Folder by folder, in the order of its numbers (UIDs), each message is appended to ours
with its flags and the instant of its arrival; how far that has come is remembered after each. An import that was cut
off, or is asked for again later, goes on from there. The one message that may have been appended and not remembered is
looked for by its Message-ID and held against ours octet for octet.

What is imported is no more certified than it was: the pages judge every message by its seal alone (GE-8).

Clauses: GE-8, DP-8; users.md 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

from ceralacca.apps.errands.progress import Progress
from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.readable import header_line
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.net.imap_transfer import Branch, Stored

ROOT: Final = "Importati"
_KEPT: Final = frozenset({rb"\Seen", rb"\Answered", rb"\Flagged", rb"\Draft"})
_LONGEST: Final = 200
"""Octets of a folder's name: what Dovecot takes, less what stands around it."""
_DEEPEST: Final = 12


class Source(Protocol):
    """The other mailbox, as `net.imap_transfer.OtherMailbox` is."""

    def tree(self) -> list[Branch]:
        """Return its folders."""
        ...

    def contents(self, folder: str) -> tuple[int, list[Stored]]:
        """Return UIDVALIDITY and what is in one."""
        ...

    def fetch(self, folder: str, uid: int) -> bytes:
        """Return a message."""
        ...


class Target(Protocol):
    """Our mailbox, as `net.imap_transfer.TransferMailbox` is."""

    def create(self, folder: str) -> None:
        """Make a folder."""
        ...

    def has(self, folder: str) -> bool:
        """Say whether there is one."""
        ...

    def find(self, folder: str, field: str, value: str) -> tuple[int, ...]:
        """Find messages by a field."""
        ...

    def fetch(self, folder: str, uid: int) -> bytes:
        """Return a message."""
        ...

    def add(self, folder: str, octets: bytes, *, flags: frozenset[bytes], instant: datetime) -> int:
        """Put a message into a folder. Raises MailboxRefused when there is no room."""
        ...


class Marks(Protocol):
    """How far imports have come, by folder, as `ports.errand.Errands` keeps it."""

    def get(self, folder: str) -> tuple[int, int]:
        """Return UIDVALIDITY and last UID."""
        ...

    def put(self, folder: str, validity: int, uid: int) -> None:
        """Remember both."""
        ...


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import did."""

    added: int = 0
    present: int = 0
    """Were here already."""
    too_large: int = 0
    """Are larger than a message may be, and stay where they are."""
    unreadable: int = 0
    """Could not be had from the other server, or their folder could not."""


def import_mailbox(
    other: Source, ours: Target, marks: Marks, *, top: str, most_octets: int, progress: Progress
) -> Imported:
    """Bring everything that has not come before into `Importati/top/...`.

    Raises MailboxRefused when there is no more room, and WorldError; asked again, it goes on.
    """
    told, waiting = Imported(), []
    for branch in other.tree():
        try:
            validity, stored = other.contents(branch.name)
        except NotInMailbox:
            told.unreadable += 1
            continue
        known, last = marks.get(branch.name)
        last = last if known == validity else 0
        told.present += sum(one.uid <= last for one in stored)
        waiting.append((branch, validity, last, [one for one in stored if one.uid > last]))
    total, done = sum(len(stored) for *_, stored in waiting), 0
    progress(done, total)
    for branch, validity, last, stored in waiting:
        folder, is_new = _made(ours, (ROOT, top, *branch.parts))
        doubtful = not is_new  # the first one, at least, may have come without being remembered
        for one in sorted(stored, key=lambda each: each.uid):
            _bring(other, ours, (branch.name, folder), one, told, most_octets=most_octets, doubtful=doubtful)
            marks.put(branch.name, validity, one.uid)
            doubtful = doubtful and not last  # nothing is remembered of a folder that is there: doubt all
            done += 1
            progress(done, total)
    return told


def _bring(
    other: Source,
    ours: Target,
    names: tuple[str, str],
    one: Stored,
    told: Imported,
    *,
    most_octets: int,
    doubtful: bool,
) -> None:
    name, folder = names
    if one.size > most_octets:
        told.too_large += 1
        return
    try:
        octets = other.fetch(name, one.uid)
    except NotInMailbox:
        told.unreadable += 1
        return
    if len(octets) > most_octets:
        told.too_large += 1
    elif doubtful and _is_here(ours, folder, octets):
        told.present += 1
    else:
        ours.add(folder, octets, flags=one.flags & _KEPT, instant=one.arrived)
        told.added += 1


def _is_here(ours: Target, folder: str, octets: bytes) -> bool:
    """Ask whether a message is in a folder: one with its Message-ID and the same octets."""
    try:
        message_id = header_line(read_head(octets), "Message-ID").strip("<> ")
    except UnreadableMessage:
        return False
    if not message_id:
        return False
    wanted = sha256(octets).digest()
    return any(
        sha256(ours.fetch(folder, uid)).digest() == wanted for uid in ours.find(folder, "Message-ID", message_id)
    )


def _made(ours: Target, parts: Sequence[str]) -> tuple[str, bool]:
    """Make a folder of ours and all above it that are not there; return its name and whether it is new."""
    clean, is_new = [_clean(part) for part in parts[:_DEEPEST]], False
    for depth in range(1, len(clean) + 1):
        name = "/".join(clean[:depth])
        is_new = not ours.has(name)
        if is_new:
            ours.create(name)
    return "/".join(clean), is_new


def _clean(part: str) -> str:
    """Return a name that our own server takes: a dot would be a separator on its disk."""
    plain = "".join("_" if one in "/\\*%~." or not one.isprintable() else one for one in part).strip() or "_"
    return plain.encode()[:_LONGEST].decode("utf-8", "ignore")
