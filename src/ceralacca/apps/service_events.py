"""Start, stop and configuration of a provider, in the message log and in the audit trail (LO-2).

What was in effect last is kept beside the data, so that a start can say which keys of the settings differ and whether
the certificate is another. Values are not recorded, only names and a digest; secrets are no settings at all.
"""

import hashlib
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog

from ceralacca import __version__
from ceralacca.apps.auditing import by_program
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.page import settings_tree
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.audit import AuditAct, AuditEvent
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.store import Commit
from ceralacca.store.database import DatabaseStore
from ceralacca.store.durable_files import put_file
from ceralacca.trust.counted_key import key_name
from ceralacca.trust.key_files import read_certificates

_LOG = structlog.get_logger(__name__)

_SERVICE: Final = frozenset({AuditAct.SERVICE_STARTED, AuditAct.SERVICE_STOPPED})
_SEEN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class InEffect:
    """What a provider runs with."""

    values: Mapping[str, str]
    """Every setting by its key, such as `access.port`, as JSON."""
    certificate: str
    """SHA-256 of the sealing certificate; empty when it cannot be read."""

    @property
    def digest(self) -> str:
        """SHA-256 of all settings."""
        return hashlib.sha256(json.dumps(dict(self.values), sort_keys=True).encode()).hexdigest()

    @classmethod
    def of(cls, settings: Settings) -> "InEffect":
        """Look at settings and at the certificate that they name."""
        try:
            certificate = key_name(read_certificates(settings.keys.certificate)[0])
        except UserError:  # whoever needs it says so
            certificate = ""
        return cls(values=dict(_flat(settings_tree(settings), "")), certificate=certificate)

    @classmethod
    def kept(cls, path: Path) -> "InEffect | None":
        """Read what was kept; None when nothing was, or nothing that can be read."""
        try:
            tree = json.loads(path.read_bytes())
            return cls(values=tree["values"], certificate=tree["certificate"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, path: Path) -> None:
        """Keep it for the next start. Raises WorldError."""
        text = json.dumps({"values": dict(self.values), "certificate": self.certificate}, indent=1)
        try:
            put_file(path, text.encode())
        except OSError as error:
            raise WorldError(f"{path}: {error.strerror}", remedy="look at the data folder") from error

    def changed_since(self, before: "InEffect") -> list[str]:
        """Return the names of the settings that differ."""
        names = sorted({*self.values, *before.values})
        return [name for name in names if self.values.get(name) != before.values.get(name)]


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _flat(one, f"{path}.{key}" if path else str(key))
    else:
        yield path, json.dumps(value, default=str)


def record_start(settings: Settings, store: DatabaseStore, now: datetime, *, role: str = "provider") -> None:
    """Record that a provider, or one role of it alone, starts, and with which settings. Raises WorldError."""
    folder = DataFolder(settings.data.folder)
    place = folder.in_effect
    present, before = InEffect.of(settings), InEffect.kept(place)
    unfinished = "" if _stopped(store, role) else "; the one before ended without a stop"
    log = [LogRow(instant=now, event=LogEvent.SERVICE, detail=f"{role} started, version {__version__}{unfinished}")]
    events = [by_program(AuditAct.SERVICE_STARTED, role, now, detail={"version": __version__, **_ended(unfinished)})]
    for one_row, one_event in _configuration(present, before, role, now):
        log.append(one_row)
        events.append(one_event)
    store.commit([Commit(instant=now, log=tuple(log))])
    store.audit.record(*events)
    if before != present:
        present.keep(place)


def record_start_of(role: str, settings: Settings) -> None:
    """Record that one role starts alone; says in the diagnostics when it cannot, for not every role needs the store."""
    DataFolder(settings.data.folder).make()
    try:
        with closing(provider_store(settings, connections=1)) as store:
            record_start(settings, store, CLOCK.now(), role=role)
    except (WorldError, UserError) as error:
        _LOG.error("service.start_unrecorded", reason=str(error))


def _configuration(
    present: InEffect, before: InEffect | None, role: str, now: datetime
) -> Iterator[tuple[LogRow, AuditEvent]]:
    changed = present.changed_since(before) if before else []
    facts: dict[str, str | int] = {"sha256": present.digest}
    if before and changed:
        facts |= {"before": before.digest, "keys": " ".join(changed)}
        words, act = f"changed: {', '.join(changed)}; ", AuditAct.CONFIGURATION_CHANGED
    else:
        words, act = "read; ", AuditAct.CONFIGURATION_READ
    row = LogRow(instant=now, event=LogEvent.CONFIGURATION, detail=f"{words}sha256 {present.digest}")
    yield row, by_program(act, role, now, detail=facts)
    if before and before.certificate and present.certificate not in {"", before.certificate}:
        detail = f"sealing: certificate sha256 {present.certificate} in the place of {before.certificate}"
        yield (
            LogRow(instant=now, event=LogEvent.KEY, detail=detail),
            by_program(
                AuditAct.KEY_CHANGED, role, now, about=present.certificate, detail={"before": before.certificate}
            ),
        )


def record_stop(settings: Settings, *, role: str = "provider") -> None:
    """Record that it has stopped, if it had started; says in the diagnostics when it cannot."""
    try:
        with closing(provider_store(settings, connections=1)) as store:
            if _stopped(store, role):
                return
            now = CLOCK.now()
            row = LogRow(instant=now, event=LogEvent.SERVICE, detail=f"{role} stopped")
            store.commit([Commit(instant=now, log=(row,))])
            store.audit.record(by_program(AuditAct.SERVICE_STOPPED, role, now))
    except (WorldError, UserError) as error:
        _LOG.error("service.stop_unrecorded", reason=str(error))


def _stopped(store: DatabaseStore, role: str) -> bool:
    """Ask whether the last that this host recorded of a role is a stop; so it is before the first start."""
    host = socket.gethostname()
    for entry in store.audit.search(AuditQuery(acts=_SERVICE, actor=role, limit=_SEEN)):
        if entry.event.origin.host == host:
            return entry.event.act is AuditAct.SERVICE_STOPPED
    return True


def _ended(unfinished: str) -> dict[str, str | int]:
    return {"before": "ended without a stop"} if unfinished else {}
