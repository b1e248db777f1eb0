"""The key of the log: seals heads of blocks and whole files as CAdES-B (LO-6).

It is a key of its own: whoever could sign messages must not be able to rewrite the log that tells of them.

Clauses: LO-6, SE-4; ETSI EN 319 122-1 (signing-time, signing-certificate-v2).
"""

from datetime import datetime

from ceralacca.base.errors import UserError
from ceralacca.ports.signer import Signer
from ceralacca.trust.cms_writer import opaque_frame, sign_opaque
from ceralacca.trust.sealing_key import sealing_key


class LogSealKey:
    """Satisfies `ports.log_seal.LogKey`. Safe between threads."""

    def __init__(self, signer: Signer, *, messages: bytes) -> None:
        """Take over the key; `messages` is the DER certificate of the messages' key. Raises UserError when it is one.

        The same key under another certificate is refused as well (LO-6).
        """
        if sealing_key(signer.certificate).public_numbers() == sealing_key(messages).public_numbers():
            raise UserError(
                "the log is to be sealed with the key of the messages",
                remedy="give message_log.keys a key and certificate of their own (LO-6)",
            )
        self._signer = signer

    @property
    def certificate(self) -> bytes:
        """DER of the certificate."""
        return self._signer.certificate

    def seal(self, record: bytes, instant: datetime) -> bytes:
        """Return CMS with the record inside. Raises WorldError."""
        return sign_opaque(self._signer, record, instant, signing_certificate=True)

    def frame(self, octets: int, digest: bytes, instant: datetime) -> tuple[bytes, bytes]:
        """Return what makes a `.p7m` of a content. Raises WorldError."""
        return opaque_frame(self._signer, octets, digest, instant, signing_certificate=True)
