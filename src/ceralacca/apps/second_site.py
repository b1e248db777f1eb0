"""The second site joined: from the settings to this site, to whether it may take mail, and to how both are.

Clauses: SL-6, AP-25, IP-21.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import database_url, site_of
from ceralacca.base.errors import PecError, UserError, WorldError
from ceralacca.store.durable_files import put_file
from ceralacca.store.engine import Database
from ceralacca.store.site import database as server
from ceralacca.store.site.repair import carry_keys, follow
from ceralacca.store.site.state import Fenced, NotPaired, Site, SiteDuty, SiteState

_LOG = structlog.get_logger(__name__)
_FOLLOWED: Final = "site-followed"


def require_site(settings: Settings) -> Site:
    """Return this site. Raises UserError where there is but one."""
    site = site_of(settings)
    if site is None:
        raise UserError("the settings name no second site", remedy="give the table [site]: docs/how-to/second-site.md")
    return site


def plain_database(settings: Settings) -> Database:
    """Open the database without asking which site it is of: for looking, and for changing just that."""
    return Database(database_url(settings), connections=1)


def may_start(settings: Settings) -> None:
    """See that this site has the duty to serve. Raises UserError: a start would not help.

    A mirror or standby that is away does not stop the start: mail is put off with 451 until it is back.
    """
    site = site_of(settings)
    if site is None:
        return
    try:
        state = site.may_write()
        if not state.alone:
            site.look_across()
    except (Fenced, NotPaired) as error:
        raise UserError(str(error), remedy=error.remedy) from error
    except WorldError as error:
        _LOG.error("site.waits", reason=str(error))
    with closing(plain_database(settings)) as database:
        row, follows = server.row_of(database), server.is_standby(database)
        try:
            site.check_database(row, follows=follows, waits=True)
        except Fenced as error:
            raise UserError(str(error), remedy=error.remedy) from error
        if not site.state().alone and not server.is_waited_for(database):
            _LOG.error("site.waits", reason="PostgreSQL has no synchronous standby that streams")


def carry(settings: Settings) -> None:
    """Let the other site have the keys that this one has just made; what is away gets them with the next start."""
    site = site_of(settings)
    if site is None:
        return
    try:
        carry_keys(site)
    except WorldError as error:
        _LOG.error("site.waits", reason=str(error))


def takes_mail(settings: Settings) -> Callable[[], bool]:
    """Give what says whether a message taken now would be durable in both sites (or alone, by an operator's word).

    It looks at both notes and at the standby; for the listeners, which answer 451 while it says no (AP-25, IP-21).
    """
    site = site_of(settings)
    if site is None:
        return lambda: True
    database = Database(database_url(settings), connections=1, site=site)
    told: list[str] = []

    def look() -> bool:
        try:
            with site.writing():
                alone = bool(site.state().alone)
            reason = "" if alone or server.is_waited_for(database) else "no synchronous standby streams"
        except PecError as error:
            reason = str(error)
        if reason and told != [reason]:
            _LOG.error("site.stops", reason=reason)
        if told and not reason:
            _LOG.warning("site.goes_on")
        told[:] = [reason] if reason else []
        return not reason

    return look


@dataclass(slots=True, kw_only=True)
class SiteView:
    """How both sites are, as this one sees it."""

    own: SiteState | None = None
    other: SiteState | None = None
    trouble: list[str] = field(default_factory=list)
    """What is wrong, in words; empty: what is answered is durable in both."""
    standbys: list[server.Standby] = field(default_factory=list)
    follows: bool | None = None
    """Whether our database is a standby; None when it is away."""
    hears_primary: bool = False
    followed: datetime | None = None
    """When the mirror last followed what holders do."""


def view(settings: Settings) -> SiteView:
    """Look at both sites and change nothing; never raises for what it finds. Raises UserError without a second site."""
    site, seen = require_site(settings), SiteView()
    for look in (_look_here, _look_across, _look_at_database):
        try:
            look(site, settings, seen)
        except PecError as error:
            seen.trouble.append(str(error))
    seen.followed = followed_at(DataFolder(settings.data.folder))
    return seen


def _look_here(site: Site, settings: Settings, seen: SiteView) -> None:
    del settings
    seen.own = site.state()


def _look_across(site: Site, settings: Settings, seen: SiteView) -> None:
    del settings
    seen.other = site.other()
    if seen.own is not None and seen.own.duty is SiteDuty.PRIMARY and not seen.own.alone:
        site.look_across()


def _look_at_database(site: Site, settings: Settings, seen: SiteView) -> None:
    with closing(plain_database(settings)) as database:
        seen.follows = server.is_standby(database)
        if seen.follows:
            seen.hears_primary = server.hears_primary(database)
            return
        if seen.own is None:
            return
        site.check_database(server.row_of(database), follows=False, waits=server.waits(database))
        seen.standbys = server.standbys(database)
        if not seen.own.alone and not any(one.synchronous for one in seen.standbys):
            seen.trouble.append("PostgreSQL has no synchronous standby that streams")


def follow_now(settings: Settings, site: Site, now: datetime) -> None:
    """Let the mirror follow, and note when. Raises Fenced, MirrorAway, WorldError."""
    if site.may_write().alone:
        return
    done = follow(site, now)
    _LOG.debug("site.followed", copied=done.copied, moved=done.moved, removed=done.removed)
    put_file(_note(DataFolder(settings.data.folder)), now.isoformat().encode())


def followed_at(folder: DataFolder) -> datetime | None:
    """Return when the mirror last followed."""
    try:
        return datetime.fromisoformat(_note(folder).read_text())
    except (OSError, ValueError):
        return None


def _note(folder: DataFolder) -> Path:
    return folder.run / _FOLLOWED
