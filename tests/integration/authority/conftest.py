"""A sandbox's authority that serves on loopback, two certified providers, and what they publish."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.apps.authority.service import AuthorityConfig, RunningAuthority
from ceralacca.core.directory import Directory
from ceralacca.net.directory_download import DirectoryDownload
from ceralacca.testing.authority import TestIdentity
from ceralacca.testing.clock import FixedClock
from ceralacca.testing.directory import provider_record
from ceralacca.trust.directory_file import seal_directory_file

ALFA, BETA = "Gestore Alfa S.p.A.", "Gestore Beta S.r.l."
DOMAINS = {ALFA: ("alfa.example", "pec.alfa.example"), BETA: ("beta.example", "pec.beta.example")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nation:
    """Everything the tests play with."""

    sandbox: Sandbox
    running: RunningAuthority
    clock: FixedClock
    folder: Path
    providers: dict[str, TestIdentity]

    def publish(self, name: str, *, signer: TestIdentity | None = None, domains: tuple[str, ...] = ()) -> None:
        """Write a provider's own file where the manager collects it (DI-1)."""
        own = self.providers[name]
        record = provider_record(name, domains or DOMAINS[name], certificates=[own.certificate])
        p7m = seal_directory_file(Directory(records=(record,)), signer or own, self.clock.now())
        self.file(name).write_bytes(p7m)

    def file(self, name: str) -> Path:
        return self.folder / f"{name.split()[1].lower()}.ldif.p7m"

    def download(self, url: str = "") -> DirectoryDownload:
        """Return the download of a provider with its client certificate."""
        keys = self.folder / "client"
        if not keys.exists():
            self.sandbox.tls_certificate(["mx.alfa.example"], into=keys)
        return DirectoryDownload(
            url=url or self.running.directory_url,
            roots=self.sandbox.tls_roots,
            certificate=keys / "certificate.pem",
            key=keys / "key.pem",
        )


@pytest.fixture(scope="session")
def started() -> datetime:
    """TLS judges certificates by the machine's clock, which no test may choose: so the tests take theirs from it."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, started: datetime) -> tuple[Sandbox, dict[str, TestIdentity]]:
    """Return a sandbox that every test copies: making its keys takes a while."""
    sandbox = Sandbox.create(tmp_path_factory.mktemp("authority") / "sandbox", clock=FixedClock(started))
    sandbox.tls_certificate(["localhost", "127.0.0.1"], into=sandbox.folder / "tls")
    providers = {
        name: sandbox.certify_provider(name, f"posta-certificata@{domains[0]}") for name, domains in DOMAINS.items()
    }
    return sandbox, providers


@pytest.fixture
def nation(tmp_path: Path, started: datetime, made: tuple[Sandbox, dict[str, TestIdentity]]) -> Iterator[Nation]:
    clock = FixedClock(started)
    shutil.copytree(made[0].folder, tmp_path / "sandbox")
    sandbox = Sandbox.open(tmp_path / "sandbox", clock=clock)
    with RunningAuthority(sandbox, AuthorityConfig(folder=sandbox.folder)) as running:
        nation = Nation(sandbox=sandbox, running=running, clock=clock, folder=tmp_path, providers=made[1])
        for name in DOMAINS:
            nation.publish(name)
            sandbox.list_provider(name, f"file:{nation.file(name)}")
        running.collect()
        yield nation
