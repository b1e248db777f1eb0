"""The directory agent: fetches the providers directory and the CRLs, and puts in use what may be used.

Runs at the start, then at its times inside the timekeeper, and on command (`pec directory refresh`).
What goes wrong leaves the copies in use as they are, and is an alarm; nothing here stops a provider.

Clauses: DI-3 to DI-5, IP-9, LO-2.
"""

from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.offices import authorities
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.directory_refresh import ReplacementRules
from ceralacca.net.crl_download import CrlDownload
from ceralacca.net.directory_download import DirectoryDownload
from ceralacca.ports.store import Commit, Store
from ceralacca.services.refresh_crls import CrlOutcome, CrlRefresh
from ceralacca.services.refresh_directory import DirectoryRefresh, Refreshed, next_refresh
from ceralacca.store.crl_copies import CrlCopies
from ceralacca.store.directory_copy import DirectoryCopy
from ceralacca.trust.crl_file import CrlReader
from ceralacca.trust.directory_file import DirectoryFileOpener
from ceralacca.trust.instant import JudgedAt
from ceralacca.trust.key_files import read_certificates


@dataclass(slots=True)
class DirectoryAgent:
    """Keeps both copies fresh."""

    directory: DirectoryRefresh
    copy: DirectoryCopy
    crls: CrlRefresh
    store: Store
    attempted: datetime | None = None
    """When the directory was last asked for by this process."""

    def refresh_directory(self, now: datetime) -> Refreshed:
        """Fetch the directory now; what came of it is logged (LO-2). Raises WorldError when the store is away."""
        self.attempted = now
        refreshed = self.directory.refresh(now)
        self.store.commit([Commit(instant=now, log=(refreshed.log,))])
        return refreshed

    def refresh_crls(self, now: datetime, *, at_once: bool = False) -> Mapping[str, CrlOutcome]:
        """Fetch the CRLs that are due, or all. Raises WorldError when the disk refuses."""
        return self.crls.refresh(now, at_once=at_once)

    def directory_due(self, now: datetime) -> datetime:
        """Return when the directory is to be fetched next (DI-3)."""
        refreshed = None
        with suppress(WorldError):
            refreshed = self.copy.load().copy.refreshed
        return next_refresh(refreshed, self.attempted, now)

    def do_what_is_due(self, now: datetime) -> None:
        """Fetch what is due. Raises WorldError."""
        if self.directory_due(now) <= now:
            self.refresh_directory(now)
        if self.crls.next_due(now) <= now:
            self.refresh_crls(now)

    def next_due(self, now: datetime) -> datetime:
        """Return when there is something to do next."""
        return min(self.directory_due(now), self.crls.next_due(now))


def directory_agent(settings: Settings, store: Store) -> DirectoryAgent:
    """Join the parts. Raises UserError for a file that cannot be used."""
    folder, chosen = DataFolder(settings.data.folder), settings.directory
    pinned = tuple(der for path in chosen.manager for der in read_certificates(path))
    copy = DirectoryCopy(folder.directory)
    refresh = DirectoryRefresh(
        download=DirectoryDownload(
            url=chosen.url, roots=chosen.server_ca, certificate=chosen.client_certificate, key=chosen.client_key
        ),
        copy=copy,
        opens=lambda instant: DirectoryFileOpener(pinned=pinned, at=JudgedAt.now(instant)),
        rules=ReplacementRules(own_name=chosen.own_name or settings.provider.name, drop_percent=chosen.drop_percent),
    )
    return DirectoryAgent(directory=refresh, copy=copy, crls=_crl_refresh(settings), store=store)


def fetch_first(settings: Settings) -> None:
    """Fetch what is due before anybody judges a message. Raises UserError, WorldError.

    A directory or CRL that cannot be had now stops no start: mail waits until the timekeeper has it (IP-5).
    """
    with closing(provider_store(settings, connections=1)) as store:
        directory_agent(settings, store).do_what_is_due(CLOCK.now())


def _crl_refresh(settings: Settings) -> CrlRefresh:
    material = authorities(settings)
    trust = settings.trust
    try:
        downloads = {url: CrlDownload(url=url, roots=trust.crl_server_ca) for url in trust.crl_urls}
    except UserError as error:
        raise UserError(f"trust.crl_urls: {error}", remedy=error.remedy) from error
    return CrlRefresh(
        downloads=downloads,
        copies=CrlCopies(DataFolder(settings.data.folder).crls),
        reads=CrlReader(authorities=(*material.anchors, *material.intermediates)),
    )
