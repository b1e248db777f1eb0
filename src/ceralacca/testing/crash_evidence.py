"""What a crash left behind, read from outside: tables by plain SQL, files of blobs and mailboxes, clients' books.

Shares no code with the store: if the two read the same rows, they say the same. Reads only.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.received import Received, read_received
from ceralacca.testing.crash_flows import Mail
from ceralacca.testing.scenario import INSTANT
from ceralacca.trust.vault_key import VaultKey

TABLES: Final = (
    "blob", "inbound", "letter", "job", "sent_message", "recipient_state", "taken", "fate", "infected", "log_row",
    "log_address", "received_receipt", "domain", "mailbox", "delivery_rules", "delivery_rule",
    "site",
    "notice_wishes", "notice",
)  # fmt: skip
"""In an order in which each refers to earlier ones only."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a client outside was told of a message it sent."""

    mail: Mail
    code: int
    """Of the reply to the final dot; 0 when there was none."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A sealed message, wherever it was found."""

    digest: str
    octets: bytes

    @cached_property
    def received(self) -> Received | None:
        """The message taken apart; None when it cannot be."""
        try:
            return read_received(self.octets)
        except UnreadableMessage:
            return None

    @property
    def row(self) -> MessageRow | None:
        """Which row of table 1.1 it is."""
        return self.received.row if self.received else None

    @property
    def facts(self) -> CertificationData | None:
        """What it certifies."""
        return self.received.facts if self.received else None

    @property
    def identifier(self) -> str:
        """Of its transaction; empty for an anomaly envelope."""
        return self.facts.original.identifier if self.facts else ""

    @property
    def about(self) -> tuple[object, ...]:
        """What there must be one signed object of: transaction, row, and whom it is about (invariant 5)."""
        facts = self.facts
        if self.row is None or facts is None:
            return ()
        row = MessageRow.ACCEPTANCE.name if self.row in ANSWERS else self.row.name
        taken = tuple(sorted(one.key for one in facts.taken_recipients))
        one = facts.delivery_recipient.key if facts.delivery_recipient else ""
        detail = facts.error_detail if self.row is MessageRow.DELIVERY_TIMEOUT else ""
        return facts.original.identifier, row, one, taken, detail


ANSWERS: Final = frozenset({MessageRow.ACCEPTANCE, MessageRow.NON_ACCEPTANCE, MessageRow.NON_ACCEPTANCE_VIRUS})

VAULT_KEY: Final = VaultKey(sha256(b"a key of tests").digest())
"""Of both providers' virus storages."""

_KNOWN: dict[str, Signed] = {}


def signed(octets: bytes) -> Signed:
    """Return a message; those seen before are not taken apart again."""
    digest = sha256(octets).hexdigest()
    return _KNOWN.setdefault(digest, Signed(digest=digest, octets=octets))


@dataclass(frozen=True, kw_only=True)
class Held:
    """One file of a mailbox."""

    name: str
    octets: bytes

    @cached_property
    def signed(self) -> Signed:
        """The message in it."""
        return signed(self.octets)


