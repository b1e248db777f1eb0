"""Two live providers in one process: the services over memory ports, and a wire that a test holds in its hand.

The twin of `testing.circuit`: what that plays on paper runs here through the steps, commits and jobs of
the product, with memory in place of database, mailboxes, scanner and network. A test submits, lets
jobs run, loses, repeats or holds back what is on the wire, moves the clock, and reads who was told what.

Plays: F1 to F14 of section 1.2.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ceralacca.base.errors import UnreadableMessage, WorldError
from ceralacca.core.directory import Directory
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.received import read_received
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import Inbound, Point
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.mail_store import Coming, Put, PutOutcome
from ceralacca.ports.scanner import Scanner, ScanVerdict
from ceralacca.ports.store import Commit, Job, JobKind, SentMessage
from ceralacca.services.office import Office
from ceralacca.services.steps import LEASE, perform, run
from ceralacca.testing.authority import TestIdentity
from ceralacca.testing.clock import CountingEntropy, FixedClock
from ceralacca.testing.memory_store import MemoryStore
from ceralacca.testing.office_parts import judging, open_mailboxes, sealing
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
    cast_at,
)
from ceralacca.testing.scenario import INSTANT

ENGINE = "TestScanner 1.0/1"
TRACE = b"Received: from client.example by access.example with ESMTPSA; Thu, 05 Nov 2026 10:15:00 +0100\r\n"


class Unplugged(WorldError):
    """A part of the world that a test has switched off."""


@dataclass(slots=True)
class MemoryScanner(Scanner):
    """Finds the octets that stand for a virus."""

    away: bool = False
    blind: bool = False
    """Finds nothing, as one whose signatures are old."""
    scans: int = 0

    def edition(self) -> str:
        """Say what verdicts are given under. Raises Unplugged while the scanner is away."""
        if self.away:
            raise Unplugged("the scanner is away")
        return f"{ENGINE}, blind" if self.blind else ENGINE

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan. Raises Unplugged while the scanner is away."""
        edition = self.edition()
        self.scans += 1
        found = not self.blind and VIRUS_MARK in bytes(octets)
        return ScanVerdict(virus=VIRUS_NAME if found else "", engine=edition)

    def ready(self) -> bool:
        """Say whether a scan would be answered."""
        return not self.away


@dataclass(slots=True)
class MemoryMail:
    """Mailboxes in memory; satisfies `ports.mail_store.MailStore` and `MailInHand`."""

    boxes: dict[Address, dict[str, bytes]] = field(default_factory=dict)
    broken: set[Address] = field(default_factory=set)
    """Mailboxes whose disk refuses."""
    syncs: int = 0
    folders: dict[Address, dict[str, str]] = field(default_factory=dict)
    """Where the holder wanted each message that is not in the inbox, by its name."""

    @contextmanager
    def in_hand(self) -> Iterator["MemoryMail"]:
        """Give the same: here nothing takes time."""
        yield self

    def expect(self, messages: Iterable[Coming]) -> None:
        """Nothing is written before it is put."""

    def settle(self) -> None:
        """All is settled already."""

    def put(self, messages: list[Put]) -> list[PutOutcome]:
        """Store all or none; found names are left as they are. Raises Unplugged for a broken mailbox."""
        if any(message.mailbox in self.broken for message in messages):
            raise Unplugged("a disk refuses")
        self.syncs += 1
        return [self._put(message) for message in messages]

    def holds(self, mailbox: Address, name: str) -> bool:
        """Say whether a message of that name is there."""
        return name in self.boxes.get(mailbox, {})

    def used(self, mailbox: Address, *, quota: int) -> int:
        """Return how many octets a mailbox uses. Raises Unplugged for a broken one."""
        del quota
        if mailbox in self.broken:
            raise Unplugged("a disk refuses")
        return sum(map(len, self.boxes.get(mailbox, {}).values()))

    def letters(self, mailbox: Address) -> list[bytes]:
        """Return what lies in a mailbox, in the order in which it came."""
        return [*self.boxes.get(mailbox, {}).values()]

    def _put(self, message: Put) -> PutOutcome:
        box = self.boxes.setdefault(message.mailbox, {})
        if message.name in box:
            return PutOutcome.ALREADY_THERE
        if sum(map(len, box.values())) + len(message.octets) > message.quota:
            return PutOutcome.OVER_QUOTA
        box[message.name] = bytes(message.octets)
        if message.folder:
            self.folders.setdefault(message.mailbox, {})[message.name] = message.folder
        return PutOutcome.STORED


@dataclass(slots=True)
class LocalCopy:
    """A provider's copy of the directory, that a test can replace or take away."""

    directory: Directory | None

    def __call__(self) -> Directory | None:
        """Return the copy as it is now."""
        return self.directory


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheWire:
    """One SMTP transaction that a relay has finished, before the other side looks at it."""

    key: str
    octets: bytes
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    received: datetime

    @property
    def row(self) -> MessageRow | None:
        """Which row of table 1.1 it says it is; None for everything else."""
        try:
            return read_received(self.octets).row
        except UnreadableMessage:
            return None


