"""What the supervisor of a data folder says of its roles: read by doctors, demos and tests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ceralacca.apps.data_folder import DataFolder

_PORTS = {
    ("access", "port"): "submissions",
    ("access", "starttls_port"): "submission",
    ("incoming", "port"): "smtp",
    ("mailboxes", "imap_port"): "imaps",
    ("mailboxes", "pop3_port"): "pop3s",
    ("web", "port"): "https",
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
        alive = words["born"] is not None and born(int(words["supervisor"])) == words["born"]
    except (OSError, ValueError, KeyError, TypeError):
        return Status(running=False)
    return Status(running=alive, roles=roles)


def ports_of(status: Status) -> dict[str, int]:
    """Return the ports that are listened on, by service name."""
    return {
        name: int(status.roles[role].facts[fact])
        for (role, fact), name in _PORTS.items()
        if role in status.roles and fact in status.roles[role].facts
    }


def born(pid: int) -> int | None:
    """Return when a process was started, in ticks since the machine was; None when there is none of that number.

    With it a number that was given to another process is told from the one that was meant.
    """
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
