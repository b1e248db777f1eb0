"""Updates of the virus signatures by freshclam, started by us and watched (VI-3).

One run at a time, unprivileged like clamd, with a configuration of its own; nothing here waits: whoever started a run
asks from time to time whether it has ended. freshclam tests a database before it replaces the old one.
"""

import json
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from ceralacca.base.errors import UserError
from ceralacca.net.clamd_child import run_unprivileged, unprivileged_user

_LOG = structlog.get_logger(__name__)

PROGRAM: Final = Path("/usr/bin/freshclam")
_LONGEST: Final = timedelta(minutes=15)
_SAID: Final = 300
_CONFIGURATION: Final = """\
# Written at every run: changes are lost.
DatabaseDirectory .
DatabaseOwner {owner}
{sources}
ConnectTimeout 30
ReceiveTimeout 300
TestDatabases yes
LogSyslog no
"""
_OFFICIAL: Final = "DatabaseMirror database.clamav.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateState:
    """How the updates stand; None for what has not happened yet."""

    attempted: datetime | None = None
    succeeded: datetime | None = None
    """When freshclam last said that all is up to date."""
    changed: datetime | None = None
    """When a run last brought other signatures."""
    said: str = ""
    """Its last line when it failed."""


def read_update_state(folder: Path) -> UpdateState:
    """Read what was kept of the last run; nothing when there is none, or none that can be read."""
    try:
        tree = json.loads((folder / "update.json").read_bytes())
        instants = {name: tree[name] and datetime.fromisoformat(tree[name]) for name in _INSTANTS}
        return UpdateState(said=str(tree["said"]), **instants)
    except (OSError, ValueError, KeyError, TypeError):
        return UpdateState()


class Freshclam:
    """The updates of one folder of signatures; for one thread. Raises UserError when there is no freshclam here."""

    def __init__(
        self,
        folder: Path,
        database: Path,
        *,
        mirror: str = "",
        more: Sequence[str] = (),
        official: bool = True,
        program: Path = PROGRAM,
    ) -> None:
        """Update `database` from ClamAV's mirrors or your own, and from the addresses in `more`.

        Without `official` those of `more` are all. State is kept in `folder`, best that of clamd.
        """
        if not program.exists():
            raise UserError(f"{program} is not there", remedy="apt-get install clamav-freshclam")
        self._folder, self._database, self._program = folder, database, program
        self._mirror, self._more, self._official = mirror, tuple(more), official
        self._process: subprocess.Popen[bytes] | None = None
        self._before: frozenset[tuple[str, int]] = frozenset()
        self.state = read_update_state(folder)
        """What came of the runs so far."""

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._process is not None

    def start(self, now: datetime) -> None:
        """Begin a run unless one is under way."""
        if self._process is not None:
            return
        user = unprivileged_user() if os.geteuid() == 0 else None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database.mkdir(mode=0o755, parents=True, exist_ok=True)
        # Run from within the folder of signatures: freshclam must not need to pass through what stands above.
        configuration = self._database / "freshclam.conf"
        configuration.write_text(self._configuration(user.pw_name if user else ""))
        if user is not None:
            for path in (self._folder, self._database, configuration):
                os.chown(path, user.pw_uid, user.pw_gid)
        words = ["--config-file=freshclam.conf", "--stdout"]
        if not self._official:
            words += ["--update-db=custom", "--no-dns"]
        self._before = self._signatures()
        with (self._folder / "freshclam.log").open("wb") as log:
            self._process = run_unprivileged([str(self._program), *words], self._database, log, user)
        self._keep(replace(self.state, attempted=now))

    def poll(self, now: datetime) -> bool:
        """Look whether a run has ended; True when it has brought other signatures, which clamd is to load."""
        process, attempted = self._process, self.state.attempted
        if process is None or attempted is None:
            return False
        if process.poll() is None:
            if now - attempted > _LONGEST:
                process.kill()
            return False
        self._process = None
        if process.returncode != 0:
            self._keep(replace(self.state, said=self._last_words() or f"ended with {process.returncode}"))
            _LOG.error("virus.update-failed", said=self.state.said)
            return False
        changed = self._signatures() != self._before
        self._keep(
            replace(self.state, succeeded=now, changed=now if changed else self.state.changed, said="")
        )  # fmt: skip
        return changed

    def stop(self) -> None:
        """End a run that is under way; the signatures stay whole."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _configuration(self, owner: str) -> str:
        sources = [f"PrivateMirror {self._mirror}" if self._mirror else _OFFICIAL]
        sources += [f"DatabaseCustomURL {address}" for address in self._more]
        return _CONFIGURATION.format(
            owner=owner or _own_name(),
            sources="\n".join(sources),
        )

    def _signatures(self) -> frozenset[tuple[str, int]]:
        if not self._database.is_dir():
            return frozenset()
        found = (path for path in self._database.iterdir() if path.suffix not in {".dat", ".conf"} and path.is_file())
        return frozenset((path.name, path.stat().st_mtime_ns) for path in found)

    def _last_words(self) -> str:
        lines = (self._folder / "freshclam.log").read_text("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.startswith(("ERROR", "WARNING"))]
        return said[-1][:_SAID] if said else ""

    def _keep(self, state: UpdateState) -> None:
        self.state = state
        facts = asdict(state).items()
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts}
        aside = self._folder / "update.json.new"
        aside.write_text(json.dumps(plain))
        aside.rename(self._folder / "update.json")


_INSTANTS: Final = ("attempted", "succeeded", "changed")


def _own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
