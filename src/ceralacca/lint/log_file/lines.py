"""The lines of a sealed log file, taken apart by where their members stand, without trust in their being JSON.

Whoever damages a line damages its JSON as well; so members are found by their names in their order. A name cannot
stand inside a text by chance: there its quotation marks would be escaped.

Clauses: LO-7.
"""

import base64
import re
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Final

ROW_KEYS: Final = {
    "messages": (
        *("ts", "node", "event", "identificativo", "msgid", "mittente", "destinatari", "oggetto", "tipo", "errore"),
        *("errore_esteso", "consegna", "ricezione", "riguarda", "ricevuta", "message_id", "gestore", "peer", "tls"),
        "nota",
    ),
    "audit": (
        *("ts", "node", "act", "actor_kind", "actor", "process", "host", "peer", "outcome", "mailbox", "about"),
        *("purpose", "ticket", "detail"),
    ),
}
"""Members of a row by ledger, in their order: number before them, hashes after them."""

_HEAD = re.compile(rb'\{"file":(\{.*\}),"seal":"([^"]*)"\}', re.DOTALL)
_BLOCK = re.compile(rb'\{"block":(\{.*\}),"marks":"([^"]*)","seal":"([^"]*)"\}', re.DOTALL)
_SEAL = re.compile(rb'"seal":"([A-Za-z0-9+/]+=*)"')
_MARKS = re.compile(rb'"marks":"([A-Za-z0-9+/]*=*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLine:
    """The first line of a file, or the line after a block's rows; what cannot be found is None."""

    record: bytes | None
    seal: bytes | None
    marks: bytes | None = None
    damaged: str = ""
    """The first member that is not spelt as it must be: `line`, `marks`, `seal`; empty when all are."""


def is_row(line: bytes) -> bool:
    """Tell a row, damaged or not, from the line after a block's rows."""
    return line.startswith(b'{"seq":') or not (
        line.startswith(b'{"block":') or (b',"seal":"' in line and b',"marks":"' in line)
    )


def file_head(line: bytes) -> HeadLine:
    """Take the first line of a file apart."""
    found = _HEAD.fullmatch(line)
    if found is None:
        return HeadLine(record=None, seal=_loose(_SEAL, line), damaged="line")
    seal = _base64(found[2])
    return HeadLine(record=found[1], seal=seal, damaged="" if seal is not None else "seal")


def block_head(line: bytes) -> HeadLine:
    """Take the line after a block's rows apart."""
    found = _BLOCK.fullmatch(line)
    if found is None:
        return HeadLine(record=None, seal=_loose(_SEAL, line), marks=_loose(_MARKS, line), damaged="line")
    marks, seal = _base64(found[2]), _base64(found[3])
    damaged = "marks" if marks is None else "seal" if seal is None else ""
    return HeadLine(record=found[1], seal=seal, marks=marks, damaged=damaged)


def members(line: bytes, keys: tuple[str, ...]) -> list[bytes | None]:
    """Return what stands for each member of a row, as it is spelt; None for one whose name is not there."""
    starts: list[tuple[int, int] | None] = []
    position = 0
    for key in (*keys, "prev_hash"):
        name = b',"%b":' % key.encode()
        at = line.find(name, position)
        starts.append(None if at < 0 else (at, at + len(name)))
        position = position if at < 0 else at + len(name)
    found: list[bytes | None] = []
    for index in range(len(keys)):
        here = starts[index]
        after = next((one[0] for one in starts[index + 1 :] if one is not None), len(line))
        found.append(None if here is None else line[here[1] : after])
    return found


def _base64(text: bytes) -> bytes | None:
    """Undo base64 that is spelt in the one right way."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return octets if base64.b64encode(octets) == text else None


def _loose(pattern: re.Pattern[bytes], line: bytes) -> bytes | None:
    found = pattern.search(line)
    return None if found is None else _base64(found[1])
