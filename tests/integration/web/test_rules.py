"""Rules in a real browser over a running provider: made, tried, kept, applied to what comes, moved, deleted, undone."""

import re

import pytest
from playwright.sync_api import expect

from ceralacca.apps.demo.cast import ANNA, BRUNO, CARLA, MARIO

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("DP-8")]


def write_rule(page, *, name, folder="", **conditions):
    page.fill("#name", name)
    for field, value in conditions.items():
        page.fill(f"#{field}", value)
    if folder:
        page.fill("#new_folder", folder)


def shows(page, *rules):
    """See that the page comes to show these rules, in this order: a click may end before its page is there."""
    expect(page.locator(".rules h2")).to_have_text(list(rules))


def wait_for(page, path, text, base):
    for _ in range(100):
        page.goto(base + path)
        if page.locator(f".messages >> text={text}").count():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{text} never came to {path}")


def test_a_rule_is_tried_kept_and_applied_to_what_comes_then(open_screen, send):
    send(CARLA, BRUNO, "Fattura n. 1")
    with open_screen(BRUNO, scripts=False) as screen:
        wait_for(screen.page, "/mail", "Fattura n. 1", screen.base)
        page = screen.page
        page.click("aside a[href='/rules']")
        assert "Non ci sono regole" in page.inner_text("main")
        page.click("a[href='/rules/edit']")
        page.click("button[value=on]")
        assert "almeno una condizione" in page.inner_text("#fault") or "un nome" in page.inner_text("#fault")
        page.fill("#subject", "FATTURA")
        page.check("#sort-certified")
        page.click("button[value=try]")
        assert re.search(r"Corrisponde a [1-9]\d* messaggi", page.inner_text("#trial"))
        assert "POSTA CERTIFICATA: Fattura n. 1" in page.inner_text("#trial")
        write_rule(page, name="Le fatture", folder="Contabilità/Fatture & note")
        page.click("button[value=on]")
        assert "Regola salvata" in page.inner_text("[role=status]")
        shows(page, "Le fatture attiva")
        assert page.locator(".mark-warn").count() == 0  # the mail server has the folder
        send(CARLA, BRUNO, "Fattura n. 2")
        send(CARLA, BRUNO, "Altro n. 2")
        wait_for(page, "/mail?folder=Contabilit%C3%A0/Fatture%20%26%20note", "Fattura n. 2", screen.base)
        wait_for(page, "/mail", "Altro n. 2", screen.base)
        assert page.locator(".messages >> text=Fattura n. 2").count() == 0
        page.click("aside a >> text=Contabilità/Fatture & note")
        page.click(".messages a >> text=Fattura n. 2")
        assert "sigillo" in page.inner_text("#trust")
        screen.go("/rules")
        page.click("button[value=delete]")
        assert "Puoi annullare" in page.inner_text("[role=status]")
        shows(page)
        page.click(".undo button")
        shows(page, "Le fatture attiva")
        page.click("button[value=off]")
        shows(page, "Le fatture spenta")


def test_rules_are_moved_switched_and_kept_apart_in_two_windows(open_screen):
    with open_screen(ANNA) as screen:
        for name in ("prima", "seconda"):
            page = screen.go("/rules/edit")
            write_rule(page, name=name, subject=name, folder="Uno" if name == "prima" else "")
            page.click("button[value=off]")
        shows(page, "prima spenta", "seconda spenta")
        old = screen.context.new_page()
        old.goto(f"{screen.base}/rules")
        page.click("[aria-label='Sposta giù la regola prima']")
        shows(page, "seconda spenta", "prima spenta")
        old.click("[aria-label='Elimina la regola prima']")
        assert "nel frattempo" in old.inner_text("[role=alert]")
        shows(old, "seconda spenta", "prima spenta")
        old.close()
        page.click("[aria-label='Accendi la regola seconda']")
        page.click("[aria-label='Modifica la regola seconda']")
        page.fill("#subject", "altro")
        page.click("button[value=try]")
        assert "Non è stato spostato nulla" in page.inner_text("#trial")
        page.click("button[value=on]")
        assert "altro" in page.inner_text(".rules li >> nth=0")
        accesses = screen.go("/safety/devices").inner_text("#accesses")
        assert "regole di consegna cambiate" in accesses
        page = screen.go("/rules")
        for _ in range(2):
            page.click("button[value=delete] >> nth=0")


