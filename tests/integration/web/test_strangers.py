"""What others try: scripts in mail, forged receipts, forged requests, borrowed sessions, frames, ways out."""

import re
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP

import httpx
import pytest

from ceralacca.apps.demo.cast import ANNA, BRUNO, CARLA, MARIO
from ceralacca.testing.script_payloads import payloads

from .conftest import trusting

pytestmark = [pytest.mark.system, pytest.mark.slow]

_A_MESSAGE = 10
"""Payloads that share one message."""


def hostile(number, some):
    """Write a message that carries payloads wherever text of others is shown."""
    message = EmailMessage(policy=SMTP.clone(utf8=False))
    first = some[0].replace("\r", " ").replace("\n", " ").replace("\x00", " ").replace("\x01", " ")
    message["From"] = f"{Header(first, 'utf-8').encode(linesep='')} <a@ditta.example>"
    message["To"] = f"{Header(some[-1][:60].replace(chr(9), ' '), 'utf-8').encode(linesep='')} <b@ditta.example>"
    message["Subject"] = f"{number} {first}"
    message["Message-ID"] = f"<{number}.x@ditta.example>"
    message.set_content("\n".join(some))
    body = "".join(f"<div>{one}</div><!-- --></style></title></textarea></svg></math>" for one in some)
    message.add_alternative(body, subtype="html")
    message.add_attachment(body.encode(), maintype="text", subtype="html", filename=f"{first[:80]}.html")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="pwned(1)"/>'
    message.add_attachment(svg, maintype="image", subtype="svg+xml", filename="../../\u202egnp.exe")
    return message.as_bytes()


def test_250_payloads_run_nothing_and_load_nothing(open_screen, put):
    every = list(payloads())
    assert len(set(every)) == len(every) >= 250
    lots = [every[start : start + _A_MESSAGE] for start in range(0, len(every), _A_MESSAGE)]
    numbers = put(*(hostile(number, some) for number, some in enumerate(lots)), folder="Archivio")
    with open_screen(ANNA) as screen:
        screen.context.add_init_script("window.pwned = n => { window.wasPwned = n; alert('pwned ' + n); };")
        page = screen.go("/mail?folder=Archivio&page=1")
        page.mouse.move(600, 600)
        for number in numbers:
            page.goto(f"{screen.base}/mail/message?folder=Archivio&uid={number}", wait_until="load")
            for frame in page.frames:
                assert frame.evaluate("() => window.wasPwned") is None
            assert page.locator("[data-standing=certified], .trust-good").count() == 0
        # Also where the frame's content is opened by itself.
        page.goto(f"{screen.base}/mail/body?folder=Archivio&uid={numbers[-1]}")
        assert page.evaluate("window.wasPwned") is None
        assert page.evaluate("self.origin") == "null"
        page.goto(f"{screen.base}/mail/message?folder=Archivio&uid={numbers[0]}")
        screen.shot("hostile")


def test_files_are_downloads_that_a_browser_does_not_open(visitor, put):
    (number,) = put(hostile(0, ["<script>pwned(1)</script>", "x"]))
    anna = visitor(ANNA)
    for position in range(3):
        answer = anna.http.get(f"/mail/file?folder=INBOX&uid={number}&n={position}")
        if answer.status_code == 404:
            break
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        name = re.fullmatch(r"attachment; filename\*=UTF-8''([\w%.()-]+)", answer.headers["Content-Disposition"])
        assert name
        assert not name[1].startswith(".")
        assert not any(word in name[1].upper() for word in ("/", "%2F", "%5C", "%E2%80%AE", "%00"))
    assert position == 2
    assert "data:" not in anna.http.get(f"/mail/look?folder=INBOX&uid={number}&n=1").text  # SVG is no picture here


