"""Steps become rows: what of a batch is new, what was there already, what was decided on an old state.

A batch is one transaction. First everything that its commits name is looked up, and the rows of jobs
and states are locked; then each commit is judged in its order, as if those before it were stored;
then all that is new is written table by table. The judging is cheap and the writing comes in bulk, which
is why a batch costs little more than a step. A unique key that somebody else takes between looking and
writing undoes the transaction, and all is looked at again. At first nobody even looks: what is stored once
under its key and new jobs are hardly ever there, states and jobs that are finished are as they were, and the
statements that write say so when one is not (ADR 19).

Jobs that the caller keeps are claimed in the same transaction, and what their letters are is handed back with them.

Clauses: AP-25, IP-21, LO-3; invariants 1 to 6 of ARCHITECTURE.md.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Table, bindparam, delete, select, update

from ceralacca.core.model.log import LogRow
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit, CommitOutcome, Job, Keep, Kept, NewJob, ReceivedReceipt, StateChange
from ceralacca.store.blobs import Blob, blob_of
from ceralacca.store.bulk import INSERT_OCTETS, INSERTS
from ceralacca.store.columns import shortened
from ceralacca.store.driver import Open
from ceralacca.store.engine import Raced
from ceralacca.store.job_writing import write_jobs
from ceralacca.store.log_writing import write_log
from ceralacca.store.notice_tables import NOTICE
from ceralacca.store.prepared import Prepared, among
from ceralacca.store.purge import stored_digests
from ceralacca.store.receipts import write_receipts
from ceralacca.store.rows import (
    Line,
    Values,
    blob_line,
    fate_line,
    inbound_line,
    infected_line,
    letter_line,
    notice_line,
    recipients_key,
    sent_line,
    state_lines,
    stored_letter,
    taken_line,
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
_TAKE_ID = Prepared(delete(JOB).where(among(JOB.c.id, "wanted")).returning(JOB.c.id, JOB.c.key))
_TAKE_KEY = Prepared(delete(JOB).where(among(JOB.c.key, "wanted")).returning(JOB.c.id, JOB.c.key))
_DONE = Prepared(delete(JOB).where(among(JOB.c.id, "finished")))
_MOVE = Prepared(
    update(RECIPIENT_STATE)
    .where(
        RECIPIENT_STATE.c.identifier == bindparam("of"),
        RECIPIENT_STATE.c.recipient_key == bindparam("whose"),
        RECIPIENT_STATE.c.state.in_([bindparam("before"), bindparam("or_from"), bindparam("or_else")]),
    )
    .values(state=bindparam("after"))
)

_HOPED: Final = frozenset({CommitOutcome.DONE, CommitOutcome.REPEATED})
"""Ends of commits that do not depend on what nobody looked at: REPEATED is then one whose job is gone."""
_ORDER = (BLOB, SENT_MESSAGE, RECIPIENT_STATE, INBOUND, LETTER, TAKEN, FATE, INFECTED, NOTICE)
"""Tables in the order of writing: what is referred to comes first."""


class Shelves(NamedTuple):
    """Where the octets of a batch are before it is written, and where else they go."""

    row_limit: int
    """Larger ones have a file."""
    places: Mapping[str, str]
    """Of those that lie in a pack, by digest; the others go into their rows."""


class _Keyed(NamedTuple):
    """A thing that is stored once under its key."""

    table: Table
    key: _Key
    thing: Any
    blob: Blob | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A commit, made ready: its octets are named, its keyed things and its jobs have their keys."""

    commit: Commit
    keyed: tuple[_Keyed, ...]
    jobs: list[tuple[str, NewJob]]
    cancelled: list[str]

    @classmethod
    def of(cls, commit: Commit) -> "Step":
        """Make a commit ready; reads all its octets once."""
        return cls(
            commit=commit,
            keyed=tuple(_keyed(commit)),
            jobs=[(shortened(job.key), job) for job in commit.jobs],
            cancelled=[shortened(key) for key in commit.cancelled],
        )

    @property
    def blobs(self) -> Iterator[Blob]:
        """The octets of its letters and messages."""
        return (each.blob for each in self.keyed if each.blob)

    @property
    def sealed(self) -> Iterator[Blob]:
        """The octets of its letters."""
        return (each.blob for each in self.keyed if each.blob and each.table is LETTER)


