"""Writing rows of the message log: numbered, stored, and found again by the mailboxes that have part in them.

Numbers are drawn before the rows are written, so that one statement stores the rows and one their addresses, however
many a batch has. On PostgreSQL the lock that writers of the table have is taken before the first number: whoever waits
until all who hold it have ended has seen every number below the highest.

Clauses: LO-1, LO-3, LO-8.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from ceralacca.core.model.log import LogRow
from ceralacca.store.bulk import INSERTS
from ceralacca.store.driver import Open, driven
from ceralacca.store.log_rows import log_lines, places_of
from ceralacca.store.tables import LOG_ADDRESS, LOG_ROW

_ENTER: Final = "LOCK TABLE ONLY log_row IN ROW EXCLUSIVE MODE"
_DRAW: Final = "SELECT nextval('log_row_seq_seq') FROM generate_series(1, %s)"
_PLACES: Final = (
    "INSERT INTO log_address (hash, instant, seq) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
)
_LAST: Final = "SELECT seq FROM sqlite_sequence WHERE name = 'log_row'"


def write_log(connection: Open, rows: Sequence[LogRow]) -> None:
    """Add rows in this order, in the open transaction. Raises SQLAlchemyError."""
    if not rows:
        return
    lines = log_lines(_draw(connection, len(rows)), rows)
    INSERTS[LOG_ROW].lines(connection, lines)
    places = [places_of(line[0], line[1], row) for line, row in zip(lines, rows, strict=True)]
    _add_places(connection, list(chain.from_iterable(places)))


def _add_places(connection: Open, places: Sequence[tuple[int, int, int]]) -> None:
    """Add what the rows are found by, past the conversions of columns: a step has a handful of them for each row."""
    if not places:
        return
    if connection.dialect.name == "postgresql":
        driven(connection, _PLACES, tuple(map(list, zip(*places, strict=True))))
    else:
        INSERTS[LOG_ADDRESS].lines(connection, places)


def _draw(connection: Open, count: int) -> Sequence[int]:
    """Return the next numbers. SQLite has one writer at a time, who finds the last one given."""
    if connection.dialect.name == "postgresql":
        driven(connection, _ENTER)
        return sorted(number for (number,) in driven(connection, _DRAW, (count,)))
    found = driven(connection, _LAST).fetchone()
    last = found[0] if found else 0
    return range(last + 1, last + 1 + count)
