"""The memory twin of `store.safety_alarms`."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.ports.safety_alarm import KEPT_FOR, PLACE_KNOWN_FOR, SHOWN_FOR, NewAlarm, SafetyAlarm


class MemorySafetyAlarms:
    """Alarms and places for as long as the process lives; satisfies `ports.safety_alarm.SafetyAlarms`."""

    def __init__(self) -> None:
        self._alarms: dict[int, SafetyAlarm] = {}
        self._last = 0
        self._places: dict[str, dict[str, datetime]] = {}

    def raise_alarm(self, alarm: NewAlarm) -> None:
        """Keep an alarm."""
        self._last += 1
        number = self._last
        self._alarms[number] = SafetyAlarm(number=number, alarm=alarm)

    def unseen(self, mailbox: Address, *, now: datetime, place: str = "") -> list[SafetyAlarm]:
        """Return what the holder has not seen."""
        mine = [
            one
            for one in self._alarms.values()
            if one.alarm.mailbox.key == mailbox.key and one.seen is None and one.alarm.instant > now - SHOWN_FOR
        ]
        return [one for one in reversed(mine) if not place or one.alarm.place != place][:20]

    def mark_seen(self, mailbox: Address, numbers: Collection[int], *, now: datetime, place: str = "") -> int:
        """Record that the holder knows of them."""
        found = [
            one
            for one in self._alarms.values()
            if one.number in numbers and one.seen is None and one.alarm.mailbox.key == mailbox.key
        ]
        found = [one for one in found if not place or one.alarm.place != place]
        self._alarms |= {one.number: replace(one, seen=now) for one in found}
        return len(found)

    def unsent(self, *, limit: int = 100) -> list[SafetyAlarm]:
        """Return what no notice went out for."""
        return [one for one in self._alarms.values() if one.sent is None][:limit]

    def mark_sent(self, number: int, *, now: datetime) -> None:
        """Record that a notice went out."""
        self._alarms[number] = replace(self._alarms[number], sent=now)

    def knows(self, mailbox: Address, place: str, *, now: datetime) -> bool:
        """Say whether somebody came in from that place of late."""
        seen = self._places.get(mailbox.key, {}).get(place)
        return seen is not None and seen > now - PLACE_KNOWN_FOR

    def learn(self, mailbox: Address, places: Collection[str], *, now: datetime) -> Collection[str] | None:
        """Record that somebody came in from these places."""
        known = self._places.setdefault(mailbox.key, {})
        new = [one for one in places if not self.knows(mailbox, one, now=now)]
        first = not known
        known |= dict.fromkeys(places, now)
        return None if first else new

    def forget(self, *, now: datetime) -> int:
        """Remove old alarms and places that nobody came from for long."""
        old = [number for number, one in self._alarms.items() if one.alarm.instant <= now - KEPT_FOR]
        for number in old:
            del self._alarms[number]
        gone = len(old)
        for known in self._places.values():
            for place in [one for one, seen in known.items() if seen <= now - PLACE_KNOWN_FOR]:
                del known[place]
                gone += 1
        return gone
