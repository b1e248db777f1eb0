"""What a probe looks up beside the walk: the sign-in page, and on the provider's own machine directory and log.

Clauses: SL-2; DI-3, LO-1 for what is looked up.
"""

from collections.abc import Mapping
from contextlib import closing

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.probe.settings import ProbeSettings
from ceralacca.apps.probe.walk import LooksUp
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import provider_store
from ceralacca.base.errors import WorldError
from ceralacca.core.availability import Function
from ceralacca.net.fetch import FetchLimits, fetch
from ceralacca.store.directory_copy import DirectoryCopy

_MOST_PAGE = 1 << 20


def look_ups(settings: ProbeSettings) -> Mapping[Function, LooksUp]:
    """Return what this probe may look up. Raises UserError."""
    found: dict[Function, LooksUp] = {}
    if settings.webmail:
        found[Function.WEBMAIL] = lambda _: _page(settings)
    if settings.provider_config is not None:
        provider = read_settings(settings.provider_config)
        domain = (settings.to or settings.address).domain
        found[Function.DIRECTORY] = lambda _: _directory(provider, domain)
        found[Function.LOG] = lambda message_id: _log(provider, message_id)
    return found


def _page(settings: ProbeSettings) -> None:
    seconds = settings.timeout.total_seconds()
    limits = FetchLimits(octets=_MOST_PAGE, silent_seconds=seconds, total_seconds=seconds)
    fetch(settings.webmail, limits, tls=settings.account.tls())


def _directory(provider: Settings, domain: str) -> None:
    copy = DirectoryCopy(DataFolder(provider.data.folder).directory)
    if not copy.load().directory.is_pec(domain):
        raise WorldError("the domain is not in the directory", remedy="pec directory show")


def _log(provider: Settings, message_id: str) -> None:
    with closing(provider_store(provider, connections=1)) as store:
        if not store.log_of(message_id):
            raise WorldError("the walk's own message is not in the log", remedy="pec trace")
