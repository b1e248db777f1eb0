"""The virus storage joined: infected messages are in the vault before the commit that names them (VI-1, VI-2).

After that commit the store holds their octets no more; what a cut leaves goes when a worker starts again, what
another worker's job needed then within the hour. The workers store, the timekeeper deletes after thirty months.
The key is a file of its own; unless the settings name another, it is made in the data folder at the first start.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import site_of
from ceralacca.base.errors import WorldError
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.retention import Holds
from ceralacca.ports.store import Commit, CommitOutcome, InfectedMessage, Keep, Kept, Postponed, Store
from ceralacca.ports.vault import Purged
from ceralacca.store.site.files import MirroredVault
from ceralacca.store.virus_vault import VaultEvent, VirusVault
from ceralacca.trust.vault_key import VaultKey, ensure_key

_LOG = structlog.get_logger(__name__)


def key_file(settings: Settings) -> Path:
    """Return where the key of the storage is."""
    return settings.virus.storage_key_file or DataFolder(settings.data.folder).root / "virus-storage.key"


def make_key(settings: Settings) -> None:
    """Make the key in the data folder unless it is there; one that the settings name is the operator's to make."""
    if settings.virus.storage_key_file is None:
        ensure_key(key_file(settings))


def virus_vault(settings: Settings) -> VirusVault:
    """Open the storage. Raises UserError when the key cannot be read."""
    folder, key = DataFolder(settings.data.folder).vault, VaultKey.load(key_file(settings))
    site = site_of(settings)
    return VirusVault(folder, key) if site is None else MirroredVault(folder, key, site)


class _StoreWithVault:
    """A store whose commits put what is infected into the vault first; a redo finds it there."""

    def __init__(self, store: Store, vault: VirusVault) -> None:
        self._store, self._vault = store, vault
        self._left: frozenset[str] = frozenset()
        """Digests that another job needed still when they were to be purged."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, commits: Sequence[Commit], postponed: Sequence[Postponed] = ()) -> list[CommitOutcome]:
        with self._vaulted(commits):
            return self._store.commit(commits, postponed)

    def commit_and_keep(self, commits: Sequence[Commit], postponed: Sequence[Postponed], keep: Keep) -> Kept:
        with self._vaulted(commits):
            return self._store.commit_and_keep(commits, postponed, keep)

    def purge_infected(self, digests: Collection[str] | None = None) -> Purged:
        purged = self._store.purge_infected(digests)
        self._left |= purged.left  # also what those before this process have left
        return purged

    @contextmanager
    def _vaulted(self, commits: Sequence[Commit]) -> Iterator[None]:
        for facts in (one for commit in commits for one in commit.infected):
            if not self._vault.holds(facts.key):
                self._vault.put(facts, self._store.octets(facts.digest))
        yield
        digests = self._left.union(
            *(commit.infected_again for commit in commits),
            (facts.digest for commit in commits for facts in commit.infected),
        )
        if digests:
            self._left = purge(self._store, digests).left


def purge(store: Store, digests: Collection[str] | None = None) -> Purged:
    """Let nothing but the vault hold what is infected (VI-2): of these digests, or everything that is left.

    What cannot go now, because a job needs it, goes when the worker commits again or the timekeeper looks.
    """
    try:
        return store.purge_infected(digests)
    except WorldError as error:
        _LOG.warning("virus_storage.purge_waits", error=type(error).__name__)
        return Purged(left=frozenset(digests or ()))


def with_vault(store: Store, vault: VirusVault) -> Store:
    """Return the store, with the vault before it."""
    return cast("Store", _StoreWithVault(store, vault))


def delete_expired(vault: VirusVault, store: Store, now: datetime, holds: Holds | None = None) -> int:
    """Delete what is older than thirty months and not held, each with its row in the message log; return how many."""
    in_force = Holds(()) if holds is None else holds

    def log(event: VaultEvent) -> None:
        row = LogRow(instant=event.instant, event=LogEvent.QUARANTINE, detail=f"deleted after 30 months: {event.key}")
        store.commit([Commit(instant=event.instant, log=(row,))])

    def keep(message: InfectedMessage) -> bool:
        return in_force.keep_mail(message.identifier, (message.sender, *message.recipients))

    return vault.delete_expired(now, log=log, keep=keep)
