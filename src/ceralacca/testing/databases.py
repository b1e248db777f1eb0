"""Databases for tests and benches: a SQLite file, and a private PostgreSQL that lives as long as the test run.

The PostgreSQL of the Debian package is started on a folder of its own, over a Unix socket that nobody else
can reach, with `fsync=on` as in production; under root it runs as the unprivileged user of
the package. Each test gets a database of its own, copied from one whose tables are made.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from sqlalchemy import create_engine, text

from ceralacca.base.errors import UserError, WorldError
from ceralacca.store.schema import upgrade

_USERS = ("postgres", "nobody")
_OWNER = "ceralacca"
_TEMPLATE = "tables"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "logging_collector": "off",
    "log_min_messages": "fatal",
    "recovery_init_sync_method": "syncfs",  # after a kill; file by file it takes minutes on a busy disk
}

_ANSWERS_WITHIN = 3000
"""Looks at a server that starts, each of 50 ms and more: it may have to recover while others use the disk."""


def sqlite_url(folder: Path) -> str:
    """Return the address of a SQLite file in a folder."""
    return f"sqlite:///{folder / 'store.db'}"


def postgresql_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server's programs; None when there is none of 15 or later."""
    found = [(int(path.parent.name), path) for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")]
    newest = max(found, default=(0, Path()))
    return newest[1] if newest[0] >= 15 else None


class PostgresCluster:
    """One private PostgreSQL; a context manager that leaves nothing behind."""

    def __init__(self, programs: Path, *, follows: "PostgresCluster | None" = None, name: str = "standby") -> None:
        """Make a cluster and start it, as the standby of another one when there is one to follow.

        Raises WorldError when it does not come up.
        """
        self.programs = programs
        self._follows, self._name = follows, name
        self._folder = Path(tempfile.mkdtemp(prefix="pec-pg-"))
        self._databases = 0
        self._server: subprocess.Popen[bytes] | None = None
        try:
            if follows is not None:
                self._copy(follows)
                self.start()
                return
            self._make()
            self.start()
            self._execute("postgres", f"CREATE DATABASE {_TEMPLATE}")
            upgrade(self._url(_TEMPLATE))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def new_database(self) -> str:
        """Return the address of a new database with empty tables."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._execute("postgres", f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self._url(name)

    def url_here(self, url: str) -> str:
        """Return where this cluster has what another one, which it follows or followed, has at an address."""
        return self._url(url.partition("@/")[2].partition("?")[0])

    def wait_for_standby(self) -> None:
        """Let every commit wait from now on for whichever standby streams; one that is copied later inherits it."""
        self._execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._execute("postgres", "SELECT pg_reload_conf()")

    def start(self) -> None:
        """Start the server and wait until it answers. Raises WorldError."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 our own words
                [
                    *self._as_user(),
                    str(self.programs / "postgres"),
                    "-D",
                    str(self._data),
                    "-k",
                    str(self._folder),
                    *settings,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self._await_answer()

    def kill(self) -> None:
        """End the server as a power cut would, with SIGKILL to all its processes."""
        if self._server is not None:
            for number in (*_children(self._server.pid), self._server.pid):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            self._server.wait()
            self._server = None

    def close(self) -> None:
        """Stop the server and delete everything."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)  # at once: nothing here is kept
            try:
                self._server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
            self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _url(self, name: str) -> str:
        return f"postgresql://{_OWNER}@/{name}?host={quote(str(self._folder))}"

    def _make(self) -> None:
        user = _unprivileged_user()
        if user is not None:
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        words = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={_OWNER}"]
        made = subprocess.run(  # noqa: S603 our own words
            [*self._as_user(), str(self.programs / "initdb"), "-D", str(self._data), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if made.returncode:
            raise WorldError(f"initdb failed: {made.stderr.strip()}", remedy="look at the PostgreSQL package")

    def _copy(self, primary: "PostgresCluster") -> None:
        """Copy a running cluster as its standby."""
        user = _unprivileged_user()
        if user is not None:
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        place = f"host={primary._folder} user={_OWNER} application_name={self._name}"  # noqa: SLF001 the own class
        made = subprocess.run(  # noqa: S603 our own words
            [
                *self._as_user(), str(self.programs / "pg_basebackup"), "-D", str(self._data), "-d", place,
                "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )  # fmt: skip
        if made.returncode:
            raise WorldError(f"pg_basebackup failed: {made.stderr.strip()}", remedy="look at the PostgreSQL package")

    def _as_user(self) -> list[str]:
        """Run what follows without privileges, and not longer than this process."""
        words = ["setpriv", "--pdeathsig", "QUIT"]
        user = _unprivileged_user()
        if user is not None:
            words += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return words

    def _await_answer(self) -> None:
        """Ask until the server answers or ends; `pg_isready` waits for each answer itself."""
        assert self._server is not None
        ask = [str(self.programs / "pg_isready"), "-q", "-h", str(self._folder), "-t", "1"]
        for _ in range(_ANSWERS_WITHIN):
            if subprocess.run(ask, check=False, stderr=subprocess.DEVNULL).returncode == 0:  # noqa: S603
                return
            try:
                self._server.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        log = (self._folder / "log").read_text(errors="replace")
        raise WorldError(f"PostgreSQL does not answer: {log[-500:]}", remedy="look at the PostgreSQL package")

    def _execute(self, database: str, statement: str) -> None:
        engine = create_engine(
            self._url(database).replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def private_postgresql() -> Iterator[PostgresCluster]:
    """Run a private PostgreSQL. Raises UserError when the package is missing, WorldError when it does not start."""
    programs = postgresql_programs()
    if programs is None:
        raise UserError("PostgreSQL 15 or later is missing", remedy="apt-get install postgresql")
    with PostgresCluster(programs) as cluster:
        yield cluster


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom to run as under root; None for anybody else, who is unprivileged already."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)


def _children(number: int) -> list[int]:
    """Return the processes that a process has started; PostgreSQL gives each a session of its own."""
    with suppress(FileNotFoundError):
        return [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    return []
