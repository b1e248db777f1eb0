"""Delegations in a real browser and by forged requests: given, used, ended; and never more than was given."""

import email
import imaplib
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.apps.demo.cast import ANNA, BRUNO, MARIO, STUDIO
from ceralacca.apps.web.application import endpoints
from ceralacca.apps.web.delegate import ANYBODY, READERS, WRITERS

from .factor_steps import config_of, pec, reset, set_up_app

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("SE-3")]

TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


def give(holder, delegate, right="read", **form):
    """Give a delegation by the form, as a program; return the answer."""
    form = {"form_token": holder.token("/safety/delegations"), "password": holder.password, **form}
    fields = {"address": delegate.text, "right": right, "until": TOMORROW, "purpose": "segreteria nelle ferie"}
    return holder.http.post("/safety/delegations", data=fields | form)


def end_all(holder):
    for key in re.findall(r'name="key" value="([0-9a-f]+)"', holder.http.get("/safety/delegations").text):
        form = {"form_token": holder.token("/safety/delegations"), "key": key}
        assert holder.http.post("/safety/delegations/end", data=form).status_code == 303


def enter(delegate, mailbox):
    form = {"form_token": delegate.token("/mail"), "mailbox": mailbox.text}
    return delegate.http.post("/delegations/open", data=form)


@pytest.fixture
def anna(visitor):
    """The holder, as a program; nobody is her delegate before or after."""
    one = visitor(ANNA)
    one.http.timeout = 60
    end_all(one)
    yield one
    end_all(one)


@pytest.fixture
def bruno(visitor):
    one = visitor(BRUNO)
    one.http.timeout = 60
    return one


def imap_of(running, address):
    account = running.account(address)
    imap = imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls())
    imap.login(account.address.text, account.password)
    return imap


def test_every_route_of_the_application_answers_a_delegate_as_the_tables_say(anna, bruno, put):
    """Nothing is reached by any route that is not named, whatever form is sent with it."""
    (uid,) = put(b"Subject: da leggere\r\nFrom: x@ditta.example\r\n\r\ntesto\r\n")
    for right, open_ones in (("read", READERS), ("send", READERS | WRITERS)):
        assert give(anna, BRUNO, right).status_code == 303
        assert enter(bruno, ANNA).status_code == 303
        for path, _, method in endpoints():
            if (method, path) in ANYBODY:
                continue
            form = {"form_token": bruno.token("/mail"), "folder": "INBOX", "uid": str(uid), "what": "none"}
            query = f"?folder=INBOX&uid={uid}&id=x"
            answer = bruno.http.get(path + query) if method == "GET" else bruno.http.post(path, data=form)
            barred = answer.status_code == 403 and "Non per i delegati" in answer.text
            assert barred is ((method, path) not in open_ones), (right, method, path, answer.status_code)
        assert bruno.http.post("/delegations/leave", data={"form_token": bruno.token("/mail")}).status_code == 303
        end_all(anna)


def test_a_reading_delegate_changes_nothing_and_nobody_moves_or_deletes(anna, bruno, put, running):
    (uid,) = put(b"Subject: intatto\r\nFrom: x@ditta.example\r\n\r\ntesto\r\n")

    def act(what):
        form = {"form_token": bruno.token("/mail"), "folder": "INBOX", "uid": str(uid), "what": what}
        return bruno.http.post("/mail/act", data=form | {"target": "Cestino"}).status_code

    def flags():
        imap = imap_of(running, ANNA)
        imap.select("INBOX", readonly=True)
        found = imap.uid("FETCH", str(uid), "(FLAGS)")[1][0]
        imap.logout()
        return found.decode()

    give(anna, BRUNO, "read")
    enter(bruno, ANNA)
    assert "intatto" in bruno.http.get("/mail/message", params={"folder": "INBOX", "uid": uid}).text
    assert "Seen" not in flags(), "read by a delegate, still unread for the holder"
    assert {act(what) for what in ("read", "unread", "trash", "delete", "archive", "move")} == {403}
    bruno.http.post("/delegations/leave", data={"form_token": bruno.token("/mail")})
    end_all(anna)
    give(anna, BRUNO, "send")
    enter(bruno, ANNA)
    assert act("read") == 303
    assert "Seen" in flags()
    assert {act(what) for what in ("trash", "archive", "move")} == {403}
    assert "intatto" in anna.http.get("/mail").text


