"""Steps become rows: what of a batch is new, what was there already, what was decided on an old state.

A batch is one transaction. First everything that its commits name is looked up, and the rows of jobs
and states are locked; then each commit is judged in its order, as if those before it were stored;
then all that is new is written table by table. The judging is cheap and the writing comes in bulk, which
is why a batch costs little more than a step. A unique key that somebody else takes between looking and
writing undoes the transaction, and all is looked at again.

Clauses: AP-25, IP-21, LO-3; invariants 1 to 6 of ARCHITECTURE.md.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, delete, select, update

from ceralacca.core.model.log import LogRow
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit, CommitOutcome, ReceivedReceipt, StateChange
from ceralacca.store.blobs import Blob, blob_of
from ceralacca.store.bulk import insert_rows
from ceralacca.store.columns import shortened
from ceralacca.store.log_writing import write_log
from ceralacca.store.notice_tables import NOTICE
from ceralacca.store.prepared import Prepared, among
from ceralacca.store.purge import stored_digests
from ceralacca.store.receipts import write_receipts
from ceralacca.store.rows import (
    Values,
    blob_values,
    fate_values,
    inbound_values,
    infected_values,
    job_values,
    letter_values,
    notice_values,
    sent_values,
    state_values,
    taken_values,
)
from ceralacca.store.tables import (
    BLOB,
    FATE,
    INBOUND,
    INFECTED,
    JOB,
    LETTER,
    RECIPIENT_STATE,
    SENT_MESSAGE,
    TAKEN,
)

_Key = Any


def _there(*columns: Column[Any]) -> Prepared:
    """Ask for keys whose first column is one of those that are wanted."""
    return Prepared(select(*columns).where(among(columns[0], "wanted")))


_KEYED: Mapping[Table, Prepared] = {
    SENT_MESSAGE: _there(SENT_MESSAGE.c.identifier),
    INBOUND: _there(INBOUND.c.key),
    LETTER: _there(LETTER.c.key),
    TAKEN: _there(TAKEN.c.identifier, TAKEN.c.provider, TAKEN.c.recipients_key),
    FATE: _there(FATE.c.identifier, FATE.c.provider, FATE.c.recipient_key),
    INFECTED: _there(INFECTED.c.key),
    NOTICE: _there(NOTICE.c.key),
}
"""What is stored once under its key, and which keys are there."""

_JOB_ID = Prepared(select(JOB.c.id, JOB.c.key).where(among(JOB.c.id, "wanted")).with_for_update())
_JOB_KEY = Prepared(select(JOB.c.id, JOB.c.key).where(among(JOB.c.key, "wanted")).with_for_update())
_STATE = Prepared(
    select(RECIPIENT_STATE.c.identifier, RECIPIENT_STATE.c.recipient_key, RECIPIENT_STATE.c.state)
    .where(among(RECIPIENT_STATE.c.identifier, "wanted"), among(RECIPIENT_STATE.c.recipient_key, "whose"))
    .with_for_update()
)
_DONE = Prepared(delete(JOB).where(among(JOB.c.id, "finished")))
_MOVE = Prepared(
    update(RECIPIENT_STATE)
    .where(RECIPIENT_STATE.c.identifier == bindparam("of"), RECIPIENT_STATE.c.recipient_key == bindparam("whose"))
    .values(state=bindparam("after"))
)

_ORDER = (BLOB, SENT_MESSAGE, RECIPIENT_STATE, INBOUND, LETTER, TAKEN, FATE, INFECTED, NOTICE)
"""Tables in the order of writing: what is referred to comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keyed:
    """A thing that is stored once under its key."""

    table: Table
    key: _Key
    row: Values
    blob: Blob | None = None
    more: Sequence[Values] = ()
    """Rows of RECIPIENT_STATE that come with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A commit, made ready: its octets are named, its keyed things are rows."""

    commit: Commit
    keyed: tuple[_Keyed, ...]

    @classmethod
    def of(cls, commit: Commit) -> "Step":
        """Make a commit ready; reads all its octets once."""
        return cls(commit=commit, keyed=tuple(_keyed(commit)))

    @property
    def blobs(self) -> Iterator[Blob]:
        """The octets of its letters and messages."""
        return (each.blob for each in self.keyed if each.blob)