def _keyed(commit: Commit) -> Iterator[_Keyed]:
    for sent in commit.sent:
        yield _Keyed(SENT_MESSAGE, shortened(sent.original.identifier), sent)
    for message in commit.inbound:
        yield _Keyed(INBOUND, shortened(message.key), message, blob_of(message.octets))
    for letter in commit.letters:
        yield _Keyed(LETTER, shortened(letter.key), letter, blob_of(letter.octets))
    for taken in commit.taken:
        yield _Keyed(TAKEN, _triple(taken.identifier, taken.provider, recipients_key(taken.recipients)), taken)
    for fate in commit.fates:
        yield _Keyed(FATE, _triple(fate.identifier, fate.provider, fate.recipient.key), fate)
    for infected in commit.infected:
        yield _Keyed(INFECTED, shortened(infected.key), infected)
    for notice in commit.notices:
        yield _Keyed(NOTICE, shortened(notice.key), notice)


def _triple(identifier: str, provider: str, last: str) -> tuple[str, str, str]:
    return shortened(identifier), shortened(provider), shortened(last)


_LINES: Final[Mapping[Table, Callable[[Any, _Key, Blob | None], Line]]] = {
    SENT_MESSAGE: sent_line,
    INBOUND: inbound_line,
    LETTER: letter_line,
    TAKEN: taken_line,
    FATE: fate_line,
    INFECTED: infected_line,
    NOTICE: notice_line,
}


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
    are_hoped: bool
    """States that are not here are as the commits say."""


@dataclass(slots=True)
class _Writing:
    """What a batch writes."""

    octets: list[Line] = field(default_factory=list)
    """Small ones: they go into their rows, or lie in a pack."""
    lines: dict[Table, list[Line]] = field(default_factory=lambda: {table: [] for table in _ORDER})
    finished: list[int] = field(default_factory=list)
    jobs: dict[str, tuple[NewJob, datetime]] = field(default_factory=dict)
    """New ones, and when they are made."""
    moves: list[StateChange] = field(default_factory=list)
    log: list[LogRow] = field(default_factory=list)
    receipts: list[ReceivedReceipt] = field(default_factory=list)
    things: list[_Keyed] = field(default_factory=list)
    blobs: dict[str, bytes | None] = field(default_factory=dict)
    """New octets by digest, None where a file of their own has them."""


def apply(
    connection: Open, steps: Sequence[Step], shelves: Shelves, *, keep: Keep | None = None, hopeful: bool = False
) -> Kept:
    """Judge and write a batch in the open transaction; `shelves` says where octets are or go.

    `hopeful`: all is as its commits take it, as nearly always, and nobody asks; where it is not, a row is refused.
    Raises SQLAlchemyError, or Raced when what was hoped is not so: the transaction, or savepoint, is then to be undone.
    """
    known, writing = _hope(connection, steps, shelves.row_limit) if hopeful else _look_up(connection, steps), _Writing()
    taken_out = len(known.jobs) if hopeful else 0
    outcomes = [_judge(step, known, writing, shelves) for step in steps]
    if hopeful and (taken_out != len(writing.finished) or not _HOPED.issuperset(outcomes)):
        raise Raced("not all is as it was hoped")  # perhaps because it was done before
    if not hopeful and writing.finished:
        _DONE.run(connection, finished=sorted(writing.finished))
    _write(connection, writing)
    kept = write_jobs(connection, writing.jobs, keep)
    if keep is None:
        return Kept(outcomes=outcomes)
    return _made(writing, outcomes, kept, as_known=hopeful and set(outcomes) == {CommitOutcome.DONE})


# -- looking ----------------------------------------------------------------------------------------


