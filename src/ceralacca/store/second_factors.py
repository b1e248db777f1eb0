"""Second factors as rows: `ports.second_factor.SecondFactors` of the database.

What is taken once is taken by one statement that changes a row or does not, so that of two requests at the same moment
one wins, on every engine. All of it is synced: a code that was taken stays taken after a power cut.

Clauses: SE-3.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, insert, or_, select, update

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import MOST_PASSKEYS, FactorsSet, Passkey, Totp
from ceralacca.store.engine import Database, until_won
from ceralacca.store.tables import PASSKEY, RECOVERY_CODE, SPENT_CHALLENGE, TOTP

_T, _P, _R, _S = TOTP.c, PASSKEY.c, RECOVERY_CODE.c, SPENT_CHALLENGE.c
_IS_ON = select(
    or_(
        exists().where(_T.mailbox_key == bindparam("whose")),
        exists().where(_P.mailbox_key == bindparam("whose")),
    )
)


class StoredSecondFactors:
    """Keeps second factors in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_on(self, mailbox: Address) -> bool:
        """Say whether a second factor is asked for. Raises WorldError."""
        with self._database.reading() as connection:
            return bool(connection.scalar(_IS_ON, {"whose": mailbox.key}))

    def of_mailbox(self, mailbox: Address) -> FactorsSet:
        """Return what a mailbox has. Raises WorldError."""
        with self._database.reading() as connection:
            return _all(connection, mailbox)

    def put_totp(self, totp: Totp) -> None:
        """Keep the app of a mailbox. Raises WorldError."""

        def put() -> None:
            with self._database.transaction() as connection:
                connection.execute(delete(TOTP).where(_T.mailbox_key == totp.mailbox.key))
                connection.execute(
                    insert(TOTP).values(
                        mailbox=totp.mailbox,
                        mailbox_key=totp.mailbox.key,
                        sealed=totp.sealed,
                        last_step=totp.last_step,
                        created=totp.created,
                        used=totp.used,
                    )
                )

        until_won(put)

    def accept_step(self, mailbox: Address, step: int, *, now: datetime) -> bool:
        """Take a code of that step, once. Raises WorldError."""
        change = update(TOTP).where(_T.mailbox_key == mailbox.key, _T.last_step < step)
        return self._changes(change.values(last_step=step, used=now))

    def put_recovery_codes(self, mailbox: Address, hashes: Collection[str]) -> None:
        """Keep these, in place of all before. Raises WorldError."""
        rows = [{"mailbox_key": mailbox.key, "hash": one} for one in hashes]

        def put() -> None:
            with self._database.transaction() as connection:
                connection.execute(delete(RECOVERY_CODE).where(_R.mailbox_key == mailbox.key))
                connection.execute(insert(RECOVERY_CODE), rows)

        until_won(put)

    def use_recovery_code(self, mailbox: Address, kept: str) -> bool:
        """Take one, once. Raises WorldError."""
        return self._changes(delete(RECOVERY_CODE).where(_R.mailbox_key == mailbox.key, _R.hash == kept))

    def add_passkey(self, passkey: Passkey) -> None:
        """Keep a new one. Raises UserError, WorldError."""
        until_won(lambda: self._add_passkey(passkey))

    def _add_passkey(self, one: Passkey) -> None:
        count = select(func.count()).where(_P.mailbox_key == one.mailbox.key)
        there = select(_P.credential).where(_P.credential == one.credential)
        with self._database.transaction() as connection:
            if (connection.scalar(count) or 0) >= MOST_PASSKEYS:
                raise UserError(f"{one.mailbox} has {MOST_PASSKEYS} passkeys", remedy="remove those that nobody uses")
            if connection.execute(there).first() is not None:
                raise UserError("that passkey is kept already", remedy="give another one")
            connection.execute(
                insert(PASSKEY).values(
                    credential=one.credential,
                    mailbox=one.mailbox,
                    mailbox_key=one.mailbox.key,
                    label=one.label,
                    public_key=one.public_key,
                    sign_count=one.sign_count,
                    transports=" ".join(one.transports),
                    created=one.created,
                    used=one.used,
                )
            )

    def passkey(self, credential: str) -> Passkey | None:
        """Return the passkey with that id. Raises WorldError."""
        with self._database.reading() as connection:
            row = connection.execute(select(PASSKEY).where(_P.credential == credential)).first()
        return None if row is None else _passkey(row)

    def accept_passkey(self, passkey: Passkey, sign_count: int, *, now: datetime) -> bool:
        """Record a use with its new count. Raises WorldError."""
        same = (_P.credential == passkey.credential, _P.sign_count == passkey.sign_count)
        return self._changes(update(PASSKEY).where(*same).values(sign_count=sign_count, used=now))

    def spend_challenge(self, digest: str, *, ends: datetime) -> bool:
        """Take a challenge, once. Raises WorldError."""

        def spend() -> bool:
            with self._database.transaction() as connection:
                if connection.execute(select(_S.digest).where(_S.digest == digest)).first() is not None:
                    return False
                connection.execute(insert(SPENT_CHALLENGE).values(digest=digest, ends=ends))
            return True

        return until_won(spend)

    def remove(self, mailbox: Address, *, totp: bool = False, passkey: str = "") -> bool:
        """Take the app or a passkey away. Raises WorldError."""

        def take() -> bool:
            gone = 0
            with self._database.transaction() as connection:
                if totp:
                    gone += connection.execute(delete(TOTP).where(_T.mailbox_key == mailbox.key)).rowcount
                if passkey:
                    that = (_P.mailbox_key == mailbox.key, _P.credential == passkey)
                    gone += connection.execute(delete(PASSKEY).where(*that)).rowcount
                if not connection.scalar(_IS_ON, {"whose": mailbox.key}):
                    connection.execute(delete(RECOVERY_CODE).where(_R.mailbox_key == mailbox.key))
            return gone > 0

        return until_won(take)

    def reset(self, mailbox: Address) -> FactorsSet:
        """Take everything away; return what there was. Raises WorldError."""

        def take() -> FactorsSet:
            with self._database.transaction() as connection:
                before = _all(connection, mailbox)
                for table in (TOTP, PASSKEY, RECOVERY_CODE):
                    connection.execute(delete(table).where(table.c.mailbox_key == mailbox.key))
            return before

        return until_won(take)

    def forget_spent(self, *, now: datetime) -> int:
        """Remove the challenges that have ended. Raises WorldError."""
        with self._database.transaction(synced=False) as connection:
            return connection.execute(delete(SPENT_CHALLENGE).where(_S.ends <= now)).rowcount

    def _changes(self, statement: Any) -> bool:
        def run() -> bool:
            with self._database.transaction() as connection:
                return connection.execute(statement).rowcount > 0

        return until_won(run)


def _all(connection: Connection, mailbox: Address) -> FactorsSet:
    totp = connection.execute(select(TOTP).where(_T.mailbox_key == mailbox.key)).first()
    mine = select(PASSKEY).where(_P.mailbox_key == mailbox.key).order_by(_P.created, _P.credential)
    passkeys = tuple(_passkey(row) for row in connection.execute(mine))
    left = connection.scalar(select(func.count()).where(_R.mailbox_key == mailbox.key)) or 0
    return FactorsSet(totp=None if totp is None else _totp(totp), passkeys=passkeys, recovery_codes=left)


def _totp(row: Row[Any]) -> Totp:
    return Totp(
        mailbox=row.mailbox, sealed=row.sealed, last_step=row.last_step, created=row.created, used=row.used
    )  # fmt: skip


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        mailbox=row.mailbox,
        credential=row.credential,
        label=row.label,
        public_key=row.public_key,
        sign_count=row.sign_count,
        transports=tuple(row.transports.split()),
        created=row.created,
        used=row.used,
    )
