"""The key of the virus storage: AES-256-GCM over whole files, from a key file of mode 0600 (VI-2).

A sealed file is: one octet of version, eight octets that name the key, twelve of nonce, the
ciphertext with its tag. The key's name tells an operator with several keys which one is missing;
it gives nothing of the key away.

Not the key that seals messages, and never in the settings (SE-4).
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import Entropy, system_entropy
from ceralacca.formats.splice import Octets
from ceralacca.ports.vault import SpoiltVaultFile
from ceralacca.trust.key_files import read_secret_line

_VERSION: Final = b"\x01"
_KEY_OCTETS: Final = 32
_NAME_OCTETS: Final = 8
_NONCE_OCTETS: Final = 12
_HEAD: Final = 1 + _NAME_OCTETS + _NONCE_OCTETS


class VaultKey:
    """A key in memory; satisfies `ports.vault.VaultCipher`. Safe between threads."""

    def __init__(self, key: bytes, entropy: Entropy = system_entropy) -> None:
        if len(key) != _KEY_OCTETS:
            raise UserError("the key of the virus storage is not 256 bits", remedy="make it with `make_vault_key`")
        self._cipher = AESGCM(key)
        self._name = hashlib.sha256(b"virus storage key\0" + key).digest()[:_NAME_OCTETS]
        self._entropy = entropy

    @classmethod
    def load(cls, path: Path, entropy: Entropy = system_entropy) -> "VaultKey":
        """Read a key file: 64 hexadecimal digits. Raises UserError, also when others may read it."""
        return cls(read_key(path), entropy)

    def seal(self, octets: Octets, *, bound: bytes) -> bytes:
        """Return the octets encrypted; `bound` must be given again to open them."""
        nonce = self._entropy(_NONCE_OCTETS)
        head = _VERSION + self._name + nonce
        return head + self._cipher.encrypt(nonce, octets, head + bound)

    def open(self, sealed: Octets, *, bound: bytes) -> bytes:
        """Return the octets. Raises SpoiltVaultFile when anything was changed, or the key is another."""
        head = bytes(sealed[:_HEAD])
        if len(head) < _HEAD or head[:1] != _VERSION:
            raise SpoiltVaultFile("a file of the virus storage is not one", remedy="restore it from a copy")
        if head[1 : 1 + _NAME_OCTETS] != self._name:
            raise SpoiltVaultFile("a file of the virus storage has another key", remedy="give the key of its time")
        try:
            return self._cipher.decrypt(head[-_NONCE_OCTETS:], sealed[_HEAD:], head + bound)
        except InvalidTag:
            raise SpoiltVaultFile("a file of the virus storage was changed", remedy="restore it from a copy") from None


def read_key(path: Path) -> bytes:
    """Return the octets of a key file: 64 hexadecimal digits. Raises UserError, also when others may read it."""
    line = read_secret_line(path)
    try:
        return bytes.fromhex(line.decode("ascii"))
    except ValueError:
        raise UserError(f"{path} holds no key", remedy="it must be 64 hexadecimal digits") from None


def ensure_key(path: Path, entropy: Entropy = system_entropy) -> None:
    """Write a new key file unless there is one."""
    with suppress(FileExistsError):
        make_vault_key(path, entropy)


def make_vault_key(path: Path, entropy: Entropy = system_entropy) -> None:
    """Write a new key file, 0600, durably. Raises FileExistsError rather than replace one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(entropy(_KEY_OCTETS).hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
