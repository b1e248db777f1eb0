"""Two-step sign-in in a real browser: codes without scripts, recovery codes, and what programs may still do."""

import base64
import imaplib
import json
import poplib
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from ceralacca.apps.demo.cast import COUNCIL, MARIO
from ceralacca.apps.demo.running import provider_of
from ceralacca.apps.mail_client import Refused, Writing, new_message_id, submit, write
from ceralacca.base.identifiers import system_entropy

from .factor_steps import App, config_of, leave, pec, reset, set_up_app, type_password

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("SE-3")]


@pytest.fixture
def council(running):
    """A holder whose second factors are gone when the test is over."""
    yield COUNCIL
    reset(running, COUNCIL)


def opens(running, account, password, kind):
    port = running.nation.ports.provider(provider_of(account.address, running.nation.running).key).pop3
    try:
        if kind == "imap":
            with imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls()) as imap:
                return imap.login(account.address.text, password)[0] == "OK"
        if kind == "pop3":
            with closing(poplib.POP3_SSL(account.host, port, context=account.tls())) as pop:
                pop.user(account.address.text)
                return pop.pass_(password).startswith(b"+OK")
        writing = Writing(sender=account.address, to=(MARIO,), subject="prova", text="testo")
        octets = write(
            writing, message_id=new_message_id(system_entropy(8), account.address), instant=datetime.now(UTC)
        )
        submit(replace(account, password=password), octets, recipients=(MARIO,))
    except (imaplib.IMAP4.error, poplib.error_proto, Refused):
        return False
    return True


def test_an_app_is_set_up_used_and_removed_without_scripts(open_screen, council):
    with open_screen(council, scripts=False) as screen:
        app, codes = set_up_app(screen)
        assert len(set(codes)) == 10
        page = screen.go("/safety/factors")
        assert codes[0] not in page.content()
        assert "Attivo" in page.inner_text("#factor-state")
        page = type_password(screen, council)
        assert screen.go("/mail").url.endswith("/sign-in?next=%2Fmail"), "the password alone opens nothing"
        page = type_password(screen, council)
        page.fill("#code", app.same_again())
        page.press("#code", "Enter")
        assert "già stato usato" in page.inner_text("#fault"), "a code is taken once"
        page.fill("#code", app.code())
        page.press("#code", "Enter")
        page.wait_for_url("**/mail")
        page = type_password(screen, council)
        page.fill("#code", codes[3].upper().replace("-", " "))
        page.press("#code", "Enter")
        page.wait_for_url("**/mail")
        told = screen.go("/safety/devices").inner_text("#accesses")
        for what in ("chiesto il secondo fattore", "app per codici", "codice di recupero usato", "respinto"):
            assert what in told
        page = screen.go("/safety/factors")
        assert "Ne restano: 9" in page.content()
        page.click("form[action='/safety/totp/remove'] button")
        assert "non è più attivo" in page.inner_text("[role=status]")
        leave(screen)
        screen.sign_in(council)


@pytest.mark.parametrize("language", ["it-IT", "en-GB"])
def test_a_removed_app_comes_back_in_the_session_that_removed_it(open_screen, council, language):
    with open_screen(council, language=language, scripts=False) as screen, open_screen(council) as other:
        app, codes = set_up_app(screen)
        page = screen.go("/safety/factors")
        page.click("form[action='/safety/totp/remove'] button")
        assert page.locator("#bring-back button").inner_text() in {"Rimetti l'app", "Bring the app back"}
        other.sign_in(council)  # by the password alone: two-step sign-in is off
        assert other.go("/safety/factors").locator("#bring-back").count() == 0
        page = screen.go("/safety/factors")
        page.click("#bring-back button")
        page.wait_for_selector("#recovery-codes")
        again = page.locator("#recovery-codes code").all_inner_texts()
        assert len(again) == 10
        assert not set(again) & set(codes), "those before ended with the app"
        assert page.locator("#bring-back").count() == 0
        assert other.go("/mail").url.endswith("/sign-in?next=%2Fmail"), "it came in by the password alone"
        page = screen.go("/safety/factors")
        assert page.locator("#bring-back").count() == 0
        page = type_password(screen, council)
        page.fill("#code", app.code())
        page.press("#code", "Enter")
        page.wait_for_url("**/mail")


