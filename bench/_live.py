"""Live providers for benchmarks, and what they are measured by: watchers of mailboxes, bounds.

Providers are the ones of `pec demo` (`apps.demo.nation`), each a `pec serve` of its own, with two workers,
SQLite, TLS, log and mailboxes as an operator would have them, and two parts left out: no IMAP server (nobody reads),
and a stand-in for clamd that calls everything clean, since production knows no way to leave the scanner out. So a
scan costs the octets' way, and no looking.

Not a benchmark itself: the underscore keeps it from `make bench`.
"""

import asyncio
import ctypes
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from _folders import FOLDER, data_folder
from _senders import Senders
from ceralacca.apps.authority.service import AuthorityConfig, RunningAuthority
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.demo.cast import Provider
from ceralacca.apps.demo.nation import Nation, set_up
from ceralacca.apps.demo.ports import HOST, SPAN, Ports
from ceralacca.apps.status import read_status
from ceralacca.core.model.address import Address
from ceralacca.testing.keys import private_key

CONNECTIONS = 32
WORKERS = 2
_START_SECONDS = 60.0
_DEATH_SIGNAL = 1  # prctl(2): PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None, use_errno=True)


# -- providers --------------------------------------------------------------------------------------


class Live:
    """A nation of which some providers run; use it in a `with`."""

    def __init__(self, *providers: Provider, workers: int = WORKERS, whole: bool = False) -> None:
        """Run these providers; when whole, with IMAP server and scanner of their own, as an operator would."""
        self.providers, self._workers, self._whole = providers, workers, whole
        self._parts = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def _set_up(self) -> None:
        root = data_folder("pec-bench-")
        root.chmod(0o711)  # the nation asks that the IMAP server's user could come in
        scanner = self._parts.enter_context(helper("--scanner"))
        self.nation: Nation = set_up(root / "nation", free_ports())
        for provider in self.providers:
            path = self.nation.settings_path(provider)
            if not self._whole:
                _without_neighbours(path, scanner)
            path.write_text(f"{path.read_text()}\n[workers]\ncount = {self._workers}\n")
        http, https = self.nation.ports.authority
        config = AuthorityConfig(folder=self.nation.sandbox.folder, host=HOST, http_port=http, https_port=https)
        authority = self._parts.enter_context(RunningAuthority(self.nation.sandbox, config))
        authority.collect()
        self._parts.callback(self._stop)
        for provider in self.providers:
            self.start(provider)
        for provider in self.providers:
            self.wait_for(provider)

    def start(self, provider: Provider) -> float:
        """Start a provider, compiled as an installed one is; return the instant before (`time.perf_counter`)."""
        config = self.nation.settings_path(provider)
        command = [sys.executable, "-m", "ceralacca.apps.demo.child", str(os.getpid()), str(config)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        before = time.perf_counter()
        with (config.parent / "serve.log").open("ab") as log:
            self._processes[provider.key] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
            )
        return before

    def wait_for(self, provider: Provider) -> None:
        """Wait until all its roles are ready."""
        until = time.monotonic() + _START_SECONDS
        folder = DataFolder(self.nation.settings(provider).data.folder)
        while not read_status(folder).ready:
            if time.monotonic() > until or self._processes[provider.key].poll() is not None:
                log = self.nation.settings_path(provider).parent / "serve.log"
                raise SystemExit(f"{provider.name} does not start: {log.read_text()[-600:]}")
            time.sleep(0.02)

    def stop(self, provider: Provider) -> None:
        """End a provider in good order."""
        process = self._processes.pop(provider.key)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(45)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _stop(self) -> None:
        for provider in self.providers:
            if provider.key in self._processes:
                self.stop(provider)

    def pids(self, provider: Provider) -> dict[str, int]:
        """Return the process number of every role that runs, and of the supervisor."""
        roles = read_status(DataFolder(self.nation.settings(provider).data.folder)).roles
        found = {name: role.pid for name, role in roles.items() if role.pid is not None and role.state == "ready"}
        return {"supervisor": self._processes[provider.key].pid, **found}

    def inbox(self, provider: Provider, address: Address) -> Path:
        """Return the folder where new messages of a mailbox appear."""
        return self.nation.mail(provider).make_home(address) / "Maildir" / "new"

    def senders(self, provider: Provider, address: Address, *, connections: int = CONNECTIONS) -> Senders:
        """Return the clients of a holder, not yet connected."""
        context = ssl.create_default_context(cafile=str(self.nation.trusted))
        port = self.nation.ports.provider(provider.key).submissions
        return Senders(port, context, address.text, self.nation.passwords[address], connections)


