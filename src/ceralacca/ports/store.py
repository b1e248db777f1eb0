"""The store: everything durable, behind one port, changed only by whole commits.

A *step* loads what it needs, decides, composes and seals, and returns one `Commit`: the new state, every generated
letter as signed octets under a unique key, the log rows, the next jobs. The store makes it durable in one transaction,
many of them with one sync. Doing a step again is harmless: its keys are the same, and what is there is left as it is.

Clauses: AP-25, DP-3, IP-21, LO-3, TI-10; invariants 1 to 6 of ARCHITECTURE.md.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ceralacca.core.delivery_point import Fate
from ceralacca.core.delivery_rules import Rule
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.log import LogRow
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import Inbound, Letter, StoredInbound, StoredLetter
from ceralacca.ports.log_search import LogSearch
from ceralacca.ports.mailbox import MailboxRecord, OrdinaryMail
from ceralacca.ports.notices import Notice
from ceralacca.ports.vault import Purged

Payload = Mapping[str, str | int | None]
"""What a job needs to know beside its key: small, flat, JSON."""
About = Callable[[Octets], str | None]
"""Says which transaction octets are about, as far as they tell."""
Settle = Callable[[], None]
"""Waits until something that was done is durable, and raises when that is not certain."""


class JobKind(StrEnum):
    """What there is to do, and who does it."""

    SUBMISSION = "submission"
    """worker: check, scan, accept or refuse. Payload: `inbound`."""
    ARRIVAL = "arrival"
    """worker: verify, classify, take in charge. Payload: `inbound`."""
    DELIVERY = "delivery"
    """worker: put a message into one mailbox. Payload: `letter` (generated) or `inbound` (received), `recipient`,
    `kind` (a MessageClass, decided by the incoming point: MO-14), `name` (in the mailbox), `identifier`;
    for envelopes also `provider`, who sealed it."""
    RELAY = "relay"
    """relay: send a letter to one destination. Payload: `letter`, `domain`, `expires` (ISO instant), `kind` (a
    RecipientKind: how strict the way must be), `about` (the original, for the log), and when it was tried before
    `recipients` (one a line) and `tries`; for a notice to a holder `notice`, the mailbox that it is about."""
    DEADLINE = "deadline"
    """timekeeper: a timer of one recipient. Payload: `identifier`, `recipient`, `timer` (`12` or `24`)."""
    FOLLOW_UP = "follow-up"
    """worker: the relay has given up on a recipient; the sender is told (AD-3, AD-4). The relay holds no key.
    Payload: `identifier`, `recipient`, `failure` (name of a DeliveryFailure)."""
    NOTICE = "notice"
    """timekeeper: tell a holder of something by ordinary ways. Payload: `mailbox`, `about` (a NoticeKind), and for an
    end `ends` (ISO day) and `step`; or `way` (a NoticeWay) and `trouble`, when a notice did not get through."""
    WEBHOOK = "webhook"
    """relay: tell a holder by a call of the own server. Payload: `mailbox`, `key` (of the notice), `body` (JSON),
    `expires` (ISO instant), and when it was tried before `tries`."""

    @property
    def leads_out(self) -> bool:
        """Whether it is felt outside of the store before a commit of its own: what made it must be durable by then."""
        return self in _LEAD_OUT


_LEAD_OUT = frozenset({JobKind.DELIVERY, JobKind.RELAY, JobKind.NOTICE, JobKind.WEBHOOK})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be done not before `due`. A second one with the same key is not made."""

    key: str
    kind: JobKind
    due: datetime
    payload: Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that was claimed: nobody else has it until the lease ends."""

    id: int
    key: str
    kind: JobKind
    due: datetime
    payload: Payload
    attempts: int
    """How often it was claimed, this time included."""
    created: datetime
    note: str = ""
    """Why it was postponed last."""
    held: bool = False
    """An operator keeps it back: nobody claims it until it is released."""
    leased_until: datetime | None = None
    """When somebody else may claim it again; None when nobody has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One accepted message, as its sender's provider keeps it (1.3)."""

    original: OriginalData
    subject_body: bytes | None
    accepted: datetime
    """T0."""
    states: Mapping[Address, RecipientState]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A recipient moves from one state to another, or is to be in one; the commit is STALE when it is elsewhere."""

    identifier: str
    recipient: Address
    before: RecipientState
    after: RecipientState
    or_from: frozenset[RecipientState] = frozenset()
    """Other states, two at most, from which the step would have done the very same: no need to decide it again."""

    def fits(self, state: RecipientState | None) -> bool:
        """Say whether a recipient in this state may move so."""
        return state is self.before or state in self.or_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An envelope was taken in charge, for one transaction; `letter` is the receipt that says so (IP-21)."""

    provider: str
    identifier: str
    recipients: frozenset[Address]
    letter: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFate:
    """What became of an envelope for one recipient of ours: decided once, never changed."""

    provider: str
    identifier: str
    recipient: Address
    fate: Fate
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InfectedMessage:
    """A message for the virus storage (VI-1): kept 30 months, never delivered."""

    key: str
    digest: str
    """Of its octets, which the commit or an earlier one stored."""
    identifier: str
    found: datetime
    sender: Address | None
    recipients: tuple[Address, ...]
    virus: str
    engine: str
    """Name, version and signature date of the scanner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedReceipt:
    """A receipt of another provider, or of ours by the same way, that came in for a holder: for the shelf (LO-8)."""

    identifier: str
    """`identificativo` of the transaction."""
    holder: Address
    digest: str
    """Of its octets, which were stored when it came in."""
    message_id: str
    """With angle brackets."""
    kind: str
    """`tipo`."""
    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Everything that one step changes.

    Its *keyed* things are `sent`, `letters`, `inbound`, `taken`, `fates`, `infected` and `notices`: each is stored once
    for ever under its key, and what is there already is left as it is. It is applied in this order: `done`, keyed
    things, `states`, `log`, `cancelled`, `jobs`; so a key in both `cancelled` and `jobs` is put off to the new `due`.
    """

    done: int | None = None
    """Id of the job that is finished by it. When the job is there no more, because somebody finished or
    cancelled it meanwhile, nothing is stored and the outcome is REPEATED."""
    instant: datetime | None = None
    """The step's one reading of the clock (GE-23): when its jobs were made. None: when they are due."""
    sent: tuple[SentMessage, ...] = ()
    states: tuple[StateChange, ...] = ()
    letters: tuple[Letter, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    """Letters that pass straight to our own incoming point; their ARRIVAL jobs stand in `jobs`."""
    taken: tuple[Taken, ...] = ()
    fates: tuple[RecipientFate, ...] = ()
    infected: tuple[InfectedMessage, ...] = ()
    infected_again: tuple[str, ...] = ()
    """Digests of octets that lie in the virus storage already and have come again. Nothing is stored of it: whoever
    commits lets them go once more (VI-2)."""
    notices: tuple[Notice, ...] = ()
    """That a holder is told by ordinary ways."""
    receipts: tuple[ReceivedReceipt, ...] = ()
    """For the shelf. Not keyed: what is there is left, and says nothing of whether the step was done before."""
    log: tuple[LogRow, ...] = ()
    jobs: tuple[NewJob, ...] = ()
    cancelled: tuple[str, ...] = ()
    """Keys of jobs that need not be done any more."""
    repeatable: bool = False
    """Whether a power cut may take it back as a whole: the same step would find its own work and come to the same end.
    Nobody was told anything because of it; it need not be synced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A claimed job that could not be finished: to be tried again."""

    job: int
    due: datetime
    note: str
    """For the operator: a reason without addresses or content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Which of the jobs that its commits make a worker claims with them, to go on with them at once."""

    kinds: frozenset[JobKind]
    now: datetime
    """What is due later than this waits for its turn."""
    lease: timedelta
    """From `now` on. It is synced with the commit, so that a power cut does not end it."""
    limit: int
    claimer: str = ""
    """Who claims them, as in `Store.claim`."""


class CommitOutcome(StrEnum):
    """How one commit of a batch ended."""

    DONE = "done"
    REPEATED = "repeated"
    """An earlier try had succeeded: its job is gone, or it has keyed things and all of them are there
    already (a commit of nothing but jobs: all of these). Nothing of it was stored; its job is finished."""
    STALE = "stale"
    """The state it was decided on has changed: nothing of it was stored, its job stays claimed; decide again."""
    FAILED = "failed"
    """It cannot be stored as it is, which is a defect: nothing of it was stored, its job stays claimed.
    Postpone the job and tell the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How commits ended, which of their jobs were kept, and what they made that nobody need read back."""

    outcomes: list[CommitOutcome]
    jobs: list[Job] = field(default_factory=list)
    letters: Mapping[str, StoredLetter] = field(default_factory=dict)
    octets: Mapping[str, bytes] = field(default_factory=dict)
    """Small ones, by digest."""
    made: Commit | None = None
    """`sent`, `taken`, `fates` and `states`; None when something there was not as its step had known it."""
    settle: Settle = lambda: None
    """Waits until the commits are durable. Raises WorldError: then they are not certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """What an operator watches of one kind of job."""

    waiting: int
    leased: int
    oldest_due: datetime | None
    """Of the waiting ones, due or not."""
    held: int = 0


class Store(LogSearch, Protocol):
    """One provider's durable memory. Calls block; listeners and workers make them off their event loops.

    Every method may raise WorldError: the database or disk is away, try again. Safe between threads and processes.
    """

    # -- what comes in ------------------------------------------------------------------------------

    def receive(self, messages: Sequence[Inbound], *, now: datetime) -> None:
        """Make messages and their SUBMISSION or ARRIVAL jobs durable, all with one sync; only then say `250`.

        The job of a message is due at once, has the key `{kind}:{key of the message}` and the payload `inbound`.
        A message whose key is there already is left as it is, and no job is made for it.
        """
        ...

    def inbound(self, key: str) -> StoredInbound | None:
        """Return a received message."""
        ...

    def letter(self, key: str) -> StoredLetter | None:
        """Return a letter."""
        ...

    def octets(self, digest: str) -> Octets:
        """Return stored octets: small ones as bytes, large ones as a view of a mapped file. Raises WorldError."""
        ...

    # -- jobs ---------------------------------------------------------------------------------------

    def claim(
        self,
        kinds: Iterable[JobKind],
        *,
        now: datetime,
        limit: int,
        lease: timedelta,
        claimer: str = "",
        sharing: int = 1,
    ) -> list[Job]:
        """Claim jobs that are due, oldest first, for the length of the lease.

        A job whose lease has ended is due again, in the order of that instant; after a power cut all are. `claimer`
        is who claims, for `give_back`. So many claimers are `sharing` what is due (`core.fair_share`). What made a job
        that leads out is durable.
        """
        ...

    def give_back(self, claimer: str, *, now: datetime, lease: timedelta) -> int:
        """Make due what a claimer that is gone has left in hand, and return how much; no lease of it was longer."""
        ...

    def ahead(self, jobs: Sequence[Job], *, about: About | None = None, after: Kept | None = None) -> "Store":
        """Return the same store with what these jobs name read already, in bulk: for the steps of one batch.

        `about` says which transaction a small message that has arrived is about: that is read too. `after` is the
        commit of the batch before that kept these jobs: what that read or made is not read again. What the store
        answers may be as old as these calls; a commit is judged by what is stored then.
        """
        ...

    def commit(self, commits: Sequence[Commit], postponed: Sequence[Postponed] = ()) -> list[CommitOutcome]:
        """Make steps durable with one sync; one that fails does not fail the others.

        Outcomes stand in the order of the commits, which are applied in that order, then `postponed`.
        """
        ...

    def commit_and_keep(self, commits: Sequence[Commit], postponed: Sequence[Postponed], keep: Keep) -> Kept:
        """Commit steps as `commit` does, and claim of the jobs that they make what is to be kept.

        Others see them now; they are durable once `Kept.settle` has returned, and nothing may leave the house before.
        """
        ...

    def next_due(self, kinds: Iterable[JobKind]) -> datetime | None:
        """Return when the next job of these kinds can be claimed, None when there is none."""
        ...

    # -- state --------------------------------------------------------------------------------------

    def sent(self, identifier: str) -> SentMessage | None:
        """Return a message that we accepted."""
        ...

    def taken(self, provider: str, identifier: str, recipients: frozenset[Address]) -> Taken | None:
        """Return the taking in charge of an envelope that arrived before, for the same recipients (IP-21)."""
        ...

    def fate(self, provider: str, identifier: str, recipient: Address) -> RecipientFate | None:
        """Return what became of an envelope for one recipient."""
        ...

    def infected(self, identifier: str) -> list[InfectedMessage]:
        """Return what lies in the virus storage of one transaction, oldest first."""
        ...

    def received_receipts(self, identifier: str, holder: Address) -> list[ReceivedReceipt]:
        """Return what came in for a holder about one transaction, oldest first."""
        ...

    def size_of(self, digest: str) -> tuple[int, bool]:
        """Return how many octets have this digest, and whether they are still here. Raises WorldError for none."""
        ...

    def purge_infected(self, digests: Collection[str] | None = None) -> Purged:
        """Take the octets of infected messages out of this store (VI-2).

        Of those with these digests, or of all: then also what a purge that was cut off has left. To be called once
        the virus storage has them. What a job not yet finished or a letter needs stays; octets that come again are
        stored again.
        """
        ...

    # -- mailboxes ----------------------------------------------------------------------------------

    def domains(self) -> frozenset[str]:
        """Return the mail domains that we serve, in lower case."""
        ...

    def add_domain(self, domain: str, *, now: datetime) -> None:
        """Serve a domain; harmless when it is served already."""
        ...

    def mailbox(self, address: Address) -> MailboxRecord | None:
        """Return a mailbox of ours."""
        ...

    def mailboxes(self, domain: str | None = None) -> list[MailboxRecord]:
        """Return mailboxes by address."""
        ...

    def ending(self, first: date, last: date) -> list[MailboxRecord]:
        """Return the mailboxes whose last day is one of those, by address."""
        ...

    def put_mailbox(self, record: MailboxRecord, *, now: datetime) -> None:
        """Add or change a mailbox; the end of one that is there stays. Raises UserError for a domain not served."""
        ...

    def set_end(self, address: Address, ends: date | None) -> None:
        """Change the last day of a mailbox, and nothing else of it. Raises UserError when there is no such mailbox."""
        ...

    def set_ordinary_mail(self, address: Address, way: OrdinaryMail, forward_to: Address | None) -> None:
        """Change what becomes of ordinary mail for a mailbox (IP-20), and nothing else of it.

        Raises UserError when there is no such mailbox, ValueError when way and address do not go together.
        """
        ...

    def rules(self, mailbox: Address) -> Sequence[Rule]:
        """Return the rules by which messages of a mailbox go into folders, in their order (DP-8).

        Raises besides WorldError what `Rule` and its parts raise for rules that this release cannot read.
        """
        ...

    # -- for people ---------------------------------------------------------------------------------

    def queue(self) -> Mapping[JobKind, QueueFigures]:
        """Return the figures of every kind of job."""
        ...

    def jobs(self, *, kind: JobKind | None = None, limit: int = 100) -> list[Job]:
        """Return jobs that are not finished, also leased and held ones, in the order in which they can be claimed."""
        ...

    def job(self, job: int) -> Job | None:
        """Return a job that is not finished."""
        ...

    def hold(self, job: int) -> bool:
        """Keep a job back until it is released; False when there is no such job."""
        ...

    def release(self, job: int, *, now: datetime) -> bool:
        """Make a waiting or held job due now; False when there is no such job, or somebody is at it."""
        ...

    def log_of(self, identifier: str) -> list[LogRow]:
        """Return the log rows of one transaction in the order of writing.

        `identifier` may be the client's Message-ID, with or without angle brackets: then all
        rows of every transaction that it names, for a client may use one twice.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
