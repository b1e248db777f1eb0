"""A provider pair that can be killed: Alfa and Beta in one child process, over real stores, mailboxes and SMTP.

The steps of `services` run over the store on SQLite or PostgreSQL, over Maildir folders, and hand over by the
real SMTP client to the real listeners on loopback with TLS. Only clock, entropy and scanner are a
test's: the clock stands still until it is moved and goes on after a death, entropy is new in every life. At
the `n`-th passage of a failpoint the child ends by SIGKILL, as in a power cut.

It judges nothing: that is `testing.crash_checker`, which shares no memory with it.

Serves: AP-25, IP-21, DP-3, TI-10; invariants of ARCHITECTURE.md under R1 and R2.
"""

import asyncio
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog

from ceralacca.base import failpoints
from ceralacca.core.delivery_rules import Rule
from ceralacca.core.model.address import Address
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.core.notices import NoticeKind
from ceralacca.formats.splice import Octets
from ceralacca.net.mail_exchangers import Exchanger
from ceralacca.net.smtp_client import ClientSettings, SmtpClient, tls_context
from ceralacca.net.smtp_server import (
    AccessRules,
    Door,
    Equipment,
    IncomingRules,
    Limits,
    Listener,
    Reception,
    SpoolRoom,
    server_context,
)
from ceralacca.ports.notices import NoticeWishes
from ceralacca.ports.scanner import Scanner, ScanVerdict
from ceralacca.ports.store import JobKind, Store
from ceralacca.services.office import NoticeParts, Office
from ceralacca.services.steps import LEASE, perform
from ceralacca.store.database import DatabaseStore, StoreSettings, open_store
from ceralacca.store.maildir import Maildir
from ceralacca.store.site.files import MirroredMail
from ceralacca.store.site.state import Site
from ceralacca.testing.authority import TestIdentity
from ceralacca.testing.crash_disk import VolatileDisk
from ceralacca.testing.crash_flows import UNSEEN, Stage
from ceralacca.testing.crash_plants import PLANTS, SITE_PLANTS
from ceralacca.testing.crash_post import Postman, Routes
from ceralacca.testing.office_parts import judging, open_mailboxes, sealing, takes_every_call
from ceralacca.testing.paper_cast import (
    ALFA_SERVICE,
    ANNA,
    BETA_SERVICE,
    BRUNO,
    CARLA,
    COUNCIL,
    MARIO,
    VIRUS_MARK,
    VIRUS_NAME,
    Cast,
)
from ceralacca.testing.reception import PASSWORD, Holders
from ceralacca.testing.scenario import INSTANT
from ceralacca.testing.tls import ServerFiles

USERS: Final = {"alfa": (ALFA_SERVICE, MARIO, CARLA, COUNCIL), "beta": (BETA_SERVICE, ANNA, BRUNO)}
HOSTS: Final = {"alfa": "mx.gestore-alfa.example", "beta": "mx.gestore-beta.example"}
WITH_NOTICES: Final = frozenset({BRUNO, COUNCIL})
"""Holders who hear by ordinary mail of what comes; nobody takes it from us."""
WITH_RULES: Final = frozenset({MARIO, ANNA, CARLA})
"""Holders whose rules change from life to life."""
FOLDERS: Final = ("Uno", "Due", "Non c'e")
"""Where they want everything; the last one is not there."""
ROW_LIMIT: Final = 7000
"""Octets up to which a message has no file of its own: submissions lie in rows, acceptances and takings in charge in
packs; envelopes and delivery receipts are files."""
_BATCH: Final = 8
_MOST_BATCHES: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What one life of the child is told."""

    folder: Path
    urls: Mapping[str, str]
    """Of each provider's database."""
    cast: Cast
    tls: Mapping[str, ServerFiles]
    stage: Stage
    life: int
    """How many lives went before: entropy is never the same twice."""
    kill: tuple[str, int] | None = None
    """Failpoint, and at which passage; None for nobody."""
    record: bool = False
    """Whether every passage is written down."""
    power: bool = False
    """Whether the disk is one that forgets."""
    plant: str = ""
    """A bug planted on purpose."""
    joined: "Joins | None" = None
    """Puts the virus storage before a store, as the product does; None: there is none."""
    mirror: Path | None = None
    """Where the other site has the folders of both providers; None: there is one site."""