def _hope(connection: Open, steps: Sequence[Step], row_limit: int) -> _Known:
    """Take the jobs out that are finished, and look for octets only where a row cannot say that they are there."""
    digests = {each.digest for step in steps for each in step.commit.infected}
    digests.update(each.digest for step in steps for each in step.blobs if each.size > row_limit)
    stored, purged = stored_digests(connection, digests)
    jobs = _jobs(connection, ((_TAKE_ID, _done_by(steps)), (_TAKE_KEY, _cancelled_by(steps))))
    return _Known(
        jobs=jobs,
        job_ids={key: number for number, key in jobs.items()},
        keys={table: set() for table in _KEYED},
        digests=stored,
        purged=purged,
        states={},
        are_hoped=True,
    )


def _look_up(connection: Open, steps: Sequence[Step]) -> _Known:
    keys: dict[Table, set[_Key]] = {table: set() for table in _KEYED}
    digests = {each.digest for step in steps for each in step.commit.infected}
    for each in (each for step in steps for each in step.keyed):
        keys[each.table].add(each.key)
        if each.blob:
            digests.add(each.blob.digest)
    named = _cancelled_by(steps) | {key for step in steps for key, _ in step.jobs}
    jobs = _jobs(connection, ((_JOB_ID, _done_by(steps)), (_JOB_KEY, named)))
    stored, purged = stored_digests(connection, digests)
    return _Known(
        jobs=jobs,
        job_ids={key: number for number, key in jobs.items()},
        keys={table: _present(connection, table, wanted) for table, wanted in keys.items()},
        digests=stored,
        purged=purged,
        states=_states(connection, [step.commit for step in steps]),
        are_hoped=False,
    )


def _done_by(steps: Sequence[Step]) -> set[int]:
    return {step.commit.done for step in steps if step.commit.done is not None}


def _cancelled_by(steps: Sequence[Step]) -> set[str]:
    return {key for step in steps for key in step.cancelled}


def _jobs(connection: Open, asked: Iterable[tuple[Prepared, Collection[Any]]]) -> dict[int, str]:
    """Lock jobs, or take them out; return the key of each by its id. Whoever finishes one first has finished it."""
    found: dict[int, str] = {}
    for statement, wanted in asked:
        if wanted:  # in the same order everywhere: fewer deadlocks
            found |= {row.id: row.key for row in statement.all(connection, wanted=sorted(wanted))}
    return found


def _present(connection: Open, table: Table, wanted: Collection[_Key]) -> set[_Key]:
    """Return the keys that are there, of those that are wanted and of others that begin with the same."""
    if not wanted:
        return set()
    firsts = {key[0] if isinstance(key, tuple) else key for key in wanted}
    rows = _KEYED[table].all(connection, wanted=sorted(firsts))
    return {tuple(row) if len(row) > 1 else row[0] for row in rows}


def _states(connection: Open, commits: Sequence[Commit]) -> dict[tuple[str, str], RecipientState]:
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


def _judge(step: Step, known: _Known, writing: _Writing, shelves: Shelves) -> CommitOutcome:
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
    if commit.infected and _lacks_octets(new, known):
        return CommitOutcome.FAILED
    known.states.update(moved)
    _store(new, known, writing, shelves)
    writing.moves.extend(commit.states)
    writing.log.extend(commit.log)
    writing.receipts.extend(commit.receipts)
    _arrange_jobs(step, known, writing)
    return CommitOutcome.DONE


def _is_repeated(step: Step, known: _Known) -> bool:
    commit = step.commit
    if step.keyed:
        return all(each.key in known.keys[each.table] for each in step.keyed)
    if commit.states or commit.log or commit.cancelled or commit.done is not None or not commit.jobs:
        return False
    return all(key in known.job_ids for key, _ in step.jobs)


def _new_things(step: Step, known: _Known) -> list[_Keyed]:
    """Return what is not there yet; of two with the same key the first."""
    new = {(each.table, each.key): each for each in reversed(step.keyed) if each.key not in known.keys[each.table]}
    return list(new.values())


def _moved(commit: Commit, new: Sequence[_Keyed], known: _Known) -> dict[tuple[str, str], RecipientState] | None:
    """Return the states that a commit changes, None when one is not where the commit was decided."""
    if not commit.sent and not commit.states:
        return {}
    moved = {
        (each.key, shortened(recipient.key)): state
        for each in new
        if each.table is SENT_MESSAGE
        for recipient, state in each.thing.states.items()
    }
    for change in commit.states:
        place = _place(change)
        before = moved.get(place, known.states.get(place))
        if not change.fits(before) and (before is not None or not known.are_hoped):
            return None
        moved[place] = change.after
    return moved


