"""The folder of the nation: made once, found again at the next start.

    nation.json       the holders' passwords (TEST), written last: a folder without it is unfinished
    authority/        the sandbox (`apps.authority.sandbox`)
    alfa/ beta/       pec.toml, keys, TLS certificate, published records, data, log
    gamma/            keys and published records of the provider on paper
    ordinary/         the mail server outside PEC: its TLS certificate, and a Maildir for each address
    story/            the messages of the story, for `pec verify`

The folder is 0700. Made by root it is 0711, since Dovecot then runs as another user and must find its way to
the mailboxes; what is secret inside has its own 0700. Everything in it is TEST and good for nothing
outside; whoever deletes it loses nothing but the demonstration's own mail.

Clauses: DI-1, DI-11, CE-1 to CE-9, MO-3, MO-4.
"""

import json
import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.demo.cast import GAMMA, GAMMA_SECOND_MAILBOX, LUCA, POST_HOST, RUNNING, Provider
from ceralacca.apps.demo.configuration import settings_file
from ceralacca.apps.demo.ports import HOST, Ports
from ceralacca.apps.mail_client import Account
from ceralacca.apps.mailbox_access import mail_owner
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import mail_store, provider_store
from ceralacca.base.clock import Clock, SystemClock
from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.store.credentials import hash_password
from ceralacca.store.database import DatabaseStore
from ceralacca.store.durable_files import check_folder, put_file
from ceralacca.store.maildir import Maildir
from ceralacca.trust.directory_file import seal_directory_file
from ceralacca.trust.key_files import read_certificates
from ceralacca.trust.software_key import SoftwareKey

_STATE: Final = "nation.json"
_LONG_AGO: Final = timedelta(days=4 * 365)
"""Before which a provider's certificate has ended: it lasts three years."""
_RENEWED_BEFORE: Final = timedelta(days=30)
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""Thirty-two, which divides 256, and none that looks like another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nation:
    """A nation whose folder is complete."""

    folder: Path
    ports: Ports
    passwords: dict[Address, str]
    """Of every holder, in clear: they must be printed at every start, and are worth nothing."""
    is_new: bool
    running: tuple[Provider, ...] = RUNNING
    """The providers that have a machine."""

    @property
    def sandbox(self) -> Sandbox:
        """The authority's folder."""
        return Sandbox(self.folder / "authority")

    @property
    def trusted(self) -> Path:
        """PEM of the one certificate that a mail client must trust."""
        return self.sandbox.tls_roots

    @property
    def pec_anchors(self) -> Path:
        """The folder of authorities that `pec verify --trust` wants."""
        return self.sandbox.public

    @property
    def crls(self) -> Path:
        """The folder of current revocation lists."""
        return self.sandbox.folder / "crl"

    @property
    def directory_file(self) -> Path:
        """The sealed providers directory as published."""
        return self.sandbox.folder / "directory.p7m"

    @property
    def post(self) -> Path:
        """Maildirs of the mail server outside PEC."""
        return self.folder / "ordinary" / "mail"

    def settings_path(self, provider: Provider) -> Path:
        """Return the settings file of a provider that runs."""
        return self.folder / provider.key / "pec.toml"

    def settings(self, provider: Provider) -> Settings:
        """Return the settings of a provider that runs."""
        return read_settings(self.settings_path(provider))

    def store(self, provider: Provider) -> DatabaseStore:
        """Open the store of a provider that runs; close it after use."""
        return provider_store(self.settings(provider))

    def mail(self, provider: Provider) -> Maildir:
        """Return the mailboxes of a provider that runs, to look at from within."""
        return mail_store(self.settings(provider))

    def paper_key(self, name: str = "keys") -> SoftwareKey:
        """Return a sealing key of Gamma's: `keys`, `previous`, `expired` or `revoked`."""
        keys = self.folder / GAMMA.key / name
        return SoftwareKey.load(keys / "key.pem", keys / "certificate.pem")