Answer = Callable[[Address], RcptOutcome | None]


@dataclass(slots=True, kw_only=True)
class Wire:
    """What joins the providers; satisfies `ports.mail_sender.SendsMail`. It answers 250 unless told otherwise."""

    clock: FixedClock
    by_domain: Mapping[str, "LiveProvider"]
    under_way: list[OnTheWire] = field(default_factory=list)
    outside: list[OnTheWire] = field(default_factory=list)
    """What has left for ordinary mail."""
    answers: dict[Address, RcptOutcome] = field(default_factory=dict)
    """What is said of some recipients instead of 250."""
    unreachable: set[str] = field(default_factory=set)
    """Domains whose hosts do not answer."""
    asked: list[tuple[str, bool]] = field(default_factory=list)
    """Every transaction tried: domain, and whether TLS was required."""
    _number: int = 0

    def send(
        self,
        domain: str,
        *,
        reverse_path: Address | None,
        recipients: Sequence[Address],
        octets: Octets,
        require_tls: bool,
    ) -> Mapping[Address, RcptOutcome]:
        """Put one transaction on the wire. Raises Unplugged for a domain that is out of reach."""
        self.asked.append((domain, require_tls))
        if domain in self.unreachable:
            raise Unplugged("nobody answers")
        host = f"mx.{domain}"
        fine = RcptOutcome(result=RcptResult.ACCEPTED, code=250, text="OK", host=host, tls="TLSv1.3")
        said = {one: self.answers.get(one, fine) for one in recipients}
        reached = tuple(one for one, outcome in said.items() if outcome.result is RcptResult.ACCEPTED)
        if reached:
            self._number += 1
            transaction = OnTheWire(
                key=f"wire-{self._number}",
                octets=bytes(octets),
                reverse_path=reverse_path,
                forward_paths=reached,
                received=self.clock.now(),
            )
            (self.under_way if domain in self.by_domain else self.outside).append(transaction)
        return said

    def hand_over(self, transaction: OnTheWire, *, as_: str = "") -> None:
        """Let the other side take a transaction in, under its own key or as a repeat under another."""
        self.by_domain[transaction.forward_paths[0].domain].take_in(transaction, key=as_ or transaction.key)


@dataclass(slots=True, kw_only=True)
class LiveProvider:
    """One provider: its office, and the memory behind it."""

    office: Office
    store: MemoryStore
    mail: MemoryMail
    scanner: MemoryScanner
    clock: FixedClock
    directory: LocalCopy
    _submissions: int = 0

    def submit(self, octets: bytes, *, sender: Address, recipients: tuple[Address, ...]) -> str:
        """Receive a submission as the listener does: durable, then 250. Return its key."""
        self._submissions += 1
        key = f"submission-{self._submissions}"
        now = self.clock.now()
        inbound = Inbound(
            key=key,
            point=Point.ACCESS,
            octets=octets,
            reverse_path=sender,
            forward_paths=recipients,
            received=now,
            peer="client.example",
            tls="TLSv1.3",
            authenticated=sender.key,
            trace=TRACE,
        )
        self.store.receive([inbound], now=now)
        return key

    def take_in(self, transaction: OnTheWire, *, key: str) -> None:
        """Receive an arrival as the listener does."""
        inbound = Inbound(
            key=key,
            point=Point.INCOMING,
            octets=transaction.octets,
            reverse_path=transaction.reverse_path,
            forward_paths=transaction.forward_paths,
            received=transaction.received,
            peer="peer.example",
            tls="TLSv1.3",
        )
        self.store.receive([inbound], now=self.clock.now())

    def claim(self, *, kinds: Collection[JobKind] = tuple(JobKind), limit: int = 32) -> list[Job]:
        """Claim what is due."""
        return self.store.claim(kinds, now=self.clock.now(), limit=limit, lease=LEASE)

    def work(self, *, kinds: Collection[JobKind] = tuple(JobKind), limit: int = 32) -> int:
        """Do all that is due, batch after batch; return how many jobs were finished."""
        finished = 0
        while jobs := self.claim(kinds=kinds, limit=limit):
            finished += perform(jobs, self.office)
        return finished

    def decide(self, jobs: Sequence[Job]) -> list[Commit]:
        """Do steps without committing them, as a process that dies before."""
        return run(jobs, self.office)[0]

    def events(self, *wanted: LogEvent) -> list[LogRow]:
        """Return the rows of some events."""
        return [row for row in self.store.log if row.event in wanted]


