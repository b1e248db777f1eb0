"""A running nation, a real browser, and an eye for what is wrong with a page: scripts refused, axe, leaks."""

import json
import ssl
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path

import httpx
import pytest

from ceralacca.apps import diagnostics
from ceralacca.apps.demo.cast import ANNA, MARIO
from ceralacca.apps.demo.nation import set_up
from ceralacca.apps.demo.ports import HOST
from ceralacca.apps.demo.running import RunningNation, provider_of
from ceralacca.apps.mail_client import Writing, new_message_id, submit, write
from ceralacca.apps.settings.sections import LogSection
from ceralacca.base.identifiers import system_entropy

from ..circuit.conftest import free_ports, passable_folder  # noqa: TID252 tests are no package

ROOT = Path(__file__).resolve().parents[3]
SHOTS = ROOT / "out" / "screenshots"
AXE = ROOT / "build" / "axe.min.js"
_CHROMIUM = Path("/usr/bin/chromium")
_NEEDED = (Path("/usr/sbin/clamd"), Path("/usr/sbin/dovecot"), _CHROMIUM)
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def running():
    missing = [str(program) for program in _NEEDED if not program.exists()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    with passable_folder() as folder:
        diagnostics.configure(LogSection(file=folder / "test.log", stderr=False), role="test")
        with RunningNation(set_up(folder / "nation", free_ports())) as running:
            yield running


@pytest.fixture(scope="session")
def axe():
    if not AXE.exists():
        subprocess.run([sys.executable, ROOT / "tools" / "web_assets.py", "--tests"], check=True)
    return AXE.read_text("utf-8")


@pytest.fixture(scope="session")
def browser(running):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=_FLAGS)
        yield browser
        browser.close()


class Screen:
    """One browser window of one holder, who is watched while using it."""

    def __init__(self, context, base, password, axe):
        self.context, self.base, self.password, self._axe = context, base, password, axe
        self.faults, self.asked = [], []
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("console", self._console)
        self.page = context.new_page()
        self.page.on("dialog", self._dialog)
        # A click waits until the answer begins; what is counted next is to be counted on the whole page.
        self.page.click, self.page.press = self._and_whole(self.page.click), self._and_whole(self.page.press)

    def _and_whole(self, act):
        @wraps(act)
        def act_and_wait(*what, **how):
            act(*what, **how)
            self.page.wait_for_load_state()

        return act_and_wait

    def _console(self, message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def _dialog(self, dialog):
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def sign_in(self, address):
        self.page.goto(f"{self.base}/")
        self.page.fill("#address", address.text)
        self.page.fill("#password", self.password)
        self.page.press("#password", "Enter")
        self.page.wait_for_url("**/mail")
        return self

    def go(self, path):
        self.page.goto(self.base + path)
        return self.page

    def shot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def is_accessible(self, name=""):
        """Let axe look at the page as it stands; with a name, keep a picture of it."""
        if name:
            self.shot(name)
        self.page.evaluate(self._axe)
        found = self.page.evaluate(
            """async () => (await axe.run(document, {iframes: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a",
            "wcag21aa", "best-practice"]})).violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))])"""
        )
        assert found == [], json.dumps(found, indent=1)

    @property
    def leaks(self):
        """Requests that went anywhere else than to our pages."""
        return [url for url in self.asked if not url.startswith((self.base, "data:", "blob:", "about:"))]


@pytest.fixture(scope="session")
def open_screen(running, browser, axe):
    @contextmanager
    def open_screen(address, *, language="it-IT", phone=False, scripts=True, sign_in=True):
        port = running.nation.ports.provider(provider_of(address, running.nation.running).key).web
        context = browser.new_context(
            ignore_https_errors=True,
            locale=language,
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 900},
            has_touch=phone,
            java_script_enabled=scripts,
            accept_downloads=True,
        )
        context.set_default_timeout(20_000)
        screen = Screen(context, f"https://localhost:{port}", running.nation.passwords[address], axe)
        try:
            yield screen.sign_in(address) if sign_in else screen
            assert screen.faults == []
            assert screen.leaks == []
        finally:
            context.close()

    return open_screen


def trusting(running):
    return ssl.create_default_context(cafile=str(running.nation.trusted))


class Visitor:
    """A program that speaks HTTP as a browser would, or as an attacker would."""

    def __init__(self, running, address):
        port = running.nation.ports.provider(provider_of(address, running.nation.running).key).web
        self.base, self.address, self.password = f"https://{HOST}:{port}", address, running.nation.passwords[address]
        self.http = httpx.Client(base_url=self.base, verify=trusting(running), trust_env=False)

    def token(self, path="/sign-in"):
        page = self.http.get(path).text
        return page.partition('name="form_token" value="')[2].partition('"')[0]

    def sign_in(self, **more):
        form = {"address": self.address.text, "password": self.password, "form_token": self.token(), **more}
        return self.http.post("/sign-in", data=form)


@pytest.fixture
def visitor(running):
    made = []

    def visitor(address=MARIO, *, signed_in=True):
        one = Visitor(running, address)
        made.append(one)
        if signed_in:
            assert one.sign_in().status_code == 303
        return one

    yield visitor
    for one in made:
        one.http.close()


@pytest.fixture
def send(running):
    """Submit a message as a mail client does."""

    def send(sender, recipient, subject):
        writing = Writing(sender=sender, to=(recipient,), subject=subject, text="testo")
        octets = write(writing, message_id=new_message_id(system_entropy(8), sender), instant=datetime.now(UTC))
        submit(running.account(sender), octets, recipients=(recipient,))

    return send


@pytest.fixture
def put(running):
    """Put a message into Anna's inbox as any program that has her password could."""
    import imaplib

    account = running.account(ANNA)

    def put(*messages, folder="INBOX"):
        imap = imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls())
        try:
            imap.login(account.address.text, account.password)
            numbers = []
            for octets in messages:
                _, data = imap.append(folder, None, None, octets)
                numbers.append(int(data[0].decode().split("]")[0].split()[-1]))
            return numbers
        finally:
            imap.logout()

    return put
