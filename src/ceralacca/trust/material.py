"""Certificates and revocation lists read from files and folders, PEM or DER (CE-9, SE-5).

Nothing here decides whom to trust: the operator does, by what is put into the folder. In what is
given as trust, an authority that signed itself is an anchor; the other authorities are
intermediates. Where no authority signed itself (a single intermediate pinned on purpose), every
authority given is an anchor. A certificate that is no authority never becomes an anchor.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ceralacca.base.errors import UserError

SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der", ".crl", ".0", ".r0"})
"""File names that count inside a folder; a file named on its own may have any name."""

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMaterial:
    """What was found, each thing once, as DER."""

    anchors: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


def read_material(paths: Iterable[Path]) -> TrustMaterial:
    """Read every certificate and CRL from the files and folders given.

    Raises UserError when a path does not exist, a file named on its own holds neither, or a file
    cannot be parsed. End-entity certificates are passed over.
    """
    certificates: dict[bytes, x509.Certificate] = {}
    crls: dict[bytes, None] = {}
    for path in paths:
        for file in _files(path):
            for thing in _read_file(file, named=file == path):
                der = thing.public_bytes(Encoding.DER)
                if isinstance(thing, x509.Certificate):
                    certificates[der] = thing
                else:
                    crls[der] = None
    authorities = {der: one for der, one in certificates.items() if _is_authority(one)}
    selfsigned = tuple(der for der, one in authorities.items() if one.subject == one.issuer)
    anchors = selfsigned or tuple(authorities)
    return TrustMaterial(
        anchors=anchors,
        intermediates=tuple(der for der in authorities if der not in anchors),
        crls=tuple(crls),
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(child for child in path.rglob("*") if child.suffix.lower() in SUFFIXES and child.is_file())
    if not path.exists():
        raise UserError(f"{path}: no such file or folder", remedy="give a PEM or DER file, or a folder of them")
    return [path]


def _read_file(path: Path, *, named: bool) -> Iterator[x509.Certificate | x509.CertificateRevocationList]:
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="check that you may read it") from error
    try:
        found = list(_pem(data) if b"-----BEGIN " in data else _der(data))
    except ValueError as error:
        raise UserError(
            f"{path}: neither a certificate nor a revocation list", remedy="give X.509 certificates or CRLs, PEM or DER"
        ) from error
    if named and not found:
        raise UserError(f"{path}: no certificate and no revocation list inside", remedy="give X.509, PEM or DER")
    yield from found


def _pem(data: bytes) -> Iterator[x509.Certificate | x509.CertificateRevocationList]:
    for block in _PEM_BLOCK.finditer(data):
        if block[1] in {b"CERTIFICATE", b"TRUSTED CERTIFICATE"}:
            yield x509.load_pem_x509_certificate(block[0])
        elif block[1] == b"X509 CRL":
            yield x509.load_pem_x509_crl(block[0])


def _der(data: bytes) -> Iterator[x509.Certificate | x509.CertificateRevocationList]:
    try:
        yield x509.load_der_x509_certificate(data)
    except ValueError:
        yield x509.load_der_x509_crl(data)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1 and certificate.subject == certificate.issuer
    except ValueError:  # extensions that cannot be parsed
        return False