def test_a_draft_of_the_holder_outlives_a_delegate_who_goes_on_with_it(anna, bruno, running):
    def keep(who, uid="", what="keep", text="testo"):
        form = {"form_token": who.token("/write"), "to": MARIO.text, "subject": "bozza", "text": text, "what": what}
        answer = who.http.post("/write", data=form | {"draft": uid})
        found = re.search(r'name="draft" value="(\d+)"', answer.text)
        return found[1] if found else ""

    def drafts():
        imap = imap_of(running, ANNA)
        imap.select("Bozze", readonly=True)
        found = imap.uid("SEARCH", "SUBJECT", "bozza")[1][0].decode().split()
        imap.logout()
        return found

    own = keep(anna)
    assert own
    give(anna, BRUNO, "send")
    enter(bruno, ANNA)
    fresh = keep(bruno, own, text="testo del delegato")
    assert drafts() == [own, fresh]
    again = keep(bruno, fresh, text="altro testo del delegato")
    assert drafts() == [own, again], "his own earlier draft gives way"
    keep(bruno, own, what="discard")
    keep(bruno, again, what="discard")
    assert drafts() == [own]
    keep(anna, own, what="discard")


@pytest.mark.requirement("AP-2")
def test_what_a_delegate_sends_is_the_holders_and_the_trail_says_who_did_it(anna, bruno, running, open_screen):
    give(anna, BRUNO, "read")
    enter(bruno, ANNA)
    form = {"to": MARIO.text, "subject": "dal delegato", "text": "testo", "what": "send"}
    refused = bruno.http.post("/write", data=form | {"form_token": bruno.token("/mail")})
    assert refused.status_code == 403
    bruno.http.post("/delegations/leave", data={"form_token": bruno.token("/mail")})
    end_all(anna)
    give(anna, BRUNO, "send")
    enter(bruno, ANNA)
    sent = bruno.http.post("/write", data=form | {"form_token": bruno.token("/write")})
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/sent?handed=")
    with open_screen(ANNA) as screen:
        page = screen.go("/sent")
        page.wait_for_selector("text=dal delegato")
        page.click("text=dal delegato")
        page.wait_for_selector("text=Consegnato")
        told = screen.go("/safety/devices").inner_text("#accesses")
        assert re.search(rf"invio da parte di un delegato.*{BRUNO.text}", told)
        assert re.search(rf"casella aperta da un delegato.*{BRUNO.text}", told)
    imap = imap_of(running, MARIO)
    imap.select("INBOX", readonly=True)
    last = imap.uid("SEARCH", "SUBJECT", '"dal delegato"')[1][0].split()[-1]
    octets = imap.uid("FETCH", last.decode(), "(BODY.PEEK[])")[1][0][1]
    imap.logout()
    envelope = email.message_from_bytes(octets)
    assert ANNA.text in envelope["From"]
    assert BRUNO.text.encode() not in octets
    trail = json.loads(pec("audit", "list", "--config", config_of(running, ANNA), "--mailbox", ANNA.text, "--json",
                           "--purpose", "fine del test").stdout)  # fmt: skip
    assert BRUNO.text in json.dumps(trail)


def test_a_revoked_delegation_ends_open_pages_and_the_delegate_goes_home(anna, open_screen, put):
    put(b"Subject: riservato\r\nFrom: x@ditta.example\r\n\r\ntesto\r\n")
    give(anna, BRUNO, "send")
    with open_screen(BRUNO, scripts=False) as screen:
        page = screen.page
        page.select_option("#switch", ANNA.text)
        page.click("form.switch button")
        page.wait_for_url("**/mail")
        assert "riservato" in page.content()
        assert ANNA.text in page.inner_text(".delegated")
        for link in ("/safety", "/write"):
            assert page.locator(f"nav.ways a[href='{link}']").count() == (link == "/write")
        page.click("text=riservato")
        end_all(anna)
        assert page.reload().status == 403
        assert "riservato" not in page.content()
        assert "terminata" in page.inner_text("main")
        for path in ("/mail", "/sent", "/write", "/mail/source?folder=INBOX&uid=1"):
            assert page.goto(screen.base + path).status == 403, path
        page.click("main form[action='/delegations/leave'] button")
        page.wait_for_url("**/mail")
        assert page.locator(".delegated").count() == 0
        assert "riservato" not in page.content()
        assert page.locator("#switch").count() == 0
        assert BRUNO.text in page.inner_text(".mailbox")


def test_a_form_of_one_mailbox_is_never_sent_in_another(anna, bruno):
    give(anna, BRUNO, "send")
    old = bruno.token("/write")  # a page that stays open in another window
    before = dict(bruno.http.cookies)
    enter(bruno, ANNA)
    form = {"to": MARIO.text, "subject": "a chi?", "text": "testo", "what": "send", "form_token": old}
    assert bruno.http.post("/write", data=form).status_code == 403
    assert "a chi?" not in bruno.http.get("/sent").text
    bruno.http.cookies.clear()
    bruno.http.cookies.update(before)
    assert bruno.http.get("/mail").headers["location"].startswith("/sign-in"), "the session before is over"


