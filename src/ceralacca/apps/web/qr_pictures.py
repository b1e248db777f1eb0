"""QR codes of pages, for phones to read.

Clauses: none of PEC.
"""

import segno


def qr_picture(text: str) -> str:
    """Return a QR code as a picture that stands in the page."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=4, dark="#17324d", light="#fff")
