"""Pictures and pages drawn anew, and e-invoices read: what the confined process does with a file.

What comes out shares nothing with the file but what it looks like: pixels in a PNG or JPEG of our own, or plain text.
Metadata, scripts, links, embedded files and fonts stay behind.

Everything is imported before the process is confined: afterwards no file can be opened.
"""

import codecs
import warnings
from dataclasses import asdict
from io import BytesIO
from typing import Any, Final

import pypdfium2
from PIL import (
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from pypdfium2 import raw

from ceralacca.formats.invoice import read_invoice

PICTURES: Final = ("PNG", "JPEG", "GIF", "WEBP")
MOST_PIXELS: Final = 64_000_000
"""Of a picture that is drawn: 256 MiB of memory."""
LARGEST_SIDE: Final = 1600
"""Pixels of what is shown."""
MOST_TEXT: Final = 100_000
"""Characters of a page."""
MOST_PAGES: Final = 10_000
_PLUGINS: Final = (
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,  # reads EXIF
    WebPImagePlugin,
)
Image.preinit()
_CODECS: Final = [codecs.lookup(name) for name in ("utf-16-le", "utf-16-be", "latin-1", "ascii")]

Answer = tuple[dict[str, Any], bytes]
"""Facts, and the octets of a picture if there is one."""


class Refused(Exception):
    """The file cannot be shown; the word says why."""


def draw_picture(octets: bytes, _number: int) -> Answer:
    """Draw a picture anew, no larger than a screen. Raises Refused."""
    warnings.simplefilter("ignore")
    try:
        with Image.open(BytesIO(octets), formats=PICTURES) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Refused("too-large")
            picture.draft("RGB", (LARGEST_SIDE, LARGEST_SIDE))
            shown = ImageOps.exif_transpose(picture)
            shown.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
            return _drawn(shown)
    except Image.DecompressionBombError as error:
        raise Refused("too-large") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise Refused("damaged") from error


def draw_page(octets: bytes, number: int) -> Answer:
    """Draw one page of a PDF, counted from 0, with its text and the number of pages. Raises Refused."""
    document = _document(octets)
    pages = len(document)
    if not 0 < pages <= MOST_PAGES:
        raise Refused("damaged")
    number = min(number, pages - 1)
    try:
        document.init_forms()  # what was filled in belongs to the page; scripts are not even compiled in
        page = document[number]
        width, height = page.get_size()
        if not (0 < width < 1e6 and 0 < height < 1e6):
            raise Refused("damaged")
        scale = min(LARGEST_SIDE / width, LARGEST_SIDE / height, 4.0)
        facts, drawn = _drawn(page.render(scale=scale).to_pil())
        text = page.get_textpage().get_text_range(0, -1)
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise Refused("damaged") from error
    return {**facts, "pages": pages, "page": number, "text": text[:MOST_TEXT].replace("\r\n", "\n")}, drawn


def _document(octets: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(octets)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD
        raise Refused("password" if locked else "damaged") from error


def tell_invoice(octets: bytes, _number: int) -> Answer:
    """Read a FatturaPA. Raises Refused when it is none."""
    invoice = read_invoice(octets)
    if invoice is None:
        raise Refused("no-invoice")
    return asdict(invoice), b""


def _drawn(picture: Image.Image) -> Answer:
    """Return a picture as PNG or, where nothing shines through it, as JPEG when that is smaller."""
    out = BytesIO()
    transparent = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
    plain = Image.new("RGB", picture.size, "white")
    if transparent:
        layer = picture.convert("RGBA")
        plain.paste(layer, mask=layer.getchannel("A"))
    else:
        plain.paste(picture.convert("RGB"))
    plain.save(out, "PNG")
    smaller = BytesIO()
    plain.save(smaller, "JPEG", quality=85)
    kind, chosen = ("image/jpeg", smaller) if smaller.tell() * 2 < out.tell() else ("image/png", out)
    return {"media_type": kind, "width": picture.width, "height": picture.height}, chosen.getvalue()
