"""Where the fonts for documents are on this machine: DejaVu, as every distribution packages it.

Without them documents are set in a font that knows western European letters only, and are no PDF/A.
"""

from pathlib import Path

from ceralacca.formats.pdf_page import Fonts

PACKAGE = "fonts-dejavu-core"
"""Debian's name for them."""
_PLACES = (
    "/usr/share/fonts/truetype/dejavu",
    "/usr/share/fonts/dejavu-sans-fonts",
    "/usr/share/fonts/dejavu",
    "/usr/share/fonts/TTF",
    "/usr/local/share/fonts/dejavu",
)


def find_fonts() -> Fonts | None:
    """Return the fonts; None when this machine has none of them."""
    for place in map(Path, _PLACES):
        regular, bold, mono = (place / f"DejaVuSans{kind}.ttf" for kind in ("", "-Bold", "Mono"))
        if all(font.is_file() for font in (regular, bold, mono)):
            return Fonts(regular=regular, bold=bold, mono=mono)
    return None
