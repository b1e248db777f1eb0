"""Where the messages to verify come from: files, mbox files, ZIP archives, folders, Maildir, standard input.

A file is read whole, as octets, and nothing is changed in it. An mbox is cut at its separator
lines; an archive that quoted lines of its messages (`>From `) is given in both readings, since
only one of them can match its seal.
"""

import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ceralacca.base.errors import UserError

MESSAGE_SUFFIXES = frozenset({".eml", ".mbox", ".mbx", ".msg"})
# The date at its end tells a separator from a paragraph that begins with the word.
_SEPARATOR = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]{1,500}? \d\d:\d\d(?::\d\d)? [^\r\n]{0,20}\d{4}\r?\n"
)
_MOST_MEMBERS = 10_000
_MOST_UNPACKED = 2**30
"""Octets of all messages of an archive: an archive may be made to be larger than it looks."""
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One message to look at."""

    name: str
    """File name as given; of an mbox `file#n`, n from 1, of a ZIP `file#member`; `-` is standard input."""
    data: bytes
    unquoted: bytes | None = None
    """The same with mbox quoting undone, when the archive quoted anything."""


def files_of(arguments: Iterable[str]) -> list[str]:
    """Expand the arguments: a folder becomes the messages below it, sorted; `-` and files stay.

    In a folder, files that end in .eml, .mbox, .mbx or .msg count, and whatever lies in a Maildir's
    `cur` and `new`. What is named twice is read once.

    Raises UserError for a path that does not exist or a folder without messages.
    """
    found: list[str] = []
    for argument in arguments:
        path = Path(argument)
        if argument == "-" or path.is_file():
            found.append(argument)
        elif path.is_dir():
            inside = sorted(str(child) for child in path.rglob("*") if _is_message_file(child))
            if not inside:
                raise UserError(f"{argument}: no message in this folder", remedy="give files that end in .eml or .mbox")
            found.extend(inside)
        else:
            raise UserError(f"{argument}: no such file or folder", remedy="check the name")
    return list(dict.fromkeys(found))


def _is_message_file(path: Path) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    return path.suffix.lower() in MESSAGE_SUFFIXES or path.parent.name in {"cur", "new"}


def read_sources(name: str) -> Iterator[Source]:
    """Read the messages of one file, or of standard input for `-`.

    Raises UserError when the file cannot be read or is empty.
    """
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}", remedy="check that you may read it") from error
    if not data or data.isspace():
        raise UserError(f"{name}: the file is empty", remedy="save the message anew from your mail client")
    if data.startswith(b"PK\x03\x04"):
        yield from _open_archive(name, data)
    elif _SEPARATOR.match(data):
        yield from _split_mbox(name, data)
    else:
        yield Source(name=name, data=data)


def _open_archive(name: str, data: bytes) -> Iterator[Source]:
    """Yield the messages of a ZIP, such as a proof: what ends like a message, within bounds. Raises UserError."""
    remedy = "unpack it, and give the messages inside"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [one for one in archive.infolist() if Path(one.filename).suffix.lower() in MESSAGE_SUFFIXES]
            if len(inside) > _MOST_MEMBERS or sum(one.file_size for one in inside) > _MOST_UNPACKED:
                raise UserError(f"{name}: the archive holds too much", remedy=remedy)
            for one in inside:
                with archive.open(one) as member:
                    yield Source(name=f"{name}#{one.filename}", data=member.read(one.file_size))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"{name}: the archive cannot be read", remedy=remedy) from error
    if not inside:
        raise UserError(f"{name}: no message in this archive", remedy="give one whose files end in .eml")


def _split_mbox(name: str, data: bytes) -> Iterator[Source]:
    starts = [match.span() for match in _SEPARATOR.finditer(data)]
    ends = [start for start, _ in starts[1:]] + [len(data)]
    for number, ((_, start), end) in enumerate(zip(starts, ends, strict=True), 1):
        message = _without_separator_line(data[start:end])
        unquoted = _QUOTED_FROM.sub(rb"\1", message)
        yield Source(
            name=name if len(starts) == 1 else f"{name}#{number}",
            data=message,
            unquoted=unquoted if unquoted != message else None,
        )


def _without_separator_line(message: bytes) -> bytes:
    """Drop the empty line that an mbox puts after each message."""
    for ending in (b"\r\n\r\n", b"\n\n"):
        if message.endswith(ending):
            return message[: -len(ending) // 2]
    return message
