"""What lies where in a provider's data folder; one place for the names.

store.db blobs/ packs/ the store (SQLite; large messages and letters of large batches, also with PostgreSQL)
mail/                  mailboxes
reports/               of the consistency of the log
directory/ crl/        local copies of the providers directory and of the CRLs
handouts/              what was made for holders and waits a day to be fetched
log/                   sealed files of message log and audit trail, with their time stamps
spool/                 messages as they arrive; nothing durable
run/                   sockets, status, what a worker has in hand; nothing durable
clamd/ dovecot/        folders of the programs that we start
"""

import os
from dataclasses import dataclass
from pathlib import Path

from ceralacca.base.errors import UserError, WorldError

_MODE = 0o700
_PASSABLE = 0o711
"""Others may pass through to what is theirs (Dovecot's user, when we are root), and see nothing on the way."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data folder of one provider."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "store.db"

    @property
    def mail(self) -> Path:
        """Mailboxes."""
        return self.root / "mail"

    @property
    def directory(self) -> Path:
        """The local copy of the providers directory."""
        return self.root / "directory"

    @property
    def crls(self) -> Path:
        """CRLs as last fetched."""
        return self.root / "crl"

    @property
    def sealed_log(self) -> Path:
        """Sealed files of the message log and of the audit trail (LO-5)."""
        return self.root / "log"

    @property
    def spool(self) -> Path:
        """Messages as they arrive."""
        return self.root / "spool"

    @property
    def run(self) -> Path:
        """Sockets and the like."""
        return self.root / "run"

    @property
    def vault(self) -> Path:
        """Infected messages, encrypted (VI-1)."""
        return self.root / "virus-storage"

    @property
    def clamd(self) -> Path:
        """Folder of our clamd."""
        return self.root / "clamd"

    @property
    def signatures(self) -> Path:
        """Virus signatures, where we run freshclam ourselves."""
        return self.clamd / "signatures"

    @property
    def dovecot(self) -> Path:
        """Folder of our Dovecot."""
        return self.root / "dovecot"

    @property
    def reports(self) -> Path:
        """Reports that the timekeeper makes."""
        return self.root / "reports"

    @property
    def handouts(self) -> Path:
        """What was made for holders and waits to be fetched, each under the number of its errand."""
        return self.root / "handouts"

    @property
    def status(self) -> Path:
        """What the supervisor says of its roles."""
        return self.run / "status.json"

    @property
    def in_effect(self) -> Path:
        """The settings of the last start, to tell what has changed."""
        return self.root / "settings-in-effect.json"

    @property
    def attempts(self) -> Path:
        """How many sign-ins failed of late."""
        return self.run / "sign-in.db"

    def make(self, *, passable: bool = False) -> None:
        """Make the folders that are not there. Raises UserError when it belongs to somebody else."""
        try:
            self.root.mkdir(mode=_MODE, parents=True, exist_ok=True)
            for folder in (self.run, self.spool, self.handouts):
                folder.mkdir(mode=_MODE, exist_ok=True)
            status = self.root.stat()
            if passable and status.st_mode & 0o777 == _MODE:
                self.root.chmod(_PASSABLE)
        except OSError as error:
            raise WorldError(f"{self.root}: {error.strerror}", remedy="look at the disk and at data.folder") from error
        if status.st_uid != os.geteuid():
            raise UserError(f"{self.root} belongs to another user", remedy="run as its owner, or change the owner")
