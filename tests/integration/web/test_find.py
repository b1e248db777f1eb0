"""Find in a real browser, without scripts: received mail in one folder or all, sent mail by what became of it."""

from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.apps.demo.cast import ANNA, CARLA, COUNCIL, MARIO, NOBODY, STUDIO
from ceralacca.base.instants import ROME

pytestmark = [pytest.mark.system, pytest.mark.slow]


def wait_for(screen, path, text, *, selector=".messages", times=1):
    for _ in range(150):
        screen.go(path)
        if screen.page.locator(f"{selector} >> text={text}").count() >= times:
            return
        screen.page.wait_for_timeout(200)
    raise AssertionError(f"{text} never came to {path}")


def found(page):
    return page.locator("#found .line-what").all_inner_texts()


def search(page, *, everywhere=True, kind="", **typed):
    if not page.locator("form.search details[open]").count():
        page.click("form.search summary")
    for field, value in typed.items():
        page.fill(f"#{field}", value)
    if kind:
        page.select_option("#kind", kind)
    page.click("button[formaction='/find']" if everywhere else "form.search .search-go button >> nth=0")


@pytest.mark.requirement("GE-8")
def test_received_mail_is_found_by_each_thing_asked_for(open_screen, send):
    send(MARIO, STUDIO, "Trovami uno")
    send(MARIO, STUDIO, "Trovami due")
    with open_screen(STUDIO, scripts=False) as screen:
        page = screen.page
        for subject in ("Trovami uno", "Trovami due"):
            wait_for(screen, "/mail", subject)
        page.check(".messages li:has-text('Trovami uno') input")
        page.click("button[value=archive]")
        assert page.locator(".messages >> text=Trovami uno").count() == 0
        search(page, everywhere=False, subject="trovami")
        assert page.locator(".messages li").count() == 1
        search(page, subject="TROVAMI")
        assert found(page) == ["Trovami due", "Trovami uno"]
        assert "Archivio" in page.inner_text("#found li >> nth=1")
        search(page, subject="trovami", sender="carla.neri")
        assert found(page) == []
        search(page, subject="trovami", sender="mario.rossi", kind="certified")
        assert len(found(page)) == 2
        search(page, kind="anomaly")
        assert found(page) == []
        tomorrow = (datetime.now(UTC).astimezone(ROME) + timedelta(days=1)).date().isoformat()
        screen.go(f"/find?subject=trovami&since={tomorrow}")
        assert found(page) == []
        screen.go(f"/find?subject=trovami&until={tomorrow}")
        assert len(found(page)) == 2
        page.click("#found a >> text=Trovami uno")
        identifier = page.locator("#trust details code").first.text_content()
        assert "@" in identifier
        screen.go("/find")
        search(page, identifier=identifier)
        assert found(page) == ["Trovami uno"]
        search(page, identifier="")
        assert page.locator("#found").count() == 0


@pytest.mark.requirement("LO-8")
def test_sent_mail_is_found_by_what_became_of_it(open_screen, send):
    send(COUNCIL, ANNA, "Esito buono")
    send(COUNCIL, NOBODY, "Esito cattivo")
    with open_screen(COUNCIL, scripts=False) as screen:
        page = screen.page
        wait_for(screen, "/sent", "Consegnato", selector="[data-state=delivered]")
        wait_for(screen, "/sent", "Non consegnato", selector="[data-state=failed]")
        page.click("form.search summary")
        page.select_option("#outcome", "failed")
        page.click(".search-go button")
        subjects = page.locator(".transaction-head a").all_inner_texts()
        assert subjects == ["Esito cattivo"]
        for outcome, subject in (("delivered", ["Esito buono"]), ("late", []), ("moving", []), ("external", [])):
            screen.go(f"/sent?outcome={outcome}&q=esito")
            assert page.locator(".transaction-head a").all_inner_texts() == subject
        screen.go("/sent?outcome=refused")
        assert page.locator(".transactions li:not(.refusal)").count() == 0
        today = datetime.now(UTC).astimezone(ROME).date()
        screen.go(f"/sent?since={today}&until={today}&q=esito")
        assert page.locator(".transaction-head a").count() == 2
        screen.go(f"/sent?until={today - timedelta(days=1)}")
        assert page.locator(".transaction-head a").count() == 0
        assert "Nessun messaggio corrisponde" in page.inner_text("main")


@pytest.mark.parametrize("odd", ['"', "\\", "a\r\nb", "{3}", "*", "Però 台", "x" * 300])
def test_whatever_is_typed_is_only_looked_for(visitor, odd):
    carla = visitor(CARLA)
    for field in ("q", "sender", "subject", "identifier", "kind", "since", "page"):
        for path in ("/find", "/mail", "/sent"):
            assert carla.http.get(path, params={field: odd}).status_code == 200


def test_nobody_finds_anything_of_others(visitor):
    stranger = visitor(CARLA, signed_in=False)
    assert stranger.http.get("/find?q=x").headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_pages_are_accessible(open_screen, send, language, phone):
    name = f"{language[:2]}-find{'-phone' if phone else ''}"
    with open_screen(CARLA, language=language, phone=phone) as screen:
        send(MARIO, CARLA, f"Per la pagina {name}")
        wait_for(screen, "/mail", f"Per la pagina {name}")
        page = screen.go(f"/find?subject={name}&kind=certified")
        assert len(found(page)) == 1
        screen.is_accessible(f"{name}-1-found")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        screen.go("/find?q=niente-di-simile")
        screen.is_accessible()
        page = screen.go("/sent?outcome=delivered")
        screen.is_accessible(f"{name}-2-sent")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
