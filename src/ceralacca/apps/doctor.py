"""Examines a provider from outside: what is wrong, how bad it is, and what to do about it.

Each check gives findings with a code; sentences and remedies are `apps.cli.language`. Nothing is changed
and no key is read. A check that cannot be made says so: it is never well for want of a look.

Clauses: VI-3, IP-2, IP-9, DI-3, DI-5, SE-1, SE-4, TI-2, LO-2, LO-10.
"""

import os
import socket
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography import x509

from ceralacca.apps import virus_watch
from ceralacca.apps.clock_state import ClockState, clock_state
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.log_check import LogChecks, known_checks
from ceralacca.apps.offices import authorities
from ceralacca.apps.settings import Settings
from ceralacca.apps.status import Status, read_status
from ceralacca.apps.wiring import provider_store, scanner
from ceralacca.base import failpoints
from ceralacca.base.errors import PecError, UserError, WorldError
from ceralacca.ports.scanner import NotScanned
from ceralacca.store.crl_copies import CrlCopies
from ceralacca.store.directory_copy import DirectoryCopy, NoDirectoryCopy
from ceralacca.trust.crl_file import CrlReader
from ceralacca.trust.key_files import read_certificates

_SOON: Final = timedelta(days=30)
_QUEUE_SLOW, _QUEUE_STUCK = timedelta(minutes=10), timedelta(hours=1)
_DIRECTORY_OLD, _DIRECTORY_STALE = timedelta(hours=25), timedelta(hours=72)
_CHECK_OLD: Final = 2
"""Days after which a report on the log is missed."""
_DNS_SECONDS: Final = 3.0
_LITTLE, _NONE = 2 * 2**30, 256 * 2**20


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"


class Says(Protocol):
    """Looks up sentences; `apps.cli.words.Words` does."""

    def __call__(self, section: str, key: str, /, **values: object) -> str:
        """Return a sentence with its values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    code: str
    level: Level
    facts: Mapping[str, Any] = field(default_factory=dict)

    def sentence(self, says: Says) -> str:
        """Return what was found."""
        return says("doctor", self.code, **self.facts)

    def remedy(self, says: Says) -> str:
        """Return what to do; empty when all is well."""
        return "" if self.level is Level.GOOD else says("doctor_remedy", self.code, **self.facts)

    def plain(self, says: Says) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "code": self.code,
            "level": self.level.value,
            "says": self.sentence(says),
            "remedy": self.remedy(says),
            "facts": {key: str(value) for key, value in self.facts.items()},
        }


def _found(code: str, level: Level, **facts: object) -> Finding:
    return Finding(code=code, level=level, facts=facts)


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Look at everything; never raises for what it finds."""
    folder = DataFolder(settings.data.folder)
    status = read_status(folder)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _failpoints,
        lambda: iter(look_at_files(settings, now)),
        lambda: _roles(status),
        lambda: _ports(settings, status),
        lambda: _scanner(settings, now),
        lambda: _updates(settings, now),
        lambda: _missed(settings, folder, now),
        lambda: _dovecot(settings),
        lambda: _directory(folder, now),
        lambda: _crls(settings, folder, now),
        lambda: _clock(clock_state(), guarded=settings.clock.guard == "kernel"),
        lambda: _disk(settings.data.folder),
        lambda: _exchangers(settings, folder),
        lambda: _queue(settings, folder, now),
        lambda: _seals(settings, folder, now),
        lambda: _sites(settings, now),
        lambda: judge_log_checks(known_checks(folder, now), now),
    )
    return [finding for check in checks for finding in check()]


def look_at_files(settings: Settings, now: datetime) -> list[Finding]:
    """Look at certificates, keys and their permissions."""
    secrets = [settings.keys.key, settings.keys.passphrase_file, settings.tls.key, settings.directory.client_key]
    logs = settings.message_log.keys
    if logs is not None:
        secrets += [logs.key, logs.passphrase_file, logs.token.pin_file if logs.token else None]
    secrets += [settings.data.database_password_file, settings.keys.token.pin_file if settings.keys.token else None]
    files = [finding for path in secrets if path is not None for finding in _secret(path)]
    return [
        *_certificate("signing", settings.keys.certificate, now),
        *(_certificate("log", logs.certificate, now) if logs else ()),
        *_certificate("tls", settings.tls.certificate, now),
        *_certificate("directory-client", settings.directory.client_certificate, now),
        *_hostname(settings),
        *_anchors(settings),
        *files,
    ]


