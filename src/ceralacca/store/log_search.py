"""Finding rows of the message log: `ports.log_search.LogSearch` on the database.

A transaction is found by the hash of its name, a mailbox by `log_address`, everything else along the instants. Hashes
only lead to candidates: names and addresses decide. Each page is a short transaction of its own.

Clauses: LO-1, LO-5, LO-8.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, literal, literal_column, select, text, tuple_

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogRow
from ceralacca.ports.log_search import LogEntry, LogQuery, MailboxRole, Place
from ceralacca.store.columns import Instant, Number
from ceralacca.store.engine import Database
from ceralacca.store.log_rows import identifier_hashes, party_hash, read_log, short_hash
from ceralacca.store.tables import FAILURE, LOG_ADDRESS, LOG_ROW

_PAGE: Final = 2000
"""Rows that are looked at in one transaction at most."""

_Hashes = tuple[int, int | None]
"""Of one address in its role, and of another that must have part in the same event."""


def search(database: Database, query: LogQuery) -> list[LogEntry]:
    """Return one page. Raises WorldError."""
    size = min(max(query.limit, 1) if _is_plain(query) else max(4 * query.limit, 200), _PAGE)
    return list(islice(_entries(database, query, size), max(query.limit, 0)))


def stream(database: Database, query: LogQuery) -> Iterator[LogEntry]:
    """Give everything. Raises WorldError."""
    return _entries(database, query, _PAGE)


def _is_plain(query: LogQuery) -> bool:
    """Ask whether every candidate will fit, but for colliding hashes."""
    return not (_by_address(query) and (query.events or query.errors or query.failed is not None))


def _entries(database: Database, query: LogQuery, size: int) -> Iterator[LogEntry]:
    after = query.after
    while True:
        with database.reading() as connection:
            looked_at, entries = _page(connection, query, after, size)
        yield from (entry for entry in entries if _has_part(entry.row, query))
        if len(looked_at) < size:
            return
        after, size = looked_at[-1], min(2 * size, _PAGE)


def _page(
    connection: Connection, query: LogQuery, after: Place | None, size: int
) -> tuple[Sequence[Place], list[LogEntry]]:
    """Return the places of up to so many candidates, and those of them that fit, addresses aside."""
    if _by_address(query):
        places = _places(connection, query, after, size)
        entries = _read(connection, _at(places, query), query) if places else []
        return places, entries
    wanted = select(LOG_ROW).where(*_conditions(query), *_within(LOG_ROW, query, after)).limit(size)
    entries = _read(connection, wanted, query, by_index=query.identifier is None and query.client_message_id is None)
    return [entry.place for entry in entries], entries


def _by_address(query: LogQuery) -> bool:
    named = query.identifier is not None or query.client_message_id is not None
    return not named and (query.mailbox is not None or query.counterpart is not None)


def _read(connection: Connection, wanted: Select[Any], query: LogQuery, *, by_index: bool = True) -> list[LogEntry]:
    # A planner that knows a month badly would walk along its instants for the few rows of one name.
    instant: ColumnElement[Any] = LOG_ROW.c.instant if by_index else literal_column("log_row.instant + 0")
    order = (instant, LOG_ROW.c.seq)
    ordered = wanted.order_by(*((each.desc() for each in order) if query.newest_first else order))
    return [LogEntry(seq=row.seq, row=read_log(row)) for row in connection.execute(ordered)]


# -- conditions -------------------------------------------------------------------------------------


def bare(name: str) -> str:
    """Return a Message-ID without its angle brackets."""
    return name.strip().removeprefix("<").removesuffix(">")


def named(identifiers: Sequence[str]) -> ColumnElement[bool]:
    """Ask for rows of these transactions: for the hash, which has the index, and for the text, which decides."""
    return and_(LOG_ROW.c.identifier_hash.in_(identifier_hashes(identifiers)), LOG_ROW.c.identifier.in_(identifiers))


def client_named(message_id: str) -> ColumnElement[bool]:
    """Ask for rows with a bare Message-ID of the client, however it was written there."""
    names = [message_id, f"<{message_id}>"]
    hashes = [short_hash(name) for name in names]
    return and_(LOG_ROW.c.client_message_id_hash.in_(hashes), LOG_ROW.c.client_message_id.in_(names))


def _conditions(query: LogQuery) -> Iterator[ColumnElement[bool]]:
    column = LOG_ROW.c
    if query.identifier is not None:
        yield named([query.identifier])
    if query.client_message_id is not None:
        yield client_named(bare(query.client_message_id))
    if query.events:
        yield column.event.in_(sorted(query.events))
    if query.errors:
        yield column.error.in_(sorted(query.errors))
    if query.failed is not None:
        yield text(FAILURE if query.failed else f"NOT ({FAILURE})")  # type: ignore[misc]


def _within(table: Table, query: LogQuery, after: Place | None) -> Iterator[ColumnElement[bool]]:
    """Keep to the period, and beyond a place; the instants alone tell PostgreSQL which months there are to look at."""
    if query.since is not None:
        yield table.c.instant >= query.since
    if query.until is not None:
        yield table.c.instant < query.until
    if after is None:
        return
    here = tuple_(table.c.instant, table.c.seq)
    there = tuple_(literal(after.instant, Instant), literal(after.seq, Number))
    if query.newest_first:
        yield and_(table.c.instant <= after.instant, here < there)
    else:
        yield and_(table.c.instant >= after.instant, here > there)


# -- by address -------------------------------------------------------------------------------------


def _places(connection: Connection, query: LogQuery, after: Place | None, size: int) -> list[Place]:
    found = [_places_of(connection, hashes, query, after, size) for hashes in _asked(query)]
    both = merge(*found, reverse=query.newest_first)
    return list(islice(dict.fromkeys(both), size))  # of what a mailbox sent to itself one


def _asked(query: LogQuery) -> Iterator[_Hashes]:
    """Return the ways in which the addresses asked for can have part in an event."""
    one, other = (query.mailbox, query.counterpart) if query.mailbox is not None else (query.counterpart, None)
    assert one is not None
    roles = {MailboxRole.SENDER: MailboxRole.RECIPIENT, MailboxRole.RECIPIENT: MailboxRole.SENDER}
    for role, opposite in roles.items():
        if query.mailbox is None or query.role in {role, MailboxRole.EITHER}:
            yield party_hash(role, one), None if other is None else party_hash(opposite, other)


def _places_of(connection: Connection, hashes: _Hashes, query: LogQuery, after: Place | None, size: int) -> list[Place]:
    here, first = LOG_ADDRESS.c, hashes[0]
    wanted = select(here.instant, here.seq).where(here.hash == first, *_within(LOG_ADDRESS, query, after))
    if hashes[1] is not None:
        there = LOG_ADDRESS.alias("other").c
        same = and_(there.hash == hashes[1], there.instant == here.instant, there.seq == here.seq)
        wanted = wanted.where(select(there.seq).where(same).exists())
    order = (here.instant, here.seq)
    ordered = wanted.order_by(*((each.desc() for each in order) if query.newest_first else order)).limit(size)
    return [Place(*row) for row in connection.execute(ordered)]


def _at(places: Sequence[Place], query: LogQuery) -> Select[Any]:
    earliest, latest = min(places).instant, max(places).instant
    numbers = LOG_ROW.c.seq.in_([place.seq for place in places])
    return select(LOG_ROW).where(numbers, LOG_ROW.c.instant.between(earliest, latest), *_conditions(query))


def _has_part(row: LogRow, query: LogQuery) -> bool:
    """Ask whether the addresses asked for have their parts in a row (LO-8); `_asked` in addresses."""
    if query.mailbox is None:
        return query.counterpart is None or query.counterpart in (row.sender, *row.about_whom)
    sides: dict[MailboxRole, tuple[Address | None, ...]] = {
        MailboxRole.SENDER: (row.sender,),
        MailboxRole.RECIPIENT: row.about_whom,
    }
    for role, opposite in zip(sides, reversed(sides), strict=True):
        other = query.counterpart is None or query.counterpart in sides[opposite]
        if query.role in {role, MailboxRole.EITHER} and query.mailbox in sides[role] and other:
            return True
    return False
