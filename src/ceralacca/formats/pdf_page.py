r"""Pages for people as PDF: title, headings, facts, tables, and at every foot the document's name and the page number.

One look for whatever the provider hands out on paper: extracts of the log, reports. The same values give the same
octets: nothing is read from the clock. Text stays text (it can be searched, read aloud, copied), in fonts that are
carried inside, and the file is PDF/A-2u, made to be kept. Without fonts given it is set in Helvetica, which knows
western European letters only; what it does not know is written as `\u....`, never left out.

What stands on the pages is the matter of the modules that use it; signing is `trust.pdf_seal`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import category
from xml.sax.saxutils import escape

from fpdf import FPDF
from fpdf.enums import DocumentCompliance, WrapMode, XPos, YPos
from fpdf.fonts import FontFace, TTFFont

MARGIN = 18.0
"""Millimetres at the left and right of every page."""
_INK, _MUTED, _RULE, _SHADE = (20, 24, 31), (88, 97, 110), (170, 178, 189), (238, 241, 245)
_LINE = 1.32
_PRODUCER = "Ceralacca"
_HIDDEN = frozenset({"Cf", "Co", "Cs", "Cn"})
"""Kinds of characters that show nothing or turn the direction of what follows: a subject may hold them (SE-8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fonts:
    """Font files of one family (TrueType), which are carried inside the document."""

    regular: Path
    bold: Path
    mono: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What the whole document says of itself."""

    title: str
    language: str
    """BCP 47, for reading aloud: `it` or `en`."""
    author: str
    """Who gives it out."""
    instant: datetime
    """When it was made."""
    foot: str
    """At the foot of every page, before the page number."""
    page_word: str
    """The number at the foot, such as `Page {page} of {pages}`."""
    fonts: Fonts | None = None


class PdfPages:
    """A document in the making: add what it says from top to bottom, then take its octets."""

    def __init__(self, cover: Cover) -> None:
        self._pdf = _Page(cover)
        self._pdf.add_page()
        self._family = self._pdf.family

    @property
    def sheet(self) -> FPDF:
        """The page under it, for drawing what is no text."""
        return self._pdf

    @property
    def family(self) -> str:
        """Name of the font."""
        return self._family

    def title(self, text: str, under: str = "") -> None:
        """Write the title of the document, with a smaller line under it."""
        self._text(text, size=17, style="B", after=1.0)
        if under:
            self._text(under, size=10, colour=_MUTED, after=3.0)

    def heading(self, text: str, level: int = 1) -> None:
        """Begin a section; it shows in the outline of the file and stays with what follows it."""
        size = {1: 13.0, 2: 11.0}.get(level, 9.5)
        if self._pdf.will_page_break(size * _LINE + 22):
            self._pdf.add_page()
        self._pdf.ln(3.5 if level == 1 else 2.5)
        self._pdf.start_section(self._pdf.writable(text)[:120], level=level - 1, strict=False)
        self._text(text, size=size, style="B", after=1.2)

    def paragraph(self, text: str, *, size: float = 9.5, muted: bool = False, bold: bool = False) -> None:
        """Write a paragraph."""
        self._text(text, size=size, style="B" if bold else "", colour=_MUTED if muted else _INK, after=1.6)

    def facts(self, pairs: Iterable[tuple[str, str]], *, label_width: float = 46.0) -> None:
        """Write names and values beside each other; long values go on under themselves."""
        pdf = self._pdf
        for name, value in pairs:
            if pdf.will_page_break(9):
                pdf.add_page()
            top = pdf.get_y()
            self._text(name, size=8.5, colour=_MUTED, width=label_width, after=0)
            low = pdf.get_y()
            pdf.set_xy(MARGIN + label_width, top)
            self._text(value or "—", size=9.5, after=0, left=MARGIN + label_width)
            pdf.set_y(max(low, pdf.get_y()) + 0.8)

    def table(
        self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, widths: Sequence[float], size: float = 8.0
    ) -> None:
        """Write a table whose head stands again on every page; `widths` are shares of the page."""
        pdf = self._pdf
        pdf.set_font(self._family, size=size)
        pdf.set_text_color(*_INK)
        pdf.set_draw_color(*_RULE)
        pdf.set_line_width(0.1)
        head = FontFace(emphasis="BOLD", fill_color=_SHADE)
        with pdf.table(
            col_widths=tuple(widths),
            text_align="LEFT",
            v_align="TOP",
            line_height=size * 0.3528 * 1.38,
            headings_style=head,
            borders_layout="HORIZONTAL_LINES",
            padding=(1.1, 1.2),
            align="LEFT",
        ) as table:
            for cells in (heads, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(pdf.writable(cell))
        pdf.ln(1.6)

    def gap(self, height: float = 3.0) -> None:
        """Leave room, in millimetres."""
        self._pdf.ln(height)

    def octets(self) -> bytes:
        """Return the finished file."""
        return bytes(self._pdf.output())

    def _text(
        self,
        text: str,
        *,
        size: float,
        style: str = "",
        colour: tuple[int, int, int] = _INK,
        width: float = 0,
        after: float,
        left: float = MARGIN,
    ) -> None:
        pdf = self._pdf
        pdf.set_font(self._family, style=style, size=size)
        pdf.set_text_color(*colour)
        pdf.set_x(left)
        pdf.multi_cell(
            width,
            size * 0.3528 * _LINE,
            pdf.writable(text),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            wrapmode=WrapMode.WORD,
        )
        pdf.ln(after)


class _Page(FPDF):
    """An A4 page with the foot of its document."""

    def __init__(self, cover: Cover) -> None:
        compliance = DocumentCompliance.PDFA_2U if cover.fonts else None
        super().__init__(format="A4", unit="mm", enforce_compliance=compliance)
        self._cover = cover
        self.family = "helvetica"
        if cover.fonts:
            self.family = "text"
            self.add_font("text", fname=cover.fonts.regular)
            self.add_font("text", style="B", fname=cover.fonts.bold)
            self.add_font("mono", fname=cover.fonts.mono)
        self.set_creation_date(cover.instant)
        self.set_title(cover.title)
        self.set_author(cover.author)
        self.set_producer(_PRODUCER)
        self.set_xmp_metadata(_xmp(cover, compliance is not None))
        self.set_lang(cover.language)
        self.set_margins(MARGIN, 16, MARGIN)
        self.set_auto_page_break(auto=True, margin=20)
        self.alias_nb_pages("{pages}")

    def footer(self) -> None:
        """Write the foot; called by the library at the end of each page."""
        self.set_y(-15)
        self.set_draw_color(*_RULE)
        self.set_line_width(0.1)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
        self.set_font(self.family, size=7.5)
        self.set_text_color(*_MUTED)
        self.set_y(-13)
        self.cell(0, 5, self._cover.page_word.replace("{page}", str(self.page_no())), align="L")
        self.set_x(MARGIN)
        self.cell(0, 5, self.writable(self._cover.foot), align="R")

    def writable(self, text: str) -> str:
        """Return the text as the font can write it; what it cannot is shown by its number."""
        text = "".join(f"\\u{ord(one):04x}" if category(one) in _HIDDEN else one for one in text)
        font = self.fonts.get(self.family)
        if not isinstance(font, TTFFont):
            return text.replace("—", "-").replace("’", "'").encode("latin-1", "backslashreplace").decode("latin-1")
        return "".join(one if ord(one) in font.cmap or one == "\n" else f"\\u{ord(one):04x}" for one in text)


def _xmp(cover: Cover, archival: bool) -> str:
    """Return what the file says of itself for archives; the library's own names the moment at which it was written."""
    made = cover.instant.astimezone(UTC).isoformat(timespec="seconds")
    kind = "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>" if archival else ""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" '
        'xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(cover.title)}</rdf:li></rdf:Alt></dc:title>'
        f"<dc:creator><rdf:Seq><rdf:li>{escape(cover.author)}</rdf:li></rdf:Seq></dc:creator>"
        f"<dc:language><rdf:Bag><rdf:li>{escape(cover.language)}</rdf:li></rdf:Bag></dc:language>"
        f"<xmp:CreateDate>{made}</xmp:CreateDate><xmp:ModifyDate>{made}</xmp:ModifyDate>"
        f"<pdf:Producer>{_PRODUCER}</pdf:Producer>{kind}"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
