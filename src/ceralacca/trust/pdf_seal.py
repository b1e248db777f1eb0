"""The provider's signature inside a PDF (PAdES-B): whoever opens the file sees who gave it out and that it is whole.

The signature covers every octet of the document and stands in a revision of its own behind it. It names its
certificate by hash (RFC 5035) and has its time in the signature field, as the baseline profile wants (EN 319 142-1).
What the signature's form is made of is pyhanko's; the signature itself comes from a `Signer`, and is certain to hold
(`sealing_key`).

A time stamp is not put inside: it stands beside the file, as it does with every file of the log (LO-6).
"""

from datetime import datetime
from io import BytesIO
from typing import Any

from asn1crypto import x509 as asn1_x509
from asn1crypto.algos import SignedDigestAlgorithm
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers import Signer as PdfCmsSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ceralacca.ports.signer import Signer
from ceralacca.trust.sealing_key import certain_signature, sealing_key

FIELD = "Signature"
"""Name of the signature field."""


def seal_pdf(pdf: bytes, signer: Signer, instant: datetime, *, name: str = "", reason: str = "") -> bytes:
    """Return the document with the signature in it.

    Args:
        pdf: a whole document, not signed yet.
        signer: whose signature it is.
        instant: what the signature says of its time; written to the second.
        name: who signs, as readers show it.
        reason: why, as readers show it.

    Raises UserError for a key that may not seal, WorldError when the signature just made does not hold, and what the
    signer raises. Blocks; not to be called on an event loop.
    """
    with BytesIO(pdf) as source:
        writer = _AsItWas(source)
        about = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            name=name or None,
            reason=reason or None,
        )
        signed: BytesIO = _AtInstant(about, _PortSigner(signer), instant).sign_pdf(writer)
        return signed.getvalue()


class _AsItWas(IncrementalPdfFileWriter):
    """Adds the signature and leaves what the document says of itself: the library would put its name and the time."""

    def _update_meta(self) -> None:
        pass


class _AtInstant(PdfSigner):
    """Signs at an instant that is given, not at that of the system's clock (TI-12)."""

    def __init__(self, about: PdfSignatureMetadata, signer: PdfCmsSigner, instant: datetime) -> None:
        super().__init__(about, signer)
        self._instant = instant

    def init_signing_session(self, *arguments: Any, **options: Any) -> Any:
        """Begin a signature with our instant as its time."""
        session = super().init_signing_session(*arguments, **options)
        session.system_time = self._instant
        return session


class _PortSigner(PdfCmsSigner):
    """Lets the library sign with whatever stands behind our port, never seeing the key."""

    def __init__(self, signer: Signer) -> None:
        above: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        for der in signer.intermediates:
            above.register(asn1_x509.Certificate.load(der))
        super().__init__(
            signing_cert=asn1_x509.Certificate.load(signer.certificate),
            cert_registry=above,
            signature_mechanism=SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
        )
        self._signer = signer
        self._key = sealing_key(signer.certificate)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """Sign the attributes; an estimate of the length is all that a dry run is for."""
        del digest_algorithm
        if dry_run:
            return bytes(self._key.key_size // 8)
        return certain_signature(self._signer, self._key, data)
