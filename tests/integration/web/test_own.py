"""The holder's own in a real browser: the log, its signed extract, the mailbox taken away, mail brought in."""

import json
import re
import subprocess
import zipfile
from io import BytesIO

import pytest

from ceralacca.apps.demo.cast import ANNA, CARLA, MARIO
from ceralacca.apps.demo.running import provider_of

pytestmark = [pytest.mark.system, pytest.mark.slow]


def imap_of(running, address):
    return running.nation.ports.provider(provider_of(address, running.nation.running).key).imap


def await_end(page, kind):
    """Wait until the newest errand of a kind has ended; the page renews itself."""
    page.wait_for_selector(f"#errands li:first-child[data-kind={kind}][data-state=done]", timeout=60_000)


def delivered(visitor, subject):
    for _ in range(300):
        if subject in visitor.http.get(f"/mail?q={subject}").text:
            return
    raise AssertionError(f"{subject} has not come")


@pytest.mark.requirement("LO-8", "LO-1", "LO-6")
@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_own_log_is_searched_and_its_extract_is_signed(
    open_screen, running, visitor, send, tmp_path, language, phone
):
    subject = f"Registro{language[:2]}"
    send(MARIO, ANNA, subject)
    delivered(visitor(ANNA), subject)
    name = f"{language[:2]}-log{'-phone' if phone else ''}"
    with open_screen(MARIO, language=language, phone=phone) as screen:
        page = screen.go("/own/log")
        assert subject in page.inner_text("#rows")
        page.fill("#with", ANNA.text)
        page.click("form[role=search] button[type=submit]")
        screen.is_accessible(f"{name}-1-rows")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        page.click("#rows a >> nth=0")
        told = page.inner_text("#rows")
        assert re.search(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", told)
        identifier = page.input_value("#id")
        page.fill("#purpose", "Causa <b>di prova</b>")
        page.click("form[action='/own/extract'] button[type=submit]")
        page.wait_for_url("**/own?done=extract")
        await_end(page, "extract")
        screen.is_accessible(f"{name}-2-done")
        with page.expect_download() as got:
            page.click("#errands a[download] >> nth=0")
        with zipfile.ZipFile(got.value.path()) as archive:
            archive.extractall(tmp_path)
    (p7m,) = tmp_path.glob("*.p7m")
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", p7m, "-noverify"]
    signed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert signed["purpose"] == "Causa <b>di prova</b>"
    assert [one["identifier"] for one in signed["transactions"]] == [identifier]
    (pdf,) = tmp_path.glob("*.pdf")
    assert "Signature is Valid" in subprocess.run(["pdfsig", pdf], capture_output=True, text=True, check=False).stdout
    assert len(list(tmp_path.glob("*.tsr"))) == 2


@pytest.mark.requirement("LO-8")
def test_nobody_sees_rows_or_files_of_others(visitor, send):
    send(MARIO, ANNA, "Solo tra Mario e Anna")
    delivered(visitor(ANNA), "Solo tra Mario e Anna")
    mario, carla = visitor(MARIO), visitor(CARLA)
    listed = mario.http.get("/own/log?with=" + ANNA.text).text
    identifier = re.search(r"/own/log\?id=([^\"]+)", listed)[1]
    assert "Solo tra Mario e Anna" in mario.http.get(f"/own/log?id={identifier}").text
    assert "Solo tra Mario e Anna" not in carla.http.get(f"/own/log?id={identifier}").text
    assert "Solo tra Mario e Anna" not in carla.http.get("/own/log").text
    assert "Solo tra Mario e Anna" not in carla.http.get("/own/log?with=" + ANNA.text).text
    form = {"way": "maildir", "form_token": mario.token("/own")}
    assert mario.http.post("/own/export", data=form).headers["location"] == "/own?done=export"
    number = None
    for _ in range(300):
        found = re.search(r"/own/file\?number=([0-9a-f]{32})", mario.http.get("/own").text)
        if found:
            number = found[1]
            break
    assert number
    assert mario.http.get(f"/own/file?number={number}").status_code == 200
    assert carla.http.get(f"/own/file?number={number}").status_code == 404
    gone = {"number": number, "form_token": carla.token("/own")}
    assert carla.http.post("/own/drop", data=gone).status_code == 404
    stranger = visitor(MARIO, signed_in=False)
    for path in ("/own", "/own/log", f"/own/file?number={number}"):
        assert stranger.http.get(path).headers["location"].startswith("/sign-in")
    for path in ("/own/export", "/own/import", "/own/extract", "/own/drop"):
        assert mario.http.post(path, data={"number": number, "way": "mbox"}).status_code == 403
    assert mario.http.post("/own/drop", data={"number": number, "form_token": form["form_token"]}).is_redirect
    assert mario.http.get(f"/own/file?number={number}").status_code == 404


def test_a_mailbox_is_taken_away_and_a_cut_download_goes_on(open_screen, put, visitor):
    put(b"Subject: Da portare via\r\nMessage-ID: <porta@via.example>\r\n\r\ntesto\r\n", folder="Archivio")
    with open_screen(ANNA) as screen:
        page = screen.go("/own")
        screen.is_accessible("it-own-1")
        page.check("#way-mbox")
        page.click("form[action='/own/export'] button[type=submit]")
        await_end(page, "export")
        screen.is_accessible("it-own-2-export")
        with page.expect_download() as got:
            page.click("#errands a[download] >> nth=0")
        whole = got.value.path().read_bytes()
        link = page.get_attribute("#errands a[download] >> nth=0", "href")
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert b"Da portare via" in archive.read("Archivio")
    anna = visitor(ANNA)
    half = len(whole) // 2
    head = anna.http.get(link, headers={"Range": f"bytes=0-{half - 1}"})
    tail = anna.http.get(link, headers={"Range": f"bytes={half}-", "If-Range": head.headers["ETag"]})
    assert (head.status_code, tail.status_code) == (206, 206)
    assert head.content + tail.content == whole
    assert anna.http.get(link).headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("GE-8")
def test_mail_is_brought_from_another_provider_and_is_worth_its_seal(open_screen, running, visitor, put, send):
    forged = b"X-Ricevuta: avvenuta-consegna\r\nSubject: CONSEGNA: Importata falsa\r\nFrom: x@y.example\r\n\r\nsi\r\n"
    put(forged)
    send(MARIO, ANNA, "Originale importato")
    delivered(visitor(ANNA), "Originale importato")
    account = running.account(ANNA)
    with open_screen(CARLA) as screen:
        page = screen.go("/own")

        def ask(password):
            page.fill("#host", f"localhost:{imap_of(running, ANNA)}")
            page.fill("#user", ANNA.text)
            page.fill("#password", password)
            page.click("form[action='/own/import'] button[type=submit]")
            page.wait_for_selector("#errands li[data-kind=import]:first-child:not([data-state=waiting])")

        ask("sbagliata del tutto")
        page.wait_for_selector("#errands li[data-kind=import][data-state=failed]")
        assert "non accetta nome o password" in page.inner_text("#errands")
        screen.is_accessible("it-own-3-refused")
        ask(account.password)
        await_end(page, "import")
        screen.is_accessible("it-own-4-import")
        first = page.inner_text("#errands li[data-kind=import][data-state=done] >> nth=0")
        assert "già presenti: 0" in first
        ask(account.password)
        page.wait_for_selector("#errands >> text=Messaggi portati: 0")
        folder = f"Importati/{ANNA.text.replace('.', '_')}/INBOX"
        listed = screen.go(f"/mail?folder={folder}&q=import")
        assert listed.locator(".messages li").count() == 2
        page.click(".messages a >> text=Originale importato")
        assert page.get_attribute("#trust", "data-standing") == "certified"
        assert "Importata falsa" in screen.go(f"/mail?folder={folder}&q=falsa").inner_text(".messages")
        page.click(".messages a >> text=Importata falsa")
        assert page.get_attribute("#trust", "data-standing") not in {"certified", "receipt"}
        assert account.password not in screen.go("/own").content()


@pytest.mark.parametrize("host", ["", "http://x.example", "a b.example", "x.example/../", "-x.example", "localhost"])
def test_what_is_no_server_is_refused(visitor, host):
    carla = visitor(CARLA)
    form = {"host": host, "user": "u", "password": "p", "form_token": carla.token("/own")}
    answer = carla.http.post("/own/import", data=form)
    assert answer.status_code == 400
    assert "nome di un server pubblico" in answer.text