@dataclass(slots=True, kw_only=True)
class Books:
    """One provider's tables and files."""

    name: str
    folder: Path
    tables: Mapping[str, list[Row]]
    boxes: Mapping[str, list[Held]]
    """By address."""
    _index: dict[tuple[str, str], dict[object, list[Row]]] = field(default_factory=dict)

    def octets(self, digest: str) -> bytes | None:
        """Return stored octets, also of the virus storage; None when they are nowhere whole and right."""
        row = next(iter(self.of("blob", digest=digest)), None)
        if row is None:
            return None
        if row["octets"] is not None:
            found = bytes(row["octets"])
        elif row["place"]:
            found = self._in_pack(row["place"], row["size"])
        else:
            path = self._file(digest)
            found = path.read_bytes() if path.is_file() else b""
        whole = sha256(found).hexdigest() == digest and len(found) == row["size"]
        return found if whole else self._from_vault(digest)

    def lies_in_clear(self, digest: str) -> bool:
        """Say whether the store itself holds the octets still, in a row or in a file that no row may lean on (VI-2)."""
        row = self.of("blob", digest=digest)[0]
        return row["octets"] is None or bool(row["octets"]) or self._file(digest).exists()

    def _file(self, digest: str) -> Path:
        return self.folder / "blobs" / digest[:2] / digest[2:]

    def _in_pack(self, place: str, size: int) -> bytes:
        pack, offset = place.split(":")
        path = self.folder / "packs" / f"{pack}.pack"
        return path.read_bytes()[int(offset) :][:size] if path.is_file() else b""

    def _from_vault(self, digest: str) -> bytes | None:
        """Return the octets of an infected message from the virus storage, found by its row."""
        for row in self.of("infected", digest=digest):
            for path in self.folder.glob(f"vault/*/{sha256(row['key'].encode()).hexdigest()}.vault"):
                held = VAULT_KEY.open(path.read_bytes(), bound=path.name.encode())
                octets = held[4 + int.from_bytes(held[:4], "big") :]
                if sha256(octets).hexdigest() == digest:
                    return octets
        return None

    def of(self, table: str, **wanted: object) -> list[Row]:
        """Return the rows that hold these values."""
        first = next(iter(wanted))
        if (table, first) not in self._index:
            rows: dict[object, list[Row]] = {}
            for row in self.tables[table]:
                rows.setdefault(row[first], []).append(row)
            self._index[table, first] = rows
        found = self._index[table, first].get(wanted[first], [])
        return [row for row in found if all(row[name] == value for name, value in wanted.items())]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """All that can be seen of a case."""

    alfa: Books
    beta: Books
    wire: list[Row]
    """What the relays were told, in order."""
    sent_octets: list[bytes]
    told: list[Told]
    now: datetime
    _objects: list[Signed] = field(default_factory=list)

    @property
    def both(self) -> tuple[Books, Books]:
        """Both providers."""
        return self.alfa, self.beta

    def objects(self) -> list[Signed]:
        """Return every distinct generated message: in stores, on the wire, in mailboxes."""
        if not self._objects:
            found = {one.digest: one for one in map(signed, self._octets())}
            self._objects = list(found.values())
        return self._objects

    def _octets(self) -> Iterator[bytes]:
        for books in self.both:
            for row in books.tables["letter"]:
                octets = books.octets(row["digest"])
                if octets is not None:
                    yield octets
            for box in books.boxes.values():
                yield from (held.octets for held in box if held.octets)
        yield from self.sent_octets


def read_evidence(folder: Path, urls: Mapping[str, str], users: Mapping[str, Any], told: list[Told]) -> Evidence:
    """Read a case from its folder and databases."""
    clock = folder / "clock"
    books = {
        name: Books(
            name=name,
            folder=folder / "data" / name,
            tables=read_tables(url),
            boxes={user.key: _mailbox(folder / "data" / name / "mail", user.key) for user in users[name]},
        )
        for name, url in urls.items()
    }
    wire = folder / "wire"
    return Evidence(
        alfa=books["alfa"],
        beta=books["beta"],
        wire=_book(wire / "book"),
        sent_octets=[path.read_bytes() for path in wire.glob("?" * 64) if path.stat().st_size],
        told=list(told),
        now=datetime.fromisoformat(clock.read_text()) if clock.exists() else INSTANT,
    )


def read_tables(url: str) -> dict[str, list[Row]]:
    """Return all rows of all tables; of SQLite those of a copy, for opening a database repairs it."""
    found: dict[str, list[Row]] = {}
    if url.startswith("sqlite:"):
        with _copied(Path(url.removeprefix("sqlite:///"))) as copy, closing(sqlite3.connect(copy)) as connection:
            connection.row_factory = sqlite3.Row
            for name in TABLES:
                found[name] = [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608
        return found
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as server:
        server.read_only = True
        for name in TABLES:
            found[name] = [*server.execute(f"SELECT * FROM {name}".encode()).fetchall()]  # noqa: S608
    return found


@contextmanager
def _copied(database: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pec-crash-look-", dir=database.parents[3]) as name:
        for path in (database, database.with_name(f"{database.name}-wal")):
            if path.exists():
                shutil.copy(path, name)
        yield Path(name, database.name)


def _mailbox(root: Path, key: str) -> list[Held]:
    digest = sha256(key.encode()).hexdigest()[:32]
    maildir = root / digest[:2] / digest / "Maildir"
    paths = sorted(path for box in ("", ".*/") for new in ("new", "cur") for path in maildir.glob(f"{box}{new}/*"))
    return [Held(name=path.name, octets=path.read_bytes()) for path in paths]


def _book(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def addresses(row: Row, column: str) -> tuple[str, ...]:
    """Return the keys of a list of addresses in a row."""
    return tuple(text.lower() for text in json.loads(row[column]))
