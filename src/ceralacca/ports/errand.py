"""Errands: long work that a holder asks for on the web pages and comes back to: an extract, an export, an import.

An errand is a row that says who asked for what, how far it is, and what came of it; whoever does it reports there, and
the pages read it. No secret is in it: what opens a mailbox is handed to the process that does the work, and to nobody
else. What was made lies in a file that bears the errand's number, until its time is over.

Clauses: LO-8; users.md 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address

SILENCE: Final = timedelta(minutes=5)
"""Without a word for so long, whoever did an errand is gone."""
KEPT_FOR: Final = timedelta(hours=24)
"""So long what was made can be fetched."""
REMEMBERED_FOR: Final = timedelta(days=7)


class ErrandKind(StrEnum):
    """What is asked for."""

    EXTRACT = "extract"
    """What the log says of the mailbox, signed (LO-8)."""
    EXPORT = "export"
    """The whole mailbox as a ZIP."""
    IMPORT = "import"
    """Mail of another provider, into this mailbox."""


class ErrandState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class UnderWay(UserError):
    """The mailbox has an errand of that kind that has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One errand."""

    number: str
    """16 random octets, hexadecimal."""
    mailbox: Address
    kind: ErrandKind
    asked: Mapping[str, str]
    """What was asked for, by name; no secrets."""
    created: datetime
    seen: datetime
    """Last word of whoever does it."""
    state: ErrandState = ErrandState.WAITING
    done: int = 0
    total: int = 0
    """Of what `done` counts: rows or messages; 0 while it is not known."""
    outcome: Mapping[str, str] = field(default_factory=dict)
    """What came of it, by name: `reason` when it failed, counts."""
    file: str = ""
    """Name of what was made, as it is handed out; empty when there is nothing to fetch."""
    size: int = 0
    """Octets of it."""
    until: datetime | None = None
    """When that goes."""

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in {ErrandState.WAITING, ErrandState.RUNNING}


class Errands(Protocol):
    """Keeps errands. Safe between threads and processes; every call may raise WorldError."""

    def add(self, errand: Errand) -> None:
        """Keep a new one. Raises UnderWay when the mailbox has one of the kind that is open and not silent."""
        ...

    def find(self, number: str, mailbox: Address) -> Errand | None:
        """Return one of a mailbox; of another mailbox there is none."""
        ...

    def of_mailbox(self, mailbox: Address, *, kind: ErrandKind | None = None) -> Sequence[Errand]:
        """Return those of a mailbox, the newest first."""
        ...

    def claim(self, kind: ErrandKind, *, now: datetime) -> Errand | None:
        """Take the oldest one that waits, or whose doer is silent; it runs from now on."""
        ...

    def report(self, number: str, *, now: datetime, done: int, total: int) -> None:
        """Say how far one is; it runs."""
        ...

    def finish(self, errand: Errand, *, now: datetime) -> None:
        """End one as its state, outcome, file, size and end say. One that has ended stays as it is."""
        ...

    def forget(self, *, before: datetime, now: datetime) -> int:
        """Remove the rows of those that were made before an instant; end those whose doers are silent. Return both."""
        ...

    def files_kept(self, *, now: datetime) -> frozenset[str]:
        """Return the numbers of those whose files are not to go yet."""
        ...

    def mark(self, mailbox: Address, source: str, folder: str) -> tuple[int, int]:
        """Return UIDVALIDITY and the last UID that was imported from a folder of a source; zeros when none was."""
        ...

    def put_mark(self, mailbox: Address, source: str, folder: str, validity: int, uid: int) -> None:
        """Remember how far an import has come."""
        ...
