"""Searching the message log: by transaction, mailbox, counterpart, period, event and outcome.

    page = store.search_log(LogQuery(mailbox=anna, since=monday, limit=50))
    more = store.search_log(replace(query, after=page[-1].place))
    for entry in store.stream_log(LogQuery(since=first, until=last, newest_first=False)): ...

A row belongs to a mailbox as *sender* when the mailbox sent the original, as *recipient* when the event is about it
(`LogRow.about_whom`): of a message to fifty, each sees the events of the whole message and its own, not those of the
other forty-nine (LO-8). Rows come by instant and, of one instant, by number.

Clauses: LO-1, LO-2, LO-5, LO-8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow


class MailboxRole(StrEnum):
    """As what a mailbox has part in an event."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    EITHER = "either"


class Place(NamedTuple):
    """Where a row stands in the order of answers: how the next page is asked for."""

    instant: datetime
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A row with its number: one sequence over the whole log, in the order of writing, perhaps with gaps."""

    seq: int
    row: LogRow

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.row.instant, self.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which rows are asked for: all that fit every field that is set."""

    identifier: str | None = None
    """PEC identifier (identificativo), to the letter."""
    client_message_id: str | None = None
    """The client's Message-ID, with or without angle brackets."""
    mailbox: Address | None = None
    """The mailbox that has part in the event, in the role of `role`."""
    role: MailboxRole = MailboxRole.EITHER
    counterpart: Address | None = None
    """The other side: recipient of what `mailbox` sent, sender of what it got; without `mailbox`: either side."""
    since: datetime | None = None
    """At this instant or later."""
    until: datetime | None = None
    """Before this instant."""
    events: frozenset[LogEvent] = frozenset()
    """Any of these; empty: whatever happened."""
    errors: frozenset[str] = frozenset()
    """`errore` is any of these words; empty: whatever it is."""
    failed: bool | None = None
    """True: only rows with an error other than `nessuno`; False: only the others."""
    newest_first: bool = True
    after: Place | None = None
    """Beyond this place, in the order of the answer."""
    limit: int = 50
    """Rows of one page; of no meaning to `stream_log`."""


class LogSearch(Protocol):
    """Whoever can find rows of the message log. Safe between threads. Every method may raise WorldError."""

    def search_log(self, query: LogQuery) -> list[LogEntry]:
        """Return one page of what fits, in order; fewer than `limit` means that there is no more."""
        ...

    def stream_log(self, query: LogQuery) -> Iterator[LogEntry]:
        """Give all that fits, one after the other, holding a few thousand in memory at most.

        No transaction stays open meanwhile: a row that is written behind the place already reached is not given.
        Ask for a period that has ended when the answer must be whole.
        """
        ...