def test_nobody_gives_or_opens_what_is_not_theirs(anna, bruno, visitor):
    assert enter(bruno, ANNA).status_code == 403
    assert enter(bruno, MARIO).status_code == 403
    assert give(anna, BRUNO, password="sbagliata del tutto").status_code == 401
    assert give(anna, ANNA).status_code == 400
    assert give(anna, MARIO).status_code == 404, "of another provider"
    assert give(anna, BRUNO, until="2020-01-01").status_code == 400
    assert give(anna, BRUNO, until="2999-01-01").status_code == 400
    assert give(anna, BRUNO, purpose="  ").status_code == 400
    assert give(anna, BRUNO, right="all").status_code == 400
    assert give(anna, BRUNO, form_token="0" * 64).status_code == 403
    assert enter(bruno, ANNA).status_code == 403
    assert give(anna, BRUNO).status_code == 303
    assert give(anna, BRUNO, "send").status_code == 409
    key = re.search(r'name="key" value="([0-9a-f]+)"', anna.http.get("/safety/delegations").text)[1]
    bruno.http.post("/safety/delegations/end", data={"form_token": bruno.token("/mail"), "key": key})
    studio = visitor(STUDIO)
    assert enter(studio, ANNA).status_code == 403
    assert enter(bruno, ANNA).status_code == 303
    again = give(bruno, STUDIO)
    assert again.status_code == 403, "a delegate delegates nothing"


def test_a_guarded_mailbox_is_not_opened_by_a_delegate_with_a_password_alone(bruno, visitor, open_screen, running):
    studio = visitor(STUDIO)
    studio.http.timeout = 60
    assert give(studio, BRUNO).status_code == 303
    try:
        with open_screen(STUDIO) as screen:
            set_up_app(screen)
            answer = enter(bruno, STUDIO)
            assert answer.status_code == 403
            assert "secondo fattore" in answer.text
    finally:
        reset(running, STUDIO)
    assert enter(bruno, STUDIO).status_code == 303
    end_all(visitor(STUDIO))


def test_the_front_office_sees_the_delegations_of_a_mailbox(anna, running):
    give(anna, BRUNO, "send")
    config = config_of(running, ANNA)
    told = json.loads(pec("mailbox", "delegations", ANNA.text, "--config", config, "--json").stdout)
    (one,) = [one for one in told["given"] if one["in_force"]]
    assert (one["delegate"], one["right"], one["purpose"]) == (BRUNO.text, "send", "segreteria nelle ferie")
    got = json.loads(pec("mailbox", "delegations", BRUNO.text, "--config", config, "--json").stdout)["got"]
    assert [entry["mailbox"] for entry in got] == [ANNA.text]
    end_all(anna)
    told = json.loads(pec("mailbox", "delegations", ANNA.text, "--config", config, "--json").stdout)
    assert not any(entry["in_force"] for entry in told["given"])
    plain = pec("mailbox", "delegations", ANNA.text, "--config", config)
    assert plain.returncode == 0
    assert BRUNO.text in plain.stdout


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_pages_are_accessible_and_go_by_keyboard(anna, open_screen, language, phone, put):
    name = f"{language[:2]}-delegations{'-phone' if phone else ''}"
    put(b"Subject: da guardare\r\nFrom: x@ditta.example\r\n\r\ntesto\r\n")

    def look(screen, what):
        screen.is_accessible(f"{name}-{what}")
        assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what

    with open_screen(ANNA, language=language, phone=phone) as screen:
        page = screen.go("/safety/delegations")
        look(screen, "1-none")
        page.focus("#address")
        page.keyboard.type(BRUNO.text)
        page.focus("#right-read")
        page.keyboard.press("ArrowDown")
        page.focus("#purpose")
        page.keyboard.type("ferie")
        page.focus("#password")
        page.keyboard.type("sbagliata del tutto")
        page.keyboard.press("Enter")
        page.wait_for_selector("#fault")
        look(screen, "2-fault")
        assert page.is_checked("#right-send")
        page.focus("#password")
        page.keyboard.type(screen.password)
        page.keyboard.press("Enter")
        page.wait_for_selector("#delegations")
        look(screen, "3-given")
    with open_screen(BRUNO, language=language, phone=phone) as screen:
        look(screen, "4-switch")
        page = screen.page
        page.focus("form.switch button")
        page.keyboard.press("Enter")
        page.wait_for_selector(".delegated")
        look(screen, "5-in")
        page.click("ul.messages a")
        page.wait_for_selector("article.letter")
        look(screen, "6-message")
        screen.go("/write")
        look(screen, "7-write")
        screen.go("/safety")
        look(screen, "8-barred")
        end_all(anna)
        screen.go("/mail")
        look(screen, "9-over")
        page.focus("main form[action='/delegations/leave'] button")
        page.keyboard.press("Enter")
        page.wait_for_selector(".mailbox")
        assert page.locator(".delegated").count() == 0
    with open_screen(ANNA, language=language, phone=phone) as screen:
        screen.go("/safety/devices")
        look(screen, "10-accesses")
