"""Verification of a sealed message against the raw work in it: RSA verification and SHA-256 of the same octets.

    python bench/verify.py

The subject is the whole procedure on a message as it comes (header, boundaries, CMS, digest, signature, path from
the kept answers, address, directory); the bound is `cryptography` verifying the same signature and `hashlib` the same
entity. Goal: 15 % at 5 KB.
"""

import sys
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.formats.cms import read_signed_data
from ceralacca.formats.smime import split_signed
from ceralacca.testing.authority import Authority
from ceralacca.testing.seals import ENTITY, cms_seal, message
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.verifier import JudgedAt, verify_seal
from measure import Act, Table, compare

BOUNDARY = b"----=_pec0123456789abcdef0123456789abcdef"
SIZES = {"5 KB": (5_000, 0.15), "100 KB": (100_000, None), "5 MB": (5_000_000, None)}


def acts(octets: int) -> tuple[Act, Act]:
    """Return the verification of a message with an entity of that size, and the raw work in it."""
    authority = Authority.create()
    signer = authority.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
    line = b"Questa riga riempie il messaggio di prova fino alla misura voluta.\r\n"
    entity = (ENTITY + line * (octets // len(line)))[:octets]
    sealed = message(cms_seal(entity, signer, authority.instant), sender=signer.address.text, entity=entity)
    sealed = sealed.replace(b"--S\r\n", b"--" + BOUNDARY + b"\r\n").replace(b"--S--", b"--" + BOUNDARY + b"--")
    sealed = sealed.replace(b'boundary="S"', b'boundary="' + BOUNDARY + b'"')
    trust = TrustStore(anchors=authority.anchors(), crls=authority.crls())
    record = ProviderRecord(
        name="Gestore Alfa",
        certificates=(signer.certificate,),
        receipt_mailbox=Address.parse("ricevute@gestore-alfa.example"),
        domains=("pec.alfa.example",),
    )
    directory, at = Directory(records=(record,)), JudgedAt.now(authority.instant)

    def verify() -> None:
        report = verify_seal(sealed, trust=trust, directory=directory, at=at, sender_domain="pec.alfa.example")
        assert report.verdict is SealVerdict.VALID

    info = read_signed_data(split_signed(sealed).cms).signers[0]
    assert info.attributes is not None
    attributes, signature = info.attributes.octets, info.signature
    key, scheme, digest = signer.key.public_key(), padding.PKCS1v15(), hashes.SHA256()

    def raw() -> None:
        sha256(entity).digest()
        key.verify(signature, attributes, scheme, digest)

    return verify, raw


def main() -> int:
    """Measure every size; 1 when a goal is missed."""
    table = Table("verify")
    for name, (octets, goal) in SIZES.items():
        verify, raw = acts(octets)
        table.add(compare(f"verify {name}, RSA 2048", subject=verify, bound=raw, goal=goal))
    return 0 if table.finish() else 1


if __name__ == "__main__":
    sys.exit(main())
