"""The memory twin of `ports.log_search.LogSearch`, written straight from the port's words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogRow
from ceralacca.ports.log_search import LogEntry, LogQuery, MailboxRole


class MemoryLogSearch:
    """Finds rows in a list; a row's number is its place in it, from 1."""

    __slots__ = ()
    log: list[LogRow]
    gone: set[int]
    """Numbers of rows that were deleted after their term."""

    def search_log(self, query: LogQuery) -> list[LogEntry]:
        """Return one page of what fits."""
        return self._found(query)[: max(query.limit, 0)]

    def stream_log(self, query: LogQuery) -> Iterator[LogEntry]:
        """Give all that fits."""
        yield from self._found(replace(query, limit=0))

    def _found(self, query: LogQuery) -> list[LogEntry]:
        entries = [LogEntry(seq=seq, row=row) for seq, row in enumerate(tuple(self.log), 1) if seq not in self.gone]
        found = [entry for entry in entries if _fits(entry.row, query) and _is_beyond(entry, query)]
        return sorted(found, key=lambda entry: entry.place, reverse=query.newest_first)


def _is_beyond(entry: LogEntry, query: LogQuery) -> bool:
    if query.after is None:
        return True
    return entry.place < query.after if query.newest_first else entry.place > query.after


def _fits(row: LogRow, query: LogQuery) -> bool:
    bare = (
        None if query.client_message_id is None else query.client_message_id.strip().removeprefix("<").removesuffix(">")
    )
    return (
        query.identifier in {None, row.identifier}
        and (bare is None or row.client_message_id in {bare, f"<{bare}>"})
        and (query.since is None or row.instant >= query.since)
        and (query.until is None or row.instant < query.until)
        and (not query.events or row.event in query.events)
        and (not query.errors or row.error in query.errors)
        and (query.failed is None or query.failed == (row.error not in {"", "nessuno"}))
        and _is_of(row, query)
    )


def _is_of(row: LogRow, query: LogQuery) -> bool:
    if query.mailbox is None:
        return query.counterpart is None or query.counterpart in {row.sender, *row.about_whom}
    as_sender = row.sender == query.mailbox and _other(query.counterpart, row.about_whom)
    as_recipient = query.mailbox in row.about_whom and _other(query.counterpart, (row.sender,))
    return (as_sender and query.role is not MailboxRole.RECIPIENT) or (
        as_recipient and query.role is not MailboxRole.SENDER
    )


def _other(counterpart: Address | None, sides: Sequence[Address | None]) -> bool:
    return counterpart is None or counterpart in sides
