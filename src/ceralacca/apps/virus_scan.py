"""The virus scanner's process: starts a clamd of our own and stays with it.

Fails when clamd fails, so that the supervisor starts both again. Production never runs on the
demonstration's signatures, whoever's clamd it is (VI-3).
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, scanner
from ceralacca.base.errors import UserError, WorldError
from ceralacca.net.clamd import Clamd
from ceralacca.net.clamd_child import ClamdChild
from ceralacca.net.freshclam import Freshclam
from ceralacca.ports.scanner import NotScanned

_LOG = structlog.get_logger(__name__)

_DEBIAN: Final = Path("/var/lib/clamav")
_LOOK: Final = 2.0


def run_virus_scan(settings: Settings, duty: Duty) -> None:
    """Keep clamd up until the duty ends. Raises UserError, WorldError when it ends by itself."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    updates = signature_updates(settings)
    if updates is not None:
        first_update(updates, duty)
    child = ClamdChild(folder.clamd, database=signature_folder(settings), most_octets=settings.virus.most_octets)
    try:
        child.start()
        refuse_demo_database(settings, scanner(settings))
        duty.ready(clamd=child.pid or 0)
        while not duty.ending.wait(_LOOK):
            duty.beat()
            if not child.alive():
                raise WorldError("clamd has ended", remedy=f"read {folder.clamd / 'clamd.log'}")
            if updates is not None:
                update_if_due(updates, CLOCK.now(), every=settings.virus.update_every, clamd=scanner(settings))
    finally:
        if updates is not None:
            updates.stop()
        child.stop()


def signature_updates(settings: Settings) -> Freshclam | None:
    """Return what keeps the signatures fresh; None when that is the system's matter. Raises UserError."""
    virus = settings.virus
    if virus.updates != "managed" or virus.demo_database:
        return None
    folder = DataFolder(settings.data.folder)
    database = virus.database or folder.signatures
    return Freshclam(folder.clamd, database, mirror=virus.mirror, more=virus.more_signatures)


def first_update(updates: Freshclam, duty: Duty) -> None:
    """Fetch signatures before clamd starts, where there are none yet; what comes of it, clamd's start shows."""
    if updates.state.succeeded is None:
        updates.start(CLOCK.now())
        while not duty.ending.wait(_LOOK) and updates.running:
            duty.beat()
            updates.poll(CLOCK.now())


def update_if_due(updates: Freshclam, now: datetime, *, every: timedelta, clamd: Clamd) -> None:
    """Run freshclam at its times; clamd loads what a run has brought (VI-3)."""
    attempted = updates.state.attempted
    if attempted is None or now - attempted >= every:
        updates.start(now)
    if updates.poll(now):
        try:
            clamd.reload()
            _LOG.info("virus.signatures-updated")
        except NotScanned as error:  # clamd looks for itself every ten minutes
            _LOG.warning("virus.reload", reason=str(error))


def signature_folder(settings: Settings) -> Path | None:
    """Return where the signatures are; None for the demonstration's. Raises UserError when there are none."""
    virus = settings.virus
    if virus.demo_database:
        return None
    ours = DataFolder(settings.data.folder).signatures if virus.updates == "managed" else _DEBIAN
    folder = virus.database or ours
    if not any(folder.glob("*.c[lv]d")):
        raise UserError(f"{folder} holds no virus signatures", remedy="apt-get install clamav-freshclam; freshclam")
    return folder


def refuse_demo_database(settings: Settings, clamd: Clamd) -> None:
    """Raise UserError when real mail would be scanned with the demonstration's signatures; NotScanned when away."""
    if not settings.virus.demo_database and clamd.is_demo_database():
        raise UserError(
            "clamd runs on the demonstration's signatures, which find nothing but a test file",
            remedy="give it real signatures (freshclam)",
        )
