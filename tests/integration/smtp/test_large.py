"""A message of 30 MB costs little memory, alone or with nine others; measured on a process of its own."""

import smtplib
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from ceralacca.testing.paper_cast import MARIO
from ceralacca.testing.reception import PASSWORD

MIB = 2**20
LINE = b"x" * 1022 + b"\r\n"

SERVER = """
import sys, threading
from dataclasses import dataclass
from pathlib import Path
from ceralacca.net.smtp_server import Limits
from ceralacca.testing.reception import RecordingStore, RunningServer, World
from ceralacca.testing.tls import ServerFiles

folder, certificate, key, point = sys.argv[1:]

class WritingStore(RecordingStore):
    def receive(self, messages, *, now):
        for message in messages:
            with (Path(folder) / message.key).open("wb") as file:
                octets = memoryview(message.octets)
                for start in range(0, len(octets), 2**20):
                    file.write(octets[start : start + 2**20])

files = ServerFiles(certificate=Path(certificate), key=Path(key), authority=Path(certificate))
world = World(store=WritingStore())
with RunningServer(world, Path(folder), access=point == "access", files=files, limits=Limits()) as server:
    print(*server.ports, flush=True)
    sys.stdin.read()
"""


def peak(pid):
    """Return the highest resident size so far, in octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.fixture(params=["access", "incoming"])
def server(request, tmp_path, server_files, tls_authority):
    files = str(server_files.certificate), str(server_files.key)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), *files, request.param], stdin=-1, stdout=-1, text=True
    ) as process:
        try:
            ports = [int(port) for port in process.stdout.readline().split()]
            yield process, ports, request.param == "access", tls_authority.client_context(), tmp_path
        finally:
            process.stdin.close()
            process.wait(30)


def send(ports, access, context, megabytes):
    client = smtplib.SMTP_SSL("127.0.0.1", ports[0], context=context) if access else smtplib.SMTP("127.0.0.1", ports[0])
    with client:
        client.ehlo()
        if access:
            client.login(MARIO.text, PASSWORD)
        assert client.docmd(f"MAIL FROM:<{MARIO}>")[0] == 250
        assert client.docmd(f"RCPT TO:<{MARIO}>")[0] == 250
        assert client.docmd("DATA")[0] == 354
        for _ in range(megabytes):
            client.sock.sendall(LINE * 1024)
        client.sock.sendall(b".\r\n")
        assert client.getreply()[0] == 250


@pytest.mark.slow
def test_thirty_megabytes_cost_less_than_64_mib_of_memory(server):
    process, ports, access, context, folder = server
    send(ports, access, context, 1)
    idle = peak(process.pid)
    send(ports, access, context, 30)
    assert peak(process.pid) - idle < 64 * MIB
    clients = [Thread(target=send, args=(ports, access, context, 30)) for _ in range(10)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert peak(process.pid) - idle < 96 * MIB
    assert sorted(path.stat().st_size for path in folder.iterdir()) == [MIB] + [30 * MIB] * 11