Joins = Callable[[Store, Path, Site | None], Store]
"""Takes a store, the folder of its provider, and which of two sites it is."""


def data_of(folder: Path) -> Path:
    """Return where stores and mailboxes of a case lie; beside it lie the books of who watches."""
    return folder / "data"


class LifelongClock:
    """A clock that stands still until it is moved, and goes on in the next life."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._now = datetime.fromisoformat(file.read_text()) if file.exists() else INSTANT

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Move the clock forward."""
        self._now = max(instant, self._now)
        aside = self._file.with_suffix(".new")
        aside.write_text(self._now.isoformat())
        aside.rename(self._file)


class LifelongEntropy:
    """Entropy of one life: the same on every run of a case, another one after a death."""

    def __init__(self, *seed: object) -> None:
        self._seed, self._count = repr(seed).encode(), count()

    def __call__(self, octets: int) -> bytes:
        """Return octets never returned before."""
        return sha256(self._seed + b"%d" % next(self._count)).digest()[:octets].rjust(octets, b"\7")


@dataclass(frozen=True, slots=True)
class PairScanner(Scanner):
    """Finds the octets that stand for a virus; one of two misses some."""

    misses: bytes

    def edition(self) -> str:
        """Say what verdicts are given under."""
        return "TestScanner 1.0/1"

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan."""
        held = bytes(octets)
        found = VIRUS_MARK in held and not (self.misses and self.misses in held)
        return ScanVerdict(virus=VIRUS_NAME if found else "", engine=self.edition())

    def ready(self) -> bool:
        """Say that a scan would be answered."""
        return True


@dataclass(slots=True, kw_only=True)
class Provider:
    """One of the two."""

    name: str
    office: Office
    store: DatabaseStore
    mail: Maildir
    does: tuple[JobKind, ...]

    def work(self) -> bool:
        """Do one batch; whether there was any."""
        jobs = self.store.claim(self.does, now=self.office.clock.now(), limit=_BATCH, lease=LEASE)
        if jobs:
            claimer = "rig" if JobKind.DELIVERY in self.does else None  # keeps, as a worker does
            perform(jobs, self.office, claimer=claimer)
        return bool(jobs)


class Pair:
    """Both providers, their listeners and what joins them: one life."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.clock = LifelongClock(orders.folder / "clock")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="listeners", daemon=True)
        self._listening: list[tuple[Listener, Reception]] = []
        self.ports: dict[str, int] = {}
        self.routes = Routes(by_domain={})
        self._postmen: list[Postman] = []
        self.providers = [
            self._provider("alfa", orders.cast.alfa, orders.stage.alfa, UNSEEN),
            self._provider("beta", orders.cast.beta, orders.stage.beta, b""),
        ]

    # -- life --------------------------------------------------------------------------------------

    def open_doors(self) -> None:
        """Listen: Alfa for its holders and for others, Beta for others."""
        self._thread.start()
        alfa, beta = self.providers
        self.ports = {
            "submission": self._listen(alfa, access=True),
            "alfa": self._listen(alfa, access=False),
            "beta": self._listen(beta, access=False),
        }
        for provider in self.providers:
            host = Exchanger(name=HOSTS[provider.name], address="127.0.0.1", port=self.ports[provider.name])
            self.routes.by_domain.update(dict.fromkeys(provider.store.domains(), host))
        if not self._orders.stage.beta_is_up:
            self.routes.away = beta.store.domains()

    def tidy(self) -> None:
        """Do what a worker does first: let nothing but the virus storage hold what a death has left (VI-2)."""
        for provider in self.providers:
            if provider.does:
                provider.office.store.purge_infected()

    def work(self) -> bool:
        """Let both do a batch; whether there was any."""
        return bool(sum([provider.work() for provider in self.providers if provider.does]))

    def finish(self) -> None:
        """Work until nothing is due within the hours of the stage; the clock goes on to what is due later."""
        until = self.clock.now() + timedelta(hours=self._orders.stage.hours)
        for _ in range(_MOST_BATCHES):
            if self.work():
                continue
            due = [one for provider in self.providers if (one := provider.store.next_due(provider.does)) is not None]
            if not due or min(due) > until:
                return
            self.clock.set(min(due))
        raise RuntimeError("the pair never comes to rest")

    def close(self) -> None:
        """Close the doors in good order, kept connections first."""
        for postman in self._postmen:
            postman.client.close()
        for listener, reception in self._listening:
            self._run(listener.stop(0.2))
            self._run(reception.close())
        for provider in self.providers:
            provider.store.close()

    # -- set-up ------------------------------------------------------------------------------------

    def _provider(self, name: str, identity: TestIdentity, does: tuple[JobKind, ...], misses: bytes) -> Provider:
        orders, users = self._orders, USERS[name]
        home = data_of(orders.folder) / name
        site = Site(home, orders.mirror / name) if orders.mirror else None
        chosen = StoreSettings(row_limit=ROW_LIMIT, pack_from=1, site=site, reads_are_durable=False)
        store = open_store(orders.urls[name], home, chosen)
        entropy = LifelongEntropy(name, orders.life)
        client = ClientSettings(hostname=HOSTS[name], tls=tls_context(str(orders.tls[name].authority)), timeout=20)
        wire = orders.folder / "wire"
        wire.mkdir(exist_ok=True)
        postman = Postman(client=SmtpClient(client, self.routes), folder=wire, lost=orders.stage.lost_replies)
        self._postmen.append(postman)
        mail = _mailboxes(home / "mail", self.clock, site)
        office = Office(
            provider=IssuingProvider(name=identity.name, address=identity.address),
            service_mailbox=users[0],
            seals=sealing(identity, entropy),
            verifier=judging(orders.cast.trust),
            directory=lambda: orders.cast.directory,
            scanner=PairScanner(misses),
            store=orders.joined(store, home, site) if orders.joined else store,
            mail=mail,
            entropy=entropy,
            clock=self.clock,
            sends=postman,
            calls=takes_every_call,
            notices=NoticeParts(
                wishes=store.notices(),
                words=lambda language, what, **facts: (what, f"{language} {sorted(facts.items())}"),
                web=lambda: "https://web.example",
                provider=identity.name,
                sender=Address("no-reply@ditta.example"),
            ),
        )
        return Provider(name=name, office=office, store=store, mail=mail, does=does)

    def found(self) -> None:
        """Make domains and mailboxes, in the first life of all."""
        for provider in self.providers:
            directory, users, now = self._orders.cast.directory, USERS[provider.name], self.clock.now()
            open_mailboxes(provider.store, directory, provider.office.provider.name, users, now=now)
            for user in WITH_NOTICES.intersection(users):
                home = Address(f"{user.text.partition('@')[0]}@casa.example")
                kinds = frozenset({NoticeKind.NEW_MESSAGE})
                provider.store.notices().change(
                    NoticeWishes(mailbox=user, kinds=kinds, email=home, webhook="https://a.example")
                )
            for user in WITH_RULES.intersection(users):
                for folder in FOLDERS[:-1]:
                    (provider.mail.make_home(user) / "Maildir" / f".{folder}" / "new").mkdir(parents=True)

    def change_rules(self) -> None:
        """Have some holders want everything elsewhere than in the life before (DP-8)."""
        folder = FOLDERS[self._orders.life % len(FOLDERS)]
        rule = Rule(key="rig", name="tutto", folder=folder, at_least=0)
        for provider in self.providers:
            books = provider.store.rule_books()
            for user in WITH_RULES.intersection(USERS[provider.name]):
                books.change(replace(books.current(user), rules=(rule,)), now=self.clock.now())

    # -- listeners ---------------------------------------------------------------------------------

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _listen(self, provider: Provider, *, access: bool) -> int:
        async def start() -> int:
            reception = Reception(provider.store, self.clock)
            files = self._orders.tls[provider.name]
            equipment = Equipment(
                hostname=HOSTS[provider.name],
                rules=self._access(provider) if access else self._incoming(provider),
                reception=reception,
                room=SpoolRoom(self._orders.folder, reserve=0),
                clock=self.clock,
                entropy=LifelongEntropy(provider.name, access, self._orders.life),
                tls=server_context(files.certificate, files.key),
                limits=Limits(sign_in_delay=0),
            )
            listener = Listener([Door(host="127.0.0.1", port=0, implicit_tls=access)], equipment)
            (port,) = await listener.start()
            self._listening.append((listener, reception))
            return port

        port: int = self._run(start())
        return port

    def _access(self, provider: Provider) -> AccessRules:
        holders = Holders(passwords={MARIO: PASSWORD, CARLA: PASSWORD})
        reserved = {provider.office.provider.address, provider.office.service_mailbox}
        return AccessRules(holders, reserved=reserved, ready=lambda: True, clock=self.clock)

    def _incoming(self, provider: Provider) -> IncomingRules:
        own = {provider.office.provider.address, provider.office.service_mailbox}
        return IncomingRules(
            domains=provider.store.domains, own=own, mailbox=provider.store.mailbox, ready=lambda: True
        )


