"""Access and safety in a real browser: a password for one program, made without scripts, used by IMAP, and revoked."""

import imaplib

import pytest

from ceralacca.apps.demo.cast import CARLA, MARIO

pytestmark = [pytest.mark.system, pytest.mark.slow]


def make(page, password, *, label="Telefono <b>"):
    page.fill("#label", label)
    page.fill("#password", password)
    page.click("form[action='/safety/app-password'] button[type=submit]")


def opens(account, password):
    imap = imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls())
    try:
        return imap.login(account.address.text, password)[0] == "OK"
    except imaplib.IMAP4.error:
        return False
    finally:
        imap.shutdown()


@pytest.mark.requirement("SE-3", "DP-7")
def test_a_program_gets_a_password_of_its_own_and_loses_it(open_screen, running):
    account = running.account(CARLA)
    with open_screen(CARLA, scripts=False) as screen:
        page = screen.go("/safety")
        make(page, "sbagliata del tutto")
        assert "Non è stato creato nulla" in page.inner_text("#fault")
        make(page, screen.password)
        shown = page.inner_text("#app-password")
        assert page.locator("h3 >> text=Telefono <b>").count() == 1
        assert opens(account, shown)
        page = screen.go("/safety")
        assert shown not in page.content()
        page.click("button[name=selector]")
        assert "Revocata" in page.inner_text("[role=status]")
        assert not opens(account, shown)
        assert opens(account, screen.password)


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_page_is_accessible_with_all_that_it_can_show(open_screen, language, phone):
    name = f"{language[:2]}-safety{'-phone' if phone else ''}"
    with open_screen(CARLA, language=language, phone=phone) as screen:
        page = screen.go("/safety")
        make(page, "sbagliata del tutto")
        screen.is_accessible(f"{name}-1-refused")
        make(page, screen.password)
        page.wait_for_selector("#app-password")
        screen.is_accessible(f"{name}-2-made")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        page.click("button[name=selector]")


@pytest.mark.requirement("SE-3")
def test_nobody_else_makes_or_ends_one(visitor):
    stranger = visitor(CARLA, signed_in=False)
    assert stranger.http.get("/safety").headers["location"].startswith("/sign-in")
    carla = visitor(CARLA)
    form = {"label": "x", "protocol": "imap", "password": carla.password}
    for path in ("/safety/app-password", "/safety/app-password/revoke"):
        assert carla.http.post(path, data={**form, "selector": "abcd"}).status_code == 403
    token = carla.token("/safety")
    assert (
        carla.http.post("/safety/app-password", data=form | {"form_token": token, "password": "x"}).status_code == 401
    )
    assert "/safety/app-password/revoke" not in carla.http.get("/safety").text  # there is none to revoke


@pytest.mark.requirement("SE-3")
def test_a_holder_sees_who_came_in_and_signs_the_others_out(open_screen, running, visitor):
    account, other = running.account(CARLA), visitor(CARLA)
    assert not opens(account, "sbagliata del tutto")
    assert opens(account, account.password)
    assert other.http.get("/mail").status_code == 200
    with open_screen(CARLA) as screen:
        screen.go("/safety/devices")
        screen.is_accessible("it-safety-3-devices")
        page = screen.page
        assert page.locator("#sessions li").count() >= 2
        assert page.locator("#sessions >> text=(questo)").count() == 1
        told = page.inner_text("#accesses")
        assert "Lettura (IMAP): respinto" in told
        assert "Lettura (IMAP): entrato" in told
        assert "Queste pagine: entrato" in told
        page.click("button[value=others]")
        assert page.locator("#sessions li").count() == 1
        assert other.http.get("/mail").headers["location"].startswith("/sign-in")
        assert "sessioni delle pagine web terminate" in screen.go("/safety/devices").inner_text("#accesses")
    with open_screen(CARLA, language="en-GB", phone=True, scripts=False) as screen:
        page = screen.go("/safety/devices")
        screen.shot("en-safety-phone-3-devices")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.click("button[value=all]")
        page.wait_for_url("**/sign-in**")
        assert screen.go("/safety").url.endswith("/sign-in?next=%2Fsafety")


@pytest.mark.requirement("SE-3")
def test_accesses_of_others_are_not_shown(visitor):
    carla, mario = visitor(CARLA), visitor(MARIO)
    stranger = visitor(CARLA, signed_in=False)
    assert stranger.http.get("/safety/devices").headers["location"].startswith("/sign-in")
    assert carla.http.post("/safety/devices/end", data={"which": "all"}).status_code == 403
    form = {"label": "x", "protocol": "imap", "password": carla.password, "form_token": carla.token("/safety")}
    made = carla.http.post("/safety/app-password", data=form).text
    letters = made.partition('id="app-password">')[2][:4]
    assert letters.isalnum()
    assert f"<code>{letters}</code>" in carla.http.get("/safety/devices").text
    assert f"<code>{letters}</code>" not in mario.http.get("/safety/devices").text
    gone = {"selector": letters, "form_token": mario.token("/safety")}
    assert mario.http.post("/safety/app-password/revoke", data=gone).is_redirect
    assert letters in carla.http.get("/safety").text
