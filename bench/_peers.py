"""The peers of other hands that benchmarks stand beside: Postfix, smtp-sink, and the client smtp-source, all in C.

They are in the Debian package postfix; Postfix itself starts as root only. Not a benchmark itself.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from socket import create_connection

from _folders import data_folder
from ceralacca.testing.postfix import HOST, Postfix, free_port, why_not


def need_postfix() -> None:
    """Stop with the reason when there is no Postfix to stand beside."""
    if reason := why_not():
        raise SystemExit(f"{reason}: this benchmark needs it (tools/system_packages postfix, as root)")


@contextmanager
def postfix(
    settings: dict[str, str], services: Sequence[str] = (), *, domain: str = "", names: Sequence[str] = ()
) -> Iterator[Postfix]:
    """Run a Postfix in a folder of its own; it keeps mail for these names of a domain."""
    folder = data_folder("pec-postfix-")
    folder.chmod(0o755)
    usual = {"smtpd_client_connection_limit_exceptions": "127.0.0.0/8", "smtpd_error_sleep_time": "0"}
    server = Postfix(folder, hostname="mail.peer.example", settings=usual | settings, services=services, processes=100)
    if domain:
        server.serve(domain, names)
    with server:
        yield server


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Run smtp-sink, which discards what it is sent; give its port."""
    port = free_port()
    with subprocess.Popen(
        ["/usr/sbin/smtp-sink", "-u", "nobody", f"inet:{HOST}:{port}", "512"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    ) as process:
        try:
            while process.poll() is None:
                with suppress(OSError), create_connection((HOST, port), timeout=1):
                    break
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()


def smtp_source(port: int, *, number: int, connections: int, octets: int, sender: str, to: str) -> float:
    """Send so many messages over kept connections; return how many were taken a second."""
    command = [
        "/usr/sbin/smtp-source", "-d", "-s", str(connections), "-m", str(number), "-l", str(octets),
        "-f", sender, "-t", to, f"inet:{HOST}:{port}",
    ]  # fmt: skip
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"smtp-source: {done.stderr.strip()[-300:]}")
    return number / taken
