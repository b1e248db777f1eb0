"""Sessions of the web pages as rows: a `WebSessions` of the database.

Being used is recorded to the minute and without a sync: losing it in a power cut costs nobody anything. That a
session was ended is synced.

Clauses: SE-3.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from ceralacca.core.model.address import Address
from ceralacca.ports.web_session import SessionStage, WebSession
from ceralacca.store.delegations import in_force
from ceralacca.store.engine import Database
from ceralacca.store.tables import WEB_SESSION

_T = WEB_SESSION.c
_BY_DIGEST = select(WEB_SESSION).where(_T.digest == bindparam("wanted"))
_BY_TICKET = select(WEB_SESSION).where(_T.ticket == bindparam("wanted"))
_MINUTE: Final = timedelta(minutes=1)


class StoredWebSessions:
    """Keeps sessions in a provider's database. `idle` is how long one lasts that nobody uses."""

    def __init__(self, database: Database, *, idle: timedelta) -> None:
        self._database = database
        self._idle = idle

    def open(self, session: WebSession) -> None:
        """Keep a new session."""
        values = asdict(session) | {"holder": session.holder, "mailbox": session.mailbox}
        del values["delegation_key"]  # the column has the shorter name
        values["delegation"] = session.delegation_key
        with self._database.transaction() as connection:
            connection.execute(insert(WEB_SESSION).values(**values, holder_key=session.holder.key))

    def find(self, digest: str, *, now: datetime) -> WebSession | None:
        """Return the session of a token's digest."""
        return self._find(_BY_DIGEST, digest, now)

    def find_ticket(self, ticket: str, *, now: datetime) -> WebSession | None:
        """Return the session of a ticket's digest."""
        return self._find(_BY_TICKET, ticket, now)

    def _find(self, query: Any, wanted: str, now: datetime) -> WebSession | None:
        with self._database.reading() as connection:
            row = connection.execute(query, {"wanted": wanted}).first()
            if row is None or not self._lasts(session := _read(row), now):
                return None
            if session.is_own:
                return session
            delegation = in_force(connection, session.delegation_key, now)
        found = replace(session, delegation=delegation)
        return replace(found, may_send=session.may_send and found.opens_mail and found.may_write)

    def touch(self, digest: str, *, now: datetime, stage: SessionStage | None = None) -> None:
        """Record that a session is in use, at most once a minute, and that it has come further."""
        if stage is not None:
            change = update(WEB_SESSION).where(_T.digest == digest).values(seen=now, stage=stage)
        else:
            change = update(WEB_SESSION).where(_T.digest == digest, _T.seen <= now - _MINUTE).values(seen=now)
        with self._database.transaction(synced=stage is not None) as connection:
            connection.execute(change)

    def confirm(self, digest: str, *, now: datetime) -> None:
        """Record that the holder has shown again that it is them."""
        with self._database.transaction() as connection:
            connection.execute(update(WEB_SESSION).where(_T.digest == digest).values(confirmed=now))

    def close(self, digest: str) -> None:
        """End a session."""
        with self._database.transaction() as connection:
            connection.execute(delete(WEB_SESSION).where(_T.digest == digest))

    def of_holder(self, holder: Address, *, now: datetime) -> Sequence[WebSession]:
        """Return the open sessions of a holder, the newest first."""
        query = select(WEB_SESSION).where(_T.holder_key == holder.key).order_by(_T.created.desc(), _T.digest)
        with self._database.reading() as connection:
            found = [_read(row) for row in connection.execute(query)]
        return [session for session in found if self._lasts(session, now)]

    def close_all(self, holder: Address, *, but: str = "") -> int:
        """End every session of a holder but one."""
        with self._database.transaction() as connection:
            gone = connection.execute(delete(WEB_SESSION).where(_T.holder_key == holder.key, _T.digest != but))
        return gone.rowcount

    def forget_ended(self, *, now: datetime) -> int:
        """Remove what has ended."""
        with self._database.transaction() as connection:
            gone = connection.execute(delete(WEB_SESSION).where((_T.ends <= now) | (_T.seen <= now - self._idle)))
        return gone.rowcount

    def _lasts(self, session: WebSession, now: datetime) -> bool:
        return now < session.ends and now < session.seen + self._idle


def _read(row: Row[Any]) -> WebSession:
    return WebSession(
        digest=row.digest,
        ticket=row.ticket,
        holder=row.holder,
        mailbox=row.mailbox,
        stage=row.stage,
        may_send=row.may_send,
        created=row.created,
        seen=row.seen,
        ends=row.ends,
        peer=row.peer,
        agent=row.agent,
        confirmed=row.confirmed,
        salt=row.salt,
        delegation_key=row.delegation,
    )
