"""`pec serve`: one provider, all its roles under the supervisor, or one role alone.

The order of the stages is that of need: tables and scanner; the door of holders; the directory; who works; the door
of others; pages. On the way down all doors close first, so that nothing comes in while the rest is finished.
"""

import asyncio
import fcntl
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final

import structlog

from ceralacca import __version__
from ceralacca.apps import diagnostics
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.giving_way import give_way
from ceralacca.apps.service_events import record_start_of, record_stop
from ceralacca.apps.settings import Settings
from ceralacca.apps.status import read_status
from ceralacca.apps.supervisor import Role, Supervisor
from ceralacca.base.errors import PecError, UserError

_SILENCE: Final = 900.0
"""Seconds without a word from a role whose steps may be long."""
_LOOP_SILENCE: Final = 60.0
"""The same for a role that is an event loop."""

_LOG = structlog.get_logger(__name__)

_GONE_WITHIN: Final = 60.0
"""Seconds for the roles of a supervisor that was killed to end."""
_PAUSE: Final = 0.05
_REFUSED, _FAILED = 2, 1

Run = Callable[[Settings, Duty], None]


def _worker(number: int) -> Run:
    def run(settings: Settings, duty: Duty) -> None:
        from ceralacca.apps.mailbox_access import mail_owner  # noqa: PLC0415 each role imports its own
        from ceralacca.apps.worker import run_worker  # noqa: PLC0415

        run_worker(settings, duty, name=f"worker-{number}", owner=mail_owner(settings))

    return run


