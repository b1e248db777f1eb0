"""App passwords as rows: `ports.app_password.AppPasswords` of the database.

That one was used is recorded to the hour and without a sync; that one was ended is synced.

Clauses: SE-3.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, or_, select, update

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.app_password import MOST_APP_PASSWORDS, AppPassword
from ceralacca.ports.sign_in import SignInProtocol
from ceralacca.store.engine import Database, until_won
from ceralacca.store.tables import APP_PASSWORD

_T = APP_PASSWORD.c
_THAT = (_T.mailbox_key == bindparam("whose"), _T.selector == bindparam("which"))
_ONE = select(APP_PASSWORD).where(*_THAT)
_HOUR: Final = timedelta(hours=1)


class StoredAppPasswords:
    """Keeps app passwords in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, one: AppPassword) -> None:
        """Keep a new one. Raises UserError, WorldError."""
        until_won(lambda: self._add(one))

    def _add(self, one: AppPassword) -> None:
        count = select(func.count()).where(_T.mailbox_key == one.mailbox.key)
        with self._database.transaction() as connection:
            if (connection.scalar(count) or 0) >= MOST_APP_PASSWORDS:
                raise UserError(
                    f"{one.mailbox} has {MOST_APP_PASSWORDS} app passwords", remedy="revoke those that nobody uses"
                )
            if connection.execute(_ONE, _named(one.mailbox, one.selector)).first() is not None:
                raise UserError(f"{one.mailbox} has an app password {one.selector}", remedy="make another one")
            connection.execute(
                insert(APP_PASSWORD).values(
                    mailbox=one.mailbox,
                    mailbox_key=one.mailbox.key,
                    selector=one.selector,
                    label=one.label,
                    protocols=" ".join(sorted(one.protocols)),
                    password_hash=one.password_hash,
                    created=one.created,
                    used=one.used,
                )
            )

    def find(self, mailbox: Address, selector: str) -> AppPassword | None:
        """Return the one of a mailbox with that selector. Raises WorldError."""
        with self._database.reading() as connection:
            row = connection.execute(_ONE, _named(mailbox, selector)).first()
        return None if row is None else _read(row)

    def of_mailbox(self, mailbox: Address) -> Sequence[AppPassword]:
        """Return those of a mailbox, the newest first. Raises WorldError."""
        query = select(APP_PASSWORD).where(_T.mailbox_key == mailbox.key).order_by(_T.created.desc(), _T.selector)
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query)]

    def touch(self, mailbox: Address, selector: str, *, now: datetime) -> None:
        """Record that it was used, at most once an hour. Raises WorldError."""
        stale = or_(_T.used.is_(None), _T.used <= now - _HOUR)
        change = update(APP_PASSWORD).where(*_THAT, stale).values(used=now)
        with self._database.transaction(synced=False) as connection:
            connection.execute(change, _named(mailbox, selector))

    def revoke(self, mailbox: Address, selector: str) -> bool:
        """End one. Raises WorldError."""
        with self._database.transaction() as connection:
            gone = connection.execute(delete(APP_PASSWORD).where(*_THAT), _named(mailbox, selector))
        return gone.rowcount > 0


def _named(mailbox: Address, selector: str) -> dict[str, str]:
    return {"whose": mailbox.key, "which": selector}


def _read(row: Row[Any]) -> AppPassword:
    return AppPassword(
        mailbox=row.mailbox,
        selector=row.selector,
        label=row.label,
        protocols=frozenset(map(SignInProtocol, row.protocols.split())),
        password_hash=row.password_hash,
        created=row.created,
        used=row.used,
    )
