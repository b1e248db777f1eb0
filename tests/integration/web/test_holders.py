"""Holders in a real browser: write, follow, prove, read; on a desk and on a phone, by keys alone, without scripts."""

import subprocess
import sys

import pytest

from ceralacca.apps.demo.cast import ANNA, BRUNO, CARLA, MARIO, OUTSIDER

pytestmark = [pytest.mark.system, pytest.mark.slow]


def write(screen, *, to, subject, text="Buongiorno,\nquesto è il testo.\n", files=()):
    page = screen.go("/write")
    page.fill("#to", ", ".join(one.text for one in to))
    page.fill("#subject", subject)
    page.fill("#text", text)
    if files:
        page.set_input_files("#new_file", [str(path) for path in files])
    return page


@pytest.mark.requirement("AC-1", "GE-22", "MO-8", "AP-11", "LO-8")
def test_a_message_is_written_followed_and_proved(open_screen, running, tmp_path):
    files = [tmp_path / "contratto.pdf", tmp_path / "però.txt"]
    files[0].write_bytes(b"%PDF-1.4\n" + b"x" * 40_000)
    files[1].write_text("nota\n" * 2000)
    with open_screen(MARIO, sign_in=False) as screen:
        page = screen.go("/")
        screen.is_accessible("it-1-sign-in")
        screen.sign_in(MARIO)
        screen.is_accessible("it-2-inbox")
        page = write(screen, to=(ANNA, OUTSIDER), subject="Disdetta del contratto", files=files)
        page.wait_for_selector("#recipients .known-pec")
        assert "Gestore Beta" in page.inner_text("#recipients .known-pec")
        assert OUTSIDER.text in page.inner_text("#recipients .known-ordinary")
        assert "copia nascosta" in page.inner_text(".no-bcc")
        page.wait_for_selector("#draft-state input[name=file]")
        assert page.input_value("#new_file") == ""
        screen.is_accessible("it-3-write")
        page.click("button[value=send]")
        page.wait_for_url("**/sent**")
        page.wait_for_selector("[data-state=delivered]")
        screen.is_accessible("it-4-sent")
        page.wait_for_selector("[data-state=sent-external]", timeout=150_000)  # a busy outsider is tried again later
        assert page.locator("[data-state=sent-external]").count() == 1
        page.click(".transaction-head a")
        page.wait_for_selector(".receipts li >> nth=1")
        screen.is_accessible("it-5-proof")
        with page.expect_download() as got:
            page.click("a[href^='/sent/proof']")
        proof = tmp_path / got.value.suggested_filename
        got.value.save_as(proof)
        page.click(".receipts a >> text=Ricevuta di avvenuta consegna")
        page.wait_for_selector(".trust-good")
        assert "Ricevuta con sigillo valido" in page.inner_text("#trust")
        screen.is_accessible("it-6-receipt")
    nation = running.nation
    command = "from ceralacca.apps.cli import main; main()"
    judged_by = ["--trust", nation.pec_anchors, "--crl", nation.crls, "--directory", nation.directory_file]
    verified = subprocess.run(
        [sys.executable, "-c", command, "verify", *map(str, judged_by), "--lang", "en", str(proof)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "DELIVERED" in verified.stdout
    assert "3 of 3" in verified.stdout.replace("all 3", "3 of 3"), verified.stdout[-400:]


@pytest.mark.requirement("GE-8", "IP-12")
def test_the_recipient_reads_it_on_a_phone_in_english(open_screen):
    with open_screen(CARLA) as sender:
        page = write(sender, to=(BRUNO,), subject="Convocazione")
        page.click("button[value=send]")
        page.wait_for_selector("[data-state=delivered]")
    with open_screen(BRUNO, language="en-GB", phone=True) as screen:
        screen.is_accessible("en-1-phone-inbox")
        page = screen.page
        page.click(".messages a >> text=Convocazione")
        page.wait_for_selector("#trust")
        trust = page.inner_text("#trust")
        assert "Certified electronic mail: the seal is valid" in trust
        assert "Gestore Alfa" in trust
        assert CARLA.text in trust
        assert "questo è il testo" in page.inner_text("article")
        screen.is_accessible("en-2-phone-message")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        screen.go("/help")
        screen.is_accessible("en-3-phone-help")
        page.click("button[value=it]")
        page.wait_for_selector("html[lang=it]")


def test_a_file_that_is_chosen_while_the_draft_is_saved_is_saved_too(open_screen, tmp_path):
    note = tmp_path / "nota.txt"
    note.write_text("una nota")
    with open_screen(CARLA) as screen:
        page, held = screen.go("/write"), []
        page.route("**/write/draft", lambda route: route.continue_() if held else held.append(route))
        with page.expect_request("**/write/draft"):
            page.fill("#subject", "Con calma")
            page.dispatch_event("#subject", "change")
        page.set_input_files("#new_file", [str(note)])
        page.wait_for_timeout(1500)  # longer than the page waits before it asks to save
        held[0].continue_()
        page.wait_for_selector("#draft-state input[name=file]")
        assert "nota.txt" in page.inner_text("#draft-state")
        page.click("button[value=discard]")
        page.wait_for_url("**/mail")


def test_everything_is_reached_by_keys_alone(open_screen):
    with open_screen(CARLA, sign_in=False) as screen:
        page = screen.go("/sign-in")

        def type_into(name, text):
            for _ in range(60):
                if page.evaluate("document.activeElement.name || ''") == name:
                    page.keyboard.type(text)
                    return
                page.keyboard.press("Tab")
            raise AssertionError(f"{name} is not reached")

        type_into("address", CARLA.text)
        type_into("password", screen.password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/mail")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        screen.go("/write")
        type_into("to", ANNA.text)
        type_into("subject", "Solo tasti")
        type_into("text", "Scritto senza mouse.")
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.value || ''") == "send":
                break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline not in {"0px", ""}
        page.keyboard.press("Enter")
        page.wait_for_url("**/sent**")
        page.wait_for_selector("[data-state=delivered]")


def test_reading_and_sending_need_no_scripts(open_screen, tmp_path):
    note = tmp_path / "nota.txt"
    note.write_text("una nota")
    with open_screen(CARLA, scripts=False) as screen:
        page = write(screen, to=(BRUNO,), subject="Senza script", files=[note])
        page.click("button[value=keep]")
        assert "nota.txt" in page.inner_text("#draft-state")
        assert "PEC" in page.inner_text("#recipients")
        page.click("button[value=send]")
        assert "/sent" in page.url
        for _ in range(100):
            page.reload()
            if page.locator("[data-state=delivered]").count() and page.locator("text=Senza script").count():
                break
            page.wait_for_timeout(200)
        page.click("a >> text=Senza script")
        assert page.locator(".receipts li").count() >= 1
    with open_screen(BRUNO, scripts=False) as screen:
        page = screen.page
        page.click(".messages a >> text=Senza script")
        with page.expect_download() as got:
            page.click(".files a >> text=nota.txt")
        assert got.value.suggested_filename == "nota.txt"


@pytest.mark.requirement("AP-11")
def test_what_cannot_be_sent_is_said_before_it_is_sent(open_screen):
    with open_screen(CARLA) as screen:
        page = write(screen, to=(ANNA,), subject="Errato")
        page.fill("#to", f"{ANNA.text}, nessuno")
        page.click("button[value=send]")
        page.wait_for_selector("#faults")
        assert "non è un indirizzo" in page.inner_text("#faults")
        screen.is_accessible("it-7-fault")
        assert page.input_value("#subject") == "Errato"
        page.click("button[value=discard]")
        page.wait_for_url("**/mail")
        screen.go("/mail?folder=Bozze")
        assert page.locator(".messages li >> text=Errato").count() == 0


def test_folders_searches_and_moves(open_screen, put):
    put(*(b"From: a@ditta.example\r\nSubject: Numero %d\r\n\r\nciao\r\n" % number for number in range(30)))
    with open_screen(ANNA) as screen:
        page = screen.page
        assert page.locator(".messages li").count() == 25
        page.click("a[rel=next]")
        assert page.locator(".messages li").count() >= 5
        page.goto(f"{screen.base}/mail?q=Numero+17")
        assert page.locator(".messages li").count() == 1
        screen.is_accessible("it-8-search")
        page.check("input[name=uid]")
        page.click("button[value=trash]")
        page.wait_for_selector(".alert-info")
        page.goto(f"{screen.base}/mail?folder=Cestino")
        assert "Numero 17" in page.inner_text(".messages")
        page.check("input[name=uid]")
        page.click("button[value=delete]")
        page.wait_for_selector(".alert-info")
        assert page.locator(".messages li").count() == 0
        screen.is_accessible()
