"""Names and texts as IMAP4rev1 writes them: folder names in modified UTF-7, quoted strings without a way out of them.

Whatever a person types goes through `quoted`, which leaves no control character: no command can be injected
(threats.md 45). Source: RFC 3501, 5.1.3 and 4.3.
"""

import base64
import re
from typing import Final

_PLAIN: Final = re.compile(r"[ -%'-~]+|&|[^ -~]+")
_SHIFTED: Final = re.compile(rb"&([^-]*)-")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


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


def quoted(text: str | bytes) -> bytes:
    """Return a text as a quoted string; control characters, which would end it, become spaces."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
        return b'"' + _escaped(text).encode("latin-1") + b'"'
    return b'"' + _escaped(text).encode("utf-8", "replace") + b'"'


def _escaped(text: str) -> str:
    return _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
