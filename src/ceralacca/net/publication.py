"""A few files published over HTTP or HTTPS on one port: provider's LDIF, whole directory, CRLs, time stamps.

Only the paths that were named answer; what they answer is asked for at each request, so that a CRL
is never served stale. With a context that asks for client certificates nobody else gets past the
handshake (DI-4). Not a web server: no folders, ranges, cookies or chunked bodies.

Clauses: DI-1, DI-2, DI-4.
"""

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, Final

import structlog

from ceralacca.base.errors import PecError, PeerError

_LOG = structlog.get_logger(__name__)

_MOST_BODY: Final = 1 << 16
_MOST_AT_ONCE: Final = 32
_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One answer."""

    media_type: str
    octets: bytes


Gives = Callable[[], Published]
Answers = Callable[[bytes], Published]


def server_context(certificate: Path, key: Path, *, clients: Path | None = None) -> ssl.SSLContext:
    """Return a context for serving; with `clients` (PEM of roots) only holders of their certificates come in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED  # DI-4
    return context


class Publication:
    """Serves in threads of its own from `start` to `close`."""

    def __init__(
        self,
        *,
        gives: Mapping[str, Gives],
        answers: Mapping[str, Answers] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = _Server((host, port), dict(gives), dict(answers or {}), tls)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._host = host
        self._scheme = "http" if tls is None else "https"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What stands before each path."""
        return f"{self._scheme}://{self._host}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and give the port back; harmless when it never began."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        gives: dict[str, Gives],
        answers: dict[str, Answers],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.gives = gives
        self.answers = answers
        self._tls = tls
        self._places = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the thread of the connection: who dawdles keeps nobody else waiting."""
        try:
            request.settimeout(_SECONDS)
            super().process_request_thread(self._secured(request), client_address)
        except OSError as error:
            _LOG.info("publication.refused", reason=type(error).__name__)
            self.shutdown_request(request)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 the library's signature
        _LOG.info("publication.broken-off")

    def _secured(self, request: socket) -> socket:
        return request if self._tls is None else self._tls.wrap_socket(request, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "ceralacca"
    sys_version = ""
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Give a file."""
        gives = self.server.gives.get(self.path)
        if gives is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        self._answer(gives)

    def do_POST(self) -> None:
        """Answer a question."""
        answers = self.server.answers.get(self.path)
        length = self.headers.get("Content-Length", "")
        if answers is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif len(length) > 9 or int(length) > _MOST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            self._answer(lambda: answers(body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's signature
        """Say nothing: what is worth a line is said in `_answer`."""

    def _answer(self, gives: Gives) -> None:
        try:
            published = gives()
        except PeerError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        except (PecError, OSError) as error:
            _LOG.warning("publication.failed", path=self.path, fault=type(error).__name__)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", published.media_type)
        self.send_header("Content-Length", str(len(published.octets)))
        self.end_headers()
        self.wfile.write(published.octets)
        _LOG.info("publication.given", path=self.path, octets=len(published.octets))

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