def _keyed(commit: Commit) -> Iterator[_Keyed]:
    for sent in commit.sent:
        row = sent_values(sent)
        yield _Keyed(table=SENT_MESSAGE, key=shortened(row["identifier"]), row=row, more=state_values(sent))
    for message in commit.inbound:
        blob = blob_of(message.octets)
        yield _Keyed(table=INBOUND, key=shortened(message.key), row=inbound_values(message, blob.digest), blob=blob)
    for letter in commit.letters:
        blob = blob_of(letter.octets)
        yield _Keyed(table=LETTER, key=shortened(letter.key), row=letter_values(letter, blob.digest), blob=blob)
    for taken in commit.taken:
        row = taken_values(taken)
        yield _Keyed(table=TAKEN, key=_triple(row, "recipients_key"), row=row)
    for fate in commit.fates:
        row = fate_values(fate)
        yield _Keyed(table=FATE, key=_triple(row, "recipient_key"), row=row)
    for infected in commit.infected:
        yield _Keyed(table=INFECTED, key=shortened(infected.key), row=infected_values(infected))
    for notice in commit.notices:
        yield _Keyed(table=NOTICE, key=shortened(notice.key), row=notice_values(notice))


def _triple(row: Values, last: str) -> tuple[str, str, str]:
    return shortened(row["identifier"]), shortened(row["provider"]), shortened(row[last])


@dataclass(slots=True, kw_only=True)
class _Known:
    """What of the things that a batch names is stored, or will be by the commits judged so far."""

    jobs: dict[int, str]
    """Key by id, of jobs that are rows already."""
    job_ids: dict[str, int | None]
    """Id by key; None for a job of this batch."""
    keys: dict[Table, set[_Key]]
    digests: set[str]
    purged: set[str]
    """Digests whose octets were infected and are in the virus storage only (VI-2); they may come again."""
    states: dict[tuple[str, str], RecipientState]


@dataclass(slots=True)
class _Writing:
    """What a batch writes."""

    rows: dict[Table, list[Values]] = field(default_factory=lambda: {table: [] for table in _ORDER})
    finished: list[int] = field(default_factory=list)
    jobs: dict[str, Values] = field(default_factory=dict)
    moves: list[StateChange] = field(default_factory=list)
    log: list[LogRow] = field(default_factory=list)
    receipts: list[ReceivedReceipt] = field(default_factory=list)
    again: list[Blob] = field(default_factory=list)
    """Octets that were purged and have come again."""


def apply(connection: Connection, steps: Sequence[Step], *, row_limit: int) -> list[CommitOutcome]:
    """Judge and write a batch in the open transaction; octets up to `row_limit` go into their rows.

    Raises SQLAlchemyError: the transaction, or savepoint, is then to be undone.
    """
    known, writing = _look_up(connection, steps), _Writing()
    outcomes = [_judge(step, known, writing, row_limit) for step in steps]
    _write(connection, writing)
    return outcomes


# -- looking ----------------------------------------------------------------------------------------


def _look_up(connection: Connection, steps: Sequence[Step]) -> _Known:
    keys: dict[Table, set[_Key]] = {table: set() for table in _KEYED}
    digests = {each.digest for step in steps for each in step.commit.infected}
    for each in (each for step in steps for each in step.keyed):
        keys[each.table].add(each.key)
        if each.blob:
            digests.add(each.blob.digest)
    jobs = _jobs(connection, [step.commit for step in steps])
    stored, purged = stored_digests(connection, digests)
    return _Known(
        jobs=jobs,
        job_ids={key: number for number, key in jobs.items()},
        keys={table: set(_present(connection, _KEYED[table], wanted)) for table, wanted in keys.items()},
        digests=stored,
        purged=purged,
        states=_states(connection, [step.commit for step in steps]),
    )


def _jobs(connection: Connection, commits: Sequence[Commit]) -> dict[int, str]:
    """Lock the jobs that are named: whoever finishes one first has finished it."""
    numbers = {commit.done for commit in commits if commit.done is not None}
    keys = {shortened(key) for commit in commits for key in (*commit.cancelled, *(job.key for job in commit.jobs))}
    found: dict[int, str] = {}
    for statement, wanted in ((_JOB_ID, sorted(numbers)), (_JOB_KEY, sorted(keys))):
        if wanted:  # in the same order everywhere: fewer deadlocks
            found |= {row.id: row.key for row in statement.all(connection, wanted=wanted)}
    return found


def _present(connection: Connection, statement: Prepared, wanted: Collection[_Key]) -> Iterable[_Key]:
    """Return the keys that are there, of those that are wanted and of others that begin with the same."""
    if not wanted:
        return ()
    firsts = {key[0] if isinstance(key, tuple) else key for key in wanted}
    rows = statement.all(connection, wanted=sorted(firsts))
    return (tuple(row) if len(row) > 1 else row[0] for row in rows)


def _states(connection: Connection, commits: Sequence[Commit]) -> dict[tuple[str, str], RecipientState]:
    """Lock the states that are to move."""
    places = {_place(change) for commit in commits for change in commit.states}
    if not places:
        return {}
    wanted, whose = (sorted(set(each)) for each in zip(*places, strict=True))
    rows = _STATE.all(connection, wanted=wanted, whose=whose)
    return {(row.identifier, row.recipient_key): row.state for row in rows}