def test_what_brings_a_factor_back_does_it_once(open_screen, council):
    with open_screen(council, scripts=False) as screen:
        set_up_app(screen)
        page = screen.go("/safety/factors")
        page.click("form[action='/safety/totp/remove'] button")
        (carried,) = [one for one in page.context.cookies() if one["name"] == "__Host-pec-removed"]
        assert carried["httpOnly"]
        assert carried["secure"]
        page.click("#bring-back button")
        page.wait_for_selector("#recovery-codes")
        assert "__Host-pec-removed" not in {one["name"] for one in page.context.cookies()}
        page = screen.go("/safety/factors")
        page.click("form[action='/safety/totp/remove'] button")
        page.context.add_cookies([carried])
        page = screen.go("/safety/factors")
        page.click("#bring-back button")
        assert "Non si può più rimettere" in page.inner_text("#fault")
        assert "Non attivo" in page.inner_text("#factor-state")


@pytest.mark.requirement("AP-1", "AP-2", "DP-7")
def test_with_two_steps_programs_need_a_password_of_their_own(open_screen, council, running):
    account = running.account(council)
    kinds = ("imap", "pop3", "submission")
    assert all(opens(running, account, account.password, kind) for kind in kinds)
    with open_screen(council) as screen:
        set_up_app(screen)
        page = screen.go("/safety")
        assert page.locator("#password").count() == 0, "shown with the code a moment ago"
        page.fill("#label", "Programma")
        page.check("#protocol-pop3")
        page.click("form[action='/safety/app-password'] button[type=submit]")
        shown = page.inner_text("#app-password")
        for kind in kinds:
            assert not opens(running, account, account.password, kind), kind
            assert opens(running, account, shown, kind), kind
        for _ in range(8):  # a program that keeps the old password shuts nobody out
            assert not opens(running, account, account.password, "imap")
        assert opens(running, account, shown, "imap")
        assert screen.go("/mail").locator("h1").count() == 1, "the pages themselves still read at Dovecot"
        page = screen.go("/safety")
        page.click("button[name=selector]")


