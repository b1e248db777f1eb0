"""How many sign-ins failed of late, for mailboxes and networks together: one count for every protocol (SE-3).

Kept in one small file that all processes of a host share, so that guesses over SMTP, IMAP and POP3 add up.
It survives nothing that matters: it is not synced, and a lost one only forgets guesses. It holds digests,
no address of anybody.

Three counts, each with some free failures and then a wait that doubles up to a quarter of an hour:

    mailbox from network    someone guesses one password
    network                 someone tries one password on many mailboxes
    mailbox                 many guess together; not asked where the owner has signed in before,
                            so that strangers never lock the owner out

Counts halve with time and do not grow while the door is shut.
"""

import hashlib
import math
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

from ceralacca.base.errors import WorldError

_HALF_LIFE: Final = timedelta(minutes=20).total_seconds()
_LONGEST: Final = timedelta(minutes=15).total_seconds()
_FORGET: Final = timedelta(days=30).total_seconds()
_KNOWN_ANEW: Final = timedelta(days=1).total_seconds()
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS failure (key BLOB PRIMARY KEY, count REAL NOT NULL, last REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known (key BLOB PRIMARY KEY, last REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Who tries from where."""

    account: str
    """The mailbox as the client spelled it, in lower case; known or not."""
    peer: str
    """IP address of the client."""

    @property
    def network(self) -> str:
        """The /24 (IPv6: /56) that the client is in; the text itself when it is no address."""
        try:
            address = ip_address(self.peer)
        except ValueError:
            return self.peer
        mapped = getattr(address, "ipv4_mapped", None) or address
        return str(ip_network(f"{mapped}/{24 if mapped.version == 4 else 56}", strict=False))

    def counts(self) -> "tuple[tuple[bytes, int], ...]":
        """Return the counts that it adds to, each with its free failures."""
        return (
            (_digest("both", self.account, self.network), 5),
            (_digest("network", self.network), 30),
            (_digest("account", self.account), 50),
        )

    @property
    def known(self) -> bytes:
        """What the owner's own network is known by."""
        return _digest("known", self.account, self.network)


class SignInAttempts:
    """The counts of one host. Safe between threads and processes; raises WorldError when the file is away."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; its folder is there."""
        self._path = path
        self._local = threading.local()
        with self._open() as database:
            database.executescript(_TABLES)

    def wait(self, attempt: Attempt, now: datetime) -> timedelta:
        """Return how long this one has to wait before anybody looks at a password; nothing in most cases."""
        with self._open() as database:
            own, network, account = (
                _shut_for(_count(database, key), free, now.timestamp()) for key, free in attempt.counts()
            )
            if account > max(own, network) and self._is_known(database, attempt, now):
                account = 0.0
        return timedelta(seconds=max(own, network, account))

    def failed(self, attempt: Attempt, now: datetime) -> int:
        """Count a failure; return how many of late this one had for this mailbox."""
        instant = now.timestamp()
        with self._open() as database, _written(database):
            counts = [_decayed(_count(database, key), instant) + 1 for key, _ in attempt.counts()]
            rows = [(key, count, instant) for (key, _), count in zip(attempt.counts(), counts, strict=True)]
            database.executemany("INSERT OR REPLACE INTO failure VALUES (?, ?, ?)", rows)
            if round(counts[1]) % 64 == 0:  # now and then
                database.execute("DELETE FROM failure WHERE last < ?", (instant - _FORGET,))
                database.execute("DELETE FROM known WHERE last < ?", (instant - _FORGET,))
        return round(counts[0])

    def succeeded(self, attempt: Attempt, now: datetime) -> None:
        """Forget this one's failures for this mailbox, and remember where its owner is at home."""
        instant = now.timestamp()
        own = attempt.counts()[0][0]
        with self._open() as database:
            seen = _last(database, attempt.known)
            if _count(database, own) is None and instant - seen < _KNOWN_ANEW:
                return
            with _written(database):
                database.execute("DELETE FROM failure WHERE key = ?", (own,))
                database.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (attempt.known, instant))

    def _is_known(self, database: sqlite3.Connection, attempt: Attempt, now: datetime) -> bool:
        return now.timestamp() - _last(database, attempt.known) < _FORGET

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not hasattr(self._local, "database"):
                self._local.database = self._connect()
            yield self._local.database
        except sqlite3.Error as error:
            raise WorldError(
                f"{self._path.name}: {error}", remedy="look at the disk; the file may be removed"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, timeout=10.0)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        return database


@contextmanager
def _written(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _digest(*parts: str) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).digest()[:16]


def _count(database: sqlite3.Connection, key: bytes) -> tuple[float, float] | None:
    row: tuple[float, float] | None = database.execute(
        "SELECT count, last FROM failure WHERE key = ?", (key,)
    ).fetchone()
    return row


def _last(database: sqlite3.Connection, key: bytes) -> float:
    row = database.execute("SELECT last FROM known WHERE key = ?", (key,)).fetchone()
    return float(row[0]) if row else float("-inf")


def _decayed(row: tuple[float, float] | None, instant: float) -> float:
    if row is None:
        return 0.0
    count, last = row
    return float(count * 0.5 ** (max(instant - last, 0.0) / _HALF_LIFE))


def _shut_for(row: tuple[float, float] | None, free: int, instant: float) -> float:
    """Return for how many seconds more the door stays shut after the last failure."""
    if row is None or row[0] < free:
        return 0.0
    count, last = row
    shut = min(math.exp2(min(count - free, 30)), _LONGEST)
    return max(min(last, instant) + shut - instant, 0.0)
