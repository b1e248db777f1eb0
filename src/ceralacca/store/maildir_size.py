"""How much a mailbox holds: the `maildirsize` file that the IMAP server and we keep together (Maildir++ quota).

The file is one line with the quota and then one line of octets and messages for each change; whoever
changes the mailbox appends. It is counted anew when it has grown long, and before a mailbox is said to be
full on the word of old lines. Counting reads names only: `,S=` in a file's name is its size.

Not exact under a race between two counters, by design of the format; it heals at the next count.

Clauses: DP-5 (a full mailbox is a failure of delivery).
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

FILE = "maildirsize"
_ASIDE = "tmp/maildirsize.new"
_LONGEST = 5120  # Maildir++: a longer file is counted anew
_SIZE = re.compile(r",S=([0-9]+)")
_LINES = re.compile(rb"(?: *-?[0-9]+ +-?[0-9]+ *\n)+")
_MODE = 0o600
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def used_octets(maildir: int, *, quota: int, wanted: int) -> int:
    """Return how many octets the mailbox holds, counted anew where the file cannot be trusted.

    `maildir` is the open Maildir folder; `wanted` is what is to be added: when that would pass `quota` by
    a file of several lines, the mailbox is counted before it is called full. Raises OSError.
    """
    said = _read(maildir)
    if said is not None and (said.used + wanted <= quota or said.lines == 1):
        return max(said.used, 0)
    return _count(maildir, quota=quota)


def add_octets(maildir: int, octets: int, *, messages: int) -> None:
    """Record so many more messages of that size together. Raises OSError."""
    handle = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=maildir)
    try:
        os.write(handle, b"%d %d\n" % (octets, messages))
    finally:
        os.close(handle)


class _Said(NamedTuple):
    """What a file says."""

    text: bytes
    used: int
    lines: int
    """After the first, which is the quota."""


_said: dict[bytes, _Said] = {}
"""Of files read lately, by their first octets: most have grown by a line or two since."""
_MOST_REMEMBERED = 256
_OPENING = 48


def _read(maildir: int) -> _Said | None:
    """Return what the file says; None when it is away, long or strange."""
    try:
        handle = os.open(FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=maildir)
    except FileNotFoundError:
        return None
    try:
        text = os.read(handle, _LONGEST)
    finally:
        os.close(handle)
    if len(text) >= _LONGEST or not text.endswith(b"\n"):
        return None
    before = _said.get(text[:_OPENING])
    if before is None or not text.startswith(before.text):
        before = _Said(text[: text.index(b"\n") + 1], 0, 0)
    if len(before.text) < len(text):
        more = text[len(before.text) :]
        if not _LINES.fullmatch(more):
            return None
        octets = more.split()[::2]
        before = _Said(text, before.used + sum(map(int, octets)), before.lines + len(octets))
        if len(_said) >= _MOST_REMEMBERED:
            _said.clear()
        _said[text[:_OPENING]] = before
    return before if before.lines else None


def _count(maildir: int, *, quota: int) -> int:
    sizes = [_size(folder, entry) for folder, entry in every_message(maildir)]
    with suppress(FileNotFoundError):
        os.unlink(_ASIDE, dir_fd=maildir)
    handle = os.open(_ASIDE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE, dir_fd=maildir)
    try:
        os.write(handle, b"%dS\n%d %d\n" % (quota, sum(sizes), len(sizes)))
        folder = os.fstat(maildir)
        if os.geteuid() != folder.st_uid:
            os.fchown(handle, folder.st_uid, folder.st_gid)
    finally:
        os.close(handle)
    os.rename(_ASIDE, FILE, src_dir_fd=maildir, dst_dir_fd=maildir)
    return sum(sizes)


def every_message(maildir: int) -> "Iterator[tuple[int, os.DirEntry[str]]]":
    """Yield every message of INBOX and of all folders, each with its open folder. Raises OSError."""
    yield from _messages_of(maildir)
    with os.scandir(maildir) as entries:
        folders = [
            entry.name for entry in entries if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]
    for name in folders:
        try:
            folder = os.open(name, _FOLDER, dir_fd=maildir)
        except FileNotFoundError:
            continue  # deleted or renamed meanwhile
        try:
            yield from _messages_of(folder)
        finally:
            os.close(folder)


def _messages_of(folder: int) -> "Iterator[tuple[int, os.DirEntry[str]]]":
    # `new` first: a message that is seen meanwhile moves to `cur` and is met there, never missed.
    for name in ("new", "cur"):
        try:
            handle = os.open(name, _FOLDER, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        yield handle, entry
        finally:
            os.close(handle)


def _size(folder: int, entry: "os.DirEntry[str]") -> int:
    match = _SIZE.search(entry.name)
    if match is not None:
        return int(match[1])
    try:
        status = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0  # seen or deleted meanwhile
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