def _failpoints() -> Iterator[Finding]:
    if os.environ.get(failpoints.VARIABLE):
        yield _found("failpoint", Level.FAILED, variable=failpoints.VARIABLE)


def _certificate(which: str, path: Path, now: datetime) -> Iterator[Finding]:
    try:
        certificate = x509.load_der_x509_certificate(read_certificates(path)[0])
    except (UserError, ValueError) as error:
        yield _found("certificate-unreadable", Level.FAILED, which=which, path=path, fault=error)
        return
    until = certificate.not_valid_after_utc
    days = (until - now).days
    level = Level.FAILED if until < now else Level.WARNING if until - now < _SOON else Level.GOOD
    yield _found("certificate", level, which=which, days=days, until=f"{until:%Y-%m-%d}", path=path)


def _hostname(settings: Settings) -> Iterator[Finding]:
    """SE-1: the certificate that clients see names the host."""
    try:
        certificate = x509.load_der_x509_certificate(read_certificates(settings.tls.certificate)[0])
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        listed = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    except (UserError, ValueError):
        return
    except x509.ExtensionNotFound:
        listed = []
    host = settings.provider.hostname
    wildcard = f"*.{host.partition('.')[2]}"
    level = Level.GOOD if host in listed or wildcard in listed else Level.FAILED
    yield _found("tls-name", level, host=host, names=", ".join(listed))


def _anchors(settings: Settings) -> Iterator[Finding]:
    try:
        authorities(settings)
    except UserError as error:
        yield _found("anchors", Level.FAILED, fault=error)


def _secret(path: Path) -> Iterator[Finding]:
    """SE-4: nobody else reads it. Its content is not looked at."""
    try:
        status = path.stat()
    except OSError as error:
        yield _found("secret-missing", Level.FAILED, path=path, fault=error.strerror)
        return
    if stat.S_IMODE(status.st_mode) & 0o077:
        yield _found("secret-open", Level.FAILED, path=path)


def _roles(status: Status) -> Iterator[Finding]:
    if not status.running:
        yield _found("not-running", Level.FAILED)
        return
    for name, role in status.roles.items():
        level = (
            Level.FAILED if role.state not in {"ready", "done"} else Level.WARNING if role.starts > 1 else Level.GOOD
        )
        if level is not Level.GOOD:
            yield _found("role", level, role=name, state=role.state, starts=role.starts)
    if status.ready:
        yield _found("roles", Level.GOOD, count=len(status.roles))


def _ports(settings: Settings, status: Status) -> Iterator[Finding]:
    """Whether each door answers, at its port in the settings or, for 0, where the role says that it is."""
    access, incoming, mailboxes = settings.access, settings.incoming, settings.mailboxes
    doors = [("access", "port", access.host, access.port), ("incoming", "port", incoming.host, incoming.port)]
    if access.starttls:
        doors.append(("access", "starttls_port", access.host, access.starttls_port))
    if mailboxes.managed:
        doors.append(("mailboxes", "imap_port", mailboxes.host, mailboxes.imap_port))
        doors.append(("mailboxes", "pop3_port", mailboxes.host, mailboxes.pop3_port))
    for role, fact, host, port in doors:
        said = status.roles[role].facts.get(fact) if role in status.roles else None
        number = port or int(said or 0)
        level = Level.GOOD if number and _answers(host, number) else Level.FAILED
        yield _found("port", level, role=role, host=host, port=number or "?")


def _answers(host: str, port: int) -> bool:
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 where to knock, not to listen
    try:
        with socket.create_connection((everywhere.get(host, host), port), timeout=3.0):
            return True
    except OSError:
        return False


def _scanner(settings: Settings, now: datetime) -> Iterator[Finding]:
    clamd = scanner(settings)
    try:
        signed, demo = clamd.signed_at(), clamd.is_demo_database()
    except NotScanned as error:
        yield _found("scanner-away", Level.FAILED, fault=error)
        return
    if demo:  # VI-3: loudly
        yield _found("scanner-demo", Level.WARNING if settings.virus.demo_database else Level.FAILED)
    elif signed is None:
        yield _found("scanner-age-unknown", Level.FAILED)
    else:
        age = now - signed
        level = Level.FAILED if age > settings.virus.signature_age else Level.GOOD
        yield _found("scanner", level, days=max(age.days, 0))


