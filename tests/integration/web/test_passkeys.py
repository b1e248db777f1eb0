"""Passkeys in real Chromium with a virtual authenticator: second step, whole sign-in, confirmation, and copies."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ceralacca.apps.demo.cast import STUDIO
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import provider_store

from .factor_steps import config_of, leave, reset, type_password

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("SE-3")]


class Authenticator:
    """What a phone or security key is, as Chromium pretends it."""

    def __init__(self, screen, *, verifies=True):
        self._cdp = screen.context.new_cdp_session(screen.page)
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "transport": "internal" if verifies else "usb",
            "hasResidentKey": verifies,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        self._id = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def credentials(self):
        return self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"]

    def put(self, credential):
        self._cdp.send("WebAuthn.addCredential", {"authenticatorId": self._id, "credential": credential})

    def verify(self, *, well):
        self._cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": well})


@pytest.fixture
def studio(running):
    """A holder whose second factors are gone when the test is over."""
    yield STUDIO
    reset(running, STUDIO)


def add(screen, name="Telefono <b>"):
    """Add a passkey by keyboard, and return the recovery codes that are shown."""
    page = screen.go("/safety/passkey")
    if "/safety/confirm" in page.url:
        page.fill("#password", screen.password)
        page.press("#password", "Enter")
        page.wait_for_url("**/safety/passkey")
    page.focus("#label")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#passkeys")
    return page.locator("#recovery-codes code").all_inner_texts()


def press(page, form):
    page.focus(f"form[action='{form}'] button")
    page.keyboard.press("Enter")


def watched(page, path):
    """Keep the bodies of what is posted there."""
    posted = []
    page.on("request", lambda one: posted.append(one.post_data) if one.method == "POST" and path in one.url else None)
    return posted


def test_a_passkey_is_the_second_step_and_the_whole_sign_in(open_screen, studio):
    with open_screen(studio) as screen:
        key = Authenticator(screen)
        codes = add(screen)
        assert len(codes) == 10
        page = screen.page
        assert page.locator("h3 >> text=Telefono <b>").count() == 1
        assert len(key.credentials()) == 1
        page = type_password(screen, studio)
        press(page, "/sign-in/factor/passkey")
        page.wait_for_url("**/mail")
        leave(screen)
        page = screen.go("/sign-in?next=/sent")
        press(page, "/sign-in/passkey")
        page.wait_for_url(lambda url: urlsplit(url).path == "/sent")
        told = screen.go("/safety/devices").inner_text("#accesses")
        assert "secondo fattore attivato" in told
        assert told.count("entrato") >= 2
        page = screen.go("/safety/factors")
        page.click("form[action='/safety/passkey/remove'] button")
        assert "non è più attivo" in page.inner_text("[role=status]")
        screen.is_accessible("it-passkey-7-removed")
        press(page, "/safety/factors/bring-back")
        page.wait_for_selector("#recovery-codes")
        assert page.locator("h3 >> text=Telefono <b>").count() == 1
        leave(screen)
        page = screen.go("/sign-in")
        press(page, "/sign-in/passkey")
        page.wait_for_url("**/mail")
        page = screen.go("/safety/factors")
        page.click("form[action='/safety/passkey/remove'] button")
        leave(screen)
        page = screen.go("/sign-in")
        press(page, "/sign-in/passkey")
        page.wait_for_selector("#fault")
        assert "non è conosciuta" in page.inner_text("#fault")


def test_without_its_user_verified_it_is_a_second_step_and_no_sign_in(open_screen, studio):
    with open_screen(studio) as screen:
        key = Authenticator(screen)
        add(screen)
        key.verify(well=False)
        leave(screen)
        page = screen.go("/sign-in")
        press(page, "/sign-in/passkey")
        page.wait_for_selector("form[action='/sign-in/passkey'] .passkey-fault", state="visible")
        page = type_password(screen, studio)
        press(page, "/sign-in/factor/passkey")
        page.wait_for_url("**/mail")


def test_a_key_that_cannot_verify_is_a_second_step(open_screen, studio):
    with open_screen(studio) as screen:
        Authenticator(screen, verifies=False)
        add(screen, "Chiavetta")
        page = type_password(screen, studio)
        press(page, "/sign-in/factor/passkey")
        page.wait_for_url("**/mail")


def test_what_a_passkey_answered_is_not_taken_again(open_screen, studio, visitor):
    with open_screen(studio) as screen:
        Authenticator(screen)
        add(screen)
        page = type_password(screen, studio)
        posted = watched(page, "/sign-in/factor/passkey")
        press(page, "/sign-in/factor/passkey")
        page.wait_for_url("**/mail")
        assert len(posted) == 1
        page = type_password(screen, studio)
        again = page.evaluate(
            """async (body) => {
              const form = new URLSearchParams(body);
              form.set("form_token", document.querySelector("main input[name=form_token]").value);
              return (await fetch("/sign-in/factor/passkey", {method: "POST", body: form})).status;
            }""",
            posted[0],
        )
        assert again == 401, "a challenge of another session, and answered before"
        assert screen.go("/mail").url.endswith("/sign-in?next=%2Fmail")
        thief = visitor(studio, signed_in=False)
        for answer in ("", "{}", "[]", "x" * 70_000, '{"id": "a", "response": {"clientDataJSON": "e30"}}', "[" * 5000):
            form = {"form_token": thief.token(), "credential": answer}
            assert thief.http.post("/sign-in/passkey", data=form, timeout=60).status_code in {401, 429}, answer[:40]


def test_a_copied_passkey_is_found_out_by_its_count(open_screen, studio):
    with open_screen(studio) as screen:
        key = Authenticator(screen)
        add(screen)
        (copied,) = key.credentials()
        page = type_password(screen, studio)
        press(page, "/sign-in/factor/passkey")
        page.wait_for_url("**/mail")
        leave(screen)
    with open_screen(studio, sign_in=False) as thief:
        copy = Authenticator(thief)
        copy.put({**copied, "signCount": 0})
        page = thief.go("/sign-in")
        press(page, "/sign-in/passkey")
        page.wait_for_selector("#fault")
        assert "non è conosciuta" in page.inner_text("#fault")


def make_it_long_ago(running, holder):
    """Let the holder's confirmations be an hour old."""
    with closing(provider_store(read_settings(Path(config_of(running, holder))))) as store:
        sessions, now = store.web_sessions(idle=timedelta(hours=1)), datetime.now(UTC)
        for one in sessions.of_holder(holder, now=now):
            sessions.confirm(one.digest, now=now - timedelta(hours=1))


