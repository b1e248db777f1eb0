"""A message as a run of octet pieces that are never joined before they must be (GE-31).

A 30 MB original stands in its envelope and in its receipts as a view of the same memory: the
digest is taken and the output written piece by piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
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
    _sha256: str = field(init=False, compare=False, repr=False)
    """Not there before it is asked for."""

    @classmethod
    def of(cls, *parts: "Octets | Splice") -> "Splice":
        """Join octets and splices without copying them."""
        pieces: list[Octets] = []
        for part in parts:
            pieces += part.pieces if isinstance(part, Splice) else (part,)
        return cls(tuple(filter(len, pieces)))

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def __iter__(self) -> Iterator[Octets]:
        return iter(self.pieces)

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)

    def feed(self, digest: Digest) -> None:
        """Add every octet to a digest."""
        for piece in self.pieces:
            digest.update(piece)

    def sha256(self) -> str:
        """Return the SHA-256 of every octet, hexadecimal; reckoned once."""
        try:
            return self._sha256
        except AttributeError:
            digest = sha256()
            self.feed(digest)
            object.__setattr__(self, "_sha256", digest.hexdigest())
            return self._sha256


def pieces_of(octets: Octets | Splice) -> tuple[Octets, ...]:
    """Return the pieces that octets are made of, without joining them."""
    return octets.pieces if isinstance(octets, Splice) else (octets,)


def sha256_of(octets: Octets | Splice) -> str:
    """Return the SHA-256 of octets, hexadecimal, without joining them."""
    return octets.sha256() if isinstance(octets, Splice) else sha256(octets).hexdigest()
