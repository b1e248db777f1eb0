"""The tables of errands and of imports, beside those of `store.tables` and in the same description."""

from sqlalchemy import Column, Index, Table, Text

from ceralacca.ports.errand import ErrandKind, ErrandState
from ceralacca.store.columns import Instant, Json, Number, One, Word, Words
from ceralacca.store.tables import METADATA

ERRAND = Table(
    "errand",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("mailbox_key", Text, nullable=False),
    Column("mailbox", One, nullable=False),
    Column("kind", Word(ErrandKind), nullable=False),
    Column("state", Word(ErrandState), nullable=False),
    Column("asked", Json, nullable=False),
    Column("outcome", Json, nullable=False),
    Column("done", Number, nullable=False),
    Column("total", Number, nullable=False),
    Column("file", Words, nullable=False),
    Column("size", Number, nullable=False),
    Column("created", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("until", Instant),
    Index("errand_of", "mailbox_key", "created"),
)

IMPORT_MARK = Table(
    "import_mark",
    METADATA,
    Column("mailbox_key", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # digest of server and user
    Column("folder", Text, primary_key=True),  # digest of its name there
    Column("validity", Number, nullable=False),
    Column("uid", Number, nullable=False),
)