@pytest.mark.parametrize("path", ["/safety/totp", "/safety/passkey"])
def test_after_a_while_a_change_wants_the_passkey_again(open_screen, studio, running, path):
    with open_screen(studio) as screen:
        Authenticator(screen)
        add(screen)
        page = screen.page
        make_it_long_ago(running, studio)
        page.click("form[action='/safety/passkey/remove'] button")
        page.wait_for_url("**/safety/confirm?next=%2Fsafety%2Ffactors")
        assert page.locator("#code").count() == 1, "the password alone confirms nothing"
        page.fill("#password", screen.password)
        page.fill("#code", "123456")
        page.press("#code", "Enter")
        page.wait_for_selector("#fault")
        screen.is_accessible(f"it-passkey-6-confirm{path.replace('/', '-')}")
        screen.go(path)
        press(page, "/safety/confirm/passkey")
        page.wait_for_url(lambda url: urlsplit(url).path == path)
        assert page.locator("main form.card-form").count() == 1


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_pages_are_accessible(open_screen, studio, language, phone):
    name = f"{language[:2]}-passkey{'-phone' if phone else ''}"
    with open_screen(studio, language=language, phone=phone) as screen:
        Authenticator(screen)
        page = screen.go("/safety/passkey")
        page.fill("#password", screen.password)
        page.press("#password", "Enter")
        page.wait_for_url("**/safety/passkey")
        screen.is_accessible(f"{name}-2-add")
        add(screen)
        screen.is_accessible(f"{name}-3-there")
        type_password(screen, studio)
        screen.is_accessible(f"{name}-4-second-step")
        leave(screen)
        screen.go("/sign-in")
        screen.is_accessible(f"{name}-5-sign-in")
        assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_scripts_the_page_says_what_to_do(open_screen, studio, visitor):
    with open_screen(studio, scripts=False) as screen:
        page = screen.go("/safety/passkey")
        page.fill("#password", screen.password)
        page.press("#password", "Enter")
        page.wait_for_url("**/safety/passkey")
        assert "JavaScript" in page.inner_text("main noscript")
        assert not page.is_visible("form[data-passkey]")
        assert not screen.go("/sign-in").url.endswith("/sign-in")
    elsewhere = visitor(studio, signed_in=False)  # by another name than the one that passkeys are made for
    page = elsewhere.http.get("/sign-in").text
    assert "data-options" not in page
    with open_screen(studio, sign_in=False) as screen:
        page = screen.go("/sign-in")
        options = json.loads(page.get_attribute("form[data-passkey]", "data-options"))
        assert options["rpId"] == "localhost"
        assert options["allowCredentials"] == []
        assert options["userVerification"] == "required"
        assert screen.go("/sign-in").get_attribute("form[data-passkey]", "data-options") != json.dumps(options)
