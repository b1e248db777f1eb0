"""Retention of the log joined: from the settings to what lets a month go, and records that it went (LO-5).

The timekeeper does it; `pec log retention` shows what is due, and does it on command.

Clauses: LO-5, SE-4.
"""

from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from ceralacca.apps.auditing import by_program, by_staff
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.log_sealer import log_key, node_name
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK
from ceralacca.base.errors import WorldError
from ceralacca.core.model.audit import AuditAct
from ceralacca.formats.purge_certificate import record_digest
from ceralacca.ports.log_retention import Purge
from ceralacca.services.keep_log import LogKeeper
from ceralacca.store.database import DatabaseStore
from ceralacca.store.durable_files import make_folder, put_file

_LOG = structlog.get_logger(__name__)


def log_keeper(settings: Settings, store: DatabaseStore, *, command: str = "") -> LogKeeper:
    """Return what keeps the log of a store. Raises UserError when the key of the log cannot be used.

    `command` is what somebody gave, such as `pec log retention`; without one it is the timekeeper's own doing.
    """
    folder = DataFolder(settings.data.folder).sealed_log

    def publish(name: str, certificate: bytes) -> None:
        _put(folder, name, certificate)

    def tell(purge: Purge) -> None:
        detail: dict[str, str | int] = {
            "rows": purge.rows,
            "held": purge.held,
            "certificate": record_digest(purge.record),
        }
        who = partial(by_staff, command=command) if command else partial(by_program, role="timekeeper")
        store.audit.record(who(AuditAct.LOG_PURGED, now=CLOCK.now(), about=str(purge.month), detail=detail))

    return LogKeeper(
        node=node_name(settings), retention=store.retention, key=log_key(settings), publish=publish, tell=tell
    )


def _put(folder: Path, name: str, certificate: bytes) -> None:
    try:
        make_folder(folder)
        put_file(folder / name, certificate)
    except OSError as error:
        raise WorldError(f"{folder}: {error.strerror}", remedy="look at the disk and at the folder's owner") from error


def keep_log(keeper: LogKeeper, now: datetime) -> None:
    """Do what is due; what fails is told and tried again tomorrow."""
    try:
        for purge in keeper.do_what_is_due(now):
            _LOG.info("log_retention.purged", month=str(purge.month), rows=purge.rows, held=purge.held)
    except WorldError as error:
        _LOG.error("log_retention.waits", error=type(error).__name__, reason=str(error))
