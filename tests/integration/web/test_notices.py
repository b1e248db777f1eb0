"""Notices in a real browser and by real SMTP: an address counts once its code is typed in; then it hears of news."""

import hmac
import json
import re
import ssl
import threading
import time
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ceralacca.apps.demo.cast import ANNA, CARLA, COUNCIL, MARIO, ORDINARY_DOMAIN, OUTSIDER
from ceralacca.apps.demo.running import provider_of
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.notices import NoticeWishes
from ceralacca.ports.store import JobKind

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("SE-3", "DP-8")]

WITHIN = 120.0


@pytest.fixture
def carla(running):
    """The store of Carla's provider; what she and the council want is forgotten when the test is over."""
    store = running.nation.store(provider_of(CARLA, running.nation.running))
    yield store
    kept = store.notices()
    for holder in (CARLA, COUNCIL):  # one more: its notice is not of the same five minutes as another test's
        kept.change(NoticeWishes(mailbox=holder, version=kept.of(holder).version))
    store.close()


def until(look, what):
    end = time.monotonic() + WITHIN
    while not (found := look()):
        assert time.monotonic() < end, f"{what} within {WITHIN:.0f} s"
        time.sleep(0.2)
    return found


def notice_for(store, mailbox):
    """Wait for the job that tells of a new message in this mailbox: other tests leave jobs of their own."""

    def those():
        about = {"mailbox": mailbox.text, "about": NoticeKind.NEW_MESSAGE.value}
        return [job for job in store.jobs(kind=JobKind.NOTICE) if about.items() <= job.payload.items()]

    (job,) = until(those, "a job for the notice")
    return job


def mail_for(running, address, count):
    """Wait for the n-th message at the ordinary server, and read it."""
    until(lambda: len(running.ordinary.received(address)) >= count, f"message {count} for {address}")
    octets = running.ordinary.received(address)[count - 1]
    return octets, BytesParser(policy=policy.default).parsebytes(octets)


def choose(page, address, password, *kinds):
    for kind in kinds:
        page.check(f"#kind-{kind}")
    page.fill("#email", address)
    page.fill("#password", password)
    page.click("form[action='/safety/notices'] button[type=submit]")


def test_an_address_is_confirmed_and_hears_of_a_new_message(open_screen, running, carla, send):
    home, before = OUTSIDER, len(running.ordinary.received(OUTSIDER))
    with open_screen(CARLA, scripts=False) as screen:
        page = screen.go("/safety")
        page.click("a[href='/safety/notices']")
        choose(page, home.text, "sbagliata del tutto", "new-message")
        assert "Password errata" in page.inner_text("#fault")
        choose(page, MARIO.text, screen.password)
        assert "PEC" in page.inner_text("#fault")
        choose(page, home.text, screen.password)
        assert "codice" in page.inner_text("[role=status]")
        assert carla.mailbox(CARLA).notices == frozenset()
        _, message = mail_for(running, home, before + 1)
        code = re.search(r"^    (\S+)\s*$", message.get_content(), re.MULTILINE)[1]
        page.fill("#code", "aaaa-aaaa")
        page.click("form[action='/safety/notices/code'] button[type=submit]")
        assert "Non è il codice" in page.inner_text("#fault")
        page.fill("#code", f" {code.upper()} ")
        page.click("form[action='/safety/notices/code'] button[type=submit]")
        assert "confermato" in page.inner_text("[role=status]")
    sender = ANNA if provider_of(CARLA, running.nation.running) is provider_of(MARIO, running.nation.running) else MARIO
    send(sender, CARLA, "Riservatissimo 4711")
    assert carla.release(notice_for(carla, CARLA).id, now=datetime.now(UTC))  # five minutes are long for a test
    octets, message = mail_for(running, home, before + 2)
    text = message.get_content()
    assert CARLA.text in text
    assert "/mail" in text
    assert not any(one in octets.decode() + text for one in ("Riservatissimo", "4711", sender.text, "multipart"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Return-Path"] in {None, "<>"}
    with open_screen(CARLA) as screen:
        page = screen.go("/safety/notices")
        choose(page, "", screen.password)
        assert "Salvato" in page.inner_text("[role=status]")
    assert carla.mailbox(CARLA).notices == frozenset()


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_page_is_accessible_with_all_that_it_can_show(open_screen, carla, language, phone):
    name = f"{language[:2]}-notices{'-phone' if phone else ''}"
    with open_screen(CARLA, language=language, phone=phone) as screen:
        page = screen.go("/safety/notices")
        screen.is_accessible(f"{name}-1")
        choose(page, "nobody", "x")
        choose(page, f"carla.altra@{ORDINARY_DOMAIN}", screen.password, "quota")
        page.wait_for_selector("#code")
        screen.is_accessible(f"{name}-2-waiting")
        page.fill("#code", "wrong")
        page.click("form[action='/safety/notices/code'] button[type=submit]")
        page.wait_for_selector("#fault")
        screen.is_accessible(f"{name}-3-wrong")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    assert carla.notices().of(CARLA).waiting.tries == 1


def test_a_stranger_s_form_and_an_older_page_change_nothing(visitor, carla):
    one = visitor(CARLA)
    form = {"kind": "quota", "email": f"x@{ORDINARY_DOMAIN}", "password": one.password, "version": "0"}
    assert one.http.post("/safety/notices", data=form).status_code == 403
    assert one.http.post("/safety/notices/code", data={"code": "a"}).status_code == 403
    token = one.token("/safety/notices")
    version = str(carla.notices().of(CARLA).version)
    old = {**form, "form_token": token, "version": str(int(version) + 7)}
    assert one.http.post("/safety/notices", data=old).status_code == 409
    assert carla.notices().of(CARLA).waiting is None
    bad = {**form, "form_token": token, "version": version, "password": "no"}
    assert one.http.post("/safety/notices", data=bad).status_code == 401
    assert one.http.post("/safety/notices/code", data={"code": "a", "form_token": token}).status_code == 400
    assert carla.notices().of(CARLA).waiting is None


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.seen.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(running):
    """A holder's server, of a name that the nation's authority vouches for."""
    folder = running.nation.folder / "ordinary" / "tls"
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.seen = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_holder_s_server_is_called_with_the_secret_that_was_shown_once(open_screen, carla, send, receiver):
    with open_screen(COUNCIL, scripts=False) as screen:
        page = screen.go("/safety/notices")
        page.fill("#webhook", "https://nobody.invalid/")
        choose(page, "", screen.password, "new-message")
        assert "non può essere chiamato" in page.inner_text("#fault")
        page.fill("#webhook", f"https://localhost:{receiver.server_port}/pec")
        choose(page, "", screen.password, "new-message")
        secret = page.inner_text("#secret")
        assert secret not in screen.go("/safety/notices").content()
    assert secret.encode() not in carla.notices().of(COUNCIL).secret
    send(MARIO, COUNCIL, "Riservatissimo 4711")
    assert carla.release(notice_for(carla, COUNCIL).id, now=datetime.now(UTC))
    ((headers, body),) = until(lambda: receiver.seen, "a call")
    at, _, signature = headers["Ceralacca-Signature"].removeprefix("t=").partition(",v1=")
    assert signature == hmac.new(secret.encode(), at.encode() + b"." + body, sha256).hexdigest()
    assert json.loads(body)["mailbox"] == COUNCIL.text
    assert b"4711" not in body
    assert MARIO.text.encode() not in body
