"""A holder's accepted messages, read by sender: an `OwnMessages` of the database.

Clauses: LO-8.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import exists, func, or_, select

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import SentMessage
from ceralacca.store.engine import Database
from ceralacca.store.rows import read_sent
from ceralacca.store.tables import RECIPIENT_STATE, SENT_MESSAGE

_ESCAPE: Final = "\\"


class StoredOwnMessages:
    """Reads a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sent(
        self,
        sender: Address,
        *,
        limit: int,
        before: datetime | None = None,
        since: datetime | None = None,
        containing: str = "",
        states: Collection[RecipientState] = (),
    ) -> Sequence[SentMessage]:
        """Return messages accepted from a sender, the newest first."""
        table, each = SENT_MESSAGE.c, RECIPIENT_STATE.c
        query = select(SENT_MESSAGE).where(table.sender_key == sender.key)
        if before is not None:
            query = query.where(table.accepted < before)
        if since is not None:
            query = query.where(table.accepted >= since)
        if states:
            so = exists().where(each.identifier == table.identifier, each.state.in_(list(states)))
            query = query.where(so)
        if containing:
            wanted = f"%{_literal(containing.lower())}%"
            columns = (table.subject, table.recipients, table.identifier)
            query = query.where(or_(*(func.lower(column).like(wanted, escape=_ESCAPE) for column in columns)))
        query = query.order_by(table.accepted.desc(), table.identifier).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            found: dict[str, dict[Address, RecipientState]] = {row.identifier: {} for row in rows}
            query_states = select(each.identifier, each.recipient, each.state).where(each.identifier.in_(list(found)))
            for one in connection.execute(query_states.order_by(each.identifier, each.position)):
                found[one.identifier][one.recipient] = one.state
        return [read_sent(row, found[row.identifier]) for row in rows]


def _literal(text: str) -> str:
    """Return a text in which nothing is a pattern."""
    return "".join(_ESCAPE + sign if sign in "%_\\" else sign for sign in text)
