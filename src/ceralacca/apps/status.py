"""What the supervisor of a data folder says of its roles: read by doctors, demos and tests."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ceralacca.apps.data_folder import DataFolder

_PORTS = {
    ("access", "port"): "submissions",
    ("access", "starttls_port"): "submission",
    ("incoming", "port"): "smtp",
    ("mailboxes", "imap_port"): "imaps",
    ("mailboxes", "pop3_port"): "pop3s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleStatus:
    """How one role is."""

    state: str
    """`ready`, `starting`, `down`, `done`, `ended` or `waiting`."""
    pid: int | None
    starts: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the provider is."""

    running: bool
    """Whether its supervisor lives."""
    roles: Mapping[str, RoleStatus] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether every role is at work."""
        return self.running and bool(self.roles) and all(one.state in {"ready", "done"} for one in self.roles.values())


def read_status(folder: DataFolder) -> Status:
    """Return what the supervisor wrote last; not running when it wrote nothing or is gone."""
    try:
        words = json.loads(folder.status.read_bytes())
        roles = {
            name: RoleStatus(state=one["state"], pid=one["pid"], starts=one["starts"], facts=one["facts"])
            for name, one in words["roles"].items()
        }
        supervisor = int(words["supervisor"])
    except (OSError, ValueError, KeyError, TypeError):
        return Status(running=False)
    return Status(running=_is_supervisor(supervisor), roles=roles)


def ports_of(status: Status) -> dict[str, int]:
    """Return the ports that are listened on, by service name."""
    return {
        name: int(status.roles[role].facts[fact])
        for (role, fact), name in _PORTS.items()
        if role in status.roles and fact in status.roles[role].facts
    }


def _is_supervisor(pid: int) -> bool:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, 0)
        return True
    return False
