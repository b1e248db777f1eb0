"""Rows chained: each line holds the hash of the line before it and its own; a block gathers them (LO-5, LO-7).

The `hash` of a line is SHA-256 over the line as it is without that member: cut off `,"hash":"..."`, put the brace
back, hash. Its leaf in the block's Merkle tree is that hash.

*Marks* say which field of which row was changed, should the hashes not hold: three octets of CRC-32 for
each member. They prove nothing; the signed head of the block has their SHA-256, so that they can be
believed in pointing at a place.
"""

import base64
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final
from zlib import crc32

from ceralacca.formats.log_file.canonical import octets, value_text
from ceralacca.formats.log_file.merkle import MerkleTree

MARK_OCTETS = 3


class RowChain:
    """Lines of one block, written one after the other."""

    def __init__(self, *, number: int, prev_hash: str) -> None:
        self._number = number
        self._hash = prev_hash
        self._tree = MerkleTree()
        self._marks = bytearray()
        self._last: dict[str, tuple[object, str, bytes]] = {}
        self.rows = 0

    def line(self, members: Iterable[tuple[str, object]]) -> bytes:
        """Return the line of the next row, with its line end."""
        parts = [f'{{"seq":{self._number + self.rows}']
        for name, value in members:
            text, mark = _remembered(value) if value is None or type(value) is str else self._of_list(name, value)
            self._marks += mark
            parts.append(f'"{name}":{text}')
        parts.append(f'"prev_hash":"{self._hash}"')
        body = octets(",".join(parts))
        digest = sha256(body + b"}")
        self._hash = digest.hexdigest()
        self._tree.add(digest.digest())
        self.rows += 1
        return b'%b,"hash":"%b"}\n' % (body, self._hash.encode())

    def _of_list(self, name: str, value: object) -> tuple[str, bytes]:
        """Spell what is no text; what is the very same thing as in the row before is not spelled again."""
        if not value and type(value) in _EMPTY:
            return _EMPTY[type(value)]
        last = self._last.get(name)
        if last is None or last[0] is not value:
            last = self._last[name] = value, *_spelled(value)
        return last[1:]

    @property
    def row_hash(self) -> str:
        """Hash of the last line."""
        return self._hash

    @property
    def root(self) -> str:
        """Merkle root of the lines."""
        return self._tree.root().hex()

    @property
    def marks(self) -> bytes:
        """Marks of the lines, one after the other."""
        return bytes(self._marks)


def _spelled(value: object) -> tuple[str, bytes]:
    """Return what stands in a line for a value, and its mark."""
    text = value_text(value)
    return text, crc32(octets(text)).to_bytes(4, "big")[1:]


_remembered = lru_cache(maxsize=1024)(_spelled)
"""For texts: most members of a row are empty, or say the same as those of rows before."""


_EMPTY: Final[Mapping[type, tuple[str, bytes]]] = {list: _spelled([]), dict: _spelled({})}


def marks_text(marks: bytes) -> str:
    """Return marks as a block's line holds them."""
    return base64.b64encode(marks).decode()