def _relay(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.relay import run_relay  # noqa: PLC0415

    run_relay(settings, duty)


def _timekeeper(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.timekeeper import run_timekeeper  # noqa: PLC0415

    run_timekeeper(settings, duty)


def _access(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.access import run_access  # noqa: PLC0415

    run_access(settings, duty)


def _incoming(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.incoming import run_incoming  # noqa: PLC0415

    run_incoming(settings, duty)


def _virus(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.virus_scan import run_virus_scan  # noqa: PLC0415

    run_virus_scan(settings, duty)


def _mailboxes(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.mailbox_access import run_mailbox_access  # noqa: PLC0415

    run_mailbox_access(settings, duty)


def _metrics(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.metrics.role import run_metrics  # noqa: PLC0415

    run_metrics(settings, duty)


def _web(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.web.role import run_web  # noqa: PLC0415

    run_web(settings, duty)


def _extracts(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.errands.extracting import run_extracts  # noqa: PLC0415

    run_extracts(settings, duty)


def _prepare(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.preparation import prepare  # noqa: PLC0415

    del duty
    prepare(settings)


def _directory(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.directory_agent import fetch_first  # noqa: PLC0415

    del duty
    fetch_first(settings)


_ROLES: Final[Mapping[str, Run]] = {
    "prepare": _prepare,
    "directory": _directory,
    "virus": _virus,
    "mailboxes": _mailboxes,
    "worker": _worker(1),
    "relay": _relay,
    "timekeeper": _timekeeper,
    "metrics": _metrics,
    "extracts": _extracts,
    "access": _access,
    "incoming": _incoming,
    "web": _web,
}
_YOUNG: Final = 20_000
"""New objects after which the collector looks for cycles: a step makes some hundreds, and hardly ever a cycle."""

ROLE_NAMES: Final = tuple(_ROLES)
"""What may be run alone; `worker-2` and so on are further workers."""


_LOADS: Final[Mapping[str, tuple[str, ...]]] = {
    "prepare": ("preparation",),
    "virus": ("virus_scan",),
    "access": ("access",),
    "directory": ("directory_agent",),
    "mailboxes": ("mailbox_access",),
    "worker": ("mailbox_access", "worker"),
    "relay": ("relay",),
    "timekeeper": ("timekeeper",),
    "metrics": ("metrics.role",),
    "incoming": ("incoming",),
    "extracts": ("errands.extracting",),
    "web": ("web.role",),
}
"""What each role imports of `apps`."""


_GIVE_WAY: Final = frozenset({"timekeeper", "extracts"})
"""Nobody waits for what these do from one moment to the next: processors go to the mail first."""


def run_role(name: str, settings: Settings, duty: Duty) -> None:
    """Be one role until the duty ends. Raises UserError for a name that is none."""
    base, _, number = name.partition("-")
    run = _worker(int(number)) if base == "worker" and number.isdecimal() else _ROLES.get(name)
    if run is None:
        raise UserError(f"there is no role {name}", remedy=f"name one of {', '.join(ROLE_NAMES)}")
    diagnostics.configure(settings.log, role=name)
    gc.set_threshold(_YOUNG, 20, 50)
    if name in _GIVE_WAY:
        give_way()
    with duty.watched():
        run(settings, duty)


class _Stage(IntEnum):
    """Who starts when."""

    GROUND = 0
    """What no door can do without: the tables, in which a message is durable, and a scanner of our own (AP-18)."""
    SUBMISSION = 1
    """Holders' door: what it takes is durable, and waits for a worker. A holder who finds it closed has no queue."""
    DIRECTORY = 2
    """The first directory and CRLs: whoever judges a message without them must let it wait (IP-5)."""
    WORK = 3
    """Who works, and what has a life of its own. A key or file that is refused ends the start here."""
    INCOMING = 4
    """The door of the others, whose queues keep their mail until there is somebody to work on it."""
    PAGES = 5
    """What takes longest to load."""


class _End(IntEnum):
    """Who ends when, the highest first: nothing comes in while the rest is finished, and that needs the scanner."""

    GROUND = 0
    WORK = 1
    DOORS = 2


def roles_of(settings: Settings) -> list[Role]:
    """Return the processes that a provider of these settings consists of."""
    roles = [_role("prepare", settings, _Stage.GROUND, _End.GROUND, once=True)]
    if settings.virus.managed:
        roles.append(_role("virus", settings, _Stage.GROUND, _End.GROUND, silence=_SILENCE))
    roles += [
        _role("access", settings, _Stage.SUBMISSION, _End.DOORS, silence=_LOOP_SILENCE),
        _role("directory", settings, _Stage.DIRECTORY, _End.GROUND, once=True),
    ]
    if settings.mailboxes.managed:
        roles.append(_role("mailboxes", settings, _Stage.WORK, _End.WORK, silence=_LOOP_SILENCE))
    workers = [f"worker-{number}" for number in range(1, settings.workers.count + 1)]
    metrics = [] if settings.metrics.port is None else ["metrics"]
    for name in (*workers, "relay", "timekeeper", *metrics):
        roles.append(_role(name, settings, _Stage.WORK, _End.WORK, silence=_SILENCE))
    roles.append(_role("incoming", settings, _Stage.INCOMING, _End.DOORS, silence=_LOOP_SILENCE))
    if settings.web.enabled:
        if settings.message_log.keys is not None:
            roles.append(_role("extracts", settings, _Stage.PAGES, _End.WORK, silence=_SILENCE))
        roles.append(_role("web", settings, _Stage.PAGES, _End.DOORS, silence=_LOOP_SILENCE))
    return roles


def _role(
    name: str, settings: Settings, stage: _Stage, ends: _End, *, once: bool = False, silence: float | None = None
) -> Role:
    def main(ready: int, life: int) -> int:
        return run_guarded(name, settings, Duty(ready=ready, life=life))

    loads = tuple(f"ceralacca.apps.{module}" for module in _LOADS[name.partition("-")[0]])
    return Role(name=name, main=main, stage=stage, ends=ends, loads=loads, once=once, silence=silence)


def run_guarded(name: str, settings: Settings, duty: Duty) -> int:
    """Be one role; return the exit status: 2 when a new start would not help, 1 when it may."""
    try:
        run_role(name, settings, duty)
    except PecError as error:
        print(f"pec {name}: {error}", file=sys.stderr)  # noqa: T201 also where the diagnostics go to a file
        if error.remedy:
            print(f"     {error.remedy}", file=sys.stderr)  # noqa: T201
        return _REFUSED if isinstance(error, UserError) else _FAILED
    return 0


def serve(settings: Settings, config: Path | None = None, *, on_ready: Callable[[], None] = lambda: None) -> int:
    """Be a whole provider until SIGTERM or SIGINT; return the exit status. Raises UserError, WorldError.

    `config` is where the settings were read, for the diagnostics.
    """
    diagnostics.configure(settings.log, role="supervisor")
    _LOG.info("supervisor.starting", config=str(config or ""), version=__version__)
    folder = DataFolder(settings.data.folder)
    folder.make()
    with _alone(folder) as lock:
        supervisor = Supervisor(roles_of(settings), status=folder.status, shared=(lock,))
        code = asyncio.run(supervisor.run(on_ready=on_ready))
        record_stop(settings)
        return code


def serve_alone(name: str, settings: Settings) -> None:
    """Be one role under no supervisor, until SIGTERM or SIGINT. Raises UserError, WorldError."""
    if name in {"prepare", "directory"}:  # they end by themselves; the first records that the provider starts
        run_role(name, settings, Duty())
        return
    record_start_of(name, settings)
    try:
        run_role(name, settings, Duty())
    finally:
        record_stop(settings, role=name)


@contextmanager
def _alone(folder: DataFolder) -> Iterator[int]:
    """Hold the data folder against a second supervisor.

    The roles share the lock: after a supervisor that was killed, a new one waits until the last of them is gone.
    """
    handle = os.open(folder.run / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + _GONE_WITHIN
        while not _locked(handle):
            if read_status(folder).running or time.monotonic() > until:
                raise UserError(f"a provider runs on {folder.root} already", remedy="stop it first")
            time.sleep(_PAUSE)
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
