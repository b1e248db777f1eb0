"""Listeners on loopback, and a client that says exactly what a test tells it to."""

import logging
import re
import socket
from base64 import b64encode
from contextlib import ExitStack

import pytest
import structlog

from ceralacca.net.smtp_server import Limits
from ceralacca.testing.paper_cast import MARIO
from ceralacca.testing.reception import HOST, PASSWORD, RunningServer, World
from ceralacca.testing.tls import TlsAuthority

PATIENCE = 20


class Wire:
    """A connection without manners."""

    def __init__(self, port, context=None):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.secure(context)
        self._unread = b""

    def secure(self, context):
        """Speak TLS from now on."""
        self._unread = b""
        self._socket = context.wrap_socket(self._socket, server_hostname=HOST)

    def send(self, octets):
        self._socket.sendall(octets)

    def half_close(self):
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self):
        """Return one whole reply; empty at the end of the stream."""
        while not (match := re.match(rb"(?:[0-9]{3}-[^\n]*\n)*[0-9]{3}(?: [^\n]*)?\n", self._unread)):
            try:
                more = self._socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                more = b""
            if not more:
                return self._unread.decode()
            self._unread += more
        self._unread = self._unread[match.end() :]
        return match[0].decode().rstrip("\r\n")

    def say(self, line):
        """Send one command and return the reply."""
        self.send(line.encode("utf-8") + b"\r\n")
        return self.reply()

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def codes(self, count):
        return [reply[:3] for reply in self.replies(count)]

    def ended(self):
        """Read on; whether the server has closed the connection."""
        return self.reply() == ""

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def plain(login, password):
    """Return the AUTH PLAIN command."""
    return "AUTH PLAIN " + b64encode(f"\0{login}\0{password}".encode()).decode()


class Point:
    """One listener with its world, and the ways to it."""

    def __init__(self, server, authority, *, access):
        self.server, self.authority, self._access = server, authority, access
        self.world, self.store = server.world, server.world.store
        self._context = authority.client_context()

    @property
    def port(self):
        """25, or 587."""
        return self.server.ports[-1]

    @property
    def context(self):
        return self._context

    def wire(self):
        """Connect in the clear and read the greeting."""
        wire = Wire(self.port)
        assert wire.reply() == f"220 {HOST} ESMTP"
        return wire

    def secure_wire(self):
        """Connect to 465, or by STARTTLS, and say EHLO."""
        if self._access:
            wire = Wire(self.server.ports[0], self._context)
            wire.reply()
        else:
            wire = self.wire()
            wire.say("EHLO client.example")
            wire.say("STARTTLS")
            wire.secure(self._context)
        wire.say("EHLO client.example")
        return wire

    def sender(self, *recipients, path=MARIO):
        """Return a wire on which MAIL and RCPT have been taken, or would be."""
        wire = self.signed_in() if self._access else self.secure_wire()
        if recipients:
            assert wire.say(f"MAIL FROM:<{path}>")[:3] == "250"
            for recipient in recipients:
                assert wire.say(f"RCPT TO:<{recipient}>")[:3] == "250"
        return wire

    def signed_in(self, login=MARIO, password=PASSWORD):
        wire = self.secure_wire()
        assert wire.say(plain(login, password)) == "235 2.7.0 Authentication successful"
        return wire


@pytest.fixture(autouse=True)
def quiet_diagnostics():
    """Keep one line a connection off the screen; errors stay."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def tls_authority(tmp_path_factory):
    return TlsAuthority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def server_files(tls_authority):
    return tls_authority.server(HOST, "localhost", "127.0.0.1")


@pytest.fixture
def open_point(tmp_path, tls_authority, server_files):
    """Start listeners as a test wants them; they end with it."""
    with ExitStack() as stack:

        def start(*, access, world=None, **settings):
            settings.setdefault("limits", Limits(sign_in_delay=0, linger_time=1))
            server = RunningServer(world or World(), tmp_path, access=access, files=server_files, **settings)
            stack.enter_context(server)
            return Point(server, tls_authority, access=access)

        yield start


@pytest.fixture
def access(open_point):
    return open_point(access=True)


@pytest.fixture
def incoming(open_point):
    return open_point(access=False)


@pytest.fixture(params=["access", "incoming"])
def point(request, open_point):
    return open_point(access=request.param == "access")
