"""The sandbox's directory manager: collects what providers publish, merges it and publishes the whole, signed.

A provider's file counts only when it is sealed with a certificate that this authority issued to
that very provider and has not revoked, and when it speaks of nobody else: its own records, its own
certificates, domains that no other provider has. Of a provider whose file is away or wrong the
last good one stays, so that one provider's trouble makes no other vanish.

Clauses: DI-1 to DI-6, 9.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from ceralacca.apps.authority.sandbox import Sandbox, Source
from ceralacca.base.errors import PecError, PeerError, UserError, WorldError
from ceralacca.core.directory import BaseEntry, Directory, ProviderRecord, name_key
from ceralacca.formats.directory_ldif import read_directory
from ceralacca.store.durable_files import put_file
from ceralacca.trust.directory_file import open_directory_file, seal_directory_file
from ceralacca.trust.instant import JudgedAt

_LOG = structlog.get_logger(__name__)

DIRECTORY_PATH: Final = "/igpec.ldif.p7m"
_FILE: Final = "file:"
_MOST_OCTETS: Final = 64 * 2**20

Download = Callable[[str], bytes]
"""From an address to the octets there; the real one shows the authority's certificate (DI-4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """How collecting went."""

    directory: Directory
    """What is published now."""
    faults: dict[str, str]
    """By provider, what was wrong with its file; its last good one stays in use."""


def collect(sandbox: Sandbox, download: Download, *, url: str = "") -> Collected:
    """Collect every provider's file, merge, sign and publish.

    `url` is where the whole will be found. Raises WorldError when the disk refuses.
    """
    records: list[ProviderRecord] = []
    faults: dict[str, str] = {}
    for source in sandbox.sources():
        try:
            fresh = _read(sandbox, source, _fetch(source, download))
            own = _apart(fresh[1], records)
            put_file(_kept(sandbox, source), fresh[0])
        except PecError as error:
            faults[source.name] = str(error)
            own = _last_good(sandbox, source, records)
            _LOG.warning("directory.collect.fault", provider=source.name, fault=str(error), kept=len(own))
        records += own
    base = BaseEntry(location=url or None, description=("TEST directory of a sandbox",))
    whole = Directory(records=tuple(records), base=base)
    sandbox.publish(seal_directory_file(whole, sandbox.manager(), sandbox.clock.now()))  # DI-2
    _LOG.info("directory.published", records=len(records), faults=len(faults))
    return Collected(directory=whole, faults=faults)


def _fetch(source: Source, download: Download) -> bytes:
    if not source.location.startswith(_FILE):
        return download(source.location)
    path = Path(source.location.removeprefix(_FILE))
    try:
        if path.stat().st_size > _MOST_OCTETS:
            raise UserError(f"{path} is larger than any directory", remedy="name the provider's file")
        return path.read_bytes()
    except OSError as error:
        raise WorldError(f"{path}: {error.strerror}", remedy="let the provider publish first") from error


def _read(sandbox: Sandbox, source: Source, p7m: bytes) -> tuple[bytes, tuple[ProviderRecord, ...]]:
    """Open one provider's file. Raises PeerError unless it is that provider's, and about it alone."""
    issued = sandbox.certificates_of(source.name)
    content = open_directory_file(p7m, issued, at=JudgedAt.now(sandbox.clock.now()))
    found = read_directory(content.ldif)
    if found.base is not None or not found.records:
        raise PeerError("a provider's file holds its own records and nothing else (DI-1)")
    for record in found.records:
        if record.provider_key != name_key(source.name):
            raise PeerError("a provider's file speaks of another provider")
        if not set(record.certificates) <= set(issued):
            raise PeerError("a provider's file lists a certificate that was not issued to it, or was revoked")
    return p7m, found.records


def _apart(own: tuple[ProviderRecord, ...], others: list[ProviderRecord]) -> tuple[ProviderRecord, ...]:
    """Return the records. Raises PeerError when they claim a domain that another provider has."""
    taken = {domain for record in others for domain in record.domains}
    if claimed := sorted({domain for record in own for domain in record.domains} & taken):
        raise PeerError(f"a domain that another provider has: {claimed[0]}")
    return own


def _last_good(sandbox: Sandbox, source: Source, others: list[ProviderRecord]) -> tuple[ProviderRecord, ...]:
    try:
        return _apart(_read(sandbox, source, _kept(sandbox, source).read_bytes())[1], others)
    except (PecError, OSError):
        return ()


def _kept(sandbox: Sandbox, source: Source) -> Path:
    return sandbox.folder / "collected" / f"{sha256(source.name.encode()).hexdigest()[:32]}.p7m"
