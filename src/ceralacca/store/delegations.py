"""Delegations as rows: `ports.delegation.Delegations` of the database.

Clauses: SE-3, AP-2.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Row,
    Select,
    Table,
    Text,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import MOST_DELEGATIONS, Delegation, DelegationRefused, DelegationRight
from ceralacca.ports.mailbox import MailboxStatus
from ceralacca.store.columns import Instant, Key, One, Word, Words
from ceralacca.store.engine import Database, until_won
from ceralacca.store.tables import MAILBOX, METADATA

DELEGATION = Table(
    "delegation",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("mailbox", One, nullable=False),
    Column("mailbox_key", Key, nullable=False),
    Column("delegate", One, nullable=False),
    Column("delegate_key", Key, nullable=False),
    Column("delegation_right", Word(DelegationRight), nullable=False),
    Column("purpose", Words, nullable=False),
    Column("created", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("ended", Instant),
    Index("delegation_mailbox", "mailbox_key"),
    Index("delegation_delegate", "delegate_key"),
)
_T = DELEGATION.c


class StoredDelegations:
    """Keeps delegations in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, one: Delegation) -> None:
        """Keep a new one. Raises DelegationRefused, WorldError."""
        until_won(lambda: self._give(one))

    def _give(self, one: Delegation) -> None:
        lasting = (*_lasting(one.created), _T.mailbox_key == one.mailbox.key)
        in_turn = select(MAILBOX.c.address_key).where(MAILBOX.c.address_key == one.mailbox.key).with_for_update()
        with self._database.transaction() as connection:
            connection.execute(in_turn)
            if (connection.scalar(select(func.count()).where(*lasting)) or 0) >= MOST_DELEGATIONS:
                raise DelegationRefused("most")
            if connection.scalar(select(_T.key).where(*lasting, _T.delegate_key == one.delegate.key)) is not None:
                raise DelegationRefused("already")
            connection.execute(
                insert(DELEGATION).values(
                    key=one.key,
                    mailbox=one.mailbox,
                    mailbox_key=one.mailbox.key,
                    delegate=one.delegate,
                    delegate_key=one.delegate.key,
                    delegation_right=one.right,
                    purpose=one.purpose,
                    created=one.created,
                    until=one.until,
                    ended=one.ended,
                )
            )

    def in_force(self, key: str, *, now: datetime) -> Delegation | None:
        """Return one that is in force. Raises WorldError."""
        with self._database.reading() as connection:
            return in_force(connection, key, now)

    def between(self, mailbox: Address, delegate: Address, *, now: datetime) -> Delegation | None:
        """Return the one in force that lets a delegate into a mailbox. Raises WorldError."""
        query = _in_force(now).where(_T.mailbox_key == mailbox.key, _T.delegate_key == delegate.key)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _read(row)

    def given_to(self, delegate: Address, *, now: datetime) -> Sequence[Delegation]:
        """Return those in force that a holder has from others, by mailbox. Raises WorldError."""
        with self._database.reading() as connection:
            found = [_read(row) for row in connection.execute(_in_force(now).where(_T.delegate_key == delegate.key))]
        return sorted(found, key=lambda one: one.mailbox.key)

    def given_by(self, mailbox: Address) -> Sequence[Delegation]:
        """Return all of a mailbox, the newest first. Raises WorldError."""
        query = select(DELEGATION).where(_T.mailbox_key == mailbox.key).order_by(_T.created.desc(), _T.key)
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query)]

    def end(self, mailbox: Address, key: str, *, now: datetime) -> Delegation | None:
        """End one of a mailbox's. Raises WorldError."""
        that = (_T.key == key, _T.mailbox_key == mailbox.key, *_lasting(now))
        with self._database.transaction() as connection:
            row = connection.execute(select(DELEGATION).where(*that)).first()
            if row is None or not connection.execute(update(DELEGATION).where(*that).values(ended=now)).rowcount:
                return None
        return _read(row)

    def end_all(self, mailbox: Address, *, now: datetime) -> int:
        """End all that a mailbox has given or got. Raises WorldError."""
        either = or_(_T.mailbox_key == mailbox.key, _T.delegate_key == mailbox.key)
        with self._database.transaction() as connection:
            return connection.execute(update(DELEGATION).where(either, *_lasting(now)).values(ended=now)).rowcount


def in_force(connection: Connection, key: str, now: datetime) -> Delegation | None:
    """Return one that is in force, in an open transaction."""
    row = connection.execute(_in_force(now).where(_T.key == key)).first()
    return None if row is None else _read(row)


def _in_force(now: datetime) -> Select[Any]:
    return select(DELEGATION).where(*_lasting(now), _is_open(_T.mailbox_key), _is_open(_T.delegate_key))


def _lasting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (_T.created <= now, _T.until > now, _T.ended.is_(None))


def _is_open(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Say that a mailbox is one that its holder may enter (MO-4)."""
    is_that = (MAILBOX.c.address_key == key, MAILBOX.c.status != MailboxStatus.CLOSED, MAILBOX.c.is_service.is_(False))
    return exists().where(*is_that)


def _read(row: Row[Any]) -> Delegation:
    return Delegation(
        key=row.key,
        mailbox=row.mailbox,
        delegate=row.delegate,
        right=row.delegation_right,
        purpose=row.purpose,
        created=row.created,
        until=row.until,
        ended=row.ended,
    )