@dataclass(slots=True, kw_only=True)
class LiveCircuit:
    """Alfa and Beta, the wire between them and the clock over them."""

    cast: Cast
    clock: FixedClock
    alfa: LiveProvider
    beta: LiveProvider
    wire: Wire

    @classmethod
    def at(cls, instant: datetime = INSTANT) -> "LiveCircuit":
        """Set up the circuit."""
        cast, clock = cast_at(instant), FixedClock(instant)
        by_domain: dict[str, LiveProvider] = {}
        wire = Wire(clock=clock, by_domain=by_domain)
        alfa = live_provider(cast, cast.alfa, (ALFA_SERVICE, MARIO, CARLA, COUNCIL), wire=wire, start=1)
        beta = live_provider(cast, cast.beta, (BETA_SERVICE, ANNA, BRUNO), wire=wire, start=1 << 40)
        for one in (alfa, beta):
            by_domain.update(dict.fromkeys(one.store.domains(), one))
        return cls(cast=cast, clock=clock, alfa=alfa, beta=beta, wire=wire)

    @property
    def providers(self) -> tuple[LiveProvider, LiveProvider]:
        """Both."""
        return self.alfa, self.beta

    # -- what a test does --------------------------------------------------------------------------

    def submit(
        self, octets: bytes, *, sender: Address | None = None, recipients: tuple[Address, ...] | None = None
    ) -> None:
        """F1 step 1: the author submits; the paths are those of From, To and Cc unless given."""
        author, *named = _addresses(octets)
        paths = tuple(named) if recipients is None else recipients
        self.home(sender or author).submit(octets, sender=sender or author, recipients=paths)

    def work(self) -> bool:
        """Let both providers do what is due; whether there was any."""
        return bool(sum([provider.work() for provider in self.providers]))

    def carry(self, *, holding: Collection[MessageRow] = ()) -> None:
        """Work and carry until nothing moves any more; rows held stay on the wire."""
        moving = True
        while moving:
            moving = self.work()
            for transaction in [one for one in self.wire.under_way if one.row not in holding]:
                self.wire.under_way.remove(transaction)
                self.wire.hand_over(transaction)
                moving = True

    def take(self, row: MessageRow) -> OnTheWire:
        """Take the one transaction of that row off the wire."""
        (found,) = [one for one in self.wire.under_way if one.row is row]
        self.wire.under_way.remove(found)
        return found

    def pass_time(self, **elapsed: float) -> None:
        """Move the clock and let both providers do what is due then (F13)."""
        self.clock.advance(timedelta(**elapsed))
        self.work()

    # -- what a test reads -------------------------------------------------------------------------

    def told(self) -> dict[Address, list[int]]:
        """Return the rows of table 1.1 that were issued to each address; provider by provider."""
        rows: dict[Address, list[int]] = {}
        for provider in self.providers:
            for letter in provider.store._letters.values():  # noqa: SLF001 its own testing kit
                assert letter.row is not None, "only what we generate is a letter"
                for address in letter.forward_paths:
                    rows.setdefault(address, []).append(letter.row.facts.number)
        return rows

    def of(self, row: MessageRow) -> list[bytes]:
        """Return the octets of all messages of one row."""
        return [
            bytes(provider.store.octets(letter.digest))
            for provider in self.providers
            for letter in provider.store._letters.values()  # noqa: SLF001 its own testing kit
            if letter.row is row
        ]

    def sent(self) -> SentMessage:
        """Return the one accepted message of the whole circuit."""
        found = [
            provider.store.sent(identifier)
            for provider in self.providers
            for identifier in provider.store._sent  # noqa: SLF001 its own testing kit
        ]
        (only,) = [one for one in found if one is not None]
        return only

    def state(self, recipient: Address) -> RecipientState:
        """Return where the one accepted message stands for a recipient."""
        return self.sent().states[recipient]

    def mailbox(self, address: Address) -> list[bytes]:
        """Return what lies in a mailbox."""
        return self.home(address).mail.letters(address)

    def home(self, address: Address) -> LiveProvider:
        """Return the provider of an address."""
        return self.wire.by_domain[address.domain]


def live_provider(
    cast: Cast, identity: TestIdentity, users: tuple[Address, ...], *, wire: Wire, start: int
) -> LiveProvider:
    """Open an office over memory; the first of the users is the service mailbox, entropy counts from `start`."""
    store, mail, scanner, clock = MemoryStore(), MemoryMail(), MemoryScanner(), wire.clock
    entropy = CountingEntropy(start)
    open_mailboxes(store, cast.directory, identity.name, users, now=clock.now())
    copy = LocalCopy(cast.directory)
    office = Office(
        provider=IssuingProvider(name=identity.name, address=identity.address),
        service_mailbox=users[0],
        seals=sealing(identity, entropy),
        verifier=judging(cast.trust),
        directory=copy,
        scanner=scanner,
        store=store,
        mail=mail,
        entropy=entropy,
        clock=clock,
        sends=wire,
    )
    return LiveProvider(office=office, store=store, mail=mail, scanner=scanner, clock=clock, directory=copy)


def _addresses(octets: bytes) -> list[Address]:
    """Return the author, then To and Cc."""
    head = read_head(octets)
    return [
        mailbox.address
        for name in ("From", "To", "Cc")
        for found in head.all(name)
        for mailbox in read_addresses(found.body).mailboxes
    ]
