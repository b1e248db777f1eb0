"""A message as a run of octet pieces that are never joined before they must be (GE-31).

A 30 MB original stands in its envelope and in its receipts as a view of the same memory: the
digest is taken and the output written piece by piece.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

Octets = bytes | memoryview


class Digest(Protocol):
    """What `hashlib` and `cryptography` hash objects have in common."""

    def update(self, data: Octets, /) -> None:
        """Add octets."""
        ...


@dataclass(frozen=True, slots=True)
class Splice:
    """Pieces of octets that read as one."""

    pieces: tuple[Octets, ...]

    @classmethod
    def of(cls, *parts: "Octets | Splice") -> "Splice":
        """Join octets and splices without copying them."""
        return cls(tuple(_flatten(parts)))

    def __len__(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    def __iter__(self) -> Iterator[Octets]:
        return iter(self.pieces)

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)

    def feed(self, digest: Digest) -> None:
        """Add every octet to a digest."""
        for piece in self.pieces:
            digest.update(piece)


def _flatten(parts: "Iterable[Octets | Splice]") -> Iterator[Octets]:
    for part in parts:
        if isinstance(part, Splice):
            yield from part.pieces
        elif len(part):
            yield part