@pytest.mark.requirement("GE-8", "IP-12", "TO-20")
def test_forged_receipts_are_never_shown_as_certified(visitor, put, send):
    send(CARLA, ANNA, "Vera")
    anna, genuine = visitor(ANNA), None
    for _ in range(300):
        page = anna.http.get("/mail?q=Vera").text
        if found := re.search(r"/mail/message\?folder=INBOX&amp;uid=(\d+)", page):
            genuine = anna.http.get(f"/mail/source?folder=INBOX&uid={found[1]}").content
            break
    assert genuine is not None
    assert 'data-standing="certified"' in anna.http.get(f"/mail/message?folder=INBOX&uid={found[1]}").text
    forged = {
        "altered": genuine.replace(b"Vera", b"Fals"),
        "cut": genuine[: len(genuine) // 2],
        "resealed by nobody": re.sub(rb"\r\nMI[A-Za-z0-9+/]{20}", b"\r\nMIIAAAAAAAAAAAAAAAAAAA", genuine, count=1),
        "marks alone": b"X-Ricevuta: avvenuta-consegna\r\nSubject: CONSEGNA: Falsa\r\n"
        b"From: posta-certificata@gestore-alfa.example\r\nX-Riferimento-Message-ID: <a@b.example>\r\n"
        b"\r\nConsegnato.\r\n",
        "a badge in the text": b"From: a@ditta.example\r\nContent-Type: text/html\r\n\r\n"
        b"<section class='trust trust-good' data-standing='certified'>Sigillo valido</section>\r\n",
    }
    numbers = put(*forged.values())
    for name, number in zip(forged, numbers, strict=True):
        page = anna.http.get(f"/mail/message?folder=INBOX&uid={number}").text
        assert 'data-standing="certified"' not in page, name
        assert 'data-standing="receipt"' not in page, name
        assert "trust-good" not in page, name
    listed = anna.http.get("/mail").text
    for number in numbers:
        row = listed.partition(f'value="{number}"')[2].partition("</li>")[0]
        assert row
        assert "mark-good" not in row


@pytest.mark.requirement("GE-8")
def test_what_is_not_sealed_is_not_believed(visitor, put, send):
    send(CARLA, ANNA, "Sigillata")
    anna, found = visitor(ANNA), None
    for _ in range(300):
        if found := re.search(r"uid=(\d+)", anna.http.get("/mail?q=Sigillata").text):
            break
    octets = anna.http.get(f"/mail/source?folder=INBOX&uid={found[1]}").content
    (number,) = put(octets.replace(b"Per conto di: ", b"Per conto di: falso@pec.alfa.example; ", 1))
    page = anna.http.get(f"/mail/message?folder=INBOX&uid={number}").text
    trust = page.partition('id="trust"')[2].partition("</section>")[0]
    assert "falso@" not in trust
    row = anna.http.get("/mail").text.partition(f'value="{number}"')[2].partition("</li>")[0]
    assert "falso@" not in row or "mark-good" not in row


@pytest.mark.requirement("IP-14")
def test_a_genuine_message_of_somebody_else_is_told_apart(visitor, put, send):
    send(CARLA, BRUNO, "Altrui")
    bruno, octets = visitor(BRUNO), None
    for _ in range(300):
        if found := re.search(r"uid=(\d+)", bruno.http.get("/mail?q=Altrui").text):
            octets = bruno.http.get(f"/mail/source?folder=INBOX&uid={found[1]}").content
            break
    (number,) = put(octets)
    page = visitor(ANNA).http.get(f"/mail/message?folder=INBOX&uid={number}").text
    assert "né mittente né destinatario" in page


def test_a_request_that_does_not_come_from_our_pages_does_nothing(visitor):
    mario = visitor()
    token = mario.token("/mail")
    for form, headers in (
        ({}, {}),
        ({"form_token": "0" * 64}, {}),
        ({"form_token": token}, {"Origin": "https://evil.example"}),
        ({"form_token": token}, {"Origin": "null"}),
        ({"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"form_token": token}, {"Sec-Fetch-Site": "same-site"}),
    ):
        for path in ("/sign-out", "/mail/act", "/write", "/write/draft", "/language"):
            answer = mario.http.post(path, data=form, headers=headers)
            assert answer.status_code == 403, (path, form, headers)
    assert mario.http.get("/mail").status_code == 200
    assert mario.http.post("/sign-out", data={"form_token": token}).status_code == 303
    assert mario.http.get("/mail").status_code == 303


def test_a_token_of_one_session_is_none_in_another(visitor):
    mario, anna = visitor(), visitor(CARLA)
    assert mario.http.post("/sign-out", data={"form_token": anna.token("/mail")}).status_code == 403


def test_signing_in_gives_a_new_session_and_takes_up_none_that_was_brought(visitor):
    mario = visitor(signed_in=False)
    brought = "a" * 64
    mario.http.cookies.set("__Host-pec", brought, domain="127.0.0.1")
    answer = mario.sign_in()
    assert answer.status_code == 303
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-pec="))
    assert brought not in cookie
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie


def test_a_session_that_was_left_is_gone_and_so_is_what_it_opened(visitor, running):
    mario = visitor()
    kept = dict(mario.http.cookies)
    mario.http.post("/sign-out", data={"form_token": mario.token("/mail")})
    with httpx.Client(base_url=mario.base, verify=trusting(running), cookies=kept, trust_env=False) as other:
        assert other.get("/mail").status_code == 303
        assert other.get("/sent").status_code == 303


def test_nobody_is_sent_elsewhere_after_signing_in(visitor):
    for place in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        mario = visitor(signed_in=False)
        assert mario.sign_in(next=place).headers["Location"] == "/mail"
    mario = visitor(signed_in=False)
    assert mario.sign_in(next="/sent").headers["Location"] == "/sent"


def test_every_answer_forbids_frames_scripts_and_guesses(visitor, put):
    (number,) = put(b"From: a@ditta.example\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n")
    anna = visitor(ANNA)
    pages = ["/", "/sign-in", "/mail", "/sent", "/write", "/help", "/nothing", f"/mail/message?uid={number}"]
    for path in (*pages, f"/mail/body?uid={number}", "/static/ceralacca.js", "/assets/htmx.min.js"):
        headers = anna.http.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy or path.startswith("/mail/body")
        assert "unsafe-eval" not in policy
        assert "script-src 'self'" in policy or "script-src" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "max-age" in headers["Strict-Transport-Security"]
        if path in pages:
            assert headers["Cache-Control"] == "no-store"
            assert "<script>" not in anna.http.get(path).text
            assert "style=" not in anna.http.get(path).text
    body = anna.http.get(f"/mail/body?uid={number}").headers
    assert "sandbox" in body["Content-Security-Policy"]
    assert "allow-scripts" not in body["Content-Security-Policy"]
    assert "allow-same-origin" not in body["Content-Security-Policy"]


@pytest.mark.requirement("LO-8")
def test_what_one_holder_sent_no_other_sees(visitor, send):
    send(MARIO, CARLA, "Riservata")
    mario, found = visitor(MARIO), None
    for _ in range(300):
        page = mario.http.get("/sent?q=Riservata").text
        if found := re.search(r"/sent/one\?id=([\w.%@-]+)", page):
            break
    assert found
    carla = visitor(CARLA)
    for path in ("/sent/one", "/sent/proof", "/sent/receipt", "/sent/pages"):
        assert mario.http.get(f"{path}?id={found[1]}").status_code == 200
        assert carla.http.get(f"{path}?id={found[1]}").status_code == 404
    assert "Riservata" not in carla.http.get("/sent").text


def test_guesses_are_answered_alike_whether_or_not_there_is_the_mailbox(visitor):
    answers = []
    for address in ("mario.rossi@pec.alfa.example", "nessuno@pec.alfa.example", "<script>@x"):
        one = visitor(signed_in=False)
        form = {"address": address, "password": "sbagliata", "form_token": one.token()}
        answer = one.http.post("/sign-in", data=form)
        answers.append((answer.status_code, "Indirizzo o password non corretti" in answer.text))
        assert "<script>@x" not in answer.text
    assert set(answers) == {(401, True)}


def test_a_commands_words_stay_words(visitor):
    anna = visitor(ANNA)
    for text in ('" OR ALL "', "x\r\nA1 DELETE INBOX", "{5}", '\\"', "a" * 5000, "\u202e\x00"):
        assert anna.http.get("/mail", params={"q": text}).status_code == 200
    for folder in ('INBOX"', "../..", "INBOX\r\nA1 LOGOUT", "%", "*", ""):
        assert anna.http.get("/mail", params={"folder": folder}).status_code in {200, 404}
    assert anna.http.get("/mail").status_code == 200
