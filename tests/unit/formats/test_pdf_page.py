"""Pages for people, read back by other programs: nothing is left out, and the same values give the same file."""

import subprocess
from datetime import UTC, datetime

import pytest

from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.formats.pdf_page import Cover, PdfPages

WORDS = "Perché la città è così: € 5 — Łódź"


def made(*, fonts, text=WORDS, rows=60) -> bytes:
    pages = PdfPages(
        Cover(
            title="Estratto & prova",
            language="it",
            author="Gestore Alfa S.p.A.",
            instant=datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC),
            foot="estratto 4711",
            page_word="Pagina {page} di {pages}",
            fonts=fonts,
        )
    )
    pages.title("Titolo", "sotto il titolo")
    pages.heading("Prima parte")
    pages.paragraph(text)
    pages.facts([("Casella", "mario.rossi@pec.alfa.example"), ("Vuoto", "")])
    pages.table(["Ora", "Evento"], [[f"riga {number}", text] for number in range(rows)], widths=(1, 3))
    return pages.octets()


def read(octets: bytes, path) -> str:
    file = path / "d.pdf"
    file.write_bytes(octets)
    return subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def fonts():
    found = find_fonts()
    assert found is not None, "tools/system_packages brings them"
    return found


def test_what_was_written_can_be_read_and_pages_are_numbered(fonts, tmp_path):
    told = read(made(fonts=fonts), tmp_path)
    assert told.count(WORDS) == 61
    assert "riga 59" in told
    assert "Pagina 1 di 2" in told
    assert "Pagina 2 di 2" in told
    assert told.count("Ora") == 2, "the head of a table stands on every page"


def test_the_file_says_what_it_is_and_is_made_to_be_kept(fonts, tmp_path):
    (tmp_path / "d.pdf").write_bytes(made(fonts=fonts))
    told = subprocess.run(["pdfinfo", "-meta", tmp_path / "d.pdf"], capture_output=True, text=True, check=True).stdout
    assert "Estratto &amp; prova" in told
    assert "2026-11-05T09:15:02+00:00" in told
    assert "<pdfaid:part>2</pdfaid:part>" in told


def test_the_same_values_give_the_same_octets(fonts):
    assert made(fonts=fonts) == made(fonts=fonts)
    assert made(fonts=None) == made(fonts=None)


@pytest.mark.requirement("SE-8")
def test_what_shows_nothing_or_turns_the_direction_is_shown(fonts, tmp_path):
    told = read(made(fonts=fonts, text="fattura\u202efdp.exe \u6f22", rows=0), tmp_path)
    assert "fattura\\u202efdp.exe \\u6f22" in told


def test_without_fonts_unknown_letters_are_written_by_number(tmp_path):
    told = read(made(fonts=None), tmp_path)
    assert "Perché la città è così: \\u20ac 5 - \\u0141" in told
