"""A real Dovecot over real Maildirs, with the sign-in that it asks, for all tests of this folder."""

import imaplib
import os
import poplib
import shutil
import ssl
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from ceralacca.core.model.address import Address
from ceralacca.net.auth_service import MailboxDirectory
from ceralacca.net.dovecot_child import PROGRAM, server_user
from ceralacca.net.dovecot_configuration import DovecotSettings
from ceralacca.net.mailboxes import MailboxServer
from ceralacca.ports.mail_store import Put
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.store.credentials import hash_password
from ceralacca.store.maildir import Maildir
from ceralacca.store.maildir_files import Owner
from ceralacca.store.sign_in import SignIn
from ceralacca.store.sign_in_attempts import SignInAttempts
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock
from ceralacca.testing.tls import TlsAuthority

PASSWORD = "buona fortuna è"
HASH = hash_password(PASSWORD)
QUOTA = 2**30


@dataclass
class World:
    """A served root of mailboxes, and the clients that speak to it."""

    folder: Path
    maildir: Maildir
    clock: FixedClock
    records: dict = field(default_factory=dict)
    server: MailboxServer | None = None
    authority: TlsAuthority | None = None

    def open_mailbox(self, address, **named) -> Address:
        record = MailboxRecord(address=Address(address), **{"password_hash": HASH, "quota": QUOTA} | named)
        self.records[record.address] = record
        return record.address

    def deliver(self, mailbox, octets, name=None) -> None:
        name = name or f"{mailbox}/{hash(bytes(octets))}"
        (outcome,) = self.maildir.put([Put(mailbox=mailbox, name=name, octets=octets, quota=QUOTA)])
        assert outcome == "stored"

    @property
    def port(self) -> int:
        return self.server.settings.imaps_port

    @property
    def pop_port(self) -> int:
        return self.server.settings.pop3s_port

    @property
    def context(self) -> ssl.SSLContext:
        return self.authority.client_context()

    @contextmanager
    def imap(self, address=None, password=PASSWORD):
        client = imaplib.IMAP4_SSL("localhost", self.port, ssl_context=self.context, timeout=60)
        try:
            if address is not None:
                client.authenticate("PLAIN", lambda _: f"\0{address}\0{password}".encode())
            yield client
        finally:
            with suppress(OSError):  # logged out already
                client.shutdown()

    @contextmanager
    def pop(self, address=None, password=PASSWORD):
        client = poplib.POP3_SSL("localhost", self.pop_port, context=self.context, timeout=60)
        client.encoding = "utf-8"
        try:
            if address is not None:
                client.user(str(address))
                client.pass_(password)
            yield client
        finally:
            client.close()

    def log(self) -> str:
        return self.server.settings.log.read_text()


def make_world() -> World:
    # Not in pytest's folder: when we are root, Dovecot's user cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="pec-"))
    folder.chmod(0o711)
    user = server_user()
    clock = FixedClock(NOON)
    maildir = Maildir(folder / "mail", clock=clock, owner=Owner(uid=user.uid, gid=user.gid))
    authority = TlsAuthority(folder)
    files = authority.server("localhost", "127.0.0.1")
    world = World(folder, maildir, clock, authority=authority)
    world.server = MailboxServer(
        DovecotSettings(
            run_folder=folder / "run",
            log=folder / "dovecot.log",
            certificate=files.certificate,
            private_key=files.key,
            imaps_port=0,
            pop3s_port=0,
        ),
        user=user,
        signs_in=SignIn(
            world.records.get,
            attempts=SignInAttempts(folder / "attempts.sqlite"),
            clock=clock,
            entropy=CountingEntropy(),
            delay=0.0,
            longest_delay=0.0,
        ),
        mailboxes=MailboxDirectory(home=maildir.make_home, quota=lambda address: world.records[address].quota),
        entropy=os.urandom,
    )
    return world


@pytest.fixture(scope="session")
def world():
    if not PROGRAM.exists():
        pytest.skip("no Dovecot")
    world = make_world()
    try:
        world.server.start()
        yield world
    finally:
        world.server.stop()
        shutil.rmtree(world.folder)


@pytest.fixture
def new_world():
    """Make worlds that end with the test."""
    if not PROGRAM.exists():
        pytest.skip("no Dovecot")
    worlds = []

    def new_world() -> World:
        worlds.append(make_world())
        return worlds[-1]

    yield new_world
    for world in worlds:
        world.server.stop()
        shutil.rmtree(world.folder)


@pytest.fixture(autouse=True)
def _another_day(world):
    """Let the limiter forget the guesses of the test before."""
    world.clock.advance(timedelta(days=1))


@pytest.fixture
def mailbox(world):
    """A mailbox of the test's own."""
    return world.open_mailbox(f"casella{len(world.records)}@alfa.test")
