"""`pec serve authority`: the sandbox's authority on two ports of this machine.

    http    /<name>.crl, /<name>.cer   CRLs and certificates (signed: no TLS needed)
            /tsa                       RFC 3161 requests (POST)
    https   /igpec.ldif.p7m            the whole directory, for holders of a client certificate (DI-4)

The directory is collected at the start, then at intervals, and whenever `collect` is called.

Clauses: DI-1 to DI-4, IP-9, LO-4.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog

from ceralacca.apps.authority.directory_manager import DIRECTORY_PATH, Collected, collect
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.authority.time_stamps import answer
from ceralacca.base.errors import PecError, WorldError
from ceralacca.net.directory_download import DirectoryDownload
from ceralacca.net.publication import Publication, Published, server_context
from ceralacca.trust.directory_file import MEDIA_TYPE
from ceralacca.trust.time_stamp import REPLY_TYPE

_LOG = structlog.get_logger(__name__)

CRL_TYPE: Final = "application/pkix-crl"
CERTIFICATE_TYPE: Final = "application/pkix-cert"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityConfig:
    """What `pec serve authority` needs to know."""

    folder: Path
    """Of the sandbox; made when it is not there."""
    host: str = "127.0.0.1"
    http_port: int = 0
    https_port: int = 0
    hostnames: tuple[str, ...] = ("localhost", "127.0.0.1")
    """What the server's TLS certificate says."""
    collect_seconds: float = 600.0


class RunningAuthority:
    """The authority while it serves; close it, or use it in a `with`."""

    def __init__(self, sandbox: Sandbox, config: AuthorityConfig) -> None:
        self.sandbox = sandbox
        self._config = config
        self._own = sandbox.folder / "tls"
        if not (self._own / "certificate.pem").exists():
            sandbox.tls_certificate(config.hostnames, into=self._own)
        self._http = Publication(
            gives=self._public(), answers={"/tsa": self._stamp}, host=config.host, port=config.http_port
        )
        context = server_context(self._own / "certificate.pem", self._own / "key.pem", clients=sandbox.tls_roots)
        self._https = Publication(
            gives={DIRECTORY_PATH: self._directory}, host=config.host, port=config.https_port, tls=context
        )
        self._collecting = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def http_url(self) -> str:
        """What stands before `/tsa` and `/<name>.crl`."""
        return self._http.url

    @property
    def crl_urls(self) -> tuple[str, ...]:
        """Where providers fetch CRLs."""
        return tuple(f"{self._http.url}/{name}.crl" for name in (ROOT, INTERMEDIATE))

    @property
    def stamp_url(self) -> str:
        """Where time stamps are asked for."""
        return f"{self._http.url}/tsa"

    @property
    def directory_url(self) -> str:
        """Where the whole directory is."""
        return f"{self._https.url}{DIRECTORY_PATH}"

    def start(self) -> None:
        """Begin to answer."""
        self._http.start()
        self._https.start()
        _LOG.warning("authority.started", http=self._http.port, https=self._https.port, worth="TEST only")

    def close(self) -> None:
        """Stop answering."""
        self._http.close()
        self._https.close()

    def collect(self) -> Collected:
        """Collect the providers' files and publish the whole."""
        with self._collecting:
            return collect(self.sandbox, self._download, url=self.directory_url)

    def _download(self, url: str) -> bytes:
        return DirectoryDownload(
            url=url,
            roots=self.sandbox.tls_roots,
            certificate=self._own / "certificate.pem",
            key=self._own / "key.pem",
        )()

    def _public(self) -> dict[str, Callable[[], Published]]:
        gives: dict[str, Callable[[], Published]] = {}
        for name in (ROOT, INTERMEDIATE):
            gives[f"/{name}.crl"] = lambda name=name: Published(media_type=CRL_TYPE, octets=self.sandbox.crl(name))  # type: ignore[misc]
        gives[f"/{ROOT}.cer"] = lambda: Published(media_type=CERTIFICATE_TYPE, octets=self.sandbox.anchors[0])
        gives[f"/{INTERMEDIATE}.cer"] = lambda: Published(
            media_type=CERTIFICATE_TYPE, octets=self.sandbox.intermediates[0]
        )
        return gives

    def _directory(self) -> Published:
        p7m = self.sandbox.directory_p7m()
        if p7m is None:
            raise WorldError("the directory has not been published yet", remedy="collect it")
        return Published(media_type=MEDIA_TYPE, octets=p7m)

    def _stamp(self, request: bytes) -> Published:
        now = self.sandbox.clock.now()
        octets = answer(request, self.sandbox.stamper(), instant=now, serial=self.sandbox.new_serial())
        return Published(media_type=REPLY_TYPE, octets=octets)


def serve_authority(config: AuthorityConfig, stop: threading.Event) -> None:
    """Serve until `stop` is set, collecting the providers' files at the start and then at intervals.

    Makes the sandbox when it is not there. Raises UserError, OSError when a port is taken.
    """
    sandbox = Sandbox(config.folder)
    sandbox = Sandbox.open(config.folder) if sandbox.exists else Sandbox.create(config.folder)
    with RunningAuthority(sandbox, config) as running:
        while True:
            try:
                running.collect()
            except (PecError, OSError) as error:
                _LOG.warning("directory.collect.failed", fault=str(error))
            if stop.wait(config.collect_seconds):
                return
