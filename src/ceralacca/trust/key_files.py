"""Files that hold keys, passphrases, PINs and certificates: read once, with their permissions checked (SE-4, GE-7).

A secret that others on the machine can read is refused, not warned about. Secrets are named by
file in the settings and never stand in them.
"""

import os
import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ceralacca.base.errors import UserError

_LARGEST = 1 << 20
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path) -> bytes:
    """Return the octets of a file that only its owner may read.

    Raises UserError when it cannot be read, is no regular file, is larger than 1 MiB, or gives
    its group or others any right: the remedy is the command that mends it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        _check_private(path, os.fstat(descriptor))  # of the open file: the name cannot be changed under us
        return _bounded(path, os.read(descriptor, _LARGEST + 1))
    finally:
        os.close(descriptor)


def read_secret_line(path: Path) -> bytes:
    """Return a passphrase or PIN: the first line of a private file, without its line end.

    Raises UserError as `read_private` does, and when the line is empty.
    """
    line = read_private(path).split(b"\n", 1)[0].rstrip(b"\r")
    if not line:
        raise UserError(f"{path} begins with an empty line", remedy="write the secret on the first line of the file")
    return line


def read_certificates(path: Path) -> tuple[bytes, ...]:
    """Return the DER of the certificates in a file: one in DER, or one or more in PEM, in their order.

    Raises UserError when the file cannot be read or holds no certificate.
    """
    try:
        octets = _bounded(path, path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        if b"-----BEGIN" in octets:
            found = x509.load_pem_x509_certificates(octets)
        else:
            found = [x509.load_der_x509_certificate(octets)]
    except ValueError as error:
        raise UserError(f"{path} holds no X.509 certificate", remedy="give a PEM or DER certificate") from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is not a regular file", remedy="name the file itself")
    if status.st_mode & _OTHERS:
        raise UserError(f"{path} holds a secret that others can reach", remedy=f"chmod 600 {path}")


def _bounded(path: Path, octets: bytes) -> bytes:
    if len(octets) > _LARGEST:
        raise UserError(f"{path} is larger than a key or certificate file can be", remedy="name the right file")
    return octets


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} cannot be read: {error.strerror}", remedy="check the path and the owner of the file")
