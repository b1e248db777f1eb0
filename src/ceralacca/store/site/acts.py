"""What operators do with two sites: pair them, let one work alone, bring them together, promote the other.

The order of each act is that of safety: who is to stop writing knows it before who is to begin. An act that was cut
off is finished by doing it again.

Clauses: SL-6 (DM 12.7; DPR 11).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from fcntl import LOCK_EX
from typing import Final

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.failpoints import reach
from ceralacca.base.identifiers import Entropy
from ceralacca.store.engine import Database
from ceralacca.store.site import database as server
from ceralacca.store.site.repair import Differences, repair
from ceralacca.store.site.state import Fenced, MirrorAway, Site, SiteDuty, SiteState, at_mirror, read_state

_PATIENCE: Final = 10.0
"""Seconds for a look at a mirror that may hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """What a promotion came to."""

    state: SiteState
    jobs: int
    """What the other site's workers had in hand, due again."""


def pair(site: Site, database: Database, *, name: str, now: datetime, entropy: Entropy) -> Differences:
    """Make this site the primary of a pair, and the empty folder at its mirror the standby's; copy everything.

    `database` is opened without the site. Raises UserError, WorldError.
    """
    own = _own(site)
    if own is not None and (own.duty is not SiteDuty.PRIMARY or not own.alone):
        raise UserError(f"site {own.name} is paired already, as the {own.duty}", remedy="pec site status")
    _ask_for_standby(database)
    pair_id = own.pair if own else entropy(16).hex()
    state = SiteState(
        pair=pair_id,
        name=name,
        epoch=own.epoch if own else 1,
        duty=SiteDuty.PRIMARY,
        alone=own.alone if own else now.isoformat(),
        reason=own.reason if own else "being paired",
    )
    _ask_for_empty(site, state)
    with at_mirror():
        standby = replace(state, name=f"beside {name}", duty=SiteDuty.STANDBY, alone="", reason="", behind=state.alone)
        standby.write(site.mirror)
    state.write(site.folder)
    server.keep_row(database, state, now)
    return bring_together(site, database, now=now)


def bring_together(site: Site, database: Database, *, now: datetime) -> Differences:
    """Let both sites have everything again, and end working alone. Harmless when done again.

    `database` is opened without the site. Raises UserError when there is no standby to wait for, Fenced, WorldError.
    """
    own = site.may_write()
    site.look_across()
    _ask_for_standby(database)
    other = site.other()
    with site.held(LOCK_EX):  # no batch is under way that has no mirror
        own = replace(own, alone="", reason="")
        own.write(site.folder)
    reach("site.together.mirrored")
    done = repair(site, database, now)
    if done.lost:
        raise WorldError(f"{len(done.lost)} stored files are in neither site", remedy="pec site check")
    server.keep_row(database, own, now)
    server.await_standby(database)
    with at_mirror():
        replace(other, epoch=own.epoch, behind="").write(site.mirror)
    return done


def go_alone(site: Site, database: Database, *, reason: str, now: datetime) -> SiteState:
    """Let this site work without the other: what it answers from now on is durable here only.

    Raises UserError, Fenced when the other site has taken over.
    """
    if not reason.strip():
        raise UserError("a site works alone for a stated reason only", remedy="say why the other one is away")
    own = site.may_write()
    if own.alone:
        raise UserError(f"site {own.name} is alone since {own.alone}", remedy="pec site together, to end it")
    told = _within(_PATIENCE, site.look_across)
    if isinstance(told, Fenced):
        raise told
    state = replace(own, alone=now.isoformat(), reason=reason)
    state.write(site.folder)
    if told is None:
        _within(_PATIENCE, lambda: replace(site.other(), behind=state.alone).write(site.mirror))
    server.keep_row(database, state, now)
    return state


def promote(
    site: Site, database: Database, *, name: str, reason: str, now: datetime, accept_loss: bool = False
) -> Promoted:
    """Make this standby the primary of a new epoch, alone until another site is paired with it.

    `database` is opened without the site. Raises UserError while the primary is heard, or when what the primary
    accepted alone would be lost; WorldError.
    """
    own, follows = site.state(), server.is_standby(database)
    epoch = server.epoch_of(database, own.pair)
    if own.duty is SiteDuty.PRIMARY and not follows and epoch == own.epoch:
        raise UserError(f"site {own.name} is the primary already", remedy="pec serve")
    if own.duty is SiteDuty.STANDBY:
        if follows and server.hears_primary(database):
            raise UserError(
                "the standby hears its primary: two sites must never both write",
                remedy="stop the primary's PostgreSQL or cut the connection; one that is dead ends by itself "
                "(wal_receiver_timeout)",
            )
        if (own.behind or server.row_says_alone(database)) and not accept_loss:
            raise UserError(
                f"the primary worked alone{f' since {own.behind}' if own.behind else ''}: what it accepted is not here",
                remedy="bring the primary back; or pec site promote --accept-loss",
            )
        own = replace(own, name=name, epoch=max(own.epoch, epoch) + 1, duty=SiteDuty.PRIMARY, behind="")
        own = replace(own, alone=now.isoformat(), reason=reason)
        own.write(site.folder)  # from here the other site writes no file and, through its mirror, learns why
    reach("site.promote.fenced")
    if follows:
        server.promote_server(database)
    reach("site.promote.server")
    jobs = server.give_back_leases(database, now)
    server.keep_row(database, own, now)
    return Promoted(state=own, jobs=jobs)


def _own(site: Site) -> SiteState | None:
    try:
        return read_state(site.folder)
    except (OSError, ValueError) as error:
        raise WorldError(f"{site.folder}: {error}", remedy="look at site.json") from error


def _ask_for_standby(database: Database) -> None:
    if not server.is_waited_for(database):
        raise UserError(
            "PostgreSQL has no synchronous standby that streams",
            remedy="start it at the other site, and name it in synchronous_standby_names",
        )


def _ask_for_empty(site: Site, state: SiteState) -> None:
    """See that the other folder is new, or that of this very pairing, cut off."""
    with at_mirror():
        there = read_state(site.mirror)
        names = [path.name for path in site.mirror.iterdir() if path.name != "lost+found"]
    begun = there is not None and (there.pair, there.epoch, there.duty) == (state.pair, state.epoch, SiteDuty.STANDBY)
    if names and not begun:
        raise UserError(
            f"{site.mirror} is not empty: what an overtaken site left would mix with what is true",
            remedy="move it aside, and give an empty folder",
        )


def _within(seconds: float, act: Callable[[], None]) -> WorldError | None:
    """Do something that may hang; return its error, MirrorAway when it does not come to an end."""
    ended: list[WorldError | None] = []

    def attempt() -> None:
        try:
            act()
        except OSError as error:
            ended.append(MirrorAway(str(error)))
        except WorldError as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=attempt, daemon=True, name="mirror")
    thread.start()
    thread.join(seconds)
    return ended[0] if ended else MirrorAway("the other site's folder does not answer")
