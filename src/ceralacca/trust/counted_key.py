"""A key that counts its signatures, so that its use can be audited (SE-4).

The counts lie in a small mapped file, which outlives a process that is killed: whoever opens the key next under the
same file finds what the one before has not reported. After a power cut the last counts may be missing; what was
signed and left the provider is a letter in the store in any case.
"""

import hashlib
import mmap
import os
import struct
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.ports.signer import Signer

_LAYOUT: Final = struct.Struct("<QQqq")  # signatures, failures, first and last instant in microseconds
_Counts = tuple[int, int, int, int]
_NONE: Final[_Counts] = (0, 0, 0, 0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUses:
    """How often a key was used, and when."""

    signatures: int
    failures: int
    """So many times it could not sign."""
    first: datetime
    last: datetime


class CountedKey:
    """A `Signer` around another one. Safe between threads; one process at a time has the file."""

    def __init__(self, key: Signer, counts: Path, clock: Clock) -> None:
        """Count into a file, made if need be. Raises WorldError when it cannot be had."""
        self._key, self._clock = key, clock
        self._lock = threading.Lock()
        try:
            handle = os.open(counts, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(handle, _LAYOUT.size)
                self._file = mmap.mmap(handle, _LAYOUT.size)
            finally:
                os.close(handle)
        except OSError as error:
            raise WorldError(f"{counts}: {error.strerror}", remedy="look at the data folder") from error
        self._counts: _Counts = _LAYOUT.unpack_from(self._file)

    @property
    def certificate(self) -> bytes:
        """DER of the signer's certificate."""
        return self._key.certificate

    @property
    def intermediates(self) -> tuple[bytes, ...]:
        """DER of the certificates above it, its issuer first."""
        return self._key.intermediates

    @property
    def checks_itself(self) -> bool:
        """As the key that is counted."""
        return self._key.checks_itself

    @property
    def name(self) -> str:
        """What the key is called in records: the SHA-256 of its certificate, hexadecimal."""
        return key_name(self.certificate)

    def sign(self, octets: bytes) -> bytes:
        """Return the signature; it is counted before it is given out. Raises WorldError, which is counted too."""
        try:
            signature = self._key.sign(octets)
        except WorldError:
            self._add(signatures=0, failures=1)
            raise
        self._add(signatures=1, failures=0)
        return signature

    def uses(self) -> KeyUses | None:
        """Return what was counted and not yet settled, also by a process before this one; None when nothing was."""
        signatures, failures, first, last = self._counts
        if not signatures and not failures:
            return None
        return KeyUses(signatures=signatures, failures=failures, first=_instant(first), last=_instant(last))

    def settle(self, uses: KeyUses) -> None:
        """Take away what was reported; what was counted since stays."""
        with self._lock:
            signatures, failures, _, last = self._counts
            left = signatures - uses.signatures, failures - uses.failures
            self._put((*left, _microseconds(uses.last), last) if any(left) else _NONE)

    def close(self) -> None:
        """Give back the file; the counts stay in it."""
        self._file.close()

    def _add(self, *, signatures: int, failures: int) -> None:
        now = _microseconds(self._clock.now())
        with self._lock:
            made, failed, first, _ = self._counts
            self._put((made + signatures, failed + failures, first if made or failed else now, now))

    def _put(self, counts: _Counts) -> None:
        self._counts = counts
        _LAYOUT.pack_into(self._file, 0, *counts)


def key_name(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate, hexadecimal."""
    return hashlib.sha256(certificate).hexdigest()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
