"""A yard with two sites: the whole first one dies under load, the second is promoted and must miss nothing.

Each round: a stream of mail into the pair on site A; then, at a moment drawn by lot or at a failpoint, SIGKILL to its
processes and to its PostgreSQL, in either order; its folder is moved away; B is promoted, in every third round by a
process that is itself killed in the middle and does it again; the pair goes on at B, alone; a new standby site is made
and paired, and the next round kills B. What clients were told is kept outside; the checker of crash campaigns reads B.

Serves: SL-6; R5, R6 of the fault table; invariants of ARCHITECTURE.md.
"""

import os
import random  # noqa: TID251 a campaign is drawn by lot, and again by its seed
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from ceralacca.base import failpoints
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import system_entropy
from ceralacca.store.engine import Database
from ceralacca.store.site import acts
from ceralacca.store.site.database import is_waited_for
from ceralacca.store.site.repair import compare
from ceralacca.store.site.state import Fenced, Site
from ceralacca.testing.crash_databases import PostgresDatabases
from ceralacca.testing.crash_flows import EVERYTHING, STREAM, Stage
from ceralacca.testing.crash_rig import HOSTS, Joins, data_of
from ceralacca.testing.crash_yard import Child, Point, RigFailure, Yard, kill_later
from ceralacca.testing.databases import PostgresCluster

_ALL: Final = Stage(alfa=EVERYTHING, beta=EVERYTHING, stream=True)
_MOST: Final = 6
"""Messages sent in one life."""
_PROMOTION_POINTS: Final = ("site.promote.fenced", "site.promote.server")
_WITHIN: Final = 30.0


class SiteDatabases(PostgresDatabases):
    """Two databases of a primary, and its standby in the other site."""

    def __init__(self, folder: Path) -> None:
        """Start both. Raises UserError when the package is missing."""
        super().__init__(folder)
        self._cluster.wait_for_standby()
        self._standby = self._new_standby()  # and all that are copied later wait as well

    def die(self) -> None:
        """End the primary as a power cut of its site would."""
        self._cluster.kill()

    def turn(self) -> None:
        """Let the standby be the one that counts; what is left of the primary goes."""
        self._cluster.close()
        self._cluster = self._standby
        self.urls = {name: self._cluster.url_here(url) for name, url in self.urls.items()}

    def standby_url(self, name: str) -> str:
        """Return where the standby has a provider's database."""
        return self._standby.url_here(self.urls[name])

    def renew(self) -> None:
        """Make a new standby of the present primary."""
        self._standby = self._new_standby()

    def close(self) -> None:
        """Stop both and delete everything."""
        if self._standby is not self._cluster:
            self._standby.close()
        super().close()

    def _new_standby(self) -> PostgresCluster:
        return PostgresCluster(self._cluster.programs, follows=self._cluster, name="other_site")


