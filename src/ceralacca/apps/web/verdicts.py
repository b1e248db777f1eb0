"""Verdicts kept for a while: a list shows twenty-five messages, and judging them anew at every look would cost seconds.

A message is known by mailbox, folder, UIDVALIDITY and UID: its octets never change under them. What changes is the
world (revocation lists, the directory), so a verdict is kept for some minutes only. In memory, lost with the process.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from ceralacca.services.read_message import Judged

Place = tuple[str, str, int, int]
"""Mailbox, folder, UIDVALIDITY, UID."""

_KEEP: Final = timedelta(minutes=15)
_MOST: Final = 20_000


class Verdicts:
    """Remembers. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Place, tuple[Judged, datetime]] = OrderedDict()

    def of(self, place: Place, now: datetime) -> Judged | None:
        """Return what was found of late."""
        with self._lock:
            found = self._kept.get(place)
        return found[0] if found is not None and now < found[1] else None

    def keep(self, place: Place, judged: Judged, now: datetime) -> None:
        """Remember."""
        with self._lock:
            self._kept[place] = (judged, now + _KEEP)
            self._kept.move_to_end(place)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
