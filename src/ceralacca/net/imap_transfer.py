"""Whole mailboxes through IMAP, for export and import: what is in a folder, and the mailbox of another provider.

What is in a folder is asked for a thousand messages at a time. A mailbox elsewhere is a stranger's server: it is only
read, its certificate is checked for the name that the holder typed, and no size that it names is believed beyond a
bound. Its password is used once and not kept.

Errors are those of `imap_mailbox`. Clauses: DP-7, DP-8.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ceralacca.net.imap_mailbox import ImapMailbox, NotInMailbox, listed_facts, listed_names, translated
from ceralacca.net.imap_names import quoted

_AT_ONCE: Final = 1000
MOST_MESSAGES: Final = 2_000_000
"""Of one folder elsewhere; a server that names more is not believed."""
_DELIMITER: Final = re.compile(rb'\([^)]*\) (?:"((?:[^"\\]|\\.))"|NIL) ')


@dataclass(frozen=True, slots=True)
class Stored:
    """One message of a folder, without its octets."""

    uid: int
    size: int
    flags: frozenset[bytes]
    arrived: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One folder elsewhere that has messages."""

    name: str
    parts: tuple[str, ...]
    """Its name from the top of the tree."""


class TransferMailbox(ImapMailbox):
    """A mailbox of ours, read or filled as a whole."""

    def contents(self, folder: str) -> tuple[int, list[Stored]]:
        """Return the UIDVALIDITY of a folder and all its messages, the oldest first."""
        with translated():
            total = self._open(folder, readonly=True)
            validity = self._validity()
            return validity, list(self._stored(min(total, MOST_MESSAGES)))

    def _stored(self, total: int) -> Iterator[Stored]:
        for start in range(1, total + 1, _AT_ONCE):
            _, data = self._imap.fetch(
                f"{start}:{min(start + _AT_ONCE - 1, total)}", "(UID FLAGS RFC822.SIZE INTERNALDATE)"
            )
            for line in data:
                facts = listed_facts(line if isinstance(line, bytes) else b"")
                if facts is not None:
                    yield Stored(*facts)

    def has(self, folder: str) -> bool:
        """Say whether there is such a folder."""
        try:
            with translated():
                self._open(folder, readonly=True)
        except NotInMailbox:
            return False
        return True

    def add(self, folder: str, octets: bytes, *, flags: frozenset[bytes], instant: datetime) -> int:
        """Put a message into a folder with its flags and the instant of its arrival."""
        return self.append(folder, octets, flags=b" ".join(sorted(flags)).decode("ascii"), instant=instant)


class OtherMailbox(TransferMailbox):
    """A mailbox at another provider, which is only read."""

    def _sign_in(self, mailbox: str, password: bytes) -> None:
        if "AUTH=PLAIN" in self._imap.capabilities:
            super()._sign_in(mailbox, password)
        else:
            self._imap.login(quoted(mailbox).decode("ascii", "replace"), password.decode("utf-8", "replace"))

    def tree(self) -> list[Branch]:
        """Return all folders that can be opened."""
        with translated():
            kind, data = self._imap.list('""', '"*"')
        if kind != "OK":
            raise NotInMailbox("the other mailbox shows no folders", remedy="look at it with a mail program")
        return list(_branches(data))


def _branches(data: Sequence[Any]) -> Iterator[Branch]:
    for line in data:
        match = _DELIMITER.match((line[0] if isinstance(line, tuple) else line) or b"")
        delimiter = match[1].replace(b"\\", b"").decode("latin-1") if match and match[1] else ""
        for flags, name in listed_names([line]):
            parts = tuple(filter(None, name.split(delimiter))) if delimiter else (name,)
            if parts and not flags & {rb"\Noselect", rb"\NonExistent"}:
                yield Branch(name=name, parts=parts)
