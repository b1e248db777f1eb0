"""What the process of one errand is told, on its standard input: all that it needs, and nothing else.

It holds secrets (the session's ticket, the password at the other provider) and so is never written down: it goes
through a pipe and is forgotten with the process.

Clauses: SE-3, SE-4.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from ceralacca.ports.errand import ErrandKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An IMAP server over TLS."""

    address: str
    """Where to connect: an IP address that was looked at, or a name of ours."""
    port: int
    name: str
    """In its certificate."""
    ca_file: str = ""
    """Authority of the certificate; empty for those of the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One errand to do."""

    number: str
    kind: ErrandKind
    mailbox: str
    database: str
    handouts: str
    """Folder of what is made."""
    ours: Server
    ticket: str
    """What opens the mailbox."""
    way: str = ""
    """Of an export: `maildir` or `mbox`."""
    other: Server | None = None
    """Of an import: where from."""
    user: str = ""
    password: str = ""
    size: int = 0
    """Most octets of a message that is imported."""

    def octets(self) -> bytes:
        """Write it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, octets: bytes) -> "Task":
        """Read it back."""
        told: dict[str, Any] = json.loads(octets)
        other = told["other"]
        told |= {
            "kind": ErrandKind(told["kind"]),
            "ours": Server(**told["ours"]),
            "other": Server(**other) if other else None,
        }
        return cls(**told)
