"""A sealing key in a PKCS#8 file: for development and for small sites without a token (GE-7).

In production the key lives in a hardware token (SE-4, `trust.pkcs11`); both stand behind
`ports.signer`. The file may be encrypted; its permissions are checked at load; the key never
leaves the object.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from ceralacca.base.errors import UserError
from ceralacca.trust.key_files import read_certificates, read_private, read_secret_line
from ceralacca.trust.sealing_key import sealing_key

_PADDING = padding.PKCS1v15()
_HASH = hashes.SHA256()


class SoftwareKey:
    """A key held in the memory of this process; satisfies `ports.signer.Signer`.

    Raises UserError when the key may not seal (RSA of 2048 to 4096 bits) or does not belong to the
    certificate.
    """

    def __init__(self, key: rsa.RSAPrivateKey, certificate: bytes, intermediates: tuple[bytes, ...] = ()) -> None:
        if sealing_key(certificate).public_numbers() != key.public_key().public_numbers():
            raise UserError(
                "the private key does not belong to the certificate",
                remedy="give the certificate that was issued for this key",
            )
        self._key = key
        self._certificate = certificate
        self._intermediates = intermediates

    @classmethod
    def load(cls, key_file: Path, certificate_file: Path, *, passphrase_file: Path | None = None) -> "SoftwareKey":
        """Read a PKCS#8 key (PEM or DER, encrypted or not) and its certificate.

        The certificate file holds the signer's certificate first and then those between it and the
        anchor (GE-2). The passphrase is the first line of its file. Raises UserError, with what to
        do, for every file that is not as it must be.
        """
        passphrase = None if passphrase_file is None else read_secret_line(passphrase_file)
        key = _read_key(key_file, passphrase)
        certificate, *above = read_certificates(certificate_file)
        return cls(key, certificate, tuple(above))

    @property
    def certificate(self) -> bytes:
        """DER of the signer's certificate."""
        return self._certificate

    @property
    def intermediates(self) -> tuple[bytes, ...]:
        """DER of the certificates above it, its issuer first."""
        return self._intermediates

    @property
    def checks_itself(self) -> bool:
        """Yes: OpenSSL verifies what it has computed by the factors of a key, lest a fault betray them.

        That they are the factors of the certificate's key was seen when this was made.
        """
        return True

    def sign(self, octets: bytes) -> bytes:
        """Return the PKCS#1 v1.5 signature with SHA-256 over the octets."""
        return self._key.sign(octets, _PADDING, _HASH)


def _read_key(path: Path, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    key = _parse_key(path, read_private(path), passphrase)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UserError(f"{path} does not hold an RSA key", remedy="give the RSA key of the provider's certificate")
    return key


def _parse_key(path: Path, octets: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    load = load_pem_private_key if octets.lstrip().startswith(b"-----BEGIN") else load_der_private_key
    try:
        return load(octets, passphrase)
    except TypeError:  # the library's way to say that a passphrase is missing, or given for nothing
        if passphrase is None:
            raise UserError(f"{path} is encrypted", remedy="name the file that holds its passphrase") from None
        raise UserError(f"{path} is not encrypted", remedy="encrypt it, or name no passphrase file") from None
    except (ValueError, UnsupportedAlgorithm):  # what the library says may quote the file: it goes no further
        remedy = "check that it is a PKCS#8 file" + ("" if passphrase is None else ", and its passphrase")
        raise UserError(f"{path} cannot be read as a private key", remedy=remedy) from None
