"""A Dovecot of our own: unprivileged, on ports of its own, never outliving us, ended by its process number.

Started by root it runs as another user, who must be able to enter the folders above its run folder and the
mailboxes; started by anybody else it runs as that one. The kernel ends it with us (`setpriv --pdeathsig`):
start it from a thread that lives as long as the process.

Clauses: DP-7.
"""

import grp
import os
import pwd
import socket
import ssl
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from ceralacca.base.errors import UserError, WorldError
from ceralacca.net.dovecot_configuration import DovecotSettings, ServerUser, check_version, write_configuration
from ceralacca.net.dovecot_processes import end_processes, wait_until

_LOG = structlog.get_logger(__name__)

PROGRAM: Final = Path("/usr/sbin/dovecot")
USER: Final = "dovecot"
"""Made by the Debian package; used when we are root."""
_SETPRIV: Final = "/usr/bin/setpriv"
_ORPHANS: Final = 5.0
"""Seconds that each way of ending what an earlier run left may take."""
_GREETING_TIMEOUT: Final = 2.0


def server_user(name: str = USER) -> ServerUser:
    """Return the user that Dovecot is to run as: ourselves, or `name` when we are root. Raises UserError."""
    try:
        entry = pwd.getpwnam(name) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(entry.pw_gid).gr_name
    except KeyError as error:
        raise UserError(f"no user to run Dovecot as: {error.args[0]}", remedy=f"create the user {name}") from error
    if entry.pw_uid == 0:
        raise UserError("Dovecot does not show mailboxes that belong to root", remedy="name another user")
    return ServerUser(name=entry.pw_name, group=group, uid=entry.pw_uid, gid=entry.pw_gid)


class DovecotChild:
    """One Dovecot, started, watched and ended by us. Not safe between threads."""

    def __init__(self, settings: DovecotSettings, user: ServerUser, *, program: Path = PROGRAM) -> None:
        """Prepare; a port of 0 becomes a free one. Raises UserError: no Dovecot, or of a version we do not know."""
        if not program.exists():
            raise UserError(f"{program} is not there", remedy="apt-get install dovecot-imapd dovecot-pop3d")
        self._settings = replace(
            settings,
            imaps_port=settings.imaps_port or _free_port(settings.host),
            pop3s_port=settings.pop3s_port or _free_port(settings.host),
        )
        self._user = user
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> DovecotSettings:
        """The settings, with the ports that are really used."""
        return self._settings

    @property
    def pid(self) -> int | None:
        """Its process number while it runs."""
        return self._process.pid if self.alive() and self._process else None

    @property
    def _base(self) -> Path:
        return self._settings.base.resolve()

    def version(self) -> str:
        """Return its version. Raises UserError when it is not one that we can configure."""
        answer = subprocess.run(  # noqa: S603 the operator's program
            [str(self._program), "--version"], capture_output=True, text=True, check=False
        )
        return check_version(answer.stdout)

    def prepare(self) -> None:
        """Make the run folder and write configuration and certificate into it. Raises UserError and WorldError."""
        self.version()
        text = write_configuration(self._settings, self._user)
        try:
            self._settings.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._settings.run_folder.chmod(0o700)
            self._settings.base.mkdir(mode=0o755, exist_ok=True)  # as Dovecot wants it; nobody comes so far
            self._settings.log.touch(mode=0o600)
            # A copy that its user can read: the original may be root's.
            self._put("tls.crt", self._settings.certificate.read_bytes())
            self._put("tls.key", self._settings.private_key.read_bytes())
            self._put("dovecot.conf", text.encode())
            for path in (self._settings.run_folder, self._settings.base, self._settings.log):
                self._give(path)
        except OSError as error:
            raise WorldError(f"Dovecot's files: {error}", remedy="look at the folder and its permissions") from error
        self.check_way(self._settings.run_folder)
        self.check_way(self._settings.log.parent)

    def check_way(self, folder: Path) -> None:
        """Raise UserError when Dovecot's user cannot enter a folder for what lies above it."""
        if self._user.uid == os.geteuid():
            return
        for above in folder.resolve().parents:
            if not _lets_through(above, self._user):
                raise UserError(
                    f"the user {self._user.name} cannot enter {above}, and so not {folder}",
                    remedy=f"chmod o+x {above}, or choose another folder, or do not start as root",
                )

    def start(self, *, within: float = 30.0) -> None:
        """Start it and wait until both ports answer; what an earlier run left behind is ended first.

        `prepare` comes before. Raises WorldError when it does not come up.
        """
        end_processes(self._base, within=_ORPHANS)
        command = [_SETPRIV, "--pdeathsig", "TERM", "--no-new-privs"]
        if self._user.uid != os.geteuid():
            command += ["--reuid", str(self._user.uid), "--regid", str(self._user.gid), "--clear-groups"]
        with self._settings.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 the operator's program, our arguments
                [*command, str(self._program), "-F", "-c", str(self._settings.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._settings.run_folder,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LC_ALL": "C"},
                start_new_session=True,
            )
        if not wait_until(lambda: self.answers() or not self.alive(), within) or not self.alive():
            self.stop()
            raise WorldError("Dovecot did not start", remedy=f"read {self._settings.log}")
        _LOG.info("mailboxes.started", pid=self._process.pid)

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        """Say whether both ports greet over TLS."""
        ports = ((self._settings.imaps_port, b"* OK"), (self._settings.pop3s_port, b"+OK"))
        return all(_greets(self._settings.host, port, greeting) for port, greeting in ports)

    def stop(self, *, within: float = 10.0) -> None:
        """End it with all its processes, gently at first; sessions are closed. Harmless when it has ended."""
        if self._process is None:
            return
        if self.alive():
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
        if self.alive():
            self._process.kill()
        self._process.wait()
        end_processes(self._base, self._process.pid, within=within / 4)
        self._process = None

    def _put(self, name: str, octets: bytes) -> None:
        path = self._settings.run_folder / name
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
        self._give(path)

    def _give(self, path: Path) -> None:
        if self._user.uid != os.geteuid():
            os.chown(path, self._user.uid, self._user.gid)


def _greets(host: str, port: int, greeting: bytes) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is said to it: only whether it answers
    try:
        with (
            socket.create_connection((host, port), timeout=_GREETING_TIMEOUT) as plain,
            context.wrap_socket(plain) as protected,
        ):
            return protected.recv(64).startswith(greeting)
    except OSError:
        return False


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _lets_through(folder: Path, user: ServerUser) -> bool:
    status = folder.stat()
    if status.st_uid == user.uid:
        return bool(status.st_mode & 0o100)
    return bool(status.st_mode & (0o010 if status.st_gid == user.gid else 0o001))
