"""The key of second factors: encrypts the secrets of apps, hashes recovery codes, and signs challenges (SE-3).

One key file, of the form and mode of the virus storage's, and in no database: whoever reads the tables can neither
make a code nor try recovery codes. Three keys are drawn from it (HKDF, RFC 5869), so that no use helps another.

A secret is bound to its mailbox: a row that is copied to another mailbox opens nothing.
"""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import Entropy, system_entropy
from ceralacca.core.model.address import Address
from ceralacca.ports.vault import SpoiltVaultFile
from ceralacca.trust.vault_key import VaultKey, read_key

_KEY_OCTETS: Final = 32
_HANDLE_OCTETS: Final = 32


class FactorKey:
    """The key in memory. Safe between threads."""

    def __init__(self, key: bytes, entropy: Entropy = system_entropy) -> None:
        if len(key) != _KEY_OCTETS:
            raise UserError("the key of second factors is not 256 bits", remedy="give 64 hexadecimal digits")
        self._cipher = VaultKey(_drawn(key, b"secrets of apps"), entropy)
        self._hashing = _drawn(key, b"recovery codes")
        self._signing = _drawn(key, b"challenges")

    @classmethod
    def load(cls, path: Path, entropy: Entropy = system_entropy) -> "FactorKey":
        """Read the key file. Raises UserError, also when others may read it."""
        return cls(read_key(path), entropy)

    def seal(self, secret: bytes, mailbox: Address, purpose: str) -> bytes:
        """Return a secret encrypted, for one mailbox and purpose."""
        return self._cipher.seal(secret, bound=_bound(mailbox, purpose))

    def open(self, sealed: bytes, mailbox: Address, purpose: str) -> bytes:
        """Return the secret. Raises WorldError when it was changed, is another's, or the key is another."""
        try:
            return self._cipher.open(sealed, bound=_bound(mailbox, purpose))
        except SpoiltVaultFile:
            raise WorldError(
                "what is kept of a second factor does not open with this key",
                remedy="give the key file of its time, or reset it: pec mailbox second-factor reset",
            ) from None

    def hash_of(self, code: str, mailbox: Address) -> str:
        """Return what is kept of a recovery code."""
        return hmac.digest(self._hashing, _bound(mailbox, code), "sha256").hex()

    def handle_of(self, mailbox: Address) -> bytes:
        """Return what makers of passkeys know a mailbox by: always the same, and nothing that tells its address."""
        return hmac.digest(self._hashing, b"handle\0" + mailbox.key.encode(), "sha256")[:_HANDLE_OCTETS]

    def sign(self, octets: bytes) -> bytes:
        """Return a mark that only who has the key can make."""
        return hmac.digest(self._signing, octets, "sha256")


def _drawn(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_OCTETS, None, b"ceralacca second factors: " + purpose).derive(key)


def _bound(mailbox: Address, purpose: str) -> bytes:
    """Return octets that no other pair gives."""
    return sha256(mailbox.key.encode()).digest() + purpose.encode()
