"""A Merkle root over rows as they pass by: leaves and nodes told apart, as in RFC 6962, 2.1.

Leaf: SHA-256 over the octet 0 and the leaf's data; node: SHA-256 over the octet 1 and its two children; the left
subtree of n leaves has the largest power of two below n. Memory grows with the logarithm of their number.
"""

from hashlib import sha256

EMPTY_ROOT = sha256().digest()


class MerkleTree:
    """Takes leaves one after the other."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, data: bytes) -> None:
        """Add the next leaf."""
        size, node = 1, sha256(b"\x00" + data).digest()
        while self._peaks and self._peaks[-1][0] == size:
            _, left = self._peaks.pop()
            size, node = 2 * size, sha256(b"\x01" + left + node).digest()
        self._peaks.append((size, node))

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = sha256(b"\x01" + left + node).digest()
        return node
