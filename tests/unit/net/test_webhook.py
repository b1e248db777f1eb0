"""A call over real HTTPS: to the address that was looked at, under the name that was given, signed; and to no other."""

import hmac
import ssl
import threading
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.net.public_address import NotPublic
from ceralacca.net.webhook import Webhook
from ceralacca.testing.clock import NOON
from ceralacca.testing.tls import TlsAuthority

pytestmark = pytest.mark.requirement("SE-5")

NAME, SECRET = "ganci.example", b"un segreto"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "https://other.example/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(tmp_path):
    files = TlsAuthority(tmp_path).server(NAME)
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.seen, server.status = [], 200
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.tls = ssl.create_default_context(cafile=str(files.authority))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def here(_host, _port):
    return ["127.0.0.1"]


def call(receiver, name=NAME, *, now=NOON):
    url = f"https://{name}:{receiver.server_port}/pec?a=1"
    Webhook(tls=receiver.tls, private=True, resolve=here).call(url, b'{"a":1}', secret=SECRET, key="k", now=now)


def test_a_call_is_signed_over_its_instant_and_its_octets(receiver):
    call(receiver)
    call(receiver, now=NOON + timedelta(hours=1))
    (path, first, body), (_, again, same) = receiver.seen
    assert (path, body, same) == ("/pec?a=1", b'{"a":1}', b'{"a":1}')
    assert first["Host"] == f"{NAME}:{receiver.server_port}"
    at, _, signature = first["Ceralacca-Signature"].removeprefix("t=").partition(",v1=")
    assert int(at) == int(NOON.timestamp())
    assert signature == hmac.new(SECRET, at.encode() + b"." + body, sha256).hexdigest()
    assert first["Ceralacca-Delivery"] == again["Ceralacca-Delivery"]
    assert first["Ceralacca-Signature"] != again["Ceralacca-Signature"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_status_is_a_failure_and_nobody_is_followed_elsewhere(receiver, status):
    receiver.status = status
    with pytest.raises(WorldError, match=str(status)):
        call(receiver)
    assert len(receiver.seen) == 1


def test_a_server_with_the_certificate_of_another_name_is_told_nothing(receiver):
    with pytest.raises(WorldError):
        call(receiver, "altri.example")
    assert receiver.seen == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_inside_is_not_called(receiver, inside):
    webhook = Webhook(tls=receiver.tls, resolve=lambda *_: ["203.0.114.1", inside])
    with pytest.raises(NotPublic):
        webhook.call(f"https://{NAME}/", b"", secret=SECRET, key="k", now=NOON)


@pytest.mark.parametrize(
    "url", ["http://ganci.example/", "https://a:b@ganci.example/", "https://ganci.example:25/", "x", "https:///a"]
)
def test_what_is_no_plain_https_address_is_refused_unresolved(receiver, url):
    def never(*_):
        raise AssertionError("resolved")

    with pytest.raises(UserError):
        Webhook(tls=receiver.tls, resolve=never).check(url)
