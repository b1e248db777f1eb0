"""What the virus storage asks of the world: a cipher, so that nothing in it can run or be sent again (VI-2)."""

from dataclasses import dataclass
from typing import Protocol

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Octets


class SpoiltVaultFile(WorldError):
    """A file of the vault is not as it was written, or was written with another key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What came of a purge of infected octets."""

    gone: int = 0
    """So many octet strings were taken out now."""
    left: frozenset[str] = frozenset()
    """Digests of those that stay for the time being, because something needs them."""


class VaultCipher(Protocol):
    """Encrypts whole files with a key of the provider's; the real one is `trust.vault_key.VaultKey`."""

    def seal(self, octets: Octets, *, bound: bytes) -> bytes:
        """Return the octets encrypted and authenticated together with `bound`, which stays in clear elsewhere."""
        ...

    def open(self, sealed: Octets, *, bound: bytes) -> bytes:
        """Return the octets again. Raises SpoiltVaultFile."""
        ...
