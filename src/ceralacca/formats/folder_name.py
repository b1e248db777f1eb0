"""Names of folders as IMAP4rev1 and Maildir write them: modified UTF-7.

Source: RFC 3501, 5.1.3.
"""

import base64
import re
from typing import Final

_PLAIN: Final = re.compile(r"[ -%'-~]+|&|[^ -~]+")
_SHIFTED: Final = re.compile(rb"&([^-]*)-")


def encode_folder(name: str) -> bytes:
    """Return a folder's name as the wire has it."""
    pieces = []
    for piece in _PLAIN.findall(name):
        if piece == "&":
            pieces.append(b"&-")
        elif piece.isascii() and piece.isprintable():
            pieces.append(piece.encode())
        else:
            shifted = base64.b64encode(piece.encode("utf-16-be", "surrogatepass"), b"+,").rstrip(b"=")
            pieces.append(b"&" + shifted + b"-")
    return b"".join(pieces)


def decode_folder(wire: bytes) -> str:
    """Return a folder's name as people read it; what is not modified UTF-7 stays as it stands."""

    def plain(match: "re.Match[bytes]") -> bytes:
        if not match[1]:
            return b"&"
        text = (b"+" + match[1].replace(b",", b"/") + b"-").decode("utf-7", "replace")
        return text.encode("utf-8", "replace")

    return _SHIFTED.sub(plain, wire).decode("utf-8", "replace")
