"""Makes message logs of any size to measure on: the same rows for the same numbers, straight into the tables.

A log is that of a provider with 40,000 mailboxes over 30 months: eight rows a transaction, a few mailboxes busy and
most quiet, one transaction in fifty with ten recipients, one in forty failing. Whatever a transaction says is a
function of its number, so that a bench knows what it may ask for. The first month is made here, the others by the
database from it: the same traffic under other names. Indexes come after the rows; how quick the store itself writes is
the bench's to tell.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.retention import Month
from ceralacca.ports.log_search import MailboxRole
from ceralacca.store.columns import microseconds
from ceralacca.store.engine import Database
from ceralacca.store.log_months import CUT, attach, create, table_of
from ceralacca.store.log_rows import party_hash, short_hash

ROWS_EACH = 8
MAILBOXES = 40_000
MONTHS = 30
FIRST = Month(2024, 6)
LAST = FIRST.later(MONTHS - 1)
PORTION = 40_000

EVENTS = (
    LogEvent.SUBMISSION, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT, LogEvent.RELAYED,
    LogEvent.TAKING_IN_CHARGE_RECEIVED, LogEvent.ARRIVAL, LogEvent.RECEIPT_RECEIVED, LogEvent.DELIVERY,
)  # fmt: skip
SECONDS = (0, 0, 0, 1, 3, 5, 5, 6)
COLUMNS = (
    "seq", "instant", "event", "identifier", "identifier_hash", "client_message_id", "client_message_id_hash", "sender",
    "recipients", "subject", "kind", "error", "error_detail", "concerned", "message_id", "provider", "peer", "tls",
    "detail",
)  # fmt: skip
PLACES = ("hash", "instant", "seq")

Row = tuple[object, ...]


def scattered(number: int, salt: int = 0) -> int:
    """Return 64 bits that look like chance and are always the same (splitmix64)."""
    value = (number + salt * 0x51ED2701 + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31


@cache
def mailbox(number: int) -> Address:
    """Return the address of a mailbox."""
    return Address(f"mailbox{number:05d}@{('alfa', 'beta', 'gamma')[number % 3]}.example")


_HASHES = {role: cache(lambda address, role=role: party_hash(role, address)) for role in MailboxRole}


def somebody(chance: int) -> Address:
    """Return a mailbox, a busy one more often: one in a hundred has a third of the traffic."""
    return mailbox((chance >> 8) % (MAILBOXES // 100 if chance % 3 == 0 else MAILBOXES))


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is known of one transaction of a month that has so many."""

    number: int
    of: int
    month: int = 0
    """Of the log, from 0."""

    @property
    def identifier(self) -> str:
        """Its PEC identifier."""
        return f"{self.month:02d}.pec1{scattered(self.number):016x}.{self.number:08x}@alfa.example"

    @property
    def client_message_id(self) -> str:
        """What the client called it; the month stands before the bracket that others begin with."""
        return f"{self.month:02d}.{scattered(self.number, 5):016x}@client.example"

    @property
    def sender(self) -> Address:
        """Who sent it."""
        return somebody(scattered(self.number, 1))

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Whom it went to."""
        count = 10 if scattered(self.number, 2) % 50 == 0 else 1
        return tuple(somebody(scattered(self.number * 16 + each, 3)) for each in range(count))

    @property
    def instant(self) -> datetime:
        """When it came in: spread over 28 days of its month."""
        return FIRST.later(self.month).start + timedelta(seconds=28 * 86_400 * self.number // self.of)


def rows_of(transaction: Transaction) -> Iterator[tuple[Row, list[Row]]]:
    """Give the rows of a transaction as they stand in the table, each with its places."""
    identifier, client, sender = transaction.identifier, transaction.client_message_id, transaction.sender
    recipients = transaction.recipients
    named = (identifier, short_hash(identifier), client, short_hash(client), sender.text)
    everybody = json.dumps([[each.text, "certificato"] for each in recipients], separators=(",", ":"))
    failed = scattered(transaction.number, 4) % 40 == 0
    seq, begin = transaction.number * ROWS_EACH, microseconds(transaction.instant)
    by_sender, by_recipient = _HASHES[MailboxRole.SENDER](sender), _HASHES[MailboxRole.RECIPIENT]
    for place, (event, seconds) in enumerate(zip(EVENTS, SECONDS, strict=True)):
        seq, instant = seq + 1, begin + seconds * 1_000_000
        whom = recipients if place < 4 else recipients[place % len(recipients) :][:1]
        wrong = failed and event is LogEvent.RECEIPT_RECEIVED
        row = (
            seq, instant, event.value, *named, everybody, "Invio della documentazione richiesta", "accettazione",
            "no-dest" if wrong else "", "5.1.1 - Rossi - indirizzo non valido" if wrong else "",
            '["' + '","'.join([each.text for each in whom]) + '"]',
            f"<opec1{identifier[7:30]}.{place}@alfa.example>", "Gestore Beta S.p.A.", "mx.beta.example", "TLSv1.3", "",
        )  # fmt: skip
        yield row, [(each, instant, seq) for each in {by_sender, *map(by_recipient, whom)}]


def fill(database: Database, url: str, rows: int, *, name: str) -> int:
    """Fill an empty log with about so many rows, telling how far it is; return how many."""
    of = rows // MONTHS // ROWS_EACH
    bar = Progress(
        TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True),
    )  # fmt: skip
    with bar:
        task = bar.add_task(name, total=of * ROWS_EACH * MONTHS)
        steps = _fill_sqlite(url, of) if database.is_sqlite else _fill_postgresql(database, url, of)
        for count in steps:
            bar.advance(task, count)
    return of * ROWS_EACH * MONTHS


def _portions(of: int) -> Iterator[list[tuple[Row, list[Row]]]]:
    """Give all rows of the first month in order."""
    portion: list[tuple[Row, list[Row]]] = []
    for number in range(of):
        portion.extend(rows_of(Transaction(number, of)))
        if len(portion) >= PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _of_month(month: int, of: int, hash_of: str) -> tuple[str, str]:
    """Return what selects a later month's rows and places from those of the first."""
    shift = microseconds(FIRST.later(month).start) - microseconds(FIRST.start)
    named = {name: f"'{month:02d}' || substr({name}, 3)" for name in ("identifier", "client_message_id")}
    changed = {
        "seq": f"seq + {month * of * ROWS_EACH}",
        "instant": f"instant + {shift}",
        **named,
        **{f"{name}_hash": hash_of.format(words) for name, words in named.items()},
    }
    return tuple(", ".join(changed.get(name, name) for name in names) for names in (COLUMNS, PLACES))  # type: ignore[return-value]