def _updates(settings: Settings, now: datetime) -> Iterator[Finding]:
    """VI-3: whether the signatures are kept fresh, whoever does it."""
    if settings.virus.demo_database or not (settings.virus.managed or settings.virus.database):
        return
    state = virus_watch.updates(settings)
    if state.said:
        yield _found("signatures-failed", Level.FAILED if state.late(now) else Level.WARNING, said=state.said)
    elif state.late(now):
        yield _found("signatures-late", Level.WARNING)
    else:
        assert state.succeeded is not None, "else it is late"
        hours = int((now - state.succeeded).total_seconds() // 3600)
        yield _found("signatures-updated", Level.GOOD, hours=max(hours, 0))


def _missed(settings: Settings, folder: DataFolder, now: datetime) -> Iterator[Finding]:
    """MV-3: what other providers found of late that our own scanner had let pass."""
    if not settings.data.database and not folder.database.exists():
        return
    try:
        with closing(provider_store(settings, connections=1)) as store:
            found = list(virus_watch.missed(store, since=now - virus_watch.MISSED_WITHIN, until=now))
    except PecError:
        return  # the queue's check says why
    if found:
        facts = {"provider": found[-1].provider, "identifier": found[-1].identifier}
        yield _found("virus-missed", Level.WARNING, count=len(found), **facts)


def _dovecot(settings: Settings) -> Iterator[Finding]:
    from ceralacca.apps.mailbox_access import dovecot_settings  # noqa: PLC0415 only where it is asked
    from ceralacca.net.dovecot_child import DovecotChild, server_user  # noqa: PLC0415

    if not settings.mailboxes.managed:
        yield _found("dovecot-yours", Level.UNKNOWN)
        return
    try:
        child = DovecotChild(dovecot_settings(settings), server_user())
        yield _found("dovecot", Level.GOOD, version=child.version())
    except PecError as error:
        yield _found("dovecot-missing", Level.FAILED, fault=error, advice=error.remedy)


def _directory(folder: DataFolder, now: datetime) -> Iterator[Finding]:
    try:
        copy = DirectoryCopy(folder.directory).load().copy
    except NoDirectoryCopy:
        yield _found("directory-none", Level.FAILED)
        return
    except WorldError as error:
        yield _found("directory-damaged", Level.FAILED, fault=error)
        return
    age = now - copy.refreshed
    level = Level.FAILED if age > _DIRECTORY_STALE else Level.WARNING if age > _DIRECTORY_OLD else Level.GOOD
    yield _found("directory", level, hours=int(age.total_seconds() // 3600), providers=copy.records)


def _crls(settings: Settings, folder: DataFolder, now: datetime) -> Iterator[Finding]:
    if not settings.trust.crl_urls and settings.trust.crl_folder is None:
        yield _found("crl-none", Level.FAILED)
        return
    try:
        kept, material = CrlCopies(folder.crls).kept(), authorities(settings)
    except PecError as error:
        yield _found("crl-damaged", Level.FAILED, fault=error)
        return
    reads = CrlReader(authorities=(*material.anchors, *material.intermediates))
    for url in settings.trust.crl_urls:
        if url not in kept:
            yield _found("crl-missing", Level.FAILED, url=url)
            continue
        try:
            facts = reads(kept[url].der)
        except PecError as error:
            yield _found("crl-damaged", Level.FAILED, fault=error)
            continue
        level = Level.GOOD if facts.this_update <= now <= facts.next_update else Level.FAILED
        yield _found("crl", level, url=url, until=f"{facts.next_update:%Y-%m-%d %H:%M} UTC")


def _clock(state: ClockState, *, guarded: bool) -> Iterator[Finding]:
    """TI-1, TI-2. The kernel knows whether somebody keeps its clock; if not, a guarded provider stands still."""
    levels = {
        ClockState.KEPT: Level.GOOD,
        ClockState.ALONE: Level.FAILED if guarded else Level.WARNING,
        ClockState.UNKNOWN: Level.FAILED if guarded else Level.UNKNOWN,
    }
    yield _found(f"clock-{state.value}", levels[state])


def _disk(folder: Path) -> Iterator[Finding]:
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        yield _found("disk-missing", Level.FAILED, folder=folder, fault=error.strerror)
        return
    free = disk.f_bavail * disk.f_frsize
    level = Level.FAILED if free < _NONE else Level.WARNING if free < _LITTLE else Level.GOOD
    yield _found("disk", level, gib=f"{free / 2**30:.1f}", folder=folder)


def _exchangers(settings: Settings, folder: DataFolder) -> Iterator[Finding]:
    """IP-2: MX records of our domains name this host or another that the provider says is its own."""
    from ceralacca.net.mail_exchangers import DnsExchangers, LookupDeferred, NoSuchDomain  # noqa: PLC0415

    if not settings.relay.dns or not (settings.data.database or folder.database.exists()):
        yield _found("mx-unknown", Level.UNKNOWN, domain="*")
        return
    try:
        with closing(provider_store(settings, connections=1)) as store:
            domains = sorted(store.domains())
    except PecError:
        return  # the queue's check says why
    finder = DnsExchangers()
    finder.resolver.lifetime = _DNS_SECONDS
    for domain in domains:
        try:
            named = [host.name.lower() for host in finder.find(domain)]
        except (LookupDeferred, NoSuchDomain):
            yield _found("mx-unknown", Level.UNKNOWN, domain=domain)
            continue
        yield judge_exchangers(domain, named, own={settings.provider.hostname, *settings.incoming.exchangers})


def _seals(settings: Settings, folder: DataFolder, now: datetime) -> Iterator[Finding]:
    from ceralacca.apps.doctor_log import look_at_seals  # noqa: PLC0415 it speaks in this module's findings

    if settings.data.database or folder.database.exists():
        yield from look_at_seals(settings, now)


def _sites(settings: Settings, now: datetime) -> Iterator[Finding]:
    from ceralacca.apps.doctor_site import look_at_sites  # noqa: PLC0415 it speaks in this module's findings

    yield from look_at_sites(settings, now)


def judge_exchangers(domain: str, named: Sequence[str], *, own: Collection[str]) -> Finding:
    """Say whether every MX host of a domain, secondary ones included, is the provider's (IP-2)."""
    strangers = [name for name in named if name not in own]
    level = Level.FAILED if strangers else Level.GOOD
    return _found("mx-foreign" if strangers else "mx", level, domain=domain, hosts=", ".join(strangers or named))


def judge_log_checks(checks: LogChecks, now: datetime) -> Iterator[Finding]:
    """LO-10: what the nightly reports of the last week have found."""
    if checks.made is None:
        yield _found("log-check-none", Level.UNKNOWN)
        return
    days = (now - checks.made).days
    if checks.total:
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(checks.findings.items()))
        yield _found("log-inconsistent", Level.FAILED, count=checks.total, rules=rules)
    elif days < _CHECK_OLD:
        yield _found("log-consistent", Level.GOOD, until=f"{checks.until:%Y-%m-%d %H:%M}")
    if days >= _CHECK_OLD:
        yield _found("log-check-old", Level.WARNING, days=days)


def _queue(settings: Settings, folder: DataFolder, now: datetime) -> Iterator[Finding]:
    if not settings.data.database and not folder.database.exists():
        yield _found("store-none", Level.FAILED)
        return
    try:
        store = provider_store(settings, connections=1)
        try:
            figures = store.queue()
        finally:
            store.close()
    except PecError as error:
        yield _found("store-away", Level.FAILED, fault=error)
        return
    late = max((now - one.oldest_due for one in figures.values() if one.oldest_due), default=timedelta(0))
    level = Level.FAILED if late > _QUEUE_STUCK else Level.WARNING if late > _QUEUE_SLOW else Level.GOOD
    waiting = sum(one.waiting for one in figures.values())
    yield _found("queue", level, waiting=waiting, minutes=max(int(late.total_seconds() // 60), 0))
    held = sum(one.held for one in figures.values())
    if held:
        yield _found("queue-held", Level.WARNING, held=held)
