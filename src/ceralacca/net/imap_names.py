"""Texts as IMAP4rev1 writes them: quoted strings without a way out of them.

Whatever a person types goes through `quoted`, which leaves no control character: no command can be injected
(threats.md 45). Source: RFC 3501, 4.3.
"""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def quoted(text: str | bytes) -> bytes:
    """Return a text as a quoted string; control characters, which would end it, become spaces."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
        return b'"' + _escaped(text).encode("latin-1") + b'"'
    return b'"' + _escaped(text).encode("utf-8", "replace") + b'"'


def _escaped(text: str) -> str:
    return _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