@pytest.mark.requirement("SE-4")
def test_the_provider_takes_the_factors_of_who_has_lost_everything_away(open_screen, council, running):
    with open_screen(council) as screen, open_screen(council, sign_in=False) as other:
        set_up_app(screen)
        at, group = config_of(running, council), ("mailbox", "second-factor")
        assert pec(*group, "reset", council.text, "--config", at).returncode == 2, "without a purpose"
        assert pec(*group, "reset", council.text, "--config", at, "--purpose", " ").returncode != 0
        shown = json.loads(pec(*group, "show", council.text, "--config", at, "--json").stdout)
        assert (shown["on"], shown["passkeys"], shown["recovery_codes"]) == (True, [], 10)
        assert reset(running, council) == 0
        assert reset(running, council) != 0, "there is none any more"
        assert screen.go("/mail").url.endswith("/sign-in?next=%2Fmail"), "its sessions have ended"
        other.sign_in(council)
        assert "Il gestore ha tolto i secondi fattori" in other.page.inner_text(".alarms")
        told = other.go("/safety/devices").inner_text("#accesses")
        assert re.search(r"azzerati dal gestore.*dal gestore", told, re.DOTALL)


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_pages_are_accessible_and_go_by_keyboard(open_screen, council, language, phone):
    name = f"{language[:2]}-factors{'-phone' if phone else ''}"
    with open_screen(council, language=language, phone=phone) as screen:

        def look(what):
            screen.is_accessible(f"{name}-{what}")
            assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what

        page = screen.go("/safety/factors")
        look("1-off")
        page.focus("a[href='/safety/totp']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/safety/confirm**")
        page.keyboard.type("sbagliata del tutto")  # the field has the focus
        page.keyboard.press("Enter")
        page.wait_for_selector("#fault")
        look("2-confirm")
        page.keyboard.type(screen.password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/safety/totp")
        look("3-app")
        app = App(page.inner_text("#secret"))
        address = page.get_attribute("main a[href^='otpauth:']", "href")
        asked = parse_qs(urlsplit(address).query)
        assert asked["secret"] == [page.inner_text("#secret").replace(" ", "")]
        assert len(base64.b32decode(asked["secret"][0])) == 20
        page.focus("#code")
        page.keyboard.type("000000" if app.code() != "000000" else "111111")
        page.keyboard.press("Enter")
        page.wait_for_selector("#fault")
        page.focus("#code")
        page.keyboard.type(app.same_again())
        page.keyboard.press("Enter")
        page.wait_for_selector("#recovery-codes")
        look("4-codes")
        page = screen.go("/safety/factors")
        look("5-on")
        page = screen.go("/safety")
        look("6-safety")
        page = type_password(screen, council)
        page.keyboard.type("aaaa-aaaa-aaaa-aaaa")
        page.keyboard.press("Enter")
        page.wait_for_selector("#fault")
        look("7-second-step")
        page.keyboard.type(app.code())
        page.keyboard.press("Enter")
        page.wait_for_url("**/mail")
        screen.go("/safety/devices")
        look("8-accesses")


def test_nobody_comes_by_the_half_open_door(visitor, council, open_screen):
    with open_screen(council) as screen:
        _, codes = set_up_app(screen)
        thief = visitor(council, signed_in=False)
        assert thief.http.get("/sign-in/factor").headers["location"].startswith("/sign-in")
        answer = thief.sign_in()
        assert answer.headers["location"] == "/sign-in/factor"
        for path in ("/mail", "/sent", "/safety", "/safety/factors", "/safety/totp", "/safety/devices"):
            half = visitor(council, signed_in=False)
            half.sign_in()
            assert half.http.get(path).headers["location"].startswith("/sign-in?"), path
        half = visitor(council, signed_in=False)
        half.sign_in()
        assert half.http.post("/sign-in/factor", data={"code": codes[0]}).status_code == 403, "no token, no try"
        for path in ("/safety/totp/remove", "/safety/recovery-codes", "/safety/confirm", "/safety/passkey/remove"):
            half = visitor(council, signed_in=False)
            half.sign_in()
            form = {"form_token": half.token("/sign-in/factor"), "password": half.password, "code": codes[0]}
            assert half.http.post(path, data=form).headers["location"].startswith("/sign-in"), path
        assert "Attivo" in screen.go("/safety/factors").inner_text("#factor-state")
        assert "Ne restano: 10" in screen.page.content()


def test_guesses_of_codes_shut_the_guesser_out_and_not_the_holder(visitor, council, open_screen):
    with open_screen(council) as screen:
        app, _ = set_up_app(screen)
        thief = visitor(council, signed_in=False)
        thief.http.timeout = 60
        thief.sign_in()
        form = {"form_token": thief.token("/sign-in/factor")}
        statuses = []
        while 429 not in statuses and len(statuses) < 12:
            statuses.append(
                thief.http.post("/sign-in/factor", data={**form, "code": "aaaa bbbb cccc dddd"}).status_code
            )
        assert statuses[-1] == 429
        assert set(statuses[:-1]) == {401}
        page = type_password(screen, council)  # the same network, but the holder's own browser
        page.fill("#code", app.code())
        page.press("#code", "Enter")
        page.wait_for_url("**/mail")


def test_a_new_browser_alarms_the_others_until_the_holder_knows(open_screen, council, visitor):
    with open_screen(council) as at_home, open_screen(council, language="en-GB", phone=True) as new:
        seen = at_home.go("/mail")
        assert "Aperta da un browser nuovo" in seen.inner_text(".alarms")
        at_home.is_accessible("it-alarm")
        numbers = seen.locator(".alarms input[name=alarm]").evaluate_all("all => all.map(one => one.value)")
        shown = new.go("/mail")
        own = shown.locator(".alarms input[name=alarm]").evaluate_all("all => all.map(one => one.value)")
        assert numbers[0] not in own, "the browser that caused it does not see it"
        new.shot("en-alarm-phone")
        token = shown.locator("header input[name=form_token]").first.get_attribute("value")
        shown.evaluate(
            """async ([number, token]) => {
              const form = new URLSearchParams({alarm: number, form_token: token});
              await fetch("/safety/alarms/known", {method: "POST", body: form});
            }""",
            [numbers[0], token],
        )
        assert "Aperta da un browser nuovo" in at_home.go("/mail").inner_text(".alarms"), "nor can it hush it up"
        for _ in range(10):  # twenty are shown at once, and other tests have raised some
            at_home.page.click(".alarms button")
            at_home.page.wait_for_url("**/safety/devices")
            if not at_home.page.locator(".alarms").count():
                break
        assert at_home.page.locator(".alarms").count() == 0
        assert "aperta da un posto nuovo" in at_home.page.inner_text("#accesses")
        stranger = visitor(MARIO)
        form = {"alarm": numbers[0], "form_token": stranger.token("/safety")}
        assert stranger.http.post("/safety/alarms/known", data=form).is_redirect
        assert stranger.http.post("/safety/alarms/known", data={"alarm": numbers[0]}).status_code == 403
