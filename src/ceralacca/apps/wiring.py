"""Where the parts of a provider are joined that every role needs: from the settings to a store, mailboxes, a scanner.

Each function makes one part for one process, so that a role holds what it needs and nothing else. What
judges and seals is joined in `apps.offices`.

Clauses: SE-4 (least privilege).
"""

from pathlib import Path
from typing import Final
from urllib.parse import quote

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError
from ceralacca.net.clamd import Clamd, ClamdSettings
from ceralacca.store.database import DatabaseStore, StoreSettings, open_store
from ceralacca.store.engine import Database
from ceralacca.store.maildir import Maildir
from ceralacca.store.maildir_files import Owner
from ceralacca.store.site.files import MirroredMail
from ceralacca.store.site.state import Site
from ceralacca.trust.key_files import read_secret_line

CLOCK: Final = SystemClock()


def database_url(settings: Settings) -> str:
    """Return the address of the database, with its password if it has one. Raises UserError."""
    data = settings.data
    if not data.database:
        return f"sqlite:///{DataFolder(data.folder).database}"
    if data.database_password_file is None:
        return data.database
    secret = quote(read_secret_line(data.database_password_file).decode("utf-8", "surrogateescape"), safe="")
    scheme, _, rest = data.database.partition("://")
    user, at, place = rest.partition("@")
    if not at:
        raise UserError("data.database names no user", remedy="write postgresql://user@host/name")
    return f"{scheme}://{user}:{secret}@{place}"


def provider_store(settings: Settings, *, connections: int = 4, reads_are_durable: bool = True) -> DatabaseStore:
    """Open the store; `reads_are_durable` as in its settings. Raises UserError, WorldError."""
    chosen = StoreSettings(
        connections=connections,
        site=site_of(settings),
        service_mailbox=settings.provider.service_mailbox,
        reads_are_durable=reads_are_durable,
    )
    return open_store(database_url(settings), settings.data.folder, chosen)


def provider_database(settings: Settings) -> Database:
    """Open the database of the store, for what is kept beside it. Raises UserError."""
    return Database(database_url(settings), connections=1, site=site_of(settings))


def site_of(settings: Settings) -> Site | None:
    """Return this site, where there are two."""
    return None if settings.site is None else Site(settings.data.folder, settings.site.mirror)


def mail_store(settings: Settings, owner: Owner | None = None) -> Maildir:
    """Return the mailboxes."""
    root, site = DataFolder(settings.data.folder).mail, site_of(settings)
    if site is None:
        return Maildir(root, clock=CLOCK, owner=owner)
    return MirroredMail(root, site, clock=CLOCK, owner=owner)


def clamd_settings(settings: Settings) -> ClamdSettings:
    """Return where the scanner is. Raises UserError when the address of one cannot be read."""
    virus = settings.virus
    address: Path | tuple[str, int] = DataFolder(settings.data.folder).clamd / "clamd.sock"
    if not virus.managed:
        host, colon, port = virus.socket.rpartition(":")
        if colon and not port.isdecimal():
            raise UserError("virus.socket cannot be read", remedy="write the path of a socket, or host:port")
        address = (host, int(port)) if colon else Path(virus.socket)
    return ClamdSettings(
        address=address,
        most_octets=virus.most_octets,
        signature_age=virus.signature_age,
        demonstration=virus.demo_database,
    )


def scanner(settings: Settings) -> Clamd:
    """Return the client of the scanner."""
    return Clamd(clamd_settings(settings), CLOCK)