@pytest.mark.parametrize(
    "typed",
    [
        {"subject": "x" * 201, "name": "a", "folder": "Uno"},
        {"subject": "x", "name": "", "folder": "Uno"},
        {"subject": "x", "name": "a", "new_folder": "../Uno"},
        {"subject": "x", "name": "a", "new_folder": "a.b"},
        {"subject": "x", "name": "a", "folder": "Cestino"},
        {"subject": "x", "name": "a", "folder": "INBOX"},
        {"subject": "x", "name": "a", "folder": "Bozze"},
        {"subject": "x", "name": "a", "new_folder": "~root"},
        {"at_least": "-1", "name": "a", "folder": "Uno"},
        {"at_least": "9", "at_most": "1", "name": "a", "folder": "Uno"},
        {"name": "a", "folder": "Uno", "sort": "nonsense"},
    ],
)
def test_what_cannot_be_a_rule_is_refused_on_the_page(visitor, typed):
    anna = visitor(ANNA)
    form = {"form_token": anna.token("/rules/edit"), "version": "0", "what": "on", **typed}
    answer = anna.http.post("/rules/save", data=form)
    assert answer.status_code == 400
    assert 'id="fault"' in answer.text


def test_nobody_else_reads_or_changes_rules(visitor):
    stranger = visitor(ANNA, signed_in=False)
    for path in ("/rules", "/rules/edit", "/ordinary-mail"):
        assert stranger.http.get(path).headers["location"].startswith("/sign-in")
    anna, mario = visitor(ANNA), visitor(MARIO)
    for path in ("/rules/save", "/rules/act", "/rules/undo", "/ordinary-mail"):
        assert anna.http.post(path, data={"what": "delete", "version": "0"}).status_code == 403
    version = anna.http.get("/rules/edit").text.partition('name="version" value="')[2].partition('"')[0]
    form = {
        "form_token": anna.token("/rules/edit"),
        "version": version,
        "what": "off",
        "name": "<b>mia",
        "subject": "x",
    }
    kept = anna.http.post("/rules/save", data={**form, "new_folder": "Uno"})
    assert kept.headers["location"] == "/rules?done=kept"
    page = anna.http.get("/rules").text
    assert "&lt;b&gt;mia" in page
    assert "<b>mia" not in page
    key = page.partition('name="key" value="')[2].partition('"')[0]
    assert key not in mario.http.get("/rules").text
    gone = mario.http.get(f"/rules/edit?key={key}")
    assert gone.headers["location"] == "/rules?done=changed"
    token = mario.token("/rules/edit")
    mario.http.post("/rules/act", data={"form_token": token, "key": key, "what": "delete", "version": "0"})
    assert key in anna.http.get("/rules").text


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_pages_are_accessible_with_all_that_they_can_show(open_screen, language, phone):
    name = f"{language[:2]}-rules{'-phone' if phone else ''}"
    with open_screen(CARLA, language=language, phone=phone) as screen:
        page = screen.go("/rules/edit")
        page.click("button[value=on]")
        screen.is_accessible(f"{name}-1-refused")
        page = screen.go("/rules/edit")
        page.check("#sort-acceptance")
        page.check("#files-without")
        page.fill("#at_most", "900")
        page.click("button[value=try]")
        screen.is_accessible(f"{name}-2-tried")
        write_rule(page, name="Ricevute <i>", folder=f"Ricevute {name}")
        page.click("button[value=off]")
        page.wait_for_selector(".rules")
        page = screen.go("/rules/edit")
        write_rule(page, name="Seconda", sender="x" * 90, recipient="y", subject="z", folder=f"Ricevute {name}")
        page.click("button[value=on]")
        page.wait_for_selector(".rules li >> nth=1")
        screen.is_accessible(f"{name}-3-list")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        screen.go("/rules?done=changed")
        screen.is_accessible()
        page = screen.go("/ordinary-mail")
        screen.is_accessible(f"{name}-4-ordinary")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        for _ in range(2):
            screen.go("/rules").click("button[value=delete] >> nth=0")