class SiteYard(Yard):
    """A yard of two sites; `seconds` is how long each promotion took, from the last sign of the first site."""

    def __init__(self, *, joined: Joins, seed: int, plant: str = "") -> None:
        """Make both sites, empty and paired; `plant`: a bug of `SITE_PLANTS` in every child."""
        self._present, self._number = "site-0", 0
        super().__init__("postgresql", joined=joined, plant=plant)
        self._chance = random.Random(seed)  # noqa: S311 the same campaign again by its seed
        self.seconds: list[float] = []
        self.died_at: list[str] = []
        """Failpoints at which a first site died."""
        self._begin_anew()

    def campaign(self, rounds: int) -> tuple[int, list[str]]:
        """Lose so many sites; return how many messages were answered 250, and what broke: then it ends there."""
        broken: list[str] = []
        for number in range(1, rounds + 1):
            self._lose_site(number)
            broken += [f"round {number}, after the promotion: {words}" for words in self._judge(rest=False)]
            self._go_on_alone()
            broken += [f"round {number}: {words}" for words in self._old_site_is_fenced()]
            if broken:
                return self._answered(), broken
            self._pair_anew()
        self._pass_leases()
        self._live(Stage(alfa=EVERYTHING, beta=EVERYTHING, hours=40))
        broken += self._judge(rest=True)
        broken += self._sites_differ()
        return self._answered(), broken

    def _answered(self) -> int:
        return sum(told.code == 250 for told in self._told)

    # -- one round ---------------------------------------------------------------------------------

    def _lose_site(self, number: int) -> None:
        point = self._draw_point() if number % 2 == 0 else None
        with self._child(_ALL, kill=point) as child:
            if child.ports is None and point is None:
                raise RigFailure(self._trace())
            first, relayed = self._chance.randint(2, _MOST), self._relayed()
            killer = None
            for sent in range(2 * _MOST if child.ports else 0):
                if sent == first and not point:
                    self._await_relayed(relayed)
                    killer = kill_later(child.pid, self._chance.uniform(0.05, 3.0))
                if not self._send(child.ports or {}, self._next(self._chance.choice(STREAM))):
                    break
            if point:
                self._await_death(child.pid)
            elif killer and self._chance.random() < 0.5:
                os.waitpid(killer, 0)
            self._servers.die()  # before the processes, in a quarter of the rounds
            if killer is not None:
                with suppress(ChildProcessError):
                    os.waitpid(killer, 0)
            self._end_processes(child)
        began = time.monotonic()
        self._move_away()
        self._promote(cut=number % 3 == 0)
        self._turn_over()
        self.seconds.append(time.monotonic() - began)
        if point:
            self.died_at.append(f"{point[0]}:{point[1]}")

    def _relayed(self) -> int:
        """Return how much the relays' book holds."""
        book = self.folder / "wire" / "book"
        return book.stat().st_size if book.exists() else 0

    def _await_relayed(self, before: int) -> None:
        """Wait until something has gone out, however slow the machine: a death finds transmissions under way."""
        until = time.monotonic() + _WITHIN
        while self._relayed() == before and time.monotonic() < until:
            time.sleep(0.02)

    def _end_processes(self, child: Child) -> None:
        """End the pair of the lost site; without its database it may have ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        child.pid = 0
        code = os.waitstatus_to_exitcode(status)
        if code not in {0, -signal.SIGKILL} and "WorldError" not in self._trace():
            raise RigFailure(f"a child ended with {code}: {self._trace()}")

    def _draw_point(self) -> Point:
        """Draw a passage that a life under load is known to make; early ones more often, so that it is reached."""
        names = (
            "site.blobs.before", "site.blobs.after", "site.mail.before", "site.mail.after", "database.receive.before",
            "database.receive.after", "database.commit.before", "database.commit.after", "database.sync.before",
            "database.sync.after", "database.claim.after", "blobs.rename.before", "maildir.rename.after",
            "site.vault.before", "site.vault.after",
        )  # fmt: skip
        return self._chance.choice(names), self._chance.randint(1, 4)

    def _await_death(self, pid: int) -> None:
        """Wait until the failpoint has ended the child; one that is not reached is ended like the others."""
        until = time.monotonic() + 5.0
        while time.monotonic() < until:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if status == "Z":
                return
            time.sleep(0.01)

    def _move_away(self) -> None:
        self._number += 1
        self._site(self._present).rename(self._root / f"lost-{self._number}")

    def _promote(self, *, cut: bool) -> None:
        for name in HOSTS:
            if cut:
                point = self._chance.choice(_PROMOTION_POINTS)
                self._forked(partial(self._promote_one, name), kill=point)
            until = time.monotonic() + _WITHIN
            while True:  # the standby may hear the dying primary for a moment
                try:
                    self._promote_one(name)
                    break
                except UserError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.05)

    def _promote_one(self, name: str) -> None:
        database = Database(self._servers.standby_url(name), connections=1)
        site = Site(self._site(self._other) / name, self._site(self._present) / name)
        try:
            acts.promote(site, database, name=self._other, reason="the first site is gone", now=self._now())
        finally:
            database.close()

    def _forked(self, act: Callable[[], object], *, kill: str) -> None:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                vars(failpoints).update(_WANTED=kill, _left=1)
                act()
                code = 0
            except UserError:
                code = 1  # the primary was still heard: nothing was done
            finally:
                os._exit(code)
        os.waitpid(pid, 0)

    def _turn_over(self) -> None:
        self._servers.turn()
        self._present = self._other
        self._link()

    def _go_on_alone(self) -> None:
        with self._child(_ALL) as child:
            if child.ports is None:
                raise RigFailure(self._trace())
            for _ in range(2):
                self._send(child.ports, self._next(self._chance.choice(STREAM)))
            self._tell(child)
            self._reap(child, may_die=False)

    def _old_site_is_fenced(self) -> list[str]:
        """The first site comes back with all its files, and must find that it has been overtaken."""
        back = self._root / f"lost-{self._number}"
        found = []
        for name in HOSTS:
            try:
                with Site(back / name, self._site(self._present) / name).writing():
                    found.append(f"{name}: the overtaken site may write")
            except Fenced:
                continue
        shutil.rmtree(back)
        return found

    def _pair_anew(self) -> None:
        self._servers.renew()
        for name in HOSTS:
            (self._site(self._other) / name).mkdir(parents=True)
            self._pair(name)

    def _sites_differ(self) -> list[str]:
        found = []
        for name in HOSTS:
            database = Database(self._servers.urls[name], connections=1)
            try:
                one = compare(self._site_of(name), database, thorough=True)
            finally:
                database.close()
            if one.count:
                found.append(f"{name}: the sites differ: {one}")
        return found

    # -- set-up ------------------------------------------------------------------------------------

    @property
    def _servers(self) -> SiteDatabases:
        assert isinstance(self._databases, SiteDatabases)
        return self._databases

    @property
    def _other(self) -> str:
        return "site-1" if self._present == "site-0" else "site-0"

    def _site(self, name: str) -> Path:
        return self._root / name

    def _site_of(self, name: str) -> Site:
        return Site(self._site(self._present) / name, self._site(self._other) / name)

    def _mirror(self) -> Path | None:
        return self._site(self._other)

    def _begin_anew(self) -> None:
        self._empty()
        shutil.rmtree(data_of(self.folder))
        for site in (self._present, self._other):
            for name in HOSTS:
                (self._site(site) / name).mkdir(parents=True)
        self._link()
        for name in HOSTS:
            self._pair(name)
        self._live(Stage())

    def _link(self) -> None:
        data = data_of(self.folder)
        data.unlink(missing_ok=True)
        data.symlink_to(self._site(self._present))

    def _pair(self, name: str) -> None:
        """Pair a provider's new site with its present one, once the standby streams."""
        database = Database(self._servers.urls[name], connections=1)
        try:
            until = time.monotonic() + _WITHIN
            while not is_waited_for(database) and time.monotonic() < until:
                time.sleep(0.05)
            site, now = self._site_of(name), SystemClock().now()
            acts.pair(site, database, name=self._present, now=now, entropy=system_entropy)
        finally:
            database.close()

    def _databases_of(self, engine: str) -> SiteDatabases:
        del engine
        return SiteDatabases(self.folder)
