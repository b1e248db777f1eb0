"""A clamd of our own: private configuration, no privileges, one Unix socket, ended by its process number.

Everything lies in one folder, which is also clamd's working folder: all its paths are relative,
so that it needs no right on any folder above. Started by root it runs as another user.

Without a database of its own it is given the demonstration's, which finds the EICAR test file and
nothing else. That is good for tests and for the sandbox only and says so loudly: whoever serves
real mail asks `Clamd.is_demo_database` and does not start (VI-3).
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import structlog

from ceralacca.base.errors import UserError, WorldError
from ceralacca.net.clamd import DEMO_MARKER, Clamd, ClamdSettings

_LOG = structlog.get_logger(__name__)

PROGRAM: Final = Path("/usr/sbin/clamd")
_SOCKET: Final = "clamd.sock"
_USERS: Final = ("clamav", "nobody")
_PAUSE: Final = 0.02

# MaxRecursion: a message may be 50 deep (SE-7), and hold an archive at the bottom.
_CONFIGURATION: Final = """\
# Written at every start: changes are lost.
Foreground yes
LocalSocket {socket}
LocalSocketMode 600
FixStaleSocket yes
DatabaseDirectory {database}
TemporaryDirectory tmp
MaxThreads 4
MaxQueue 100
StreamMaxLength {stream}
MaxScanSize {scan}
MaxFileSize {stream}
MaxScanTime 120000
MaxRecursion 60
MaxFiles 10000
AlertExceedsMax yes
CommandReadTimeout 30
ReadTimeout 120
SelfCheck 600
ExitOnOOM yes
LogSyslog no
LogVerbose no
"""


def eicar() -> bytes:
    """Return the 68 octets that every scanner finds (VI-4); put together here, so that none finds this file."""
    return rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!" + b"$H+H*"


def demo_signatures() -> bytes:
    """Return the demonstration database: the test file and our own mark, anywhere in any kind of file."""
    named = {"Ceralacca.Demo.Eicar": eicar(), "Ceralacca.Demo.Database": DEMO_MARKER}
    return b"".join(f"{name}:0:*:{octets.hex()}\n".encode() for name, octets in named.items())


class ClamdChild:
    """One clamd, started, watched and ended by us.

    `database` is a folder of signatures kept up to date by others (freshclam); None means the
    demonstration's. Raises UserError when there is no clamd on this machine.
    """

    def __init__(
        self, folder: Path, *, database: Path | None = None, program: Path = PROGRAM, most_octets: int = 100 * 2**20
    ) -> None:
        if not program.exists():
            raise UserError(f"{program} is not there", remedy="apt-get install clamav-daemon")
        self._folder = folder
        self._database = database
        self._program = program
        self._most = most_octets
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._folder / _SOCKET

    @property
    def settings(self) -> ClamdSettings:
        """What a client needs to speak to it."""
        return ClamdSettings(address=self.socket, most_octets=self._most, demonstration=self._database is None)

    @property
    def pid(self) -> int | None:
        """Its process number while it runs."""
        return self._process.pid if self.alive() and self._process else None

    def start(self, *, within: float = 120.0) -> None:
        """Start it and wait until it answers; loading real signatures takes tens of seconds.

        One that an earlier run left behind is ended first. Raises WorldError when it does not come up.
        """
        self._end_orphan()
        user = self._prepare()
        with (self._folder / "clamd.log").open("wb") as log:
            self._process = self._run(log, user)
        (self._folder / "clamd.pid").write_text(f"{self._process.pid}\n")
        if self._database is None:
            _LOG.warning("virus.demo-database", meaning="finds the EICAR test file ONLY: never for real mail")
        client = Clamd(self.settings)
        until = time.monotonic() + within
        while not (self.socket.exists() and client.answers()):
            if not self.alive() or time.monotonic() > until:
                self.stop()
                raise WorldError("clamd did not start", remedy=f"read {self._folder / 'clamd.log'}")
            time.sleep(_PAUSE)
        _LOG.info("virus.started", pid=self._process.pid)

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, within: float = 10.0) -> None:
        """End it, gently at first; harmless when it has ended."""
        if self._process is None:
            return
        if self.alive():
            self._process.terminate()
            try:
                self._process.wait(within)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._process = None
        with suppress(FileNotFoundError):
            (self._folder / "clamd.pid").unlink()

    def _run(self, log: IO[bytes], user: pwd.struct_passwd | None) -> "subprocess.Popen[bytes]":
        return run_unprivileged([str(self._program), "--config-file=clamd.conf"], self._folder, log, user)

    def _prepare(self) -> pwd.struct_passwd | None:
        """Write configuration and folders; return the user to run as when we are root."""
        user = unprivileged_user() if os.geteuid() == 0 else None
        temporary, demo = self._folder / "tmp", self._folder / "demo"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)  # what a killed scan left behind
        for folder in (temporary, demo):
            folder.mkdir(mode=0o700, exist_ok=True)
        (demo / "ceralacca-demo.ndb").write_bytes(demo_signatures())
        database = reached_from(self._folder, demo if self._database is None else self._database)
        text = _CONFIGURATION.format(socket=_SOCKET, database=database, stream=self._most, scan=4 * self._most)
        (self._folder / "clamd.conf").write_text(text)
        if user is not None:
            for path in (self._folder, temporary, demo, demo / "ceralacca-demo.ndb", self._folder / "clamd.conf"):
                os.chown(path, user.pw_uid, user.pw_gid)
        return user

    def _end_orphan(self) -> None:
        """End a clamd of this folder that outlived its supervisor; never any other process."""
        try:
            pid = int((self._folder / "clamd.pid").read_text())
            ours = Path(f"/proc/{pid}/cwd").samefile(self._folder) and Path(f"/proc/{pid}/exe").samefile(self._program)
        except (OSError, ValueError):
            return
        if not ours:
            return
        for sign, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + seconds
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
                while time.monotonic() < until:
                    os.kill(pid, 0)
                    time.sleep(_PAUSE)


def reached_from(folder: Path, path: Path) -> Path:
    """Return how a program that runs in a folder reaches a path: from within if it can, whatever stands above."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path.resolve()


def run_unprivileged(
    words: Sequence[str], folder: Path, log: IO[bytes], user: pwd.struct_passwd | None
) -> "subprocess.Popen[bytes]":
    """Start a program of the scanner in its folder as that user, or as ourselves for None. Raises OSError."""
    return subprocess.Popen(  # noqa: S603 the program is the operator's, the rest ours
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"},
        start_new_session=True,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=None if user is None else [],
    )


def unprivileged_user() -> pwd.struct_passwd:
    """Return whom the programs of ClamAV run as when we are root. Raises UserError when there is nobody."""
    for name in _USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise UserError("there is no user to run clamd as", remedy=f"create one of {', '.join(_USERS)}")
