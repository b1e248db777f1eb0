"""A private Postfix on loopback, for tests and benches: the mail server outside PEC that the world really has.

Its configuration is generated into a folder of its own, beside its queue, its log and its mailboxes; the machine's
own Postfix, if there is one, is neither read nor touched. It needs root, as every Postfix does (its parts
drop to users of their own), and ends with the process that started it.

    postfix = Postfix(folder, hostname="mail.ditta.example", tls=files)
    postfix.serve("ditta.example", ["info"])
    with postfix:
        postfix.port, postfix.received("info@ditta.example")

Serves: F3, F8, F12, F14; SE-6; benches B1b and B6.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from socket import create_connection, socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Final, Self

from ceralacca.base.errors import WorldError

HOST: Final = "127.0.0.1"
_COMMANDS: Final = Path("/usr/sbin")
_DAEMONS: Final = Path("/usr/lib/postfix/sbin")
_MAIL_USER: Final = 65534
"""Who owns the mailboxes: `nobody`."""
_START_SECONDS: Final = 30.0
_LOOK: Final = 0.02
_TABLES: Final = ("mailboxes", "transport")

# service type private unpriv chroot wakeup maxproc command
_MASTER: Final = """\
{port} inet n - n - {processes} smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - {processes} smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - {processes} virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


def why_not() -> str:
    """Return why no Postfix can run here; empty when it can."""
    if not (_DAEMONS / "master").exists():
        return "the Debian package postfix is missing"
    if os.geteuid() != 0:
        return "Postfix starts as root only"
    return ""


