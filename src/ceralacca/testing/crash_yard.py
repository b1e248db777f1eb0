"""The yard of crash campaigns: makes a flow ready, kills the pair at a point, lets it live again, and has it judged.

One process without threads, so that a child can be forked of it in a moment. It is also the client outside: it
submits over SMTP, and keeps the ledger of what it was told, which no death of a child can touch.

    with Yard(engine) as yard:
        points = yard.points(FLOWS["accept"])
        verdict = yard.kill_at(FLOWS["accept"], points[7])

Serves: R1, R2, R3 of the fault table; invariants of ARCHITECTURE.md.
"""

import json
import os
import random  # noqa: TID251 a storm is drawn by lot, and again by its seed
import shutil
import signal
import smtplib
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ceralacca.testing.crash_checker import always, at_rest
from ceralacca.testing.crash_databases import ENGINES, Databases
from ceralacca.testing.crash_disk import cut_power
from ceralacca.testing.crash_evidence import Told, read_evidence
from ceralacca.testing.crash_flows import EVERYTHING, STREAM, Flow, Mail, Stage
from ceralacca.testing.crash_rig import HOSTS, USERS, Joins, Orders, data_of, live
from ceralacca.testing.paper_cast import cast_at
from ceralacca.testing.reception import PASSWORD
from ceralacca.testing.scenario import INSTANT
from ceralacca.testing.tls import ServerFiles, TlsAuthority

Point = tuple[str, int]
"""A failpoint, and at which passage."""

AFTER_THE_DEATH: Final = "after the death: "
"""Stands before what was broken before the pair lived again."""

_LEASES_END: Final = timedelta(minutes=11)
_LONGEST_LIFE: Final = 120.0
"""Seconds after which a child that says nothing is a failure of the rig."""

_MOST_OF_A_LIFE: Final = 6
"""Messages sent to one life of a storm: enough that every death finds work under way."""