def set_up(
    folder: Path, ports: Ports, *, clock: Clock | None = None, running: tuple[Provider, ...] = RUNNING
) -> Nation:
    """Make the nation, or find the one in the folder and write its settings anew for these ports.

    The providers of `running` get a machine; they must be the same at every start on one folder.
    Raises UserError when the folder holds something else, WorldError when the disk refuses.
    """
    clock = clock or SystemClock()
    folder = folder.resolve()
    try:
        is_new = _prepare(folder)
        sandbox = _authority(folder / "authority", ports)
        _certify(folder, sandbox, clock.now(), running)
        for provider in running:
            path = folder / provider.key / "pec.toml"
            put_file(path, settings_file(provider, sandbox, folder / provider.key, ports, running).encode())
        passwords = _passwords(folder, running)
        if is_new:
            for provider in running:
                _people(provider, read_settings(folder / provider.key / "pec.toml"), passwords, clock.now())
            named = {address.text: password for address, password in passwords.items()}
            put_file(folder / _STATE, json.dumps({"passwords": named}, indent=1).encode() + b"\n")
    except OSError as error:
        raise WorldError(f"{folder}: {error.strerror}", remedy="give another folder with --data") from error
    return Nation(folder=folder, ports=ports, passwords=passwords, is_new=is_new, running=running)


def _prepare(folder: Path) -> bool:
    """Make the folder, or clear away an unfinished one of ours; True when there is no nation yet."""
    _check_way(folder)
    if (folder / _STATE).exists():
        check_folder(folder)
        return False
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "authority").is_dir():
            raise UserError(f"{folder} holds something else than a demo", remedy="name a new folder with --data")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(_mode())
    return True


def _check_way(folder: Path) -> None:
    """Raise UserError when root starts us and another user, Dovecot's, could not come to the folder."""
    closed = [above for above in folder.parents if above.exists() and not above.stat().st_mode & 0o001]
    if os.geteuid() == 0 and closed:
        raise UserError(
            f"Dovecot's user could not enter {closed[0]}, and so not {folder}",
            remedy="name another folder with --data, or do not start as root",
        )


def _mode() -> int:
    """Return the mode of folders that lead to the mailboxes."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _passable(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(_mode())


def _authority(folder: Path, ports: Ports) -> Sandbox:
    sandbox = Sandbox(folder)
    if sandbox.exists:
        return Sandbox.open(folder)
    return Sandbox.create(folder, crl_base=f"http://{HOST}:{ports.authority[0]}")


def _certify(folder: Path, sandbox: Sandbox, now: datetime, running: tuple[Provider, ...]) -> None:
    """Give every provider its key, its TLS certificate and its published records; the ordinary server its TLS."""
    on_paper = () if any(one.key == GAMMA.key for one in running) else (GAMMA,)
    for provider in (*running, *on_paper):
        own = folder / provider.key
        if not (own / "keys" / "certificate.pem").exists():
            _passable(own)
            _passable(own / "data")
            sandbox.certify_provider(provider.name, provider.address, into=own / "keys")
    if on_paper:
        _paper_keys(folder / GAMMA.key, sandbox, now)
    for provider in (*running, *on_paper):
        published = folder / provider.key / "gestore.ldif.p7m"
        put_file(published, _published(provider, folder / provider.key, now))
        sandbox.list_provider(provider.name, f"file:{published}")
    for provider in running:
        if not (folder / provider.key / "log-keys" / "certificate.pem").exists():
            sandbox.certify_log(provider.name, into=folder / provider.key / "log-keys")
        _tls(sandbox, folder / provider.key / "tls", (provider.hostname, "localhost", HOST), now)
    (folder / "ordinary").mkdir(mode=0o700, exist_ok=True)
    _tls(sandbox, folder / "ordinary" / "tls", (POST_HOST, "localhost", HOST), now)
    for name in (ROOT, INTERMEDIATE):
        sandbox.crl(name)


def _paper_keys(folder: Path, sandbox: Sandbox, now: datetime) -> None:
    """Give Gamma what goes wrong with keys: one before the present one, one that has ended, one that is revoked."""
    if not (folder / "previous").exists():
        sandbox.certify_provider(GAMMA.name, GAMMA.address, into=folder / "previous")
    if not (folder / "expired").exists():
        long_ago = Sandbox(sandbox.folder, clock=_Then(now - _LONG_AGO))
        long_ago.certify_provider(GAMMA.name, GAMMA.address, into=folder / "expired")
    if not (folder / "revoked").exists():
        revoked = sandbox.certify_provider(GAMMA.name, GAMMA.address, into=folder / "revoked")
        sandbox.revoke(revoked.certificate)


@dataclass(frozen=True, slots=True)
class _Then:
    """A clock that stands."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


