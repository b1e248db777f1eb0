"""Bugs planted on purpose, by which a crash campaign shows that it would find them.

Each behaves well as long as nobody dies at the wrong moment, which is what makes such bugs last. They are put
into a child of the rig by replacing functions there; nothing of them is in the product.

Serves: AP-25, DP-3, IP-21, TI-10.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ceralacca.core.model.notification import MessageRow
from ceralacca.net.smtp_server.reception import Reception
from ceralacca.ports.mail_store import Put, PutOutcome
from ceralacca.ports.store import Commit, CommitOutcome, Job, JobKind, Keep, Kept, Postponed
from ceralacca.services import recipient_fate, steps
from ceralacca.services.office import Office
from ceralacca.store.blobs import Blob, BlobFolder
from ceralacca.store.database import DatabaseStore
from ceralacca.store.maildir import Maildir, _Batch
from ceralacca.store.maildir_files import file_name
from ceralacca.store.maildir_folders import name_on_disk
from ceralacca.store.maildir_records import Record
from ceralacca.store.packs import Packs
from ceralacca.store.site.files import MirroredBlobs, MirroredMail
from ceralacca.store.write_ahead import WriteAhead


def _receipt_before_commit() -> None:
    """Receipts leave before the step that issues them is durable."""
    real = steps._commit  # noqa: SLF001

    def early(commits: Sequence[Commit], postponed: Sequence[Postponed], office: Office, claimer: str | None) -> Kept:
        for letter in [letter for commit in commits for letter in commit.letters]:
            if letter.row in {MessageRow.DELIVERY, MessageRow.TAKING_IN_CHARGE} and office.sends is not None:
                office.sends.send(
                    letter.forward_paths[0].domain,
                    reverse_path=letter.reverse_path,
                    recipients=letter.forward_paths,
                    octets=bytes(letter.octets),
                    require_tls=True,
                )
        return real(commits, postponed, office, claimer)

    steps._commit = early  # noqa: SLF001


def _reply_before_commit() -> None:
    """`250` is said while the message is still on its way into the store."""
    real = Reception._receive  # noqa: SLF001
    dropped: set[Any] = set()

    def late(self: Reception, messages: Any) -> None:
        time.sleep(0.1)  # a busy disk
        real(self, messages)

    async def at_once(self: Reception, message: Any) -> None:
        task = asyncio.ensure_future(waited(self, message))
        dropped.add(task)

    waited = Reception.receive
    changed: Any = Reception
    changed._receive, changed.receive = late, at_once  # noqa: SLF001


def _missing_sync() -> None:
    """A message is renamed into its mailbox, and the name synced, but not its octets."""

    def none(_: _Batch, handles: list[int]) -> None:
        del handles

    changed: Any = _Batch
    changed._sync = none  # noqa: SLF001


def _late_sync() -> None:
    """Octets are made durable together with the name that shows them, and not before it."""

    def later(self: _Batch, handles: list[int]) -> None:
        self.changed += handles

    changed: Any = _Batch
    changed._sync = later  # noqa: SLF001


def _unsynced_pack() -> None:
    """Octets are appended to a pack whose name is durable, and they are not."""
    real = Packs._append  # noqa: SLF001

    def hasty(self: Packs, wanted: Mapping[str, Blob]) -> dict[str, str]:
        sync, changed.fsync = os.fsync, lambda _: None
        try:
            return real(self, wanted)
        finally:
            changed.fsync = sync

    changed: Any = os
    packs: Any = Packs
    packs._append = hasty  # noqa: SLF001


def _unsynced_commit() -> None:
    """A worker goes on with what it has committed, and nobody syncs it."""
    changed: Any = WriteAhead
    changed.begin = lambda _: lambda: None


_Apply = Callable[[DatabaseStore, Sequence[Commit], Sequence[Postponed], Keep | None], Kept]


def _in_two(first: Callable[[Commit], Commit], second: Callable[[Commit], Commit | None]) -> None:
    """Make one transaction two."""
    real: _Apply = DatabaseStore._commit  # noqa: SLF001

    def split(
        self: DatabaseStore, commits: Sequence[Commit], postponed: Sequence[Postponed], keep: Keep | None
    ) -> Kept:
        rest = [(at, left) for at, commit in enumerate(commits) if (left := second(commit)) is not None]
        kept = real(self, [first(commit) for commit in commits], postponed, keep)
        left_over = [left for at, left in rest if kept.outcomes[at] is CommitOutcome.DONE]
        if left_over:
            real(self, left_over, (), None)
        return kept

    changed: Any = DatabaseStore
    changed._commit = split  # noqa: SLF001


def _doubled_receipt() -> None:
    """A delivery receipt is durable before its job is done, and the next try makes a receipt of its own."""
    changed: Any = recipient_fate
    tries, real = f"try-{time.monotonic_ns()}", changed.letter_key
    changed.letter_key = lambda *words, **more: f"{real(*words, **more)}/{tries}"
    _in_two(
        lambda commit: replace(commit, done=None, fates=()) if commit.fates else commit,
        lambda commit: Commit(done=commit.done, fates=commit.fates, instant=commit.instant) if commit.fates else None,
    )


def _lost_timer() -> None:
    """A message is accepted in one transaction, its timers follow in another."""

    def timers(commit: Commit) -> tuple[Any, ...]:
        return tuple(job for job in commit.jobs if job.kind is JobKind.DEADLINE)

    _in_two(
        lambda commit: replace(commit, jobs=tuple(job for job in commit.jobs if job.kind is not JobKind.DEADLINE)),
        lambda commit: Commit(jobs=timers(commit), instant=commit.instant) if timers(commit) else None,
    )


def _swallowed_outcome() -> None:
    """A job that is claimed a second time is taken for one that was done the first time."""
    real = steps._run  # noqa: SLF001

    def trusting(jobs: Sequence[Job], office: Office, hands: Any, threads: Any) -> tuple[list[Commit], list[Postponed]]:
        again = [job for job in jobs if job.attempts > 1 and job.kind is JobKind.DELIVERY]
        commits, postponed = real([job for job in jobs if job not in again], office, hands, threads)
        return [*commits, *(Commit(done=job.id, instant=office.now()) for job in again)], postponed

    steps._run = trusting  # noqa: SLF001


def _second_folder() -> None:
    """A message counts as delivered only in the folder that the rules want now."""
    real = _Batch._stage  # noqa: SLF001

    def forgetful(self: _Batch, put: Put) -> PutOutcome:
        delivered, name = self.boxes[put.mailbox].delivered, file_name(put.name)
        record = Record.of(delivered, name)
        if record is not None and record.folder != name_on_disk(put.folder):
            os.unlink(name, dir_fd=delivered)
        return real(self, put)

    changed: Any = _Batch
    changed._stage = forgetful  # noqa: SLF001


def _octets_here_only() -> None:
    """Large octets are written into this site only."""
    changed: Any = MirroredBlobs
    changed.put = BlobFolder.put


def _mail_here_only() -> None:
    """What is delivered is in the mailbox of this site only."""
    changed: Any = MirroredMail
    changed.show = Maildir.show


SITE_PLANTS: Final[Mapping[str, Callable[[], None]]] = {
    "octets-here-only": _octets_here_only,
    "mail-here-only": _mail_here_only,
}
"""Of two sites: found when the first one is lost."""

PLANTS: Final[Mapping[str, Callable[[], None]]] = {
    "receipt-before-commit": _receipt_before_commit,
    "reply-before-commit": _reply_before_commit,
    "missing-sync": _missing_sync,
    "late-sync": _late_sync,
    "unsynced-pack": _unsynced_pack,
    "unsynced-commit": _unsynced_commit,
    "doubled-receipt": _doubled_receipt,
    "lost-timer": _lost_timer,
    "swallowed-outcome": _swallowed_outcome,
    "second-folder": _second_folder,
}

FOUND_IN: Final[Mapping[str, tuple[str, str]]] = {
    "receipt-before-commit": ("arrive", "steps.commit.before:1"),
    "reply-before-commit": ("refuse", "database.receive.before:1"),
    "missing-sync": ("deliver", "maildir.settle.after:1"),
    "late-sync": ("deliver", "maildir.rename.after:1"),
    "unsynced-pack": ("accept", "database.commit.after:1"),
    "unsynced-commit": ("refuse", "maildir.settle.after:1"),
    "doubled-receipt": ("arrive", "database.commit.after:2"),
    "lost-timer": ("accept", "database.commit.after:1"),
    "swallowed-outcome": ("deliver", "deliver_message.put.before:1"),
    "second-folder": ("deliver", "deliver_message.put.after:1"),
}
"""In which flow each shows itself, and the point to try first."""