# -- SQLite -----------------------------------------------------------------------------------------


def _fill_sqlite(url: str, of: int) -> Iterator[int]:
    rows = of * ROWS_EACH
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as server:
        server.execute("PRAGMA synchronous=OFF")
        server.execute("PRAGMA cache_size=-400000")
        server.create_function("short_hash", 1, short_hash, deterministic=True)
        indexes = server.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'log_row'"
                                 " AND sql IS NOT NULL").fetchall()  # fmt: skip
        for name, _ in indexes:
            server.execute(f"DROP INDEX {name}")
        server.execute("CREATE TEMP TABLE place (hash INTEGER, instant INTEGER, seq INTEGER)")
        names = ", ".join(COLUMNS)
        insert = f"INSERT INTO log_row ({names}) VALUES ({', '.join('?' * len(COLUMNS))})"
        for portion in _portions(of):
            server.execute("BEGIN")
            server.executemany(insert, (row for row, _ in portion))
            server.executemany("INSERT INTO place VALUES (?, ?, ?)", (one for _, places in portion for one in places))
            server.execute("COMMIT")
            yield len(portion)
        last = server.execute("SELECT max(rowid) FROM place").fetchone()[0]
        for month in range(1, MONTHS):
            row, place = _of_month(month, of, "short_hash({})")
            server.execute(f"INSERT INTO log_row ({names}) SELECT {row} FROM log_row WHERE seq <= {rows}")
            server.execute(f"INSERT INTO place SELECT {place} FROM place WHERE rowid <= {last}")
            yield rows
        server.execute("INSERT INTO log_address SELECT * FROM place ORDER BY hash, instant, seq")
        for _, statement in indexes:
            server.execute(statement)
        server.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# -- PostgreSQL -------------------------------------------------------------------------------------

_HASH = "('x' || encode(substring(sha256(({})::bytea) FROM 1 FOR 8), 'hex'))::bit(64)::bigint"


def _fill_postgresql(database: Database, url: str, of: int) -> Iterator[int]:
    rows, (row_table, place_table) = of * ROWS_EACH, (table_of(parent, FIRST) for parent in CUT)
    _make(database, FIRST)
    with psycopg.connect(url) as server:
        for portion in _portions(of):
            _copy(server, row_table, COLUMNS, (row for row, _ in portion))
            _copy(server, place_table, PLACES, (one for _, places in portion for one in places))
            yield len(portion)
        server.commit()
        for number in range(1, MONTHS):
            month = FIRST.later(number)
            _make(database, month)
            row, place = _of_month(number, of, _HASH)
            for parent, names, values in zip(CUT, (COLUMNS, PLACES), (row, place), strict=True):
                into, first = table_of(parent, month), table_of(parent, FIRST)
                server.execute(f"INSERT INTO {into} ({', '.join(names)}) SELECT {values} FROM {first}".encode())
            server.commit()
            _attach(database, month)
            yield rows
        server.execute(b"SELECT setval('log_row_seq_seq', %s)", (rows * MONTHS,))
    _attach(database, FIRST)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("ANALYZE")


def _make(database: Database, month: Month) -> None:
    with database.transaction() as connection:
        for parent in CUT:
            create(connection, parent, table_of(parent, month))


def _attach(database: Database, month: Month) -> None:
    with database.transaction() as connection:
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
        for parent in CUT:
            attach(connection, parent, month)


def _copy(server: "psycopg.Connection[Row]", table: str, names: tuple[str, ...], rows: Iterator[Row]) -> None:
    statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
    with server.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        # No value of ours has a tab, a line end or a backslash.
        copy.write("".join(["\t".join(map(str, row)) + "\n" for row in rows]))
