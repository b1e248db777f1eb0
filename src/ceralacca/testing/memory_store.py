"""The memory twin of `ports.store.Store`: the same answers without database, disk or wait.

For tests of services. It is written straight from the port's words and shares no code with
`store.database`, so that the suite that runs over both is a comparison of two readings.
"""

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.delivery_rules import Rule
from ceralacca.core.fair_share import fair_share
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogRow
from ceralacca.core.notices import NoticeKind
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.splice import Octets, Splice
from ceralacca.ports.letters import Inbound, Letter, Point, StoredInbound, StoredLetter
from ceralacca.ports.mailbox import MailboxRecord, OrdinaryMail
from ceralacca.ports.store import (
    About,
    Commit,
    CommitOutcome,
    InfectedMessage,
    Job,
    JobKind,
    Keep,
    Kept,
    NewJob,
    Postponed,
    QueueFigures,
    ReceivedReceipt,
    RecipientFate,
    SentMessage,
    Taken,
)
from ceralacca.ports.vault import Purged
from ceralacca.testing.memory_delivery_rules import MemoryRuleBooks
from ceralacca.testing.memory_log import MemoryLogSearch
from ceralacca.testing.memory_notices import MemoryNotices

_KIND_OF = {Point.ACCESS: JobKind.SUBMISSION, Point.INCOMING: JobKind.ARRIVAL}

_TakenKey = tuple[str, str, frozenset[Address]]
_FateKey = tuple[str, str, Address]


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """A job, and the instant from which it can be claimed."""

    job: Job
    ready: datetime
    claimer: str = ""