def _published(provider: Provider, folder: Path, now: datetime) -> bytes:
    """Return what a provider publishes of itself, sealed by itself (DI-1)."""
    keys = folder / "keys"
    records = _records(provider, folder)
    return seal_directory_file(
        Directory(records=records, base=None), SoftwareKey.load(keys / "key.pem", keys / "certificate.pem"), now
    )


def _records(provider: Provider, folder: Path) -> tuple[ProviderRecord, ...]:
    """Return a provider's records; paper Gamma's as after a change of keys, with a secondary environment (DI-6)."""
    names = ("previous", "keys") if provider is GAMMA else ("keys",)
    certificates = tuple(read_certificates(folder / name / "certificate.pem")[0] for name in names)
    main = ProviderRecord(
        name=provider.name,
        certificates=certificates,
        receipt_mailbox=provider.service_mailbox,
        domains=tuple(domain for domain in provider.all_domains if domain != LUCA.domain),
        location=f"https://{provider.home}/gestore.ldif.p7m",
    )
    if provider is not GAMMA:
        return (main,)
    return main, ProviderRecord(
        name=provider.name,
        unit="Ambiente Secondario",
        certificates=certificates,
        receipt_mailbox=GAMMA_SECOND_MAILBOX,
        domains=(LUCA.domain,),
    )


def _tls(sandbox: Sandbox, folder: Path, names: tuple[str, ...], now: datetime) -> None:
    """Certify a server, anew when its certificate is about to end."""
    path = folder / "certificate.pem"
    if path.exists():
        certificate = x509.load_der_x509_certificate(read_certificates(path)[0])
        if certificate.not_valid_after_utc - now > _RENEWED_BEFORE:
            return
    sandbox.tls_certificate(names, into=folder)


def _passwords(folder: Path, running: tuple[Provider, ...] = RUNNING) -> dict[Address, str]:
    path = folder / _STATE
    if path.exists():
        kept = json.loads(path.read_bytes())["passwords"]
        return {Address.parse(text): password for text, password in kept.items()}
    return {holder.address: _password() for provider in running for holder in provider.holders}


def _password() -> str:
    octets = system_entropy(12)
    letters = "".join(_LETTERS[octet % len(_LETTERS)] for octet in octets)
    return "-".join((letters[:4], letters[4:8], letters[8:]))


def _people(provider: Provider, settings: Settings, passwords: dict[Address, str], now: datetime) -> None:
    """Serve the domains and open the mailboxes."""
    with closing(provider_store(settings)) as store:
        for domain in provider.all_domains:
            store.add_domain(domain, now=now)
        store.put_mailbox(MailboxRecord(address=provider.service_mailbox, is_service=True), now=now)
        for holder in provider.holders:
            kept = hash_password(passwords[holder.address])
            record = MailboxRecord(address=holder.address, quota=holder.quota, password_hash=kept)
            store.put_mailbox(record, now=now)
    mail = mail_store(settings, mail_owner(settings))
    for address in (provider.service_mailbox, *(holder.address for holder in provider.holders)):
        mail.holds(address, "opened")  # makes its folders, so that holders may sign in before their first message


def account_in(folder: Path, address: Address) -> Account:
    """Return what a holder of the nation in a folder types into a mail client. Raises UserError."""
    if not (folder / _STATE).exists():
        raise UserError(f"{folder} holds no demo", remedy="name the folder that pec demo prints")
    passwords = _passwords(folder)
    if address not in passwords:
        raise UserError(f"{address} is no mailbox of the demo", remedy=f"one of {', '.join(map(str, passwords))}")
    provider = next(one for one in RUNNING if address.domain in one.all_domains)
    settings = read_settings(folder / provider.key / "pec.toml")
    return Account(
        address=address,
        password=passwords[address],
        host=settings.access.host,
        submission_port=settings.access.port,
        imap_port=settings.mailboxes.imap_port,
        ca_file=Sandbox(folder / "authority").tls_roots,
    )


def default_folder() -> Path:
    """Return where the nation lies unless another folder is named: for root where Dovecot's user can come too."""
    if os.geteuid() == 0:
        return Path("/var/lib/ceralacca-demo")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "ceralacca-demo"
