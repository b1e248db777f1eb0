"""The store on a database: `ports.store.Store` over SQLite for one machine, PostgreSQL for several.

    store = open_store("sqlite:////var/lib/ceralacca/store.db", Path("/var/lib/ceralacca"))

The folder holds the large blobs, and the sockets over which processes wake each other. Octets are
durable before the transaction that names them; the transaction is durable before a call returns.

Clauses: AP-25, DP-3, IP-21, LO-3, TI-10.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.delivery_rules import Rule
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogRow
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import Inbound, StoredInbound, StoredLetter
from ceralacca.ports.log_search import LogEntry, LogQuery
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
    Postponed,
    QueueFigures,
    ReceivedReceipt,
    RecipientFate,
    SentMessage,
    Taken,
)
from ceralacca.ports.vault import Purged
from ceralacca.store import log_search, lookup, mailboxes, purge, queue, receipts, schema
from ceralacca.store.app_passwords import StoredAppPasswords
from ceralacca.store.audit import DatabaseAuditTrail
from ceralacca.store.blobs import BlobFolder
from ceralacca.store.columns import shortened
from ceralacca.store.delegations import StoredDelegations
from ceralacca.store.delivery_rules import StoredRuleBooks, read_rules, rules_of
from ceralacca.store.disservices import DatabaseDisservices
from ceralacca.store.durable_files import make_folder
from ceralacca.store.engine import TRIES, Database, Raced, RefusedByDatabase, translated, until_won
from ceralacca.store.errands import StoredErrands
from ceralacca.store.job_writing import first_job, kinds_to_do
from ceralacca.store.log_months import LogMonths
from ceralacca.store.log_retention import DatabaseLogRetention
from ceralacca.store.notices import StoredNotices
from ceralacca.store.own_messages import StoredOwnMessages
from ceralacca.store.packs import Packs
from ceralacca.store.read_ahead import ReadAhead, read_ahead
from ceralacca.store.safety_alarms import StoredSafetyAlarms
from ceralacca.store.second_factors import StoredSecondFactors
from ceralacca.store.site.files import MirroredBlobs, MirroredPacks
from ceralacca.store.site.state import Site
from ceralacca.store.steps import Shelves, Step, apply
from ceralacca.store.wake import Wake
from ceralacca.store.web_sessions import StoredWebSessions


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """What may be set of a store."""

    row_limit: int | None = None
    """Up to so many octets a message lies in its row, above in a file; None: as measured for the engine."""
    pack_from: int = 128 * 1024
    """From so many octets on the small letters of a batch share a pack; with another site they never do."""
    connections: int = 8
    """Connections kept open."""
    site: Site | None = None
    """This site, where there are two."""
    service_mailbox: Address | None = None
    """Where takings in charge go, for nearly every message."""
    reads_are_durable: bool = True
    """False for roles that act on nothing they read before a claim or a commit of their own."""


_ROW_LIMITS = {"sqlite": 64 * 1024, "postgresql": 20 * 1024}


def open_store(url: str, folder: Path, settings: StoreSettings | None = None) -> "DatabaseStore":
    """Open the store of a provider; in an empty database its tables are made.

    `url` is `sqlite:///path` or `postgresql://...`. Raises UserError when it is neither or when an older release
    made the tables (then `store.schema.upgrade` is the operator's to call), WorldError when it is away.
    """
    settings = settings or StoreSettings()
    try:
        make_folder(folder)
    except OSError as error:
        raise WorldError(
            f"the folder of the store cannot be made: {error.strerror}", remedy="look at the path"
        ) from error
    database = Database(
        url, connections=settings.connections, site=settings.site, reads_are_durable=settings.reads_are_durable
    )
    try:
        schema.require(database, url)
        return DatabaseStore(database, folder, settings)
    except BaseException:
        database.close()
        raise


class DatabaseStore:
    """One provider's durable memory; satisfies `ports.store.Store`. After a fork, open another."""

    def __init__(self, database: Database, folder: Path, settings: StoreSettings) -> None:
        """Take over a database whose tables are there. Raises WorldError."""
        self._database = database
        blobs, site = folder / "blobs", settings.site
        self._blobs = BlobFolder(blobs) if site is None else MirroredBlobs(blobs, site)
        self._packs = Packs(folder / "packs") if site is None else MirroredPacks(folder / "packs", site)
        self._pack_from = settings.pack_from if site is None else None
        self._row_limit = (
            settings.row_limit if settings.row_limit is not None else _ROW_LIMITS[database.engine.dialect.name]
        )
        self._wake = Wake(folder / "run")
        self._months = LogMonths(database)
        self.retention = DatabaseLogRetention(database)
        """What goes of the log after its term, and what is held."""
        self.audit = DatabaseAuditTrail(database)
        self.disservices = DatabaseDisservices(database)
        """Who did what with the service: a record apart, in the same database."""
        self._ahead = ReadAhead()
        self._service_mailbox = settings.service_mailbox

    # -- what comes in ------------------------------------------------------------------------------

    def receive(self, messages: Sequence[Inbound], *, now: datetime) -> None:
        """Make messages and their jobs durable, all or none: when this raises, nobody may be told that they are.

        Who works may begin before they are: nothing leaves the house before that commits and so syncs them as well.
        """
        commits = [Commit(inbound=(message,), jobs=(first_job(message, now),), instant=now) for message in messages]
        steps = [Step.of(commit) for commit in commits]
        shelves = self._put_files(steps)
        write_ahead = self._database.write_ahead
        reach("database.receive.before")
        self._won(steps, shelves, (), synced=write_ahead is None)
        self._wake.notify({job.kind for commit in commits for job in commit.jobs})
        if write_ahead is not None:
            reach("database.receive.between")
            write_ahead.sync()
        reach("database.receive.after")

    def inbound(self, key: str) -> StoredInbound | None:
        """Return a received message."""
        return self._ahead.inbound.get(key) or lookup.inbound(self._database, key)

    def letter(self, key: str) -> StoredLetter | None:
        """Return a letter."""
        return self._ahead.letters.get(key) or lookup.letter(self._database, key)

    def octets(self, digest: str) -> Octets:
        """Return stored octets. Raises WorldError."""
        if (ahead := self._ahead.octets.get(digest)) is not None:
            return ahead
        if (place := self._ahead.places.get(digest)) is not None:
            return self._packs.read(*place, digest)
        row = lookup.octets(self._database, digest)
        if row is None:
            raise WorldError("stored octets are missing", remedy="restore them from a backup")
        if row.octets == b"" and row.size:
            raise WorldError("these octets are kept no more: infected ones are in the virus storage")  # VI-2
        octets: bytes | None = row.octets
        if octets is not None:
            return octets
        if row.place is not None:
            return self._packs.read(row.place, row.size, digest)
        return self._blobs.read(digest, row.size)

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
        """Claim jobs that are due, oldest first, for the length of the lease."""
        wanted = list(dict.fromkeys(kinds))
        if not wanted or limit <= 0:
            return []
        reach("database.claim.before")
        claim = partial(queue.claim, now=now, limit=limit, lease=lease, claimer=claimer, sharing=sharing)
        jobs = until_won(lambda: claim(self._database, wanted))
        if any(job.kind.leads_out for job in jobs):
            self._database.make_durable()
        reach("database.claim.after")
        return jobs

    def give_back(self, claimer: str, *, now: datetime, lease: timedelta) -> int:
        """Make due what a claimer that is gone has left in hand; return how much."""
        return until_won(lambda: queue.give_back(self._database, claimer, now=now, lease=lease))

    def ahead(self, jobs: Sequence[Job], *, about: About | None = None, after: Kept | None = None) -> "DatabaseStore":
        """Return the same store with what these jobs name read already."""
        view = copy(self)
        view._ahead = read_ahead(  # noqa: SLF001 the own class
            self._database, jobs, about, before=self._ahead, after=after, service=self._service_mailbox
        )
        return view

    def commit(self, commits: Sequence[Commit], postponed: Sequence[Postponed] = ()) -> list[CommitOutcome]:
        """Make steps durable with one sync; one that fails does not fail the others."""
        return self._commit(commits, postponed, None).outcomes

    def commit_and_keep(self, commits: Sequence[Commit], postponed: Sequence[Postponed], keep: Keep) -> Kept:
        """Commit steps, begin to make them durable with one sync, and claim of their jobs what is to be kept."""
        return self._commit(commits, postponed, keep)

    def next_due(self, kinds: Iterable[JobKind]) -> datetime | None:
        """Return when the next job of these kinds can be claimed."""
        return queue.next_due(self._database, list(dict.fromkeys(kinds)))

    # -- state --------------------------------------------------------------------------------------

    def sent(self, identifier: str) -> SentMessage | None:
        """Return a message that we accepted."""
        if self._ahead.knows(identifier):
            return self._ahead.sent.get(shortened(identifier))
        return lookup.sent(self._database, identifier)

    def taken(self, provider: str, identifier: str, recipients: frozenset[Address]) -> Taken | None:
        """Return the taking in charge of an envelope that arrived before, for the same recipients (IP-21)."""
        if self._ahead.knows(identifier):
            return self._ahead.taken_of(provider, identifier, recipients)
        return lookup.taken(self._database, provider, identifier, recipients)

    def fate(self, provider: str, identifier: str, recipient: Address) -> RecipientFate | None:
        """Return what became of an envelope for one recipient."""
        if self._ahead.knows(identifier):
            return self._ahead.fate_of(provider, identifier, recipient)
        return lookup.fate(self._database, provider, identifier, recipient)

    def infected(self, identifier: str) -> list[InfectedMessage]:
        """Return what lies in the virus storage of one transaction."""
        return lookup.infected(self._database, identifier)

    def received_receipts(self, identifier: str, holder: Address) -> list[ReceivedReceipt]:
        """Return what came in for a holder about one transaction."""
        return receipts.received_receipts(self._database, identifier, holder)

    def size_of(self, digest: str) -> tuple[int, bool]:
        """Return how many octets have this digest, and whether they are still here. Raises WorldError for none."""
        return receipts.size_of(self._database, digest)

    def forget_receipts(self, *, before: datetime, of: Callable[[str, Address], bool]) -> int:
        """Keep the hash alone of older receipts; `of` says of which transaction and holder. Return of how many."""
        return until_won(lambda: receipts.forget_octets(self._database, self._blobs, self._packs, before=before, of=of))

    def purge_infected(self, digests: Collection[str] | None = None) -> Purged:
        """Take the clear octets of infected messages away (VI-2); what is still needed stays."""
        reach("database.purge.before")
        purged = until_won(lambda: purge.purge_infected(self._database, self._blobs, digests))
        reach("database.purge.after")
        return purged

    # -- mailboxes ----------------------------------------------------------------------------------

    def domains(self) -> frozenset[str]:
        """Return the mail domains that we serve."""
        return self._ahead.domains or mailboxes.domains(self._database)

    def add_domain(self, domain: str, *, now: datetime) -> None:
        """Serve a domain."""
        until_won(lambda: mailboxes.add_domain(self._database, domain, now=now))

    def mailbox(self, address: Address) -> MailboxRecord | None:
        """Return a mailbox of ours."""
        if address.key in self._ahead.mailboxes:
            return self._ahead.mailboxes[address.key]
        return mailboxes.mailbox(self._database, address)

    def mailboxes(self, domain: str | None = None) -> list[MailboxRecord]:
        """Return mailboxes by address."""
        return mailboxes.mailboxes(self._database, domain)

    def ending(self, first: date, last: date) -> list[MailboxRecord]:
        """Return the mailboxes whose last day is one of those, by address."""
        return mailboxes.ending(self._database, first, last)

    def put_mailbox(self, record: MailboxRecord, *, now: datetime) -> None:
        """Add or change a mailbox. Raises UserError when its domain is not served."""
        until_won(lambda: mailboxes.put_mailbox(self._database, record, now=now))

    def set_end(self, address: Address, ends: date | None) -> None:
        """Change the last day of a mailbox, and nothing else of it."""
        until_won(lambda: mailboxes.set_end(self._database, address, ends))

    def set_ordinary_mail(self, address: Address, way: OrdinaryMail, forward_to: Address | None) -> None:
        """Change what becomes of ordinary mail for a mailbox, and nothing else of it."""
        until_won(lambda: mailboxes.set_ordinary_mail(self._database, address, way, forward_to))

    def rules(self, mailbox: Address) -> tuple[Rule, ...]:
        """Return the rules of a mailbox, in their order."""
        if mailbox.key in self._ahead.rules:
            return rules_of(self._ahead.rules[mailbox.key])
        return read_rules(self._database, mailbox)

    def rule_books(self) -> StoredRuleBooks:
        """Return the rules of all mailboxes in their versions."""
        return StoredRuleBooks(self._database)

    def web_sessions(self, *, idle: timedelta) -> StoredWebSessions:
        """Return the sessions of the web pages; one lasts for `idle` when nobody uses it."""
        return StoredWebSessions(self._database, idle=idle)

    def app_passwords(self) -> StoredAppPasswords:
        """Return the app passwords of all mailboxes."""
        return StoredAppPasswords(self._database)

    def delegations(self) -> StoredDelegations:
        """Return the delegations of all mailboxes."""
        return StoredDelegations(self._database)

    def second_factors(self) -> StoredSecondFactors:
        """Return the second factors of all mailboxes."""
        return StoredSecondFactors(self._database)

    def safety_alarms(self) -> StoredSafetyAlarms:
        """Return the alarms and known places of all mailboxes."""
        return StoredSafetyAlarms(self._database)

    def errands(self) -> StoredErrands:
        """Return the errands of holders."""
        return StoredErrands(self._database)

    def notices(self) -> StoredNotices:
        """Return what holders want to be told of by ordinary ways."""
        return StoredNotices(self._database)

    def own_messages(self) -> StoredOwnMessages:
        """Return what holders may read of their own messages."""
        return StoredOwnMessages(self._database)

    # -- for people ---------------------------------------------------------------------------------

    def queue(self) -> Mapping[JobKind, QueueFigures]:
        """Return the figures of every kind of job; reads the whole queue."""
        return queue.figures(self._database)

    def due(self, kind: JobKind, *, now: datetime) -> int:
        """Return how many jobs of a kind are due and nobody has."""
        return queue.due(self._database, kind, now=now)

    def jobs(self, *, kind: JobKind | None = None, limit: int = 100) -> list[Job]:
        """Return jobs that are not finished, in the order in which they can be claimed."""
        return queue.jobs(self._database, kind=kind, limit=limit)

    def job(self, job: int) -> Job | None:
        """Return a job that is not finished."""
        return queue.job(self._database, job)

    def hold(self, job: int) -> bool:
        """Keep a job back until it is released."""
        return queue.hold(self._database, job)

    def release(self, job: int, *, now: datetime) -> bool:
        """Make a waiting or held job due now."""
        released = queue.release(self._database, job, now=now)
        if released:
            self._wake.notify(JobKind)
        return released

    def log_of(self, identifier: str) -> list[LogRow]:
        """Return the log rows of one transaction in order."""
        return lookup.log_of(self._database, identifier)

    def search_log(self, query: LogQuery) -> list[LogEntry]:
        """Return one page of the rows of the log that fit."""
        return log_search.search(self._database, query)

    def stream_log(self, query: LogQuery) -> Iterator[LogEntry]:
        """Give all rows of the log that fit, a few thousand in memory at a time."""
        return log_search.stream(self._database, query)

    def close(self) -> None:
        """Give back connections and sockets."""
        self._wake.close()
        self._packs.close()
        self._database.close()

    # -- inside -------------------------------------------------------------------------------------

    def _put_files(self, steps: Sequence[Step]) -> Shelves:
        """Make large octets durable before a row can name them, and small ones where they are many."""
        self._blobs.put([blob for step in steps for blob in step.blobs if blob.size > self._row_limit])
        small = [blob for step in steps for blob in step.sealed if blob.size <= self._row_limit]
        many = self._pack_from is not None and sum(blob.size for blob in small) >= self._pack_from
        return Shelves(self._row_limit, self._packs.put(small) if many else {})

    def _commit(self, commits: Sequence[Commit], postponed: Sequence[Postponed], keep: Keep | None) -> Kept:
        steps = [Step.of(commit) for commit in commits]
        shelves = self._put_files(steps)
        reach("database.commit.before")
        synced = bool(postponed) or not all(commit.repeatable for commit in commits)
        later = self._database.write_ahead if synced and keep is not None else None
        try:
            kept = self._won(steps, shelves, postponed, keep, synced=synced and later is None)
        except (Raced, RefusedByDatabase):
            kept, later = self._one_by_one(steps, shelves, postponed), None
        if later is not None:
            kept = replace(kept, settle=later.begin())
        reach("database.commit.after")
        mine = {job.key for job in kept.jobs}
        done = [step for step, end in zip(steps, kept.outcomes, strict=True) if end is CommitOutcome.DONE]
        self._wake.notify({kind for step in done for kind in kinds_to_do(step.jobs, step.commit.instant, mine)})
        return kept

    def _won(
        self,
        steps: Sequence[Step],
        shelves: Shelves,
        postponed: Sequence[Postponed],
        keep: Keep | None = None,
        *,
        synced: bool,
    ) -> Kept:
        """Store a batch in one transaction: first as if all of it were new, then after a look at what is there."""
        store = partial(self._at_once, steps, shelves, postponed, keep, synced=synced)
        try:
            return store(hopeful=True)
        except Raced:
            return until_won(lambda: store(hopeful=False))

    def _at_once(
        self,
        steps: Sequence[Step],
        shelves: Shelves,
        postponed: Sequence[Postponed],
        keep: Keep | None,
        *,
        hopeful: bool,
        synced: bool,
    ) -> Kept:
        """Store a batch in one transaction: all of it, or this raises."""
        self._months.prepare(_instants(steps))
        try:
            with self._database.direct_transaction(synced=synced) as connection:
                kept = apply(connection, steps, shelves, keep=keep, hopeful=hopeful)
                queue.postpone(connection, postponed)
                reach("database.sync.before")
        except Raced:
            self._months.forget()  # perhaps with a purge
            raise
        reach("database.sync.after")
        return kept

    def _one_by_one(self, steps: Sequence[Step], shelves: Shelves, postponed: Sequence[Postponed]) -> Kept:
        """Store a batch that failed as a whole, each step in its savepoint: one transaction and sync; keep nothing."""
        self._months.prepare(_instants(steps))
        with self._database.transaction() as connection:
            outcomes = [_alone(connection, step, shelves) for step in steps]
            queue.postpone(connection, postponed)
            reach("database.sync.before")
        reach("database.sync.after")
        return Kept(outcomes=outcomes)


def _alone(connection: Connection, step: Step, shelves: Shelves) -> CommitOutcome:
    for _ in range(TRIES):
        try:
            with translated(), connection.begin_nested():
                return apply(connection, [step], shelves).outcomes[0]
        except RefusedByDatabase:
            return CommitOutcome.FAILED
        except Raced:
            continue
    return CommitOutcome.FAILED


def _instants(steps: Sequence[Step]) -> Iterator[datetime]:
    return (row.instant for step in steps for row in step.commit.log)
