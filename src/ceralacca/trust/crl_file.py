"""Is this a CRL that one of our authorities has signed? Asked before a download replaces what is kept (IP-9).

Whether it holds for a certificate is another question, asked with the path each time it is used
(`trust.chain`). This one keeps out what a stranger on the way, or a broken server, puts in its place.

Clauses: IP-8, IP-9, SE-5.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ceralacca.ports.crl_source import CrlFacts, UntrustedCrl
from ceralacca.trust.revocation import MalformedCrl, read_crl


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlReader:
    """Reads CRLs of these authorities; is a `ReadsCrl`."""

    authorities: tuple[bytes, ...]
    """DER of anchors and intermediates."""

    def __call__(self, der: bytes, /) -> CrlFacts:
        """Return its facts. Raises UntrustedCrl."""
        try:
            crl = read_crl(der)
            parsed = x509.load_der_x509_crl(der)
        except (MalformedCrl, ValueError):
            raise UntrustedCrl("what was fetched is no CRL", remedy="ask who publishes it") from None
        if crl.next_update is None:
            raise UntrustedCrl("the CRL does not say when the next one comes", remedy="ask who publishes it")
        if not any(_signed(parsed, authority) for authority in self.authorities):
            raise UntrustedCrl("no authority of ours has signed the CRL", remedy="check anchors and address")
        return CrlFacts(issuer=crl.issuer, this_update=crl.this_update, next_update=crl.next_update)


def _signed(crl: x509.CertificateRevocationList, authority: bytes) -> bool:
    try:
        certificate = x509.load_der_x509_certificate(authority)
        key = certificate.public_key()
        if certificate.subject != crl.issuer or not isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
            return False
        return crl.is_signature_valid(key)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
