"""`pec serve`: one provider, all its roles under the supervisor, or one role alone.

The order of the stages is that of need: the scanner and what is prepared once; then who works; then who
lets mail in. It is the reverse on the way down, so that nothing comes in while the rest is finished.
"""

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ceralacca.apps import diagnostics
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.settings import Settings
from ceralacca.apps.supervisor import Role, Supervisor
from ceralacca.base.errors import UserError

_SILENCE: Final = 900.0
"""Seconds without a word from a role whose steps may be long."""
_LOOP_SILENCE: Final = 60.0
"""The same for a role that is an event loop."""

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


def _prepare(settings: Settings, duty: Duty) -> None:
    from ceralacca.apps.preparation import prepare  # noqa: PLC0415

    del duty
    prepare(settings)


_ROLES: Final[Mapping[str, Run]] = {
    "prepare": _prepare,
    "virus": _virus,
    "mailboxes": _mailboxes,
    "worker": _worker(1),
    "relay": _relay,
    "timekeeper": _timekeeper,
    "access": _access,
    "incoming": _incoming,
}
ROLE_NAMES: Final = tuple(_ROLES)
"""What may be run alone; `worker-2` and so on are further workers."""


def run_role(name: str, settings: Settings, duty: Duty) -> None:
    """Be one role until the duty ends. Raises UserError for a name that is none."""
    base, _, number = name.partition("-")
    run = _worker(int(number)) if base == "worker" and number.isdecimal() else _ROLES.get(name)
    if run is None:
        raise UserError(f"there is no role {name}", remedy=f"name one of {', '.join(ROLE_NAMES)}")
    diagnostics.configure(settings.log, role=name)
    with duty.watched():
        run(settings, duty)


def roles_of(settings: Settings, config: Path) -> list[Role]:
    """Return the processes that a provider of these settings consists of."""
    roles = [_role("prepare", config, 0, once=True)]
    if settings.virus.managed:
        roles.append(_role("virus", config, 0, silence=_SILENCE))
    if settings.mailboxes.managed:
        roles.append(_role("mailboxes", config, 1, silence=_LOOP_SILENCE))
    roles += [_role(f"worker-{n}", config, 1, silence=_SILENCE) for n in range(1, settings.workers.count + 1)]
    roles += [_role("relay", config, 1, silence=_SILENCE), _role("timekeeper", config, 1, silence=_SILENCE)]
    roles += [_role("access", config, 2, silence=_LOOP_SILENCE), _role("incoming", config, 2, silence=_LOOP_SILENCE)]
    return roles


def _role(name: str, config: Path, stage: int, *, once: bool = False, silence: float | None = None) -> Role:
    program = (sys.executable, "-m", "ceralacca.apps.serve_role")
    command = (*program, name, str(config), "{ready}", "{life}")
    return Role(name=name, command=command, stage=stage, once=once, silence=silence)


def serve(settings: Settings, config: Path, *, on_ready: Callable[[], None] = lambda: None) -> int:
    """Be a whole provider until SIGTERM or SIGINT; return the exit status. Raises UserError, WorldError."""
    diagnostics.configure(settings.log, role="supervisor")
    folder = DataFolder(settings.data.folder)
    folder.make()
    with _alone(folder):
        supervisor = Supervisor(roles_of(settings, config.resolve()), status=folder.status)
        return asyncio.run(supervisor.run(on_ready=on_ready))


@contextmanager
def _alone(folder: DataFolder) -> Iterator[None]:
    """Hold the data folder against a second supervisor."""
    handle = os.open(folder.run / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise UserError(f"a provider runs on {folder.root} already", remedy="stop it first") from None
    try:
        yield
    finally:
        os.close(handle)
