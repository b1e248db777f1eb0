"""Which of two sites this is, and whether it may write: the state in its data folder, and the fence.

    <data folder>/site.json    pair, name, epoch, duty, and whether it works alone

One site is *primary* and writes; the other is *standby*: its PostgreSQL is a synchronous standby, its data folder is
the primary's *mirror*, reached over a file system of the network. A promotion begins a new *epoch*. Before anything is
written the primary looks at both notes: when the other site's says a later epoch, or primary, it has been overtaken
and writes no more. A site that works *alone*, after a promotion or by an operator's word, writes into no mirror.

Clauses: SL-6 (DM 12.7; DPR 11).
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ceralacca.base.errors import WorldError
from ceralacca.store.durable_files import UnprotectedFile, put_file, read_protected

FILE: Final = "site.json"
_LOCK: Final = "site.lock"
_MOST: Final = 4096


class Fenced(WorldError):
    """This site may not write: the other one took over, or it never had the duty."""


class MirrorAway(WorldError):
    """The other site's data folder does not take what is written: nothing is accepted on one site only."""


class NotPaired(WorldError):
    """The settings name a second site, and the data folder knows of none."""


class SiteDuty(StrEnum):
    """What a site is there for."""

    PRIMARY = "primary"
    """It writes."""
    STANDBY = "standby"
    """It is written into, and waits for its promotion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """What a site knows of itself."""

    pair: str
    """Which two sites belong together; the same in both and in the database."""
    name: str
    epoch: int
    """One more with every promotion."""
    duty: SiteDuty
    alone: str = ""
    """Since when (ISO 8601) it works without the other; empty: both have everything."""
    reason: str = ""
    """Why it is alone, in the operator's words."""
    behind: str = ""
    """On a standby: since when the primary has worked alone, as far as it could be told here."""

    def write(self, folder: Path) -> None:
        """Make this the state of a data folder, durably. Raises OSError."""
        put_file(folder / FILE, json.dumps(asdict(self), indent=1).encode() + b"\n")


def read_state(folder: Path) -> SiteState | None:
    """Return the state of a data folder; None when it has none. Raises OSError, UnprotectedFile, ValueError."""
    try:
        octets = read_protected(folder / FILE, limit=_MOST)
    except FileNotFoundError:
        return None
    values = json.loads(octets)
    try:
        return SiteState(**{**values, "duty": SiteDuty(values["duty"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{FILE} is not a state of a site") from error


class Site:
    """This site, as one process sees it. Safe between threads; costs a look at two small files a batch."""

    def __init__(self, folder: Path, mirror: Path) -> None:
        """Look from `folder`, the data folder, at `mirror`, the other site's, as it is mounted here."""
        self.folder, self.mirror = folder, mirror
        self._known: dict[Path, tuple[tuple[int, int, int], SiteState | None]] = {}

    def state(self) -> SiteState:
        """Return what this site is. Raises NotPaired, WorldError."""
        try:
            state = self._look(self.folder)
        except (OSError, ValueError, UnprotectedFile) as error:
            raise WorldError(f"{self.folder / FILE} cannot be read: {error}", remedy="pec site status") from error
        if state is None:
            raise NotPaired(f"{self.folder} belongs to no pair of sites", remedy="pec site pair, at the primary site")
        return state

    def other(self) -> SiteState:
        """Return what the other site is. Raises MirrorAway when its folder cannot be seen, or belongs to another pair.

        The folder of a mount that is not there has no note, so that nothing is ever written beneath it.
        """
        try:
            state = self._look(self.mirror)
        except (OSError, ValueError, UnprotectedFile) as error:
            raise MirrorAway(f"the other site's folder cannot be read: {error}", remedy=_MOUNT) from error
        if state is None:
            raise MirrorAway(f"{self.mirror} has no {FILE}: it is not mounted, or not paired", remedy=_MOUNT)
        if state.pair != self.state().pair:
            raise MirrorAway(f"{self.mirror} belongs to another pair of sites", remedy="look at site.mirror")
        return state

    def may_write(self) -> SiteState:
        """Return the state of a site that has the duty to write. Raises Fenced, NotPaired, WorldError."""
        state = self.state()
        if state.duty is not SiteDuty.PRIMARY:
            raise Fenced(f"site {state.name} is the standby: it does not write", remedy="pec site promote, in need")
        return state

    def look_across(self) -> None:
        """Look whether the other site has taken over. Raises Fenced when it has, MirrorAway when that is not known."""
        own, other = self.may_write(), self.other()
        if other.epoch > own.epoch or other.duty is SiteDuty.PRIMARY:
            raise Fenced(
                f"site {other.name} has taken over (epoch {other.epoch}, ours is {own.epoch})",
                remedy="stop this site; bring it back as the standby: docs/how-to/second-site.md",
            )

    def check_database(self, row: tuple[str, int] | None, *, follows: bool, waits: bool) -> None:
        """Hold what a database says of itself against this site. Raises Fenced, NotPaired, WorldError.

        `row`: pair and epoch; `follows`: it is a standby; `waits`: its commits wait for a standby.
        """
        state = self.state()
        if row is None or tuple(row) != (state.pair, state.epoch):
            said = "no pair of sites" if row is None else f"epoch {row[1]}" if row[0] == state.pair else "another pair"
            raise Fenced(
                f"the database is of {said}, site {state.name} of epoch {state.epoch}",
                remedy="look at data.database and data.folder; pec site status",
            )
        if follows:
            raise Fenced(f"the database of site {state.name} is a standby", remedy="pec site promote, in need")
        if not waits and not state.alone:
            raise Fenced(
                "the database waits for no standby: what it commits is on this site only",
                remedy="set synchronous_standby_names; or pec site alone",
            )

    @contextmanager
    def writing(self) -> Iterator[Path | None]:
        """Give the folder to write into as well, None when this site is alone; for the length of one batch.

        Raises Fenced, MirrorAway, NotPaired: then nothing may be written here either.
        """
        with self.held(fcntl.LOCK_SH):
            alone = self.may_write().alone
            if not alone:
                self.look_across()
            yield None if alone else self.mirror

    @contextmanager
    def held(self, how: int) -> Iterator[None]:
        """Hold the lock that batches share; exclusively, none is under way that began without a mirror."""
        try:
            handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WorldError(f"{self.folder}: {error.strerror}", remedy="look at the data folder") from error
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)

    def in_mirror(self, path: Path) -> Path:
        """Return where the other site has what is here at `path`."""
        return self.mirror / path.relative_to(self.folder)

    def _look(self, folder: Path) -> SiteState | None:
        """Read a note anew only when it was replaced."""
        try:
            status = os.lstat(folder / FILE)
        except FileNotFoundError:
            return None
        edition = status.st_ino, status.st_mtime_ns, status.st_size
        known = self._known.get(folder)
        if known is None or known[0] != edition:
            known = self._known[folder] = edition, read_state(folder)
        return known[1]


_MOUNT: Final = "mount the other site's data folder at site.mirror; pec site status"


@contextmanager
def at_mirror() -> Iterator[None]:
    """Say of what fails inside that it failed at the other site."""
    try:
        yield
    except MirrorAway:
        raise
    except (OSError, WorldError) as error:
        raise MirrorAway(f"the other site's folder refuses: {error}", remedy=_MOUNT) from error
