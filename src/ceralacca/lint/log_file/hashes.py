"""The hashes of a row and of a block, taken again from the octets of the lines (LO-5, LO-7).

The quick way: a row is as it was sealed when number, link and hash are those expected. Where they are
not, `lint.log_file.places` looks for what was done.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

_PREV = b',"prev_hash":"'
_HASH = b',"hash":"'
_TAIL = len(_HASH) + 64 + 2
_LINK = len(_PREV) + 64 + 1


class Link(NamedTuple):
    """What chains a row: read from its end, where it always stands at the same distance."""

    prev_hash: bytes
    """As written; empty when it does not stand there."""
    hash: bytes
    """As written; empty when it does not stand there."""
    taken: bytes
    """SHA-256 of the line without its hash, 32 octets."""


def link(line: bytes) -> Link:
    """Read the link of a row and take its hash."""
    body, tail = line[:-_TAIL], line[-_TAIL:]
    written = tail[len(_HASH) : -2] if tail.startswith(_HASH) and tail.endswith(b'"}') else b""
    before = body[-_LINK:]
    prev_hash = before[len(_PREV) : -1] if before.startswith(_PREV) and before.endswith(b'"') else b""
    return Link(prev_hash, written, sha256(body + b"}").digest())


def relinked(line: bytes, *, number: int, prev_hash: bytes) -> bytes:
    """Return the line as it would be with another number and link, up to its hash: to find out which was changed."""
    body = line[:-_TAIL]
    comma = body.find(b",")
    return b'{"seq":%d' % number + body[comma:-_LINK] + _PREV + prev_hash + b'"'


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of RFC 6962 over the data of leaves, level by level: an odd node goes up as it is."""
    if not leaves:
        return sha256(b"").digest()
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]
