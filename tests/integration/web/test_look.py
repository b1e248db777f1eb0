"""Files of messages looked at in a real browser: PDFs as paper, invoices as tables, signatures told; nothing runs."""

import re
from datetime import timedelta
from email.message import EmailMessage

import pytest

from ceralacca.apps.demo.cast import ANNA
from ceralacca.testing import documents
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import NOON
from ceralacca.trust.cms_writer import sign_opaque

pytestmark = [pytest.mark.system, pytest.mark.slow]

SIGNER = Authority.create().log_signer()


def letter(*files):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ditta@ditta.example", ANNA.text, "Documenti"
    message.set_content("In allegato i documenti.\n")
    for name, media_type, octets in files:
        kind, _, subtype = media_type.partition("/")
        message.add_attachment(octets, maintype=kind, subtype=subtype, filename=name)
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


@pytest.fixture
def files(put):
    def files(*some):
        (number,) = put(letter(*some), folder="Archivio")
        return [f"/mail/look?folder=Archivio&uid={number}&n={position}" for position in range(len(some))]

    return files


def test_a_pdf_is_paper_and_its_script_never_runs(open_screen, files):
    script = documents.scripted_pdf("app.launchURL('https://evil.example/')")
    two = documents.pdf("Contratto di prova", "Firma")
    paths = files(("contratto.pdf", "application/pdf", two), ("trappola.pdf", "application/pdf", script))
    with open_screen(ANNA) as screen:
        page = screen.go(paths[0].replace("look", "message").partition("&n=")[0])
        page.click("a.look >> nth=0")
        assert page.locator("img.drawn").evaluate("one => one.naturalWidth") > 800
        page.click(".page-text summary")
        assert "Contratto di prova" in page.inner_text(".page-text")
        screen.is_accessible("it-look-1-pdf")
        page.click("a[rel=next]")
        assert "Pagina 2 di 2" in page.inner_text(".pages")
        with page.expect_download() as got:
            page.click("a[download]")
        assert got.value.suggested_filename == "contratto.pdf"
        assert got.value.path().read_bytes() == two
        page = screen.go(paths[1])
        assert page.locator("img.drawn").evaluate("one => one.naturalWidth") > 100
        page.click(".page-text summary")
        assert "Solo carta" in page.inner_text(".page-text")


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_an_invoice_inside_its_signature_is_a_table(open_screen, files, language, phone):
    signed = sign_opaque(SIGNER, documents.invoice(text="<img src=x onerror=alert(1)>".replace("<", "&lt;")), NOON)
    altered = signed.replace(b"244.00", b"944.00")
    paths = files(
        ("IT01234567890_00001.xml.p7m", "application/pkcs7-mime", signed),
        ("IT01234567890_00002.xml.p7m", "application/octet-stream", altered),
    )
    with open_screen(ANNA, language=language, phone=phone, scripts=not phone) as screen:
        page = screen.go(paths[0])
        assert page.locator("#signatures [data-state=holds][data-path=no-list]").count() == 1
        table = page.inner_text("#invoice table >> nth=0")
        assert "<img src=x onerror=alert(1)> 2" in table
        assert ("100,00" if language == "it-IT" else "100.00") in table
        assert "Studio Prova & Figli S.r.l." in page.inner_text("#invoice")
        assert ("Bonifico" if language == "it-IT" else "Bank transfer") in page.inner_text("#invoice")
        if phone:
            screen.shot("en-look-2-phone-invoice")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        else:
            screen.is_accessible("it-look-2-invoice")
            with page.expect_download() as got:
                page.click("a[href^='/mail/look/inside']")
            assert got.value.suggested_filename == "IT01234567890_00001.xml"
        page = screen.go(paths[1])
        assert page.locator("#signatures .trust-bad[data-state=altered]").count() == 1


def test_what_is_hostile_or_broken_says_so_and_can_be_downloaded(visitor, files):
    made = {
        "bomba.png": (documents.picture_bomb(), "troppo grande"),
        "rotta.jpg": (b"\xff\xd8\xff" + b"\0" * 500, "rovinato"),
        "chiusa.pdf": (documents.pdf("x", password="segreta"), "password"),
        "risate.xml": (documents.entity_bomb(), "non una fattura"),
        "finta.p7m": (b"0\x80" * 3000, "Non si apre come documento firmato"),
        "disegno.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "non una fattura"),
        "programma.pdf": (b"MZ\x90" * 100, "non c&#39;è anteprima"),
    }
    paths = files(*((name, "application/octet-stream", octets) for name, (octets, _) in made.items()))
    anna = visitor(ANNA)
    for path, (name, (octets, told)) in zip(paths, made.items(), strict=True):
        answer = anna.http.get(path, timeout=60)
        assert answer.status_code == 200, name
        assert told in answer.text.partition('id="fault"')[2].partition("</p>")[0], name
        assert "<script>alert" not in answer.text
        assert "data:" not in answer.text
        assert anna.http.get(path.replace("look", "file")).content == octets
    offered = re.findall(r'class="look"', anna.http.get(paths[0].replace("look", "message").partition("&n=")[0]).text)
    assert len(offered) == len(made) - 1  # not of the SVG


def test_pictures_are_drawn_anew_and_strangers_see_none(visitor, files):
    (path,) = files(("foto.jpg", "image/jpeg", documents.picture(400, 300, kind="JPEG") + b"<script>pwned</script>"))
    anna, stranger = visitor(ANNA), visitor(ANNA, signed_in=False)
    page = anna.http.get(path)
    assert re.search(r'<img class="drawn" src="data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+" width="400"', page.text)
    assert "pwned" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for one in (path, path.replace("look", "look/inside")):
        assert stranger.http.get(one).headers["location"].startswith("/sign-in")
    assert anna.http.get(path.replace("look", "look/inside")).status_code == 404
    assert anna.http.get(path.replace("n=0", "n=99")).status_code == 404


def test_a_signed_picture_shows_both(visitor, files):
    signed = sign_opaque(SIGNER, documents.picture(), NOON + timedelta(hours=1))
    (path,) = files(("foto.png.p7m", "application/pkcs7-mime", signed))
    text = visitor(ANNA).http.get(path).text
    assert 'data-state="holds"' in text
    assert "data:image/png" in text