def _lacks_octets(new: Sequence[_Keyed], known: _Known) -> bool:
    """Ask whether an infected message refers to octets that nobody has stored."""
    wanted = {each.thing.digest for each in new if each.table is INFECTED} - known.digests
    return not wanted <= {each.blob.digest for each in new if each.blob}


def _store(new: Sequence[_Keyed], known: _Known, writing: _Writing, shelves: Shelves) -> None:
    for each in new:
        table, key, thing, blob = each
        writing.things.append(each)
        known.keys[table].add(key)
        if blob and blob.digest not in known.digests:
            known.digests.add(blob.digest)
            # what was purged into the row, whatever its size: its file may be on its way out
            is_purged = blob.digest in known.purged
            octets = bytes(blob.octets) if is_purged or blob.size <= shelves.row_limit else None
            place = None if is_purged else shelves.places.get(blob.digest)
            line = blob_line(blob, octets if place is None else None, place)
            writing.blobs[blob.digest] = octets
            (writing.lines[BLOB] if octets is None else writing.octets).append(line)
        writing.lines[table].append(_LINES[table](thing, key, blob))
        if table is SENT_MESSAGE:
            writing.lines[RECIPIENT_STATE].extend(state_lines(thing, key))


def _arrange_jobs(step: Step, known: _Known, writing: _Writing) -> None:
    commit = step.commit
    _finish(commit.done, known, writing)
    for key in step.cancelled:
        if key in known.job_ids:
            number = known.job_ids[key]
            _finish(number, known, writing)
            if number is None:  # made by this very batch
                del writing.jobs[key], known.job_ids[key]
    for key, job in step.jobs:
        if key not in known.job_ids:
            known.job_ids[key] = None
            writing.jobs[key] = job, commit.instant or job.due


def _finish(number: int | None, known: _Known, writing: _Writing) -> None:
    if number is not None:
        del known.job_ids[known.jobs.pop(number)]
        writing.finished.append(number)


# -- writing ----------------------------------------------------------------------------------------


def _write(connection: Open, writing: _Writing) -> None:
    if writing.octets:
        INSERT_OCTETS.lines(connection, sorted(writing.octets))  # in the same order everywhere, as above
    for table, lines in writing.lines.items():
        if lines:
            INSERTS[table].lines(connection, lines)
    write_receipts(connection, writing.receipts)
    write_log(connection, writing.log)
    if writing.moves:
        moved = _MOVE.run_each(connection, [_move_values(change) for change in writing.moves])
        if moved != len(writing.moves):
            raise Raced("a state is not where it was")


def _made(writing: _Writing, outcomes: list[CommitOutcome], kept: list[Job], *, as_known: bool) -> Kept:
    """Return what was written now, for who goes on with the kept jobs; `as_known`: and all steps were as they thought.

    Then their transactions are what was read of them and this, but for what others do meanwhile.
    """
    made: dict[Table, list[_Keyed]] = {table: [] for table in _KEYED}
    for each in writing.things:
        made[each.table].append(each)
    return Kept(
        outcomes=outcomes,
        jobs=kept,
        letters={
            letter.key: stored_letter(letter, letter.key, blob)
            for _, _, letter, blob in made[LETTER]
            if blob is not None and blob.digest in writing.blobs
        },
        octets={digest: octets for digest, octets in writing.blobs.items() if octets is not None},
        made=Commit(
            sent=tuple(each.thing for each in made[SENT_MESSAGE]),
            taken=tuple(each.thing for each in made[TAKEN]),
            fates=tuple(each.thing for each in made[FATE]),
            states=tuple(writing.moves),
        )
        if as_known
        else None,
    )


def _move_values(change: StateChange) -> Values:
    others = sorted(change.or_from, key=str)
    return {
        "of": change.identifier,
        "whose": change.recipient.key,
        "before": change.before,
        "or_from": others[0] if others else change.before,
        "or_else": others[-1] if others else change.before,
        "after": change.after,
    }
