"""The process of one errand: told on its standard input what to do, it does that and ends.

    python -I -m ceralacca.apps.errands.child

A fault that was foreseen ends the errand with its reason and this process with status 0. Memory is bounded: whatever a
server elsewhere sends, it can only end this process.
"""

import resource
import shutil
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from ceralacca.apps.errands.exporting import export_mailbox
from ceralacca.apps.errands.importing import import_mailbox
from ceralacca.apps.errands.progress import Progress, Reporter
from ceralacca.apps.errands.task import Server, Task
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.net.imap_mailbox import MailboxRefused, MailServer, SignedOut
from ceralacca.net.imap_transfer import OtherMailbox, TransferMailbox
from ceralacca.ports.errand import KEPT_FOR, Errand, ErrandKind, Errands, ErrandState
from ceralacca.ports.web_session import as_password
from ceralacca.store.engine import Database
from ceralacca.store.errands import StoredErrands

_MEMORY: Final = 2 * 2**30
RESERVE: Final = 2 * 2**30
"""Octets of the disk that no export touches: mail that comes in needs them."""
_LOOK_EVERY: Final = 20
"""Messages between two looks at the disk."""
_CLOCK: Final = SystemClock()
Outcome = Mapping[str, str]


class Ended(Exception):
    """The errand has failed for a reason that the holder is told: `full`, `refused`, `signed-out`, `away`, `disk`."""


@dataclass(frozen=True, slots=True)
class _FolderMarks:
    """How far an import from one source has come; a folder there is known by the digest of its name."""

    errands: Errands
    mailbox: Address
    source: str

    def get(self, folder: str) -> tuple[int, int]:
        return self.errands.mark(self.mailbox, self.source, _digest(folder))

    def put(self, folder: str, validity: int, uid: int) -> None:
        self.errands.put_mark(self.mailbox, self.source, _digest(folder), validity, uid)


def main() -> int:
    """Do the errand; return the exit status."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    task = Task.read(sys.stdin.buffer.read())
    with closing(Database(task.database, connections=1)) as database:
        do(task, StoredErrands(database))
    return 0


def do(task: Task, errands: Errands) -> None:
    """Do the errand and end it. Raises WorldError when that cannot be recorded."""
    mailbox = Address(task.mailbox)
    errand = errands.find(task.number, mailbox)
    if errand is None or not errand.open:
        return
    report = Reporter(errands, task.number, clock=_CLOCK, elapsed=time.monotonic)
    report(0, 0)
    work: Callable[[Task, Errands, Progress], Outcome] = _export if task.kind is ErrandKind.EXPORT else _import
    try:
        outcome, state = work(task, errands, report), ErrandState.DONE
    except Ended as ended:
        outcome, state = {"reason": str(ended)}, ErrandState.FAILED
    made = Path(task.handouts, task.number)
    has_file = state is ErrandState.DONE and task.kind is ErrandKind.EXPORT
    now = _CLOCK.now()
    errands.finish(
        Errand(
            number=errand.number,
            mailbox=mailbox,
            kind=errand.kind,
            asked=errand.asked,
            created=errand.created,
            seen=now,
            state=state,
            done=report.done,
            total=report.total,
            outcome=outcome,
            file=f"casella-{now:%Y%m%d}-{task.way}.zip" if has_file else "",
            size=made.stat().st_size if has_file else 0,
            until=now + KEPT_FOR if has_file else None,
        ),
        now=now,
    )


def _export(task: Task, _errands: Errands, progress: Progress) -> Outcome:
    path = Path(task.handouts, task.number)

    def careful(done: int, total: int) -> None:
        if done % _LOOK_EVERY == 0 and shutil.disk_usage(task.handouts).free < RESERVE:
            raise Ended("disk")
        progress(done, total)

    try:
        with _opened(task) as box, path.open("xb") as out:
            path.chmod(0o600)
            careful(0, 0)
            count = export_mailbox(box, out, task.way, careful)
    except Ended:
        path.unlink(missing_ok=True)
        raise
    except OSError:
        path.unlink(missing_ok=True)
        raise Ended("disk") from None
    return {"messages": str(count)}


def _import(task: Task, errands: Errands, progress: Progress) -> Outcome:
    assert task.other is not None, "an import names its source"
    source = sha256(f"{task.other.name}\n{task.user}".encode()).hexdigest()
    marks = _FolderMarks(errands, Address(task.mailbox), source)
    with _opened(task) as ours:
        try:
            other = OtherMailbox(_server(task.other), task.user, task.password.encode())
        except SignedOut:
            raise Ended("refused") from None
        with closing(other):
            done = import_mailbox(other, ours, marks, top=task.user, most_octets=task.size, progress=progress)
    return {name: str(count) for name, count in asdict(done).items()}


@contextmanager
def _opened(task: Task) -> Iterator[TransferMailbox]:
    """Open our mailbox, and tell what goes wrong with it or with a server elsewhere."""
    try:
        with closing(TransferMailbox(_server(task.ours), task.mailbox, as_password(task.ticket))) as box:
            yield box
    except SignedOut:
        raise Ended("signed-out") from None
    except MailboxRefused as error:
        raise Ended("full" if error.code == "OVERQUOTA" else "away") from None
    except (WorldError, UserError):
        raise Ended("away") from None


def _server(server: Server) -> MailServer:
    try:
        tls = ssl.create_default_context(cafile=server.ca_file or None)
    except OSError as error:
        raise WorldError("the authorities of a server cannot be read", remedy="look at the settings") from error
    return MailServer(host=server.address, port=server.port, name=server.name, tls=tls)


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
