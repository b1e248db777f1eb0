"""One provider as it runs: `pec serve` as a process, a sandbox authority beside it, clients that are not ours."""

import imaplib
import json
import os
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.authority.service import AuthorityConfig, RunningAuthority
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.status import ports_of, read_status

NAME, ADDRESS, SERVICE = "Alfa Prova", "posta-certificata@alfa.example", "ricevute@alfa.example"
ANNA, BRUNO, PASSWORD = "anna@alfa.example", "bruno@comune.example", "una frase segreta"
WITHIN = 60.0
PEC = (sys.executable, "-c", "from ceralacca.apps.cli import main; main()")

CONFIG = """
[provider]
name = "{name}"
address = "{address}"
service_mailbox = "{service}"
hostname = "mail.alfa.example"
sandbox = true
[data]
folder = "data"
database = "{database}"
[keys]
certificate = "keys/certificate.pem"
key = "keys/key.pem"
[message_log.keys]
certificate = "log-keys/certificate.pem"
key = "log-keys/key.pem"
[message_log.time_stamps]
url = "{stamps}"
[trust]
anchors = ["{public}"]
crl_urls = [{crls}]
[directory]
url = "{directory}"
manager = ["{public}/directory-manager.pem"]
client_certificate = "tls/certificate.pem"
client_key = "tls/key.pem"
server_ca = "{roots}"
[tls]
certificate = "tls/certificate.pem"
key = "tls/key.pem"
[access]
port = 0
starttls_port = 0
[incoming]
port = 0
[relay]
ca_file = "{roots}"
dns = false
[mailboxes]
imap_port = 0
pop3_port = 0
[virus]
demo_database = true
[clock]
guard = "off"
[log]
level = "debug"
file = "pec.log"
stderr = false
"""


def until(condition, what, within=WITHIN):
    """Wait until something holds; its value is returned."""
    pause, end = threading.Event(), time.monotonic() + within
    while time.monotonic() < end:
        if value := condition():
            return value
        pause.wait(0.02)
    pytest.fail(f"it never came to {what}")


