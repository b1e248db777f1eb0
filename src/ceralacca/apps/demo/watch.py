"""What arrives, wherever in the nation it arrives: holders' mailboxes, service mailboxes, the post outside PEC.

Holders' mailboxes are seen through IMAP, as their mail clients see them. The service mailboxes are
nobody's (MO-4) and are looked at on the disk. The queues say when nothing is on its way any more, so that
"nothing else came" is known and not waited for.
"""

import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.mail_client import Mailbox
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.store import JobKind
from ceralacca.store.database import DatabaseStore

_LOOK: Final = 0.05
_ON_THE_WAY: Final = tuple(kind for kind in JobKind if kind is not JobKind.DEADLINE)
"""Jobs that mean that something is still to come; deadlines are hours away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One message that arrived somewhere."""

    place: Address
    """Whose mailbox."""
    octets: bytes


class Lookout:
    """Watches every place of a running nation; use it in a `with`. For one thread."""

    def __init__(self, running: RunningNation) -> None:
        """Open the mailboxes; what is in them already is passed over. Raises Refused, WorldError."""
        self._nation, self._running = running.nation, running
        self._parts = ExitStack()
        self._boxes: dict[Address, Mailbox] = {}
        self._seen: set[Path] = set()
        self.stores: dict[str, DatabaseStore] = {}
        try:
            self._open()
        except BaseException:
            self._parts.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def _open(self) -> None:
        for provider in self._nation.running:
            store = self._nation.store(provider)
            self._parts.callback(store.close)
            self.stores[provider.key] = store
            for holder in provider.holders:
                box = self._parts.enter_context(Mailbox(self._running.account(holder.address)))
                box.skip()
                self._boxes[holder.address] = box
        self._folders = {
            one.service_mailbox: self._nation.mail(one).home(one.service_mailbox) / "Maildir"
            for one in self._nation.running
        }
        self._seen.update(path for path, _ in self._files())

    def fresh(self, places: Collection[Address] | None = None) -> list[Sighting]:
        """Return what arrived since the last look, in these places or anywhere. Raises WorldError."""
        found = []
        for path, place in self._files():
            if path not in self._seen and (places is None or place in places):
                self._seen.add(path)
                found.append(Sighting(place=place, octets=path.read_bytes()))
        for address, box in self._boxes.items():
            if places is None or address in places:
                found += [Sighting(place=address, octets=octets) for octets in box.fresh()]
        return found

    def _files(self) -> list[tuple[Path, Address]]:
        post = {Address(folder.name): folder for folder in self._nation.post.glob("*@*")}
        return [
            (path, place)
            for place, folder in (self._folders | post).items()
            for part in ("cur", "new")
            for path in sorted((folder / part).glob("*"))
        ]

    def until(
        self,
        enough: Callable[[list[Sighting]], bool],
        *,
        within: float,
        places: Collection[Address] | None = None,
        tell: Callable[[Sighting], None] = lambda _: None,
    ) -> list[Sighting]:
        """Watch until it is enough, or the time is over; tell of each at once."""
        found: list[Sighting] = []
        end = time.monotonic() + within
        while True:
            for one in self.fresh(places):
                tell(one)
                found.append(one)
            if enough(found) or time.monotonic() > end:
                return found
            time.sleep(_LOOK)

    def rest(self, *, within: float = 60.0) -> list[Sighting]:
        """Watch until nothing is on its way any more, and return what came. Raises WorldError when it takes longer."""
        self.quiet(within=within)
        return self.fresh()

    def quiet(self, *, within: float) -> None:
        """Wait until nothing is on its way any more. Raises WorldError when it takes longer.

        What leaves one provider's queue is in the other's before: two quiet rounds mean that all are quiet.
        """
        end, quiet = time.monotonic() + within, 0
        while quiet < 2:
            quiet = quiet + 1 if all(map(_is_quiet, self.stores.values())) else 0
            if time.monotonic() > end:
                left = {name: _left(store) for name, store in self.stores.items()}
                raise WorldError(f"mail is still on its way after {within:.0f} s: {left}", remedy="see pec queue list")
            if not quiet:
                time.sleep(_LOOK)


def _left(store: DatabaseStore) -> dict[str, int]:
    queue = store.queue()
    waiting = {kind: queue[kind].waiting + queue[kind].leased for kind in _ON_THE_WAY if kind in queue}
    return {str(kind): number for kind, number in waiting.items() if number}


def _is_quiet(store: DatabaseStore) -> bool:
    return not _left(store)
