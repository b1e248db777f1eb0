"""The tables of notices to holders, beside those of `store.tables`.

`notice` says which notices were made, each once; `notice_wishes` what each holder wants.
"""

from sqlalchemy import Column, Index, Integer, Table, Text

from ceralacca.core.notices import NoticeKind
from ceralacca.store.columns import Instant, Key, Number, One, Raw, Word, Words
from ceralacca.store.tables import METADATA

NOTICE_WISHES = Table(
    "notice_wishes",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("mailbox", One, nullable=False),
    Column("version", Number, nullable=False),
    Column("kinds", Text, nullable=False),  # their names, with spaces between
    Column("language", Text, nullable=False),
    Column("email", One),  # confirmed
    Column("waiting", One),  # to be confirmed
    Column("code_hash", Text, nullable=False),
    Column("waiting_since", Instant),
    Column("tries", Integer, nullable=False),
    Column("codes", Integer, nullable=False),
    Column("codes_since", Instant),
    Column("webhook", Words, nullable=False),
    Column("secret", Raw, nullable=False),  # encrypted
    Column("email_trouble", Words, nullable=False),
    Column("email_trouble_at", Instant),
    Column("webhook_trouble", Words, nullable=False),
    Column("webhook_trouble_at", Instant),
)

NOTICE = Table(
    "notice",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("mailbox", One, nullable=False),
    Column("kind", Word(NoticeKind), nullable=False),
    Column("at", Instant, nullable=False),
    Index("notice_at", "at"),
)