class RigFailure(Exception):
    """The rig itself did not do what it was told: nothing was found out."""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What one case came to."""

    flow: str
    point: str
    reached: bool
    """Whether the child died where it was to."""
    broken: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Child:
    """A living pair."""

    pid: int
    words: socket.socket
    ports: Mapping[str, int] | None


class Yard:
    """Where cases are played, one after another, in one folder."""

    def __init__(self, engine: str, *, joined: Joins, plant: str = "", power: bool = False) -> None:
        """Make databases and TLS; `power`: every death is a power cut that takes back what was not synced.

        Every second one, the first among them, leaves all names of files.
        """
        self._joined = joined
        self._cast = cast_at(INSTANT)
        memory = Path("/dev/shm")  # noqa: S108 a folder of our own in it; deaths of processes need no disk
        self._root = Path(tempfile.mkdtemp(prefix="pec-crash-", dir=memory if os.access(memory, os.W_OK) else None))
        self._plant, self._power = plant, power
        self._cuts = 0
        self._tls: dict[str, ServerFiles] = {}
        self._mails = 0
        self._told: list[Told] = []
        self._lives = 0
        self._ready: dict[str, tuple[list[Told], int]] = {}
        self._databases: Databases = self._databases_of(engine)
        authority = TlsAuthority(self._root)
        self._tls = {name: authority.server(host) for name, host in HOSTS.items()}
        self._client_tls = ssl.create_default_context(cafile=str(authority.file))

    @property
    def folder(self) -> Path:
        """Where the case of the moment lies."""
        return self._root / "case"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._databases.close()
        shutil.rmtree(self._root, ignore_errors=True)

    def plant(self, name: str) -> None:
        """Plant a bug in every child from now on; empty for none."""
        self._plant = name

    # -- cases -------------------------------------------------------------------------------------

    def points(self, flow: Flow) -> list[Point]:
        """Play a flow undisturbed and return every passage of a failpoint in its killed part. Raises RigFailure."""
        self._begin(flow)
        self._live(flow.killed, record=True)
        names = [line.rpartition(":") for line in (self.folder / "passages").read_text().splitlines()]
        broken = self._aftermath(flow)
        if broken:
            raise RigFailure(f"{flow.name}: broken without any death: {broken[:5]}")
        return [(name, int(number)) for name, _, number in names]

    def kill_at(self, flow: Flow, point: Point) -> Verdict:
        """Kill the pair at one point of a flow, look, let it live again until it is at rest, and look again."""
        self._begin(flow)
        died = self._live(flow.killed, kill=point)
        broken = [f"{AFTER_THE_DEATH}{words}" for words in self._judge(rest=False)]
        broken += self._aftermath(flow)
        return Verdict(flow=flow.name, point=f"{point[0]}:{point[1]}", reached=died, broken=broken)

    def storm(self, kills: int, seed: int, *, look_every: int = 10) -> tuple[int, list[str]]:
        """Kill the pair at random moments under a stream of mail; return how much was answered 250, and what broke."""
        self._empty()
        chance, broken = random.Random(seed), list[str]()  # noqa: S311 the same storm again by its seed
        self._live(Stage())
        for number in range(1, kills + 1):
            self._squall(chance)
            if number % look_every == 0:
                broken += [f"after death {number}: {words}" for words in self._judge(rest=False)]
        self._pass_leases()
        self._live(Stage(alfa=EVERYTHING, beta=EVERYTHING, hours=40))
        broken += self._judge(rest=True)
        return sum(told.code == 250 for told in self._told), broken

    def _mirror(self) -> Path | None:
        """Return where the other site has what is here; there is none unless a yard has two."""
        return None

    # -- between ------------------------------------------------------------------------------------

    def _begin(self, flow: Flow) -> None:
        """Stand where the killed part begins: by playing up to there once, later by going back to it."""
        kept = self._root / f"ready-{flow.name}"
        if flow.name not in self._ready:
            self._empty()
            self._live(Stage())
            plant, self._plant, power, self._power = self._plant, "", self._power, False
            for stage in flow.ready:
                self._live(stage)
            self._plant, self._power = plant, power
            shutil.copytree(self.folder, kept, symlinks=True, ignore=_sockets)
            self._databases.keep(flow.name)
            self._ready[flow.name] = list(self._told), self._lives
            return
        shutil.rmtree(self.folder)
        shutil.copytree(kept, self.folder, symlinks=True)
        self._databases.go_back(flow.name)
        told, self._lives = self._ready[flow.name]
        self._told, self._mails = list(told), len(told)  # the same octets in every case: sealed and checked once

    def _empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        data_of(self.folder).mkdir(parents=True)
        for name in HOSTS:
            (data_of(self.folder) / name).mkdir()
        self._databases.empty()
        self._told, self._lives, self._mails = [], 0, 0

    def _aftermath(self, flow: Flow) -> list[str]:
        self._pass_leases()
        try:
            self._live(flow.after)
        except RigFailure as failure:
            return [f"the pair does not come to rest: {failure}"]
        return self._judge(rest=True)

    def _judge(self, *, rest: bool) -> list[str]:
        self._databases.settle()
        evidence = read_evidence(self.folder, self._databases.urls, USERS, self._told)
        return at_rest(evidence, self._cast) if rest else always(evidence)

    def _pass_leases(self) -> None:
        """Let the time pass after which a dead one's jobs are anybody's."""
        (self.folder / "clock").write_text((self._now() + _LEASES_END).isoformat())

    def _now(self) -> datetime:
        """Return where the clock of the pair stands."""
        clock = self.folder / "clock"
        return datetime.fromisoformat(clock.read_text()) if clock.exists() else INSTANT

    def _databases_of(self, engine: str) -> Databases:
        """Make the databases of an engine."""
        return ENGINES[engine](self.folder)

    # -- lives -------------------------------------------------------------------------------------

    def _live(self, stage: Stage, *, kill: Point | None = None, record: bool = False) -> bool:
        """Let a child live through a stage; True when it died at the point. Raises RigFailure."""
        with self._child(stage, kill=kill, record=record) as child:
            if child.ports is not None:
                for write in stage.sends:
                    self._send(child.ports, self._next(write))
                self._tell(child)
            return self._reap(child, may_die=kill is not None)

    def _squall(self, chance: random.Random) -> None:
        """One life under load, ended at a moment drawn by lot."""
        with self._child(Stage(alfa=EVERYTHING, beta=EVERYTHING, stream=True)) as child:
            if child.ports is None:
                raise RigFailure(self._trace())
            killer = kill_later(child.pid, chance.uniform(0.02, 0.6))
            for _ in range(_MOST_OF_A_LIFE):
                if not self._send(child.ports, self._next(chance.choice(STREAM))):
                    break
            os.waitpid(killer, 0)
            if not self._reap(child, may_die=True):
                raise RigFailure("a child that was to die has ended of itself")
        self._pass_leases()

    @contextmanager
    def _child(self, stage: Stage, *, kill: Point | None = None, record: bool = False) -> Iterator[Child]:
        orders = Orders(
            folder=self.folder,
            urls=self._databases.urls,
            cast=self._cast,
            tls=self._tls,
            stage=stage,
            life=self._lives,
            kill=kill,
            record=record,
            power=self._power,
            plant=self._plant,
            joined=self._joined,
            mirror=self._mirror(),
        )
        self._lives += 1
        here, there = socket.socketpair()
        with here, there:
            here.settimeout(_LONGEST_LIFE)
            pid = os.fork()
            if pid == 0:
                here.close()
                live(orders, there)
            there.close()
            child = Child(pid, here, None)
            try:
                line = _line(here)
                child.ports = json.loads(line) if line else None
                yield child
            finally:
                if child.pid:
                    _end(child.pid)

    def _tell(self, child: Child) -> None:
        with suppress(OSError):  # it may be dead by now
            child.words.sendall(b"finish\n")
            _line(child.words)

    def _reap(self, child: Child, *, may_die: bool) -> bool:
        """Wait for the end of a child; True when it died by SIGKILL. Raises RigFailure for any other end."""
        _, status = os.waitpid(child.pid, 0)
        child.pid = 0
        code = os.waitstatus_to_exitcode(status)
        if code not in ({0, -signal.SIGKILL} if may_die else {0}):
            raise RigFailure(f"a child ended with {code}: {self._trace()}")
        if code and self._power:
            self._cuts += 1
            cut_power(self.folder / "unsynced", names_stay=self._cuts % 2 == 1)
        else:
            (self.folder / "unsynced").unlink(missing_ok=True)
        return code != 0

    def _trace(self) -> str:
        trace = self.folder / "trace"
        return trace.read_text() if trace.exists() else "no trace"

    # -- the client outside ------------------------------------------------------------------------

    def _next(self, write: Any) -> Mail:
        self._mails += 1
        mail: Mail = write(f"mail-{self._mails}-{self._lives}")
        return mail

    def _send(self, ports: Mapping[str, int], mail: Mail) -> bool:
        """Send one message and keep what was said of it; False when nobody listens any more."""
        code = 0
        try:
            with self._connected(ports, ordinary=mail.ordinary) as client:
                client.mail(mail.sender.text if mail.sender else "")
                for recipient in mail.recipients:
                    client.rcpt(recipient.text)
                code, _ = client.data(mail.octets)
        except (OSError, smtplib.SMTPException):
            self._told.append(Told(mail=mail, code=code))
            return code == 250
        self._told.append(Told(mail=mail, code=code))
        return True

    @contextmanager
    def _connected(self, ports: Mapping[str, int], *, ordinary: bool) -> Iterator[smtplib.SMTP]:
        if ordinary:
            with smtplib.SMTP("127.0.0.1", ports["beta"], timeout=30) as client:
                client.ehlo()
                yield client
            return
        plain = socket.create_connection(("127.0.0.1", ports["submission"]), timeout=30)
        with plain, self._client_tls.wrap_socket(plain, server_hostname=HOSTS["alfa"]) as tls:
            client = smtplib.SMTP(timeout=30)
            client.sock = tls
            client.getreply()
            client.login("mario.rossi@pec.alfa.example", PASSWORD)
            yield client


def _line(words: socket.socket) -> bytes:
    """Read one line; what there is of it when the other side is dead."""
    line = b""
    with suppress(ConnectionError):
        while not line.endswith(b"\n") and (more := words.recv(256)):
            line += more
    return line


def kill_later(pid: int, seconds: float) -> int:
    """Fork somebody who kills a child after a while; the child's number is ours until we wait for it."""
    killer = os.fork()
    if killer == 0:
        try:
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
        finally:
            os._exit(0)
    return killer


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _sockets(folder: str, names: list[str]) -> list[str]:
    """Name what is no file: sockets over which processes wake each other."""
    places = {name: Path(folder, name) for name in names}
    return [name for name, place in places.items() if not place.is_symlink() and place.is_socket()]
