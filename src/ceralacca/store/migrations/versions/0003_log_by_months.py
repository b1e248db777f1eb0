"""The message log is found by mailbox and instant, and on PostgreSQL cut by months (LO-5, LO-8).

Nothing may write to the database meanwhile: a program of the release before makes no months and no addresses.

Frozen: what a release has run is never edited.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FAILURE = sa.text("error NOT IN ('', 'nessuno')")
NAMED = sa.text("client_message_id_hash IS NOT NULL")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PORTION = 5000


def upgrade() -> None:
    """Add the addresses, cut the log, and enter the rows that are there."""
    cut = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "log_address",
        sa.Column("hash", NUMBER, nullable=False),
        sa.Column("instant", sa.BigInteger(), nullable=False),
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", "instant", "seq"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (instant)",
    )
    if cut:
        _cut()
    op.create_index("log_row_instant", "log_row", ["instant", "seq"])
    op.create_index("log_row_failure", "log_row", ["instant", "seq"], sqlite_where=FAILURE, postgresql_where=FAILURE)
    _enter_addresses()


def downgrade() -> None:
    """Take the indexes away and make the log whole again."""
    op.drop_index("log_row_failure", "log_row")
    op.drop_index("log_row_instant", "log_row")
    op.drop_table("log_address")
    if op.get_bind().dialect.name == "postgresql":
        _put_aside()
        op.execute("CREATE TABLE log_row (LIKE log_row_whole INCLUDING DEFAULTS)")
        op.execute("ALTER TABLE log_row ADD PRIMARY KEY (seq)")
        _take_back()


def _cut() -> None:
    _put_aside()
    op.execute("CREATE TABLE log_row (LIKE log_row_whole INCLUDING DEFAULTS) PARTITION BY RANGE (instant)")
    op.execute("ALTER TABLE log_row ADD PRIMARY KEY (seq, instant)")
    for year, month in sorted({_month(instant) for instant in _instants()}):
        first, last = _number(year, month), _number(*divmod(year * 12 + month, 12), 1)
        for parent in ("log_row", "log_address"):
            bounds = f"FOR VALUES FROM ({first}) TO ({last})"
            op.execute(f"CREATE TABLE {parent}_{year:04d}{month:02d} PARTITION OF {parent} {bounds}")
    _take_back()


def _put_aside() -> None:
    op.drop_index("log_row_identifier", "log_row")
    op.drop_index("log_row_client_message_id", "log_row")
    op.execute("ALTER TABLE log_row RENAME CONSTRAINT log_row_pkey TO log_row_whole_pkey")
    op.execute("ALTER TABLE log_row RENAME TO log_row_whole")


def _take_back() -> None:
    op.execute("ALTER SEQUENCE log_row_seq_seq OWNED BY log_row.seq")
    op.execute("INSERT INTO log_row SELECT * FROM log_row_whole")
    op.execute("DROP TABLE log_row_whole")
    op.create_index("log_row_identifier", "log_row", ["identifier_hash"])
    op.create_index("log_row_client_message_id", "log_row", ["client_message_id_hash"], postgresql_where=NAMED)


def _instants() -> Iterator[int]:
    """Return an instant of each day that has a row."""
    day = 86_400_000_000
    yield from op.get_bind().scalars(sa.text(f"SELECT DISTINCT instant / {day} * {day} FROM log_row_whole"))  # noqa: S608


def _month(instant: int) -> tuple[int, int]:
    there = EPOCH + timedelta(microseconds=instant)
    return there.year, there.month


def _number(year: int, month: int, more: int = 0) -> int:
    return (datetime(year, month + more, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def _enter_addresses() -> None:
    connection, last = op.get_bind(), 0
    asked = sa.text(
        "SELECT seq, instant, sender, recipients, concerned FROM log_row WHERE seq > :last ORDER BY seq LIMIT :portion"
    )
    enter = sa.text("INSERT INTO log_address (hash, instant, seq) VALUES (:hash, :instant, :seq)")
    while rows := connection.execute(asked, {"last": last, "portion": PORTION}).all():
        entries = [{"hash": each, "instant": row.instant, "seq": row.seq} for row in rows for each in set(_hashes(row))]
        if entries:
            connection.execute(enter, entries)
        last = rows[-1].seq


def _hashes(row: Any) -> Iterator[int]:
    if row.sender is not None:
        sender = json.loads(row.sender[1:]) if row.sender.startswith("\x01") else row.sender
        yield _hash("sender", sender)
    concerned = json.loads(row.concerned) or [address for address, _ in json.loads(row.recipients)]
    for address in concerned:
        yield _hash("recipient", address)


def _hash(role: str, address: str) -> int:
    digest = hashlib.sha256(f"{role}:{address.lower()}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