def _place(change: StateChange) -> tuple[str, str]:
    return shortened(change.identifier), shortened(change.recipient.key)


# -- judging ----------------------------------------------------------------------------------------


def _judge(step: Step, known: _Known, writing: _Writing, row_limit: int) -> CommitOutcome:
    commit = step.commit
    if commit.done is not None and commit.done not in known.jobs:
        return CommitOutcome.REPEATED
    if _is_repeated(step, known):
        _finish(commit.done, known, writing)
        return CommitOutcome.REPEATED
    new = _new_things(step, known)
    moved = _moved(commit, new, known)
    if moved is None:
        return CommitOutcome.STALE
    if _lacks_octets(new, known):
        return CommitOutcome.FAILED
    known.states.update(moved)
    _store(new, known, writing, row_limit)
    writing.moves.extend(commit.states)
    writing.log.extend(commit.log)
    writing.receipts.extend(commit.receipts)
    _arrange_jobs(commit, known, writing)
    return CommitOutcome.DONE


def _is_repeated(step: Step, known: _Known) -> bool:
    commit = step.commit
    if step.keyed:
        return all(each.key in known.keys[each.table] for each in step.keyed)
    if commit.states or commit.log or commit.cancelled or commit.done is not None or not commit.jobs:
        return False
    return all(shortened(job.key) in known.job_ids for job in commit.jobs)


def _new_things(step: Step, known: _Known) -> list[_Keyed]:
    """Return what is not there yet; of two with the same key the first."""
    new = {(each.table, each.key): each for each in reversed(step.keyed) if each.key not in known.keys[each.table]}
    return list(new.values())


def _moved(commit: Commit, new: Sequence[_Keyed], known: _Known) -> dict[tuple[str, str], RecipientState] | None:
    """Return the states that a commit changes, None when one is not where the commit was decided."""
    moved = {(each.key, shortened(row["recipient_key"])): row["state"] for each in new for row in each.more}
    for change in commit.states:
        place = _place(change)
        if moved.get(place, known.states.get(place)) is not change.before:
            return None
        moved[place] = change.after
    return moved


def _lacks_octets(new: Sequence[_Keyed], known: _Known) -> bool:
    """Ask whether an infected message refers to octets that nobody has stored."""
    wanted = {each.row["digest"] for each in new if each.table is INFECTED} - known.digests
    return not wanted <= {each.blob.digest for each in new if each.blob}


def _store(new: Sequence[_Keyed], known: _Known, writing: _Writing, row_limit: int) -> None:
    for each in new:
        known.keys[each.table].add(each.key)
        if each.blob and each.blob.digest not in known.digests:
            known.digests.add(each.blob.digest)
            if each.blob.digest in known.purged:
                writing.again.append(each.blob)
            else:
                writing.rows[BLOB].append(blob_values(each.blob, in_row=each.blob.size <= row_limit))
        writing.rows[each.table].append(each.row)
        writing.rows[RECIPIENT_STATE].extend(each.more)


def _arrange_jobs(commit: Commit, known: _Known, writing: _Writing) -> None:
    _finish(commit.done, known, writing)
    for key in map(shortened, commit.cancelled):
        if key in known.job_ids:
            number = known.job_ids[key]
            _finish(number, known, writing)
            if number is None:  # made by this very batch
                del writing.jobs[key], known.job_ids[key]
    for job in commit.jobs:
        key = shortened(job.key)
        if key not in known.job_ids:
            known.job_ids[key] = None
            writing.jobs[key] = job_values(job, commit.instant or job.due)


def _finish(number: int | None, known: _Known, writing: _Writing) -> None:
    if number is not None:
        del known.job_ids[known.jobs.pop(number)]
        writing.finished.append(number)


# -- writing ----------------------------------------------------------------------------------------


def _write(connection: Connection, writing: _Writing) -> None:
    for blob in writing.again:  # into the row whatever their size: their file may be on its way out
        connection.execute(update(BLOB).where(BLOB.c.digest == blob.digest).values(octets=bytes(blob.octets)))
    for table, rows in writing.rows.items():
        if rows:
            insert_rows(connection, table, rows)
    write_receipts(connection, writing.receipts)
    write_log(connection, writing.log)
    if writing.moves:
        _MOVE.run_each(connection, [_move_values(change) for change in writing.moves])
    if writing.finished:
        _DONE.run(connection, finished=sorted(writing.finished))
    if writing.jobs:
        insert_rows(connection, JOB, list(writing.jobs.values()))


def _move_values(change: StateChange) -> Values:
    return {"of": change.identifier, "whose": change.recipient.key, "after": change.after}