def _without_neighbours(path: Path, scanner: int) -> None:
    """Take IMAP server and scanner out of a provider's settings."""
    text = path.read_text()
    text = text.replace("[virus]\ndemo_database = true\n", f'[virus]\nmanaged = false\nsocket = "{HOST}:{scanner}"\n')
    text = text.replace("[mailboxes]\n", "[mailboxes]\nmanaged = false\n")
    if "demo_database" in text or text.count("managed = false") != 2:
        raise SystemExit(f"{path} is not written as it was")
    path.write_text(text)


def free_ports() -> Ports:
    """Return ports that nobody listens on."""
    first = 46000 + os.getpid() % 200 * SPAN  # not the same for two that look at once
    for base in range(first, 60000, SPAN):
        ports = Ports(base=base)
        with suppress(Exception):
            ports.check_free()
            return ports
    raise SystemExit("no ports are free")


# -- helpers of their own process ---------------------------------------------------------------------


@contextmanager
def helper(*arguments: str) -> Iterator[int]:
    """Run a part of this file as a process of its own, which ends with us; give its port."""
    command = [sys.executable, __file__, *arguments, str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def live_with(parent: int) -> None:
    """End when the parent ends."""
    _LIBC.prctl(_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


_EDITION = f"ClamAV 1.4.6/27000/{time.strftime('%a %b %d %H:%M:%S %Y', time.gmtime())}".encode()
"""Of signatures as young as this process, and the same for as long as it lives."""


class CleanScanner(asyncio.Protocol):
    """Speaks as clamd does in a session, and finds nothing; what it hears at once it answers at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.kept = transport, b""
        self.number, self.in_stream, self.to_come = 0, False, 0

    def data_received(self, data: bytes) -> None:
        """Answer what is whole, and keep the rest."""
        data, at, answers = self.kept + data, 0, []
        while True:
            here = min(self.to_come, len(data) - at)
            at, self.to_come = at + here, self.to_come - here
            if self.to_come:
                break
            end = at + 4 if self.in_stream else data.find(0, at) + 1
            if not at < end <= len(data):
                break
            answers.append(self._chunk(data[at:end]) if self.in_stream else self._command(data[at : end - 1]))
            at = end
        self.kept = data[at:]
        self.transport.write(b"".join(answers))

    def _chunk(self, length: bytes) -> bytes:
        """Take the length of a chunk; return the answer to a stream that has ended."""
        self.to_come = int.from_bytes(length)
        self.in_stream = self.to_come > 0
        return b"" if self.in_stream else self._said(b"stream: OK")

    def _command(self, command: bytes) -> bytes:
        if command == b"zIDSESSION":
            return b""
        self.number += 1
        if command == b"zINSTREAM":
            self.in_stream = True
            return b""
        known = {b"zVERSION": _EDITION, b"zPING": b"PONG"}.get(command)
        if known is None:
            self.transport.close()
        return b"" if known is None else self._said(known)

    def _said(self, words: bytes) -> bytes:
        return b"%d: %s\0" % (self.number, words)


async def serve_scanner() -> None:
    """Be the stand-in for clamd."""
    server = await asyncio.get_running_loop().create_server(CleanScanner, HOST, 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# -- watching -----------------------------------------------------------------------------------------


class Arrivals:
    """The instants at which messages appear in a mailbox: told by the kernel, in a thread of their own."""

    _NAME = re.compile(rb"[!-~]+")
    _MOVED_TO = 0x80

    def __init__(self, folder: Path) -> None:
        """Watch from now on."""
        self.folder = folder
        self.seen: list[tuple[float, str]] = []
        self._more = threading.Condition()
        self._handle = _LIBC.inotify_init1(os.O_CLOEXEC)
        _LIBC.inotify_add_watch(self._handle, os.fsencode(folder), self._MOVED_TO)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        import select  # noqa: PLC0415

        while True:
            ready, _, _ = select.select([self._handle, self._stop], [], [])
            if self._stop in ready:
                return
            octets = os.read(self._handle, 1 << 16)
            now, at, new = time.perf_counter(), 0, []
            while at < len(octets):
                length = int.from_bytes(octets[at + 12 : at + 16], sys.byteorder)
                new.append((now, os.fsdecode(octets[at + 16 : at + 16 + length].rstrip(b"\0"))))
                at += 16 + length
            with self._more:
                self.seen += new
                self._more.notify_all()

    def wait_for(self, number: int, *, within: float = 120.0) -> float:
        """Wait until so many have come since the start; return when the last of them did."""
        with self._more:
            if not self._more.wait_for(lambda: len(self.seen) >= number, within):
                raise SystemExit(f"only {len(self.seen)} of {number} messages came within {within:.0f} s")
            return self.seen[number - 1][0]

    def head(self, name: str) -> bytes:
        """Return the beginning of a message."""
        with (self.folder / name).open("rb") as file:
            return file.read(8192)

    def close(self) -> None:
        """Watch no more."""
        os.write(self._stopped, b".")
        self._thread.join()
        for handle in (self._handle, self._stop, self._stopped):
            os.close(handle)


# -- bounds -------------------------------------------------------------------------------------------


class Signatures:
    """RSA 2048 signatures with SHA-256 in two processes at once: the bound of every seal."""

    def __init__(self) -> None:
        """Start the processes, each in wait."""
        command = [sys.executable, __file__, "--signer", str(os.getpid())]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for process in self._processes:
            assert process.stdout is not None
            process.stdout.readline()

    def rate(self, window: float) -> float:
        """Return signatures per second of both together."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{window}\n")
            process.stdin.flush()
        return sum(float(process.stdout.readline()) for process in self._processes if process.stdout)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.terminate()
            process.communicate()


def sign_on_command() -> None:
    """Be one of the signing processes."""
    sign = signing()
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        end, count = start + float(line), 0
        while time.perf_counter() < end:
            sign()
            count += 1
        print(count / (time.perf_counter() - start), flush=True)


def signing() -> Callable[[], bytes]:
    """Return the act of signing with a key of 2048 bits."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

    key, attributes = private_key("bench", 2048), bytes(107)
    return lambda: key.sign(attributes, padding.PKCS1v15(), hashes.SHA256())


def seconds(act: Callable[[], object], *, times: int) -> float:
    """Return how long an act takes: the median."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2]


def durable_append(octets: bytes) -> Callable[[], None]:
    """Return the act of appending octets to a file on the disk and syncing its data."""
    file = tempfile.TemporaryFile(dir=FOLDER, buffering=0)  # noqa: SIM115 lives as long as the act

    def act() -> None:
        file.write(octets)
        os.fdatasync(file.fileno())

    return act


# -- memory -------------------------------------------------------------------------------------------


class Memory:
    """Resident memory of processes: idle, and the most since `reset`."""

    def __init__(self, pids: dict[str, int], since: "Memory | None" = None) -> None:
        """Look from now on; idle is what it is now, or was when `since` began: what is kept then counts as used."""
        self._pids = pids
        for pid in pids.values():
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        self.idle = {name: self._field(pid, "VmRSS") for name, pid in pids.items()}
        self._idle_anonymous = {name: self._field(pid, "RssAnon") for name, pid in pids.items()}
        self._anonymous = dict(self._idle_anonymous)
        if since is not None:
            self.idle, self._idle_anonymous = since.idle, since._idle_anonymous  # noqa: SLF001
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ending.wait(0.003):
            for name, pid in self._pids.items():
                self._anonymous[name] = max(self._anonymous[name], self._field(pid, "RssAnon"))

    def above_idle(self) -> dict[str, tuple[float, float]]:
        """Return for each process the MiB above idle at the peak: of all, and of what is its own (no mapped file)."""
        self._ending.set()
        self._thread.join()
        return {
            name: (
                self._field(pid, "VmHWM") - self.idle[name],
                self._anonymous[name] - self._idle_anonymous[name],
            )
            for name, pid in self._pids.items()
        }

    @staticmethod
    def _field(pid: int, field: str) -> float:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
        return 0.0


if __name__ == "__main__":
    live_with(int(sys.argv[-1]))
    if sys.argv[1] == "--scanner":
        asyncio.run(serve_scanner())
    elif sys.argv[1] == "--signer":
        sign_on_command()