@dataclass(slots=True)
class MemoryStore(MemoryLogSearch):
    """Everything that a provider keeps, for as long as the process lives."""

    log: list[LogRow] = field(default_factory=list)
    """All rows, in the order of writing."""
    gone: set[int] = field(default_factory=set)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _inbound: dict[str, StoredInbound] = field(default_factory=dict)
    _letters: dict[str, StoredLetter] = field(default_factory=dict)
    _jobs: dict[int, _Waiting] = field(default_factory=dict)
    _sent: dict[str, SentMessage] = field(default_factory=dict)
    _states: dict[tuple[str, Address], RecipientState] = field(default_factory=dict)
    _taken: dict[_TakenKey, Taken] = field(default_factory=dict)
    _fates: dict[_FateKey, RecipientFate] = field(default_factory=dict)
    _infected: dict[str, InfectedMessage] = field(default_factory=dict)
    _receipts: dict[tuple[str, Address, str], ReceivedReceipt] = field(default_factory=dict)
    _domains: set[str] = field(default_factory=set)
    _mailboxes: dict[Address, MailboxRecord] = field(default_factory=dict)
    _books: MemoryRuleBooks = field(default_factory=MemoryRuleBooks)
    _notices: MemoryNotices = field(init=False)
    _last_job: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._notices = MemoryNotices(self._hear)

    # -- what comes in ------------------------------------------------------------------------------

    def receive(self, messages: Sequence[Inbound], *, now: datetime) -> None:
        """Keep messages and make their jobs."""
        with self._lock:
            for message in messages:
                if message.key not in self._inbound:
                    self._keep_inbound(message)
                    kind = _KIND_OF[message.point]
                    job = NewJob(key=f"{kind}:{message.key}", kind=kind, due=now, payload={"inbound": message.key})
                    self._make_job(job, now)

    def inbound(self, key: str) -> StoredInbound | None:
        """Return a received message."""
        return self._inbound.get(key)

    def letter(self, key: str) -> StoredLetter | None:
        """Return a letter."""
        return self._letters.get(key)

    def octets(self, digest: str) -> Octets:
        """Return stored octets. Raises WorldError when there are none."""
        try:
            return self._blobs[digest]
        except KeyError:
            raise WorldError("stored octets are missing", remedy="restore them from a backup") from None

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
        """Claim jobs that are due, oldest first."""
        with self._lock:
            due = [each for each in self._in_order(set(kinds)) if not each.job.held and each.ready <= now]
            share = fair_share(len(due), limit=limit, sharing=sharing)
            return _taken(due[:share], now + lease, claimer)

    def give_back(self, claimer: str, *, now: datetime, lease: timedelta) -> int:
        """Make due what a claimer that is gone has left in hand; return how much."""
        with self._lock:
            mine = [each for each in self._jobs.values() if each.job.leased_until and each.claimer == claimer]
            left = [each for each in mine if now <= each.ready <= now + lease]
            for waiting in left:
                waiting.ready, waiting.job = now, replace(waiting.job, leased_until=None)
            return len(left)

    def ahead(self, jobs: Sequence[Job], *, about: About | None = None, after: Kept | None = None) -> "MemoryStore":
        """Return the store itself: its memory is near enough."""
        del jobs, about, after
        return self

    def commit(self, commits: Sequence[Commit], postponed: Sequence[Postponed] = ()) -> list[CommitOutcome]:
        """Apply steps in their order, then put off what was postponed."""
        with self._lock:
            outcomes = [self._commit(commit) for commit in commits]
            for late in postponed:
                self._put_off(late.job, late.due, note=late.note)
            return outcomes

    def commit_and_keep(self, commits: Sequence[Commit], postponed: Sequence[Postponed], keep: Keep) -> Kept:
        """Apply steps, and claim of the jobs that are new what is to be kept."""
        with self._lock:
            before = set(self._jobs)
            outcomes = self.commit(commits, postponed)
            new = [each for number, each in self._jobs.items() if number not in before]
            due = [each for each in new if each.job.kind in keep.kinds and each.ready <= keep.now]
            jobs = _taken(due[: keep.limit], keep.now + keep.lease, keep.claimer)
        return Kept(outcomes=outcomes, jobs=jobs)

    def next_due(self, kinds: Iterable[JobKind]) -> datetime | None:
        """Return when the next job of these kinds can be claimed."""
        with self._lock:
            return next((each.ready for each in self._in_order(set(kinds)) if not each.job.held), None)

    # -- state --------------------------------------------------------------------------------------

    def sent(self, identifier: str) -> SentMessage | None:
        """Return a message that we accepted, with its states as they are now."""
        with self._lock:
            sent = self._sent.get(identifier)
            return sent and replace(sent, states={one: self._states[identifier, one] for one in sent.states})

    def taken(self, provider: str, identifier: str, recipients: frozenset[Address]) -> Taken | None:
        """Return the taking in charge of an envelope (IP-21)."""
        return self._taken.get((provider, identifier, recipients))

    def fate(self, provider: str, identifier: str, recipient: Address) -> RecipientFate | None:
        """Return what became of an envelope for one recipient."""
        return self._fates.get((provider, identifier, recipient))

    def infected(self, identifier: str) -> list[InfectedMessage]:
        """Return what lies in the virus storage of one transaction."""
        with self._lock:
            found = [each for each in self._infected.values() if each.identifier == identifier]
        return sorted(found, key=lambda each: (each.found, each.key))

    def received_receipts(self, identifier: str, holder: Address) -> list[ReceivedReceipt]:
        """Return what came in for a holder about one transaction."""
        found = [one for one in self._receipts.values() if (one.identifier, one.holder) == (identifier, holder)]
        return sorted(found, key=lambda one: (one.instant, one.digest))

    def size_of(self, digest: str) -> tuple[int, bool]:
        """Return how many octets have this digest, and whether they are still here."""
        return len(self.octets(digest)), True

    def purge_infected(self, digests: Collection[str] | None = None) -> Purged:
        """Take the octets of infected messages away (VI-2)."""
        with self._lock:
            named = {waiting.job.payload.get("inbound") for waiting in self._jobs.values()}
            needed = {each.digest for each in self._inbound.values() if each.key in named}
            needed |= {each.digest for each in self._letters.values()}
            wanted = set(self._blobs if digests is None else digests)
            there = {each.digest for each in self._infected.values()} & set(self._blobs) & wanted
            for digest in there - needed:
                del self._blobs[digest]
            return Purged(gone=len(there - needed), left=frozenset(there & needed))

    # -- mailboxes ----------------------------------------------------------------------------------

    def domains(self) -> frozenset[str]:
        """Return the mail domains that we serve."""
        return frozenset(self._domains)

    def add_domain(self, domain: str, *, now: datetime) -> None:
        """Serve a domain."""
        del now
        self._domains.add(domain.lower())

    def mailbox(self, address: Address) -> MailboxRecord | None:
        """Return a mailbox of ours."""
        return self._mailboxes.get(address)

    def mailboxes(self, domain: str | None = None) -> list[MailboxRecord]:
        """Return mailboxes by address."""
        with self._lock:
            found = [each for each in self._mailboxes.values() if domain in {None, each.address.domain}]
        return sorted(found, key=lambda each: each.address.key)

    def ending(self, first: date, last: date) -> list[MailboxRecord]:
        """Return the mailboxes whose last day is one of those, by address."""
        return [each for each in self.mailboxes() if each.ends is not None and first <= each.ends <= last]

    def put_mailbox(self, record: MailboxRecord, *, now: datetime) -> None:
        """Add or change a mailbox. Raises UserError when its domain is not served."""
        with self._lock:
            if record.address.domain not in self._domains:
                raise UserError("the domain of the mailbox is not served", remedy="add the domain first")
            before = self._mailboxes.get(record.address)
            created = before.created if before else record.created or now
            heard = before.notices if before else frozenset()
            ends = before.ends if before else record.ends
            self._mailboxes[record.address] = replace(record, created=created, notices=heard, ends=ends)

    def set_end(self, address: Address, ends: date | None) -> None:
        """Change the last day of a mailbox, and nothing else of it."""
        with self._lock:
            if address not in self._mailboxes:
                raise UserError("there is no such mailbox", remedy="add it first")
            self._mailboxes[address] = replace(self._mailboxes[address], ends=ends)

    def _hear(self, mailbox: Address, kinds: frozenset[NoticeKind]) -> None:
        with self._lock:
            if mailbox in self._mailboxes:
                self._mailboxes[mailbox] = replace(self._mailboxes[mailbox], notices=kinds)

    def notices(self) -> MemoryNotices:
        """Return what holders want to be told of by ordinary ways."""
        return self._notices

    def set_ordinary_mail(self, address: Address, way: OrdinaryMail, forward_to: Address | None) -> None:
        """Change what becomes of ordinary mail for a mailbox, and nothing else of it."""
        with self._lock:
            record = self._mailboxes.get(address)
            changed = replace(record or MailboxRecord(address=address), ordinary_mail=way, forward_to=forward_to)
            if record is None:
                raise UserError("there is no such mailbox", remedy="add it first")
            self._mailboxes[address] = changed

    def rules(self, mailbox: Address) -> Sequence[Rule]:
        """Return the rules of a mailbox, in their order."""
        return self._books.current(mailbox).rules

    def rule_books(self) -> MemoryRuleBooks:
        """Return the rules of all mailboxes in their versions."""
        return self._books

    # -- for people ---------------------------------------------------------------------------------

    def queue(self) -> Mapping[JobKind, QueueFigures]:
        """Return the figures of every kind of job."""
        with self._lock:
            return {kind: self._figures(kind) for kind in JobKind}

    def jobs(self, *, kind: JobKind | None = None, limit: int = 100) -> list[Job]:
        """Return jobs that are not finished."""
        with self._lock:
            return [each.job for each in self._in_order({kind} if kind else set(JobKind))][:limit]

    def job(self, job: int) -> Job | None:
        """Return a job that is not finished."""
        with self._lock:
            found = self._jobs.get(job)
            return found.job if found else None

    def hold(self, job: int) -> bool:
        """Keep a job back until it is released."""
        with self._lock:
            if job in self._jobs:
                self._jobs[job].job = replace(self._jobs[job].job, held=True)
            return job in self._jobs

    def release(self, job: int, *, now: datetime) -> bool:
        """Make a waiting or held job due now."""
        with self._lock:
            found = self._jobs.get(job)
            if found is None or (found.job.leased_until is not None and found.job.leased_until > now):
                return False
            found.job = replace(found.job, held=False)
            self._put_off(job, now, note=found.job.note)
            return True

    def log_of(self, identifier: str) -> list[LogRow]:
        """Return the log rows of one transaction, or of all that a client's Message-ID names."""
        bare = identifier.strip().removeprefix("<").removesuffix(">")
        with self._lock:
            named = {row.identifier for row in self.log if row.client_message_id in {bare, f"<{bare}>"}}
            named = (named - {None}) | {bare}
            return [row for row in self.log if row.identifier in named or row.client_message_id in {bare, f"<{bare}>"}]

    def close(self) -> None:
        """Nothing to give back."""

    # -- inside -------------------------------------------------------------------------------------

    def _commit(self, commit: Commit) -> CommitOutcome:
        if commit.done is not None and commit.done not in self._jobs:
            return CommitOutcome.REPEATED
        if self._is_repeated(commit):
            self._finish(commit.done)
            return CommitOutcome.REPEATED
        if not self._states_hold(commit):
            return CommitOutcome.STALE
        if any(each.digest not in self._digests(commit) for each in commit.infected if each.key not in self._infected):
            return CommitOutcome.FAILED
        self._apply(commit)
        return CommitOutcome.DONE

    def _is_repeated(self, commit: Commit) -> bool:
        there = [
            *(each.original.identifier in self._sent for each in commit.sent),
            *(each.key in self._letters for each in commit.letters),
            *(each.key in self._inbound for each in commit.inbound),
            *(_taken_key(each) in self._taken for each in commit.taken),
            *(_fate_key(each) in self._fates for each in commit.fates),
            *(each.key in self._infected for each in commit.infected),
            *(each.key in self._notices.sent for each in commit.notices),
        ]
        if not there and not (commit.states or commit.log or commit.cancelled or commit.done is not None):
            keys = {waiting.job.key for waiting in self._jobs.values()}
            there = [job.key in keys for job in commit.jobs]
        return bool(there) and all(there)

    def _digests(self, commit: Commit) -> set[str]:
        """Return what octets there will be after a commit."""
        letters = [letter.octets for letter in commit.letters if letter.key not in self._letters]
        messages = [message.octets for message in commit.inbound if message.key not in self._inbound]
        return set(self._blobs) | {_digest(octets) for octets in (*letters, *messages)}

    def _states_hold(self, commit: Commit) -> bool:
        """Ask whether each change finds the state that it was decided on, one after the other."""
        states = dict(self._states)
        for sent in commit.sent:
            if sent.original.identifier not in self._sent:
                states |= {(sent.original.identifier, one): state for one, state in sent.states.items()}
        for change in commit.states:
            place = (change.identifier, change.recipient)
            if not change.fits(states.get(place)):
                return False
            states[place] = change.after
        return True

    def _apply(self, commit: Commit) -> None:
        self._finish(commit.done)
        for sent in commit.sent:
            if sent.original.identifier not in self._sent:
                self._sent[sent.original.identifier] = sent
                self._states |= {(sent.original.identifier, one): state for one, state in sent.states.items()}
        for letter in commit.letters:
            self._keep_letter(letter)
        for message in commit.inbound:
            self._keep_inbound(message)
        for taken in commit.taken:
            self._taken.setdefault(_taken_key(taken), taken)
        for fate in commit.fates:
            self._fates.setdefault(_fate_key(fate), fate)
        shelved = {(one.identifier, one.holder, one.digest): one for one in commit.receipts}
        self._receipts = shelved | self._receipts
        for infected in commit.infected:
            self._infected.setdefault(infected.key, infected)
        self._notices.keep(commit.notices)
        for change in commit.states:
            self._states[change.identifier, change.recipient] = change.after
        self.log.extend(commit.log)
        cancelled = set(commit.cancelled)
        self._jobs = {id_: each for id_, each in self._jobs.items() if each.job.key not in cancelled}
        for job in commit.jobs:
            self._make_job(job, commit.instant or job.due)

    def _keep_octets(self, octets: Octets | Splice) -> tuple[str, int]:
        digest = _digest(octets)
        self._blobs.setdefault(digest, bytes(octets))
        return digest, len(octets)

    def _keep_inbound(self, message: Inbound) -> None:
        if message.key in self._inbound:
            return
        digest, size = self._keep_octets(message.octets)
        self._inbound[message.key] = StoredInbound(
            key=message.key,
            point=message.point,
            digest=digest,
            size=size,
            reverse_path=message.reverse_path,
            forward_paths=message.forward_paths,
            received=message.received,
            peer=message.peer,
            tls=message.tls,
            authenticated=message.authenticated,
            trace=message.trace,
        )

    def _keep_letter(self, letter: Letter) -> None:
        if letter.key in self._letters:
            return
        digest, size = self._keep_octets(letter.octets)
        self._letters[letter.key] = StoredLetter(
            key=letter.key,
            digest=digest,
            size=size,
            reverse_path=letter.reverse_path,
            forward_paths=letter.forward_paths,
            message_id=letter.message_id,
            instant=letter.instant,
            row=letter.row,
            identifier=letter.identifier,
        )

    def _make_job(self, new: NewJob, created: datetime) -> None:
        if any(waiting.job.key == new.key for waiting in self._jobs.values()):
            return
        self._last_job += 1
        job = Job(
            id=self._last_job,
            key=new.key,
            kind=new.kind,
            due=new.due,
            payload=dict(new.payload),
            attempts=0,
            created=created,
        )
        self._jobs[job.id] = _Waiting(job=job, ready=new.due)

    def _finish(self, job: int | None) -> None:
        if job is not None:
            self._jobs.pop(job, None)

    def _put_off(self, job: int, due: datetime, *, note: str) -> None:
        found = self._jobs.get(job)
        if found is not None:
            found.job = replace(found.job, due=due, leased_until=None, note=note)
            found.ready = due

    def _in_order(self, kinds: set[JobKind]) -> list[_Waiting]:
        found = [each for each in self._jobs.values() if each.job.kind in kinds]
        return sorted(found, key=lambda each: (each.ready, each.job.id))

    def _figures(self, kind: JobKind) -> QueueFigures:
        jobs = [each.job for each in self._jobs.values() if each.job.kind is kind]
        waiting = [job for job in jobs if not job.held and job.leased_until is None]
        return QueueFigures(
            waiting=len(waiting),
            leased=len([job for job in jobs if not job.held and job.leased_until is not None]),
            oldest_due=min((job.due for job in waiting), default=None),
            held=len([job for job in jobs if job.held]),
        )


def _taken(jobs: Iterable[_Waiting], until: datetime, claimer: str) -> list[Job]:
    for waiting in jobs:
        waiting.ready, waiting.claimer = until, claimer
        waiting.job = replace(waiting.job, attempts=waiting.job.attempts + 1, leased_until=until)
    return [waiting.job for waiting in jobs]


def _digest(octets: Octets | Splice) -> str:
    return hashlib.sha256(bytes(octets)).hexdigest()


def _taken_key(taken: Taken) -> _TakenKey:
    return taken.provider, taken.identifier, taken.recipients


def _fate_key(fate: RecipientFate) -> _FateKey:
    return fate.provider, fate.identifier, fate.recipient