def _mailboxes(root: Path, clock: LifelongClock, site: Site | None) -> Maildir:
    return Maildir(root, clock=clock) if site is None else MirroredMail(root, site, clock=clock)


# -- one life ------------------------------------------------------------------------------------------------


def live(orders: Orders, parent: socket.socket) -> None:
    """Live one life in a forked child: tell the ports, work when told to, end. Never returns."""
    code = 70
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        _prepare(orders)
        pair = Pair(orders)
        if orders.life == 0:
            pair.found()
        pair.change_rules()
        pair.open_doors()
        parent.sendall(json.dumps(pair.ports).encode() + b"\n")
        pair.tidy()
        _attend(pair, parent, stream=orders.stage.stream)
        pair.finish()
        pair.close()
        parent.sendall(b"quiet\n")
        code = 0
    except BaseException as error:  # noqa: BLE001 the parent reads it
        (orders.folder / "trace").write_text("".join(traceback.format_exception(error)))
    finally:
        os._exit(code)


def _attend(pair: Pair, parent: socket.socket, *, stream: bool) -> None:
    """Wait for the parent's word; in a stream work meanwhile."""
    while not select.select([parent], [], [], 0 if stream and pair.work() else 0.002 if stream else 60)[0]:
        if not stream:
            raise RuntimeError("the parent says nothing")
    parent.recv(16)


def _prepare(orders: Orders) -> None:
    """Set up what makes this life one of a test."""
    book = (orders.folder / "diagnostics").open("a")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.WriteLoggerFactory(file=book),
        processors=[structlog.processors.JSONRenderer()],
    )
    if orders.plant:
        {**PLANTS, **SITE_PLANTS}[orders.plant]()
    if orders.power:
        VolatileDisk(data_of(orders.folder), orders.folder / "unsynced").install()
    if orders.record or orders.kill is not None:
        _watch(orders)


def _watch(orders: Orders) -> None:
    """Count every passage of a failpoint; write it down or end there."""
    passed: Counter[str] = Counter()
    lock, book = threading.Lock(), orders.folder / "passages"

    def reach(name: str) -> None:
        with lock:
            passed[name] += 1
            if orders.record:
                with book.open("a") as out:
                    out.write(f"{name}:{passed[name]}\n")
            if orders.kill == (name, passed[name]):
                os.kill(os.getpid(), signal.SIGKILL)

    real = failpoints.reach
    for module in [*sys.modules.values()]:
        if getattr(module, "reach", None) is real:
            setattr(module, "reach", reach)  # noqa: B010 a module takes no such assignment
