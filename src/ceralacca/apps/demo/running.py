"""The nation while it runs: every part started in order, waited for until it answers, and ended.

The authority and the mail server outside PEC are threads of this process; each provider is a `pec serve`
with its own processes below it. A provider ends with us even when we are killed: the kernel tells it
(`apps.demo.child`).
"""

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import create_connection
from typing import Final, Self

import structlog

from ceralacca.apps.authority.service import AuthorityConfig, RunningAuthority
from ceralacca.apps.demo.cast import Provider
from ceralacca.apps.demo.nation import Nation
from ceralacca.apps.demo.ordinary_mail import OrdinaryMail, Way
from ceralacca.apps.demo.ports import HOST
from ceralacca.apps.mail_client import Account
from ceralacca.base.errors import PecError, WorldError
from ceralacca.core.model.address import Address

_LOG = structlog.get_logger(__name__)
_COLLECT_SECONDS: Final = 600.0
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 45.0
_LOOK: Final = 0.05

Clear = Callable[[], bool]


class RunningNation:
    """Everything of a nation, running; use it in a `with`. Raises WorldError when a part does not come up."""

    def __init__(self, nation: Nation) -> None:
        self.nation = nation
        self._parts = ExitStack()
        self._providers: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = threading.Event()

    def __enter__(self) -> Self:
        self.nation.ports.check_free()
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def _start(self) -> None:
        nation = self.nation
        http, https = nation.ports.authority
        config = AuthorityConfig(folder=nation.sandbox.folder, host=HOST, http_port=http, https_port=https)
        self.authority = self._parts.enter_context(RunningAuthority(nation.sandbox, config))
        self.authority.collect()
        self._keep_collecting()
        self.ordinary = self._parts.enter_context(
            OrdinaryMail(
                folder=nation.post,
                port=nation.ports.ordinary,
                tls=nation.folder / "ordinary" / "tls",
                ways={domain: self._way(one) for one in nation.running for domain in one.all_domains},
            )
        )
        self._parts.callback(self._stop_providers)
        for provider in nation.running:
            self.start_provider(provider)
        for provider in nation.running:
            self.wait_for(provider)

    def _way(self, provider: Provider) -> Way:
        return Way(host=HOST, port=self.nation.ports.provider(provider.key).incoming, ca_file=self.nation.trusted)

    def _keep_collecting(self) -> None:
        """Collect the directory now and then: CRLs and records must not grow old while the demo stays up."""

        def collect() -> None:
            while not self._ending.wait(_COLLECT_SECONDS):
                try:
                    self.authority.collect()
                except (PecError, OSError) as error:
                    _LOG.warning("directory.collect.failed", fault=str(error))

        collector = threading.Thread(target=collect, name="collector", daemon=True)
        collector.start()
        self._parts.callback(collector.join)
        self._parts.callback(self._ending.set)

    # -- providers -----------------------------------------------------------------------------------

    def start_provider(self, provider: Provider) -> None:
        """Start one provider; `wait_for` says when it answers."""
        config = self.nation.settings_path(provider)
        command = [sys.executable, "-m", "ceralacca.apps.demo.child", str(os.getpid()), str(config)]
        with (config.parent / "serve.log").open("ab") as log:
            # A session of its own: Ctrl-C is for us, and we end it in good order.
            self._providers[provider.key] = subprocess.Popen(  # noqa: S603 our own words
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def pid_of(self, provider: Provider) -> int:
        """Return the process number of a provider's supervisor."""
        return self._providers[provider.key].pid

    def stop_provider(self, provider: Provider) -> int:
        """End one provider in good order and return its exit status."""
        process = self._providers[provider.key]
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _stop_providers(self) -> None:
        for process in self._providers.values():
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
        for provider in self.nation.running:
            if provider.key in self._providers:
                self.stop_provider(provider)

    def wait_for(self, provider: Provider, *, within: float = _START_SECONDS) -> None:
        """Wait until a provider answers on every port. Raises WorldError when it ends first, or takes too long."""
        ports = self.nation.ports.provider(provider.key)
        context = ssl.create_default_context(cafile=str(self.nation.trusted))
        checks: list[Clear] = [
            lambda: _greets(ports.submissions, context),
            lambda: _greets(ports.starttls),
            lambda: _greets(ports.incoming),
            lambda: _greets(ports.imap, context),
            lambda: _greets(ports.pop3, context),
            lambda: _shakes_hands(ports.web, context),
        ]
        until = time.monotonic() + within
        for check in checks:
            while not check():
                if self._providers[provider.key].poll() is not None:
                    raise self._failed(provider, "ended at once")
                if time.monotonic() > until:
                    raise self._failed(provider, "does not answer")
                time.sleep(_LOOK)

    def _failed(self, provider: Provider, what: str) -> WorldError:
        folder = self.nation.settings_path(provider).parent
        last = _last_line(folder / "serve.log")
        return WorldError(f"{provider.name} {what}" + (f": {last}" if last else ""), remedy=f"read {folder}/*.log")

    # -- for clients ---------------------------------------------------------------------------------

    def account(self, address: Address) -> Account:
        """Return what the holder types into a mail client."""
        provider = provider_of(address, self.nation.running)
        ports = self.nation.ports.provider(provider.key)
        return Account(
            address=address,
            password=self.nation.passwords[address],
            host=HOST,
            submission_port=ports.submissions,
            imap_port=ports.imap,
            ca_file=self.nation.trusted,
        )


def provider_of(address: Address, providers: Sequence[Provider]) -> Provider:
    """Return who serves an address."""
    return next(one for one in providers if address.domain in one.all_domains)


def _greets(port: int, context: ssl.SSLContext | None = None) -> bool:
    """Say whether a server on that port says its first word."""
    try:
        with create_connection((HOST, port), timeout=5) as plain:
            if context is None:
                return bool(plain.recv(1))
            with context.wrap_socket(plain, server_hostname=HOST) as secured:
                return bool(secured.recv(1))
    except OSError:
        return False


def _shakes_hands(port: int, context: ssl.SSLContext) -> bool:
    """Say whether a server on that port, which speaks only when it is asked, takes up TLS."""
    try:
        with (
            create_connection((HOST, port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=HOST),
        ):
            return True
    except OSError:
        return False


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""
