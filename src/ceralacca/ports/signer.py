"""The port behind which a signing key lives (GE-7, SE-4): a file in development, a token in production."""

from typing import Protocol


class Signer(Protocol):
    """One RSA key with its certificate and the intermediate certificates above it.

    Implementations are safe to call from several threads and never give the key away.
    """

    @property
    def certificate(self) -> bytes:
        """DER of the signer's certificate."""
        ...

    @property
    def intermediates(self) -> tuple[bytes, ...]:
        """DER of the certificates between the signer and the anchor, signer's issuer first (GE-2)."""
        ...

    @property
    def checks_itself(self) -> bool:
        """Whether `sign` gives out no signature that was not verified; else whoever asked for it verifies it."""
        ...

    def sign(self, octets: bytes) -> bytes:
        """Return the PKCS#1 v1.5 signature with SHA-256 over the octets (hashing them is part of the act).

        Raises WorldError when the key cannot be used at present (token away, session lost).
        """
        ...
