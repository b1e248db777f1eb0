"""The signature around a configuration profile, made with the key of the web server's own TLS certificate.

Whoever installs the profile sees that it comes from the host that it was fetched from, by the same certificate. The
provider's sealing key has no part in it: a profile is no PEC message, and the web role does not hold that key (SE-4).

Sources: Apple, Configuration Profile Reference, "Signing and Encrypting Profiles"; RFC 5652, 5.
"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from ceralacca.base.errors import UserError
from ceralacca.trust.key_files import read_certificates


class ProfileSigner:
    """Signs profiles with the first certificate of a chain; several threads may use it.

    Raises UserError when the files cannot be used. A key of another kind than RSA or ECDSA cannot sign a profile: then
    `sign` gives back what it got, and the device says that the profile is not signed.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        own, *above = (x509.load_der_x509_certificate(one) for one in read_certificates(certificate))
        try:
            loaded = load_pem_private_key(key.read_bytes(), None)
        except (OSError, ValueError, TypeError):  # what the library says may quote the file: it goes no further
            raise UserError(f"{key} cannot be read as a private key", remedy="give PEM without passphrase") from None
        self._certificate, self._above = own, above
        self._key = loaded if isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None

    @property
    def signs(self) -> bool:
        """Whether the key can sign a profile."""
        return self._key is not None

    def sign(self, profile: bytes) -> bytes:
        """Return DER SignedData with the profile and the chain inside."""
        if self._key is None:
            return profile
        builder = PKCS7SignatureBuilder(data=profile).add_signer(self._certificate, self._key, hashes.SHA256())
        for one in self._above:
            builder = builder.add_certificate(one)
        return builder.sign(Encoding.DER, [PKCS7Options.Binary])
