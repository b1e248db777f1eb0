"""Files looked at by the confined process: what is shown, what is refused, and what the process cannot do."""

import subprocess
import sys
import threading
from io import BytesIO

import pytest
from PIL import Image

from ceralacca.apps.preview import looker
from ceralacca.apps.preview.looker import CannotShow, FileKind, Looker, kind_of
from ceralacca.base.errors import WorldError
from ceralacca.testing import documents


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_is_drawn_anew_and_no_larger_than_a_screen(kind):
    drawn = Looker().picture(documents.picture(3200, 800, kind=kind))
    assert (drawn.width, drawn.height) == (1600, 400)
    with Image.open(BytesIO(drawn.octets)) as shown:
        assert shown.size == (1600, 400)
        assert abs(shown.getpixel((5, 5))[2] - 180) < 8


@pytest.mark.parametrize(
    ("mode", "kind", "more"),
    [
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {"progressive": True}),
        ("P", "GIF", {"transparency": 0}),
        ("RGB", "GIF", {"save_all": True, "append_images": [Image.new("RGB", (30, 20), "blue")]}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("LA", "PNG", {}),
        ("1", "PNG", {}),
        ("I;16", "PNG", {}),
        ("P", "PNG", {}),
        ("RGB", "MPO", {"save_all": True, "append_images": [Image.new("RGB", (30, 20), "blue")]}),
    ],
)
def test_pictures_of_every_make_are_drawn(mode, kind, more):
    out = BytesIO()
    Image.new(mode, (30, 20)).save(out, kind, **more)
    drawn = Looker().picture(out.getvalue())
    assert (drawn.width, drawn.height) == (30, 20)


def test_what_hides_in_a_picture_stays_behind():
    out = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "un segreto"  # ImageDescription
    exif[0x0112] = 6  # Orientation: to be turned
    Image.new("RGB", (40, 20), "red").save(out, "JPEG", exif=exif)
    drawn = Looker().picture(out.getvalue() + b"<script>alert(1)</script>")
    assert (drawn.width, drawn.height) == (20, 40)
    assert b"un segreto" not in drawn.octets
    assert b"script" not in drawn.octets


def test_a_page_is_drawn_with_its_text():
    octets = documents.pdf("Contratto di prova", "Firma")
    first, last = Looker().page(octets, 0), Looker().page(octets, 99)
    assert (first.pages, first.page, first.text.strip()) == (2, 0, "Contratto di prova")
    assert (last.page, last.text.strip()) == (1, "Firma")
    with Image.open(BytesIO(first.octets)) as shown:
        assert shown.size == (first.width, first.height)
        assert shown.convert("L").getextrema()[0] < 60  # there is ink on it


def test_a_pdf_with_scripts_is_paper():
    drawn = Looker().page(documents.scripted_pdf("app.launchURL('https://evil.example/')"), 0)
    assert drawn.text.strip() == "Solo carta"


def test_an_invoice_is_read():
    told = Looker().invoice(documents.invoice())
    assert told["seller"]["name"] == "Studio Prova & Figli S.r.l."
    assert [line["total"] for line in told["bodies"][0]["lines"]] == ["100.00", "100.00"]


@pytest.mark.parametrize(
    ("way", "octets", "reason"),
    [
        ("picture", documents.picture_bomb(), "too-large"),
        ("picture", documents.picture()[:60], "damaged"),
        ("picture", b"\x89PNG\r\n\x1a\n" + b"\xff" * 5000, "damaged"),
        ("page", documents.pdf("x")[:200], "damaged"),
        ("page", b"%PDF-1.7\n" + b"(" * 100_000, "damaged"),
        ("page", documents.pdf("x", password="segreta"), "password"),
        ("invoice", documents.entity_bomb(), "no-invoice"),
        ("invoice", documents.invoice(before='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "no-invoice"),
        ("invoice", b"<a>" * 200_000, "no-invoice"),
        ("invoice", b"<html/>", "no-invoice"),
        ("picture", b"\0" * (looker.MOST_OCTETS + 1), "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_hostile_or_broken_is_refused_with_its_reason(way, octets, reason):
    ask = {"picture": Looker().picture, "page": lambda given: Looker().page(given, 0), "invoice": Looker().invoice}[way]
    with pytest.raises(CannotShow) as refused:
        ask(octets)
    assert refused.value.reason == reason


_TRIES = """
import os, resource, socket, sys
import ceralacca.apps.preview.drawing
from ceralacca.apps.preview.confine import confine
confine()
def refused(act):
    try:
        act()
    except (PermissionError, MemoryError):
        return True
    return False
tries = {
    "open": lambda: open("/etc/passwd"),
    "write": lambda: open("/tmp/x", "w"),
    "socket": lambda: socket.socket(socket.AF_INET),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "child": os.fork,
    "signal": lambda: os.kill(os.getppid(), 0),
    "folder": lambda: os.listdir("/"),
    "memory": lambda: bytearray(3 * 2**30),
    "root": lambda: os.setuid(0),
}
print(*[name for name, act in tries.items() if not refused(act)], "done")
"""


@pytest.mark.system
def test_the_process_can_do_nothing_else():
    done = subprocess.run([sys.executable, "-I", "-c", _TRIES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["done"]


def test_a_process_that_dies_or_hangs_is_a_refusal(monkeypatch):
    def died(*_args, **_more):
        return subprocess.CompletedProcess([], -11)

    def hangs(*_args, **_more):
        raise subprocess.TimeoutExpired("x", 1)

    for way, reason in ((died, "too-large"), (hangs, "too-large")):
        monkeypatch.setattr(looker.subprocess, "run", way)
        with pytest.raises(CannotShow) as refused:
            Looker().picture(documents.picture())
        assert refused.value.reason == reason


def test_only_a_few_are_looked_at_at_once(monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    def waits(*_args):
        started.set()
        go_on.wait(10)
        return {"media_type": "image/png", "width": 1, "height": 1}, b""

    monkeypatch.setattr(looker, "_answer", waits)
    one = Looker(at_once=1, patience=0.0)
    first = threading.Thread(target=one.picture, args=(b"x",))
    first.start()
    assert started.wait(10)
    with pytest.raises(WorldError, match="too many"):
        one.picture(b"x")
    go_on.set()
    first.join()
    assert one.picture(b"x").width == 1


def test_what_a_taken_over_process_answers_is_not_believed(monkeypatch):
    monkeypatch.setattr(looker, "_answer", lambda *_: ({"media_type": "text/html", "width": 1, "height": 1}, b"<b>"))
    with pytest.raises(CannotShow):
        Looker().picture(b"x")


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (documents.picture(kind="WEBP"), FileKind.PICTURE),
        (documents.pdf("x"), FileKind.PDF),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><a/>", FileKind.XML),
        (b"MZ\x90", FileKind.OTHER),
        (b"", FileKind.OTHER),
    ],
)
def test_a_file_is_what_its_octets_say(octets, kind):
    assert kind_of(octets) is kind
