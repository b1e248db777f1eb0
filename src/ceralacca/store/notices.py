"""What holders want to be told of, as rows: a `ports.notices.Notices` of the database.

The kinds that somebody hears of stand also in the mailbox's row, written in the same transaction.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from ceralacca.core.model.address import Address
from ceralacca.ports.notices import AddressInWaiting, NoticeWay, NoticeWishes, Trouble, WishesChanged
from ceralacca.store.columns import shortened
from ceralacca.store.engine import Database, until_won
from ceralacca.store.notice_tables import NOTICE, NOTICE_WISHES
from ceralacca.store.prepared import Prepared, among
from ceralacca.store.rows import read_kinds, write_kinds
from ceralacca.store.tables import MAILBOX

_W = NOTICE_WISHES.c
_TOLD: Final = Prepared(select(NOTICE.c.key).where(among(NOTICE.c.key, "wanted")))


class StoredNotices:
    """Keeps wishes in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, mailbox: Address) -> NoticeWishes:
        """Return the wishes of a mailbox. Raises WorldError."""
        with self._database.reading() as connection:
            row = connection.execute(select(NOTICE_WISHES).where(_W.mailbox_key == mailbox.key)).first()
        return NoticeWishes(mailbox=mailbox) if row is None else _read(row)

    def change(self, wishes: NoticeWishes) -> NoticeWishes:
        """Keep the next version. Raises WishesChanged, WorldError."""
        key, version = wishes.mailbox.key, wishes.version + 1
        values = {**_values(wishes), "version": version}

        def store() -> None:
            with self._database.transaction() as connection:
                mine = select(_W.version).where(_W.mailbox_key == key).with_for_update()
                if (connection.scalar(mine) or 0) != wishes.version:
                    raise WishesChanged
                if wishes.version:
                    connection.execute(update(NOTICE_WISHES).where(_W.mailbox_key == key).values(values))
                else:
                    connection.execute(insert(NOTICE_WISHES).values(values))
                heard = write_kinds(wishes.heard)
                connection.execute(update(MAILBOX).where(MAILBOX.c.address_key == key).values(notices=heard))

        until_won(store)
        return self.of(wishes.mailbox)

    def trouble(self, mailbox: Address, way: NoticeWay, trouble: Trouble) -> None:
        """Record that a notice did not get through. Raises WorldError."""
        values = {f"{way}_trouble": trouble.text, f"{way}_trouble_at": trouble.instant}

        def store() -> None:
            with self._database.transaction() as connection:
                connection.execute(update(NOTICE_WISHES).where(_W.mailbox_key == mailbox.key).values(values))

        until_won(store)

    def told(self, keys: Collection[str]) -> frozenset[str]:
        """Return which of these notices went out. Raises WorldError."""
        with self._database.reading() as connection:
            found = {row.key for row in _TOLD.all(connection, wanted=keys)}
        return frozenset(key for key in keys if shortened(key) in found)

    def forget(self, *, before: datetime) -> int:
        """Remove the traces of notices that went out before. Raises WorldError."""

        def store() -> int:
            with self._database.transaction() as connection:
                return connection.execute(delete(NOTICE).where(NOTICE.c.at < before)).rowcount

        return until_won(store)


def _values(wishes: NoticeWishes) -> dict[str, Any]:
    waiting, troubles = wishes.waiting, wishes.troubles
    told = {f"{way}_trouble": troubles[way].text if way in troubles else "" for way in NoticeWay}
    when = {f"{way}_trouble_at": troubles[way].instant if way in troubles else None for way in NoticeWay}
    return {
        "mailbox_key": wishes.mailbox.key,
        "mailbox": wishes.mailbox,
        "kinds": write_kinds(wishes.kinds),
        "language": wishes.language,
        "email": wishes.email,
        "waiting": waiting.address if waiting else None,
        "code_hash": waiting.code_hash if waiting else "",
        "waiting_since": waiting.since if waiting else None,
        "tries": waiting.tries if waiting else 0,
        "codes": wishes.codes,
        "codes_since": wishes.codes_since,
        "webhook": wishes.webhook,
        "secret": wishes.secret,
        **told,
        **when,
    }


def _read(row: Row[Any]) -> NoticeWishes:
    waiting = None
    if row.waiting is not None:
        waiting = AddressInWaiting(
            address=row.waiting, code_hash=row.code_hash, since=row.waiting_since, tries=row.tries
        )
    troubles = {
        NoticeWay.EMAIL: (row.email_trouble, row.email_trouble_at),
        NoticeWay.WEBHOOK: (row.webhook_trouble, row.webhook_trouble_at),
    }
    return NoticeWishes(
        mailbox=row.mailbox,
        version=row.version,
        kinds=read_kinds(row.kinds),
        language=row.language,
        email=row.email,
        waiting=waiting,
        codes=row.codes,
        codes_since=row.codes_since,
        webhook=row.webhook,
        secret=bytes(row.secret),
        troubles={way: Trouble(instant=at, text=text) for way, (text, at) in troubles.items() if at is not None},
    )
