"""What tests of two-step sign-in do at the pages, and as an operator."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyotp

from ceralacca.apps.demo.running import provider_of

_PEC = Path(sys.executable).with_name("pec")


class App:
    """An app for codes that never shows one twice: the present one, then the next, which is taken as well."""

    def __init__(self, secret):
        self._totp, self._last = pyotp.TOTP(secret.replace(" ", "")), 0

    def code(self):
        self._last = max(self._last + 1, int(datetime.now(UTC).timestamp()) // 30)
        return self._totp.generate_otp(self._last)

    def same_again(self):
        return self._totp.generate_otp(self._last)


def reset(running, address):
    """Take the second factors of a holder away; return the status of the command."""
    config = config_of(running, address)
    words = ("mailbox", "second-factor", "reset", address.text, "--config", config, "--purpose", "fine del test")
    return pec(*words).returncode


def config_of(running, address):
    """Return the settings file of a holder's provider."""
    return str(running.nation.settings_path(provider_of(address, running.nation.running)))


def pec(*words):
    """Give a command as an operator does."""
    return subprocess.run([_PEC, *words], check=False, capture_output=True, text=True, timeout=60)


def set_up_app(screen):
    """Switch the app on as a holder does, and return it with the recovery codes."""
    page = screen.go("/safety/factors")
    page.click("a[href='/safety/totp']")
    if "/safety/confirm" in page.url:
        page.fill("#password", screen.password)
        page.click("main form[action='/safety/confirm'] button[type=submit]")
    app = App(page.inner_text("#secret"))
    page.fill("#code", app.code())
    page.click("main form[action='/safety/totp'] button[type=submit]")
    page.wait_for_selector("#recovery-codes")
    return app, page.locator("#recovery-codes code").all_inner_texts()


def leave(screen):
    page = screen.go("/mail")
    if page.locator("header form[action='/sign-out']").count():
        page.click("header form[action='/sign-out'] button")
        page.wait_for_url("**/sign-in?left=1")


def type_password(screen, address):
    leave(screen)
    page = screen.go("/sign-in")
    page.fill("#address", address.text)
    page.fill("#password", screen.password)
    page.press("#password", "Enter")
    page.wait_for_url("**/sign-in/factor**")
    return page