@dataclass
class Provider:
    """A provider that was set up, whether it runs or not."""

    folder: Path
    authority: RunningAuthority
    process: subprocess.Popen | None = None

    @property
    def config(self) -> Path:
        return self.folder / "pec.toml"

    @property
    def settings(self):
        return read_settings(self.config)

    @property
    def data(self) -> DataFolder:
        return DataFolder(self.folder / "data")

    def status(self):
        return read_status(self.data)

    @property
    def ports(self):
        return ports_of(self.status())

    def pec(self, *arguments, check=True, **more):
        """Run a command of ours, with the settings of this provider."""
        done = subprocess.run(
            [*PEC, *arguments],
            env={**os.environ, "PEC_CONFIG": str(self.config), "LANG": "en_US.UTF-8"},
            capture_output=True, text=True, check=False, **more,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def ask(self, *arguments, check=True):
        """Run a command of ours and return its answer for programs."""
        return json.loads(self.pec(*arguments, "--json", check=check).stdout)

    def start(self):
        self.process = subprocess.Popen(
            [*PEC, "serve", "--config", str(self.config)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = self.process.stdout.readline()
        if not said.startswith(("Ready", "Pronto")):
            self.stop()
            pytest.fail(f"it did not start: {self.said} {self.log()[-3000:]}")

    def stop(self, sign=signal.SIGTERM):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.said = "".join(self.process.communicate(timeout=WITHIN))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.said = "".join(self.process.communicate())
            pytest.fail(f"it did not stop: {self.log()[-3000:]}")
        status, self.process = self.process.returncode, None
        return status

    def log(self) -> str:
        path = self.folder / "pec.log"
        return path.read_text() if path.exists() else ""

    # -- clients ------------------------------------------------------------------------------------

    def tls(self):
        context = ssl.create_default_context(cafile=str(self.authority.sandbox.tls_roots))
        context.check_hostname = True
        return context

    @contextmanager
    def submission(self, user=ANNA):
        with smtplib.SMTP_SSL("localhost", self.ports["submissions"], context=self.tls()) as smtp:
            smtp.login(user, PASSWORD)
            yield smtp

    @contextmanager
    def inbox(self, user):
        with imaplib.IMAP4_SSL("localhost", self.ports["imaps"], ssl_context=self.tls()) as imap:
            imap.login(user, PASSWORD)
            imap.select("INBOX")
            yield imap

    def letters(self, user):
        """Return the messages of a mailbox, oldest first."""
        with self.inbox(user) as imap:
            found = imap.search(None, "ALL")[1][0].split()
            return [imap.fetch(number.decode(), "(BODY.PEEK[])")[1][0][1] for number in found]


def message(sender=ANNA, recipient=BRUNO, subject="Prova", message_id="<uno@client.example>", body="Testo.\r\n"):
    return (
        f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
        f"Date: Thu, 05 Nov 2026 10:15:00 +0100\r\n\r\n{body}"
    ).encode()


def header(octets, name):
    """Return the first field of that name in the header, or nothing."""
    for line in octets.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.lower().startswith(name.lower().encode() + b":"):
            return line.partition(b":")[2].strip().decode()
    return None


def set_up(folder, authority, database=""):
    sandbox = authority.sandbox
    sandbox.certify_provider(NAME, ADDRESS, into=folder / "keys")
    sandbox.certify_log(NAME, into=folder / "log-keys")
    sandbox.tls_certificate(("mail.alfa.example", "localhost", "127.0.0.1"), into=folder / "tls")
    text = CONFIG.format(
        database=database, name=NAME, address=ADDRESS, service=SERVICE, public=sandbox.public, roots=sandbox.tls_roots,
        crls=", ".join(f'"{url}"' for url in authority.crl_urls), directory=authority.directory_url,
        stamps=authority.stamp_url,
    )  # fmt: skip
    (folder / "pec.toml").write_text(text)
    provider = Provider(folder=folder, authority=authority)
    for domain in ("alfa.example", "comune.example"):
        provider.pec("domain", "add", domain)
    for holder in (ANNA, BRUNO):
        provider.pec("mailbox", "add", holder, "--password-file", "-", input=f"{PASSWORD}\n")
    provider.pec("directory", "export", str(folder / "gestore.ldif.p7m"))
    sandbox.list_provider(NAME, f"file:{folder / 'gestore.ldif.p7m'}")
    authority.collect()
    return provider


@pytest.fixture(scope="session")
def provider_folder():
    """A short path that Dovecot's user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="pec-serve-"))
    folder.chmod(0o711)
    yield folder
    with suppress(OSError):
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def authority(provider_folder):
    """The sandbox's authority, serving."""
    sandbox = Sandbox.create(provider_folder / "authority")
    with RunningAuthority(sandbox, AuthorityConfig(folder=provider_folder / "authority")) as authority:
        for name in (ROOT, INTERMEDIATE):
            sandbox.crl(name)
        yield authority


@pytest.fixture(scope="module")
def provider(provider_folder, authority, request):
    """A provider that is set up, but does not run. The module may name a fixture `database` of its own."""
    database = request.getfixturevalue("database") if "database" in request.fixturenames else ""
    own = provider_folder / request.module.__name__.rpartition(".")[2].removeprefix("test_")
    own.mkdir(mode=0o711)
    provider = set_up(own, authority, database)
    yield provider
    if provider.process is not None:
        provider.stop()


@pytest.fixture(scope="module")
def running(provider):
    """The provider at work."""
    provider.start()
    yield provider
    assert provider.stop() == 0


@pytest.fixture(scope="module")
def serve():
    """The helpers above, by name."""
    return SimpleNamespace(until=until, message=message, header=header, ANNA=ANNA, BRUNO=BRUNO)
