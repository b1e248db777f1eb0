"""Which keys may seal, and signatures that are certain to hold before anything is made of them (GE-2, GE-7).

A signature made wrongly is worthless and can betray the key. A signer that does not verify what it makes, as a token
of whose inside nothing is known, has each of its signatures verified here, under the certificate that it is to hold
under.
"""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ceralacca.base.errors import UserError, WorldError
from ceralacca.ports.signer import Signer

SMALLEST_KEY = 2048
LARGEST_KEY = 4096

_REMEDY = "certify an RSA key of 2048 to 4096 bits for the provider"
_PADDING = padding.PKCS1v15()
_HASH = hashes.SHA256()


def sealing_key(certificate: bytes) -> rsa.RSAPublicKey:
    """Return the public key of a DER certificate when it may seal.

    Raises UserError when it is not RSA of 2048 to 4096 bits, or the octets are no certificate.
    """
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UserError("the signer's certificate cannot be read", remedy="give an X.509 certificate") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise UserError("the signer's key is not an RSA key", remedy=_REMEDY)
    if not SMALLEST_KEY <= key.key_size <= LARGEST_KEY:
        raise UserError(f"the signer's RSA key has {key.key_size} bits", remedy=_REMEDY)
    return key


def certain_signature(signer: Signer, key: rsa.RSAPublicKey, octets: bytes) -> bytes:
    """Return a signature over octets, PKCS#1 v1.5 with SHA-256, that holds under the key of the signer's certificate.

    Raises WorldError when it does not, and whatever the signer raises.
    """
    signature = signer.sign(octets)
    if signer.checks_itself:
        return signature
    try:
        key.verify(signature, octets, _PADDING, _HASH)
    except InvalidSignature:
        raise WorldError(
            "the signature just made does not hold under the signer's certificate",
            remedy="check that key and certificate belong together, then the token that holds the key",
        ) from None
    return signature
