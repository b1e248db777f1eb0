"""Errands as rows: `ports.errand.Errands` of the database.

How far one has come is written without a sync: losing it in a power cut costs a look at messages already there.

Clauses: LO-8.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from ceralacca.core.model.address import Address
from ceralacca.ports.errand import SILENCE, Errand, ErrandKind, ErrandState, UnderWay
from ceralacca.store.engine import Database, until_won
from ceralacca.store.errand_tables import ERRAND, IMPORT_MARK

_T, _M = ERRAND.c, IMPORT_MARK.c
_OPEN = (ErrandState.WAITING, ErrandState.RUNNING)


class StoredErrands:
    """Keeps errands in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, errand: Errand) -> None:
        """Keep a new one. Raises UnderWay, WorldError."""
        until_won(lambda: self._add(errand))

    def _add(self, errand: Errand) -> None:
        heard = _T.seen > errand.created - SILENCE
        other = select(_T.number).where(
            _T.mailbox_key == errand.mailbox.key, _T.kind == errand.kind, _T.state.in_(_OPEN), heard
        )
        with self._database.transaction() as connection:
            if connection.execute(other).first() is not None:
                raise UnderWay("one is under way already", remedy="wait until it has ended")
            connection.execute(
                insert(ERRAND).values(
                    number=errand.number,
                    mailbox_key=errand.mailbox.key,
                    mailbox=errand.mailbox,
                    kind=errand.kind,
                    state=errand.state,
                    asked=dict(errand.asked),
                    outcome=dict(errand.outcome),
                    done=errand.done,
                    total=errand.total,
                    file=errand.file,
                    size=errand.size,
                    created=errand.created,
                    seen=errand.seen,
                    until=errand.until,
                )
            )

    def find(self, number: str, mailbox: Address) -> Errand | None:
        """Return one of a mailbox. Raises WorldError."""
        query = select(ERRAND).where(_T.number == number, _T.mailbox_key == mailbox.key)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _read(row)

    def of_mailbox(self, mailbox: Address, *, kind: ErrandKind | None = None) -> Sequence[Errand]:
        """Return those of a mailbox, the newest first. Raises WorldError."""
        query = select(ERRAND).where(_T.mailbox_key == mailbox.key).order_by(_T.created.desc(), _T.number)
        if kind is not None:
            query = query.where(_T.kind == kind)
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query)]

    def claim(self, kind: ErrandKind, *, now: datetime) -> Errand | None:
        """Take the oldest one that waits, or whose doer is silent. Raises WorldError."""
        free = (_T.state == ErrandState.WAITING) | ((_T.state == ErrandState.RUNNING) & (_T.seen <= now - SILENCE))
        query = select(ERRAND).where(_T.kind == kind, free).order_by(_T.created, _T.number).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        mine = update(ERRAND).where(_T.number == row.number, _T.state == row.state, _T.seen == row.seen)
        with self._database.transaction() as connection:
            won = connection.execute(mine.values(state=ErrandState.RUNNING, seen=now)).rowcount
        return _read(row) if won else None

    def report(self, number: str, *, now: datetime, done: int, total: int) -> None:
        """Say how far one is. Raises WorldError."""
        change = update(ERRAND).where(_T.number == number, _T.state.in_(_OPEN))
        with self._database.transaction(synced=False) as connection:
            connection.execute(change.values(state=ErrandState.RUNNING, done=done, total=total, seen=now))

    def finish(self, errand: Errand, *, now: datetime) -> None:
        """End one. Raises WorldError."""
        change = update(ERRAND).where(_T.number == errand.number, _T.state.in_(_OPEN))
        with self._database.transaction() as connection:
            connection.execute(
                change.values(
                    state=errand.state,
                    outcome=dict(errand.outcome),
                    done=errand.done,
                    total=errand.total,
                    file=errand.file,
                    size=errand.size,
                    until=errand.until,
                    seen=now,
                )
            )

    def forget(self, *, before: datetime, now: datetime) -> int:
        """Remove rows of long ago, and end those whose doers are silent. Raises WorldError."""
        gone = delete(ERRAND).where(_T.created < before)
        silent = update(ERRAND).where(
            _T.state.in_(_OPEN), _T.kind != ErrandKind.EXTRACT, _T.seen <= now - SILENCE
        )  # an extract is taken up again by the role that draws them
        with self._database.transaction() as connection:
            removed = connection.execute(gone).rowcount
            ended = connection.execute(silent.values(state=ErrandState.FAILED, outcome={"reason": "gone"})).rowcount
        return removed + ended

    def files_kept(self, *, now: datetime) -> frozenset[str]:
        """Return the numbers of those whose files are not to go yet. Raises WorldError."""
        query = select(_T.number).where(_T.state.in_(_OPEN) | (_T.until > now))
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query))

    def mark(self, mailbox: Address, source: str, folder: str) -> tuple[int, int]:
        """Return UIDVALIDITY and the last UID that was imported. Raises WorldError."""
        query = select(_M.validity, _M.uid).where(*_that(mailbox, source, folder))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return (0, 0) if row is None else (row.validity, row.uid)

    def put_mark(self, mailbox: Address, source: str, folder: str, validity: int, uid: int) -> None:
        """Remember how far an import has come. Raises WorldError."""
        until_won(lambda: self._put_mark(mailbox, source, folder, validity, uid))

    def _put_mark(self, mailbox: Address, source: str, folder: str, validity: int, uid: int) -> None:
        change = update(IMPORT_MARK).where(*_that(mailbox, source, folder)).values(validity=validity, uid=uid)
        with self._database.transaction(synced=False) as connection:
            if not connection.execute(change).rowcount:
                connection.execute(
                    insert(IMPORT_MARK).values(
                        mailbox_key=mailbox.key, source=source, folder=folder, validity=validity, uid=uid
                    )
                )


def _that(mailbox: Address, source: str, folder: str) -> tuple[Any, ...]:
    return _M.mailbox_key == mailbox.key, _M.source == source, _M.folder == folder


def _read(row: Row[Any]) -> Errand:
    return Errand(
        number=row.number,
        mailbox=row.mailbox,
        kind=row.kind,
        state=row.state,
        asked=row.asked,
        outcome=row.outcome,
        done=row.done,
        total=row.total,
        file=row.file,
        size=row.size,
        created=row.created,
        seen=row.seen,
        until=row.until,
    )
