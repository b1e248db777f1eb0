"""A whole mailbox as one ZIP, as Maildir or mbox, written message by message and never held in memory.

*Maildir*: every folder a Maildir of its own, every message a file with the very octets of the mailbox, so that seals
hold; flags in the names, `:2,RS`. *mbox*: every folder one file, its subfolders beside it in `NAME.sbd`, as Thunderbird
keeps them; lines that begin with `From ` get a `>` (mboxrd), line ends are LF, flags stand in `Status`, `X-Status` and
`X-Mozilla-Status`, outside of what a seal covers.

Names of folders come as safe path parts; whoever calls makes them so.

Sources: cr.yp.to/proto/maildir.html; mbox(5); RFC 4155.
"""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final, Protocol

from ceralacca.base.instants import ROME

_OLDEST: Final = 1980
"""The first year that a ZIP can say."""
_FROM: Final = re.compile(rb"^(>*From )", re.MULTILINE)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAILDIR_FLAGS: Final = {rb"\Draft": "D", rb"\Flagged": "F", rb"\Answered": "R", rb"\Seen": "S", rb"\Deleted": "T"}
_STATUS: Final = {rb"\Answered": b"A", rb"\Draft": b"T", rb"\Flagged": b"F", rb"\Deleted": b"D"}
_MOZILLA: Final = {rb"\Seen": 0x1, rb"\Answered": 0x2, rb"\Flagged": 0x4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message as a mailbox keeps it."""

    octets: bytes
    uid: int
    flags: frozenset[bytes]
    r"""As IMAP has them: `\Seen`."""
    arrived: datetime


class MailboxArchive(Protocol):
    """Something that takes folders one after the other."""

    def put(self, folder: Sequence[str], messages: Iterable[Kept]) -> None:
        """Write a folder; `folder` are the safe parts of its name."""
        ...


class MaildirArchive:
    """Folders as Maildirs."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def put(self, folder: Sequence[str], messages: Iterable[Kept]) -> None:
        """Write a folder."""
        root = "/".join(folder)
        for name in ("cur", "new", "tmp"):
            self._archive.writestr(_member(f"{root}/{name}/", None, folder=True), b"")
        for one in messages:
            flags = "".join(sorted(letter for flag, letter in _MAILDIR_FLAGS.items() if flag in one.flags))
            name = f"{int(one.arrived.timestamp())}.U{one.uid}.ceralacca,S={len(one.octets)}:2,{flags}"
            self._archive.writestr(_member(f"{root}/cur/{name}", one.arrived), one.octets)


class MboxArchive:
    """Folders as mbox files."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def put(self, folder: Sequence[str], messages: Iterable[Kept]) -> None:
        """Write a folder."""
        *above, name = folder
        path = "".join(f"{part}.sbd/" for part in above) + name
        with self._archive.open(_member(path, None), "w", force_zip64=True) as out:
            for one in messages:
                out.writelines(_in_mbox(one))


WAYS: Final[Mapping[str, Callable[[zipfile.ZipFile], MailboxArchive]]] = {
    "maildir": MaildirArchive,
    "mbox": MboxArchive,
}
"""What a holder may choose."""


@contextmanager
def open_archive(file: IO[bytes], way: str) -> Iterator[MailboxArchive]:
    """Write an archive of a way that `WAYS` has into a file; it is whole when the block has ended."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        yield WAYS[way](archive)


def _in_mbox(one: Kept) -> Iterator[bytes]:
    at = one.arrived.astimezone(UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    yield f"From MAILER-DAEMON {day} {month} {at.day:2d} {at:%H:%M:%S %Y}\n".encode()
    status = b"RO" if rb"\Seen" in one.flags else b"O"
    more = b"".join(letter for flag, letter in _STATUS.items() if flag in one.flags)
    mozilla = sum(bit for flag, bit in _MOZILLA.items() if flag in one.flags)
    yield b"Status: %b\nX-Status: %b\nX-Mozilla-Status: %04x\n" % (status, more, mozilla)
    octets = _FROM.sub(rb">\1", one.octets.replace(b"\r\n", b"\n"))
    yield octets
    yield b"\n" if octets.endswith(b"\n") else b"\n\n"


def _member(name: str, instant: datetime | None, *, folder: bool = False) -> zipfile.ZipInfo:
    local = instant.astimezone(ROME) if instant else None
    stamp = (_OLDEST, 1, 1, 0, 0, 0)
    if local is not None and local.year >= _OLDEST:
        stamp = (local.year, local.month, local.day, local.hour, local.minute, local.second)
    info = zipfile.ZipInfo(name, stamp)
    info.compress_type = zipfile.ZIP_STORED if folder else zipfile.ZIP_DEFLATED
    info.external_attr = (0o40700 << 16) | 0x10 if folder else 0o100600 << 16
    return info
