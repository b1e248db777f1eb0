"""What the doctor finds about the second site: whether what is answered is durable in both.

Clauses: SL-6.
"""

from collections.abc import Iterator
from datetime import datetime

from ceralacca.apps.doctor import Finding, Level
from ceralacca.apps.second_site import SiteView, view
from ceralacca.apps.settings import Settings
from ceralacca.store.site.state import SiteDuty


def look_at_sites(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at both sites; nothing where there is but one."""
    if settings.site is not None:
        yield from judge_sites(view(settings), now, follow_every=settings.site.follow_every.total_seconds())


def judge_sites(seen: SiteView, now: datetime, *, follow_every: float) -> Iterator[Finding]:
    """Say what is wrong with the two sites, as one of them sees them."""
    for trouble in seen.trouble:
        yield Finding(code="site-trouble", level=Level.FAILED, facts={"fault": trouble})
    own = seen.own
    if own is None:
        return
    if own.alone:
        facts = {"name": own.name, "since": own.alone, "reason": own.reason}
        yield Finding(code="site-alone", level=Level.FAILED, facts=facts)
    elif own.duty is SiteDuty.STANDBY:
        level = Level.GOOD if seen.follows and seen.hears_primary and not own.behind else Level.FAILED
        yield Finding(code="site-standby" if level is Level.GOOD else "site-standby-behind", level=level)
    elif not seen.trouble:
        behind = max((one.behind for one in seen.standbys), default=0)
        yield Finding(code="site", level=Level.GOOD, facts={"name": own.name, "epoch": own.epoch, "octets": behind})
    if own.duty is SiteDuty.PRIMARY and not own.alone:
        late = (now - seen.followed).total_seconds() if seen.followed else None
        if late is not None and late > 3 * follow_every + 60:
            yield Finding(code="site-follow-late", level=Level.WARNING, facts={"minutes": int(late // 60)})
