"""Alarms and known places as rows: `ports.safety_alarm.SafetyAlarms` of the database.

That a place was seen again is recorded to the day and without a sync.

Clauses: SE-3.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from ceralacca.core.model.address import Address
from ceralacca.ports.safety_alarm import KEPT_FOR, PLACE_KNOWN_FOR, SHOWN_FOR, NewAlarm, SafetyAlarm
from ceralacca.store.engine import Database, until_won
from ceralacca.store.tables import KNOWN_PLACE, SAFETY_ALARM

_A, _P = SAFETY_ALARM.c, KNOWN_PLACE.c
_DAY: Final = timedelta(days=1)
_MOST_SHOWN: Final = 20


class StoredSafetyAlarms:
    """Keeps alarms and places in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def raise_alarm(self, alarm: NewAlarm) -> None:
        """Keep an alarm. Raises WorldError."""
        values = {
            "mailbox": alarm.mailbox,
            "mailbox_key": alarm.mailbox.key,
            "kind": alarm.kind,
            "instant": alarm.instant,
            "way": alarm.way,
            "peer": alarm.peer,
            "agent": alarm.agent,
            "place": alarm.place,
        }

        def put() -> None:
            with self._database.transaction() as connection:
                connection.execute(insert(SAFETY_ALARM).values(**values))

        until_won(put)

    def unseen(self, mailbox: Address, *, now: datetime, place: str = "") -> Sequence[SafetyAlarm]:
        """Return what the holder has not seen. Raises WorldError."""
        query = (
            select(SAFETY_ALARM)
            .where(_A.mailbox_key == mailbox.key, _A.seen.is_(None), _A.instant > now - SHOWN_FOR)
            .order_by(_A.number.desc())
            .limit(_MOST_SHOWN)
        )
        if place:
            query = query.where(_A.place != place)
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query)]

    def mark_seen(self, mailbox: Address, numbers: Collection[int], *, now: datetime, place: str = "") -> int:
        """Record that the holder knows of them. Raises WorldError."""
        change = update(SAFETY_ALARM).where(_A.mailbox_key == mailbox.key, _A.number.in_(numbers), _A.seen.is_(None))
        if place:
            change = change.where(_A.place != place)
        return self._count(change.values(seen=now))

    def unsent(self, *, limit: int = 100) -> Sequence[SafetyAlarm]:
        """Return what no notice went out for. Raises WorldError."""
        query = select(SAFETY_ALARM).where(_A.sent.is_(None)).order_by(_A.number).limit(limit)
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query)]

    def mark_sent(self, number: int, *, now: datetime) -> None:
        """Record that a notice went out. Raises WorldError."""
        self._count(update(SAFETY_ALARM).where(_A.number == number).values(sent=now))

    def knows(self, mailbox: Address, place: str, *, now: datetime) -> bool:
        """Say whether somebody came in from that place of late. Raises WorldError."""
        query = select(_P.seen).where(_P.mailbox_key == mailbox.key, _P.place == place, _P.seen > now - PLACE_KNOWN_FOR)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def learn(self, mailbox: Address, places: Collection[str], *, now: datetime) -> Collection[str] | None:
        """Record that somebody came in from these places. Raises WorldError."""
        known = self._known(mailbox)
        new = [one for one in places if known.get(one, now - PLACE_KNOWN_FOR) <= now - PLACE_KNOWN_FOR]
        stale = [one for one in places if one not in new and known[one] <= now - _DAY]
        if new or stale:
            until_won(lambda: self._learn(mailbox, new, stale, now))
        return new if known else None

    def _known(self, mailbox: Address) -> dict[str, datetime]:
        query = select(_P.place, _P.seen).where(_P.mailbox_key == mailbox.key)
        with self._database.reading() as connection:
            return {row.place: row.seen for row in connection.execute(query)}

    def _learn(self, mailbox: Address, new: Collection[str], stale: Collection[str], now: datetime) -> None:
        mine = _P.mailbox_key == mailbox.key
        with self._database.transaction(synced=bool(new)) as connection:
            if stale:
                connection.execute(update(KNOWN_PLACE).where(mine, _P.place.in_(stale)).values(seen=now))
            if new:
                rows = [{"mailbox_key": mailbox.key, "place": one, "since": now, "seen": now} for one in new]
                connection.execute(delete(KNOWN_PLACE).where(mine, _P.place.in_(new)))
                connection.execute(insert(KNOWN_PLACE), rows)

    def forget(self, *, now: datetime) -> int:
        """Remove old alarms and places that nobody came from for long. Raises WorldError."""
        alarms = self._count(delete(SAFETY_ALARM).where(_A.instant <= now - KEPT_FOR))
        return alarms + self._count(delete(KNOWN_PLACE).where(_P.seen <= now - PLACE_KNOWN_FOR))

    def _count(self, statement: Any) -> int:
        def run() -> int:
            with self._database.transaction() as connection:
                return connection.execute(statement).rowcount

        return until_won(run)


def _read(row: Row[Any]) -> SafetyAlarm:
    return SafetyAlarm(
        number=row.number,
        alarm=NewAlarm(
            mailbox=row.mailbox,
            kind=row.kind,
            instant=row.instant,
            way=row.way,
            peer=row.peer,
            agent=row.agent,
            place=row.place,
        ),
        seen=row.seen,
        sent=row.sent,
    )