class Postfix:
    """One private Postfix; use it in a `with`."""

    def __init__(
        self,
        folder: Path,
        *,
        hostname: str,
        tls: Path | None = None,
        settings: Mapping[str, str] | None = None,
        services: Sequence[str] = (),
        processes: int = 20,
    ) -> None:
        """Prepare one in an empty folder that other users can enter.

        `tls` is a folder of `certificate.pem` and `key.pem`; `settings` are lines of main.cf and `services` lines of
        master.cf beyond ours.
        """
        self.folder, self.hostname, self._tls = folder, hostname, tls
        self._settings, self._services, self._processes = dict(settings or {}), services, processes
        self.port = free_port()
        self._maildirs = folder / "mail"
        self._policy = _Policy((HOST, 0), _Question)
        self._mailboxes: dict[str, str] = {}
        self._transport: dict[str, str] = {}
        self._master: subprocess.Popen[bytes] | None = None

    # -- what it serves, said before it starts ---------------------------------------------------------

    def serve(self, domain: str, names: Iterable[str]) -> None:
        """Keep mail for these names of a domain, each in a Maildir; everybody else there gets a 550 at RCPT."""
        self._mailboxes |= {f"{name}@{domain}": f"{name}@{domain}/" for name in names}
        self._mailboxes.setdefault(domain, "")

    def refuse(self, address: str, answer: str) -> None:
        """Answer so to RCPT for an address from now on, as in `450 4.2.0 later`; an empty answer ends it."""
        self._policy.answers[address] = answer or "DUNNO"

    def route(self, pattern: str, transport: str) -> None:
        """Send mail for a domain or an address by a transport, as in `smtp:[127.0.0.1]:2525`."""
        self._transport[pattern] = transport

    # -- what came of it ------------------------------------------------------------------------------

    def maildir(self, address: str) -> Path:
        """Return the Maildir of an address."""
        return self._maildirs / address

    def received(self, address: str) -> list[bytes]:
        """Return the messages in a mailbox as Postfix wrote them: LF line ends, its own fields before ours."""
        folder = self.maildir(address) / "new"
        return [path.read_bytes() for path in sorted(folder.glob("*"), key=lambda one: one.stat().st_mtime_ns)]

    def number_received(self, address: str) -> int:
        """Return how many messages a mailbox holds."""
        return sum(1 for _ in (self.maildir(address) / "new").glob("*"))

    def queued(self) -> int:
        """Return how many messages it has in hand, deferred ones too."""
        queues = ("maildrop", "incoming", "active", "deferred")
        return sum(1 for name in queues for path in (self.folder / "queue" / name).rglob("*") if path.is_file())

    def log(self) -> str:
        """Return what it wrote to its log."""
        path = self.folder / "log" / "mail.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    # -- life -----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        for name in ("etc", "queue", "data", "log", "mail"):
            (self.folder / name).mkdir(mode=0o755)
        shutil.chown(self.folder / "data", "postfix")
        boxes = [self.maildir(address) for address in self._mailboxes if "@" in address]
        for made in (self._maildirs, *boxes, *(box / part for box in boxes for part in ("tmp", "new", "cur"))):
            made.mkdir(exist_ok=True)
            os.chown(made, _MAIL_USER, _MAIL_USER)
        threading.Thread(target=self._policy.serve_forever, name="policy", daemon=True).start()
        self._write_configuration()
        self._write_tables()
        self._command("postfix", "check")
        # Not through `postfix start`: so it stays our child, and the kernel ends it when we are gone.
        self._master = subprocess.Popen(  # noqa: S603 our own words
            ["/usr/bin/setpriv", "--pdeathsig", "TERM", str(_DAEMONS / "master"), "-d"],
            env=self._environment(),
            cwd=self.folder / "queue",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._await_greeting()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._policy.shutdown()
        self._policy.server_close()
        if self._master is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._master.pid, signal.SIGTERM)  # master and its parts: one group
        try:
            self._master.wait(10)
        except subprocess.TimeoutExpired:
            self._master.kill()
            self._master.wait()
        self._master = None

    def _await_greeting(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._master is not None and self._master.poll() is None:
            with suppress(OSError), create_connection((HOST, self.port), timeout=5) as client:
                if client.recv(4).startswith(b"220"):
                    return
            time.sleep(_LOOK)
        raise WorldError(f"Postfix does not start: {self.log()[-1000:]}", remedy=f"read {self.folder}/log/mail.log")

    # -- configuration --------------------------------------------------------------------------------

    def _write_configuration(self) -> None:
        own, policy = self.folder, f"inet:{HOST}:{self._policy.server_address[1]}"
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": f"{own}/queue",
            "data_directory": f"{own}/data",
            "command_directory": str(_COMMANDS),
            "daemon_directory": str(_DAEMONS),
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": f"{own}/log/mail.log",
            "maillog_file_prefixes": str(own),
            "syslog_name": "postfix-test",
            "myhostname": self.hostname,
            "myorigin": self.hostname,
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "inet_interfaces": HOST,
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "biff": "no",
            "smtp_dns_support_level": "disabled",  # no mail leaves the machine
            "smtpd_forbid_bare_newline": "yes",
            "smtpd_recipient_restrictions": f"check_policy_service {policy}, permit_mynetworks, reject",
            "message_size_limit": str(120 * 2**20),
            "virtual_mailbox_domains": self._table("mailboxes"),
            "virtual_mailbox_maps": self._table("mailboxes"),
            "virtual_mailbox_base": str(self._maildirs),
            "virtual_mailbox_limit": "0",
            "virtual_uid_maps": f"static:{_MAIL_USER}",
            "virtual_gid_maps": f"static:{_MAIL_USER}",
            "transport_maps": self._table("transport"),
            "smtp_tls_security_level": "may",
            "smtp_tls_loglevel": "1",
        }
        if self._tls is not None:
            settings |= {
                "smtpd_tls_security_level": "may",
                "smtpd_tls_cert_file": f"{self._tls}/certificate.pem",
                "smtpd_tls_key_file": f"{self._tls}/key.pem",
                "smtpd_tls_received_header": "yes",
                "smtpd_tls_loglevel": "1",
            }
        lines = (f"{name} = {value}\n" for name, value in (settings | self._settings).items())
        (own / "etc" / "main.cf").write_text("".join(lines))
        master = _MASTER.format(port=f"{HOST}:{self.port}", processes=self._processes)
        (own / "etc" / "master.cf").write_text(master + "".join(f"{one}\n" for one in self._services))

    def _table(self, name: str) -> str:
        return f"texthash:{self.folder}/etc/{name}"

    def _write_tables(self) -> None:
        for name, table in zip(_TABLES, (self._mailboxes, self._transport), strict=True):
            lines = (f"{key} {value or 'served'}\n" for key, value in table.items())
            (self.folder / "etc" / name).write_text("".join(lines))

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(self.folder / "etc"), "LC_ALL": "C"}

    def _command(self, program: str, *arguments: str) -> None:
        """Run one of its own programs. Raises WorldError."""
        done = subprocess.run(  # noqa: S603 our own words
            [str(_COMMANDS / program), "-c", str(self.folder / "etc"), *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise WorldError(
                f"{program} {' '.join(arguments)}: {done.stderr.strip()} {self.log()[-500:]}",
                remedy=f"read {self.folder}/log/mail.log",
            )


class _Policy(ThreadingTCPServer):
    """Is asked by Postfix at every RCPT, so that an answer changes at once, on kept connections too."""

    daemon_threads = True
    block_on_close = False
    answers: dict[str, str]

    def server_activate(self) -> None:
        """Begin with an answer for nobody."""
        self.answers = {}
        super().server_activate()


class _Question(StreamRequestHandler):
    """Attributes line by line, an empty line at the end; the answer likewise."""

    def handle(self) -> None:
        """Answer until Postfix goes."""
        assert isinstance(self.server, _Policy)
        recipient = ""
        for line in self.rfile:
            name, _, value = line.decode("utf-8", "replace").strip().partition("=")
            if name == "recipient":
                recipient = value
            elif not name:
                answer = self.server.answers.get(recipient, "DUNNO")
                self.wfile.write(f"action={answer}\n\n".encode())


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
