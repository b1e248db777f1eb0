"""The virus scanner's process: starts a clamd of our own and stays with it.

Fails when clamd fails, so that the supervisor starts both again. Production never runs on the
demonstration's signatures, whoever's clamd it is (VI-3).
"""

from pathlib import Path
from typing import Final

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import scanner
from ceralacca.base.errors import UserError, WorldError
from ceralacca.net.clamd import Clamd
from ceralacca.net.clamd_child import ClamdChild

_DEBIAN: Final = Path("/var/lib/clamav")
_LOOK: Final = 2.0


def run_virus_scan(settings: Settings, duty: Duty) -> None:
    """Keep clamd up until the duty ends. Raises UserError, WorldError when it ends by itself."""
    folder = DataFolder(settings.data.folder)
    folder.make()
    child = ClamdChild(folder.clamd, database=signature_folder(settings), most_octets=settings.virus.most_octets)
    try:
        child.start()
        refuse_demo_database(settings, scanner(settings))
        duty.ready(clamd=child.pid or 0)
        while not duty.ending.wait(_LOOK):
            duty.beat()
            if not child.alive():
                raise WorldError("clamd has ended", remedy=f"read {folder.clamd / 'clamd.log'}")
    finally:
        child.stop()


def signature_folder(settings: Settings) -> Path | None:
    """Return where the signatures are; None for the demonstration's. Raises UserError when there are none."""
    virus = settings.virus
    if virus.demo_database:
        return None
    folder = virus.database or _DEBIAN
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
