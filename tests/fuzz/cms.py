"""Fuzz target: CMS, certificates and CRLs from a stranger, alone and in a sealed message.

    python tests/fuzz/cms.py tests/fuzz/corpus/cms

Whatever the octets, nothing but our own errors comes out, every step of the procedure has its outcome, and good is
only what the one known provider signed.
"""

from collections.abc import Callable

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.core.model.outcome import SealReport, SealStep
from ceralacca.formats.cms import MalformedCms, SignedData, read_signed_data
from ceralacca.formats.cms_alike import read_seal
from ceralacca.formats.smime import MalformedSignature, NotSigned, split_signed
from ceralacca.testing.authority import Authority
from ceralacca.testing.seals import ENTITY, message
from ceralacca.trust.certificate import MalformedCertificate, read_certificate
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.instant import JudgedAt
from ceralacca.trust.opaque import open_opaque
from ceralacca.trust.revocation import MalformedCrl, read_crl
from ceralacca.trust.verifier import verify_seal

AUTHORITY = Authority.create()
SIGNER = AUTHORITY.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
TRUST = TrustStore(anchors=AUTHORITY.anchors(), intermediates=SIGNER.intermediates, crls=AUTHORITY.crls())
KNOWN = {ENTITY, b"version: 1\n\ndn: o=postacert\n"}
AT = JudgedAt.signing(AUTHORITY.instant)
DIRECTORY = Directory(
    records=(
        ProviderRecord(
            name="Gestore Alfa",
            certificates=(SIGNER.certificate,),
            receipt_mailbox=Address.parse("ricevute@gestore-alfa.example"),
            domains=("pec.alfa.example",),
        ),
    )
)


def test_one_input(data: bytes) -> None:
    """Read one input as everything that a seal is made of."""
    _alone(data)
    assert _read(read_seal, data) == _read(read_signed_data, data)
    _judge(message(data, sender=SIGNER.address.text))
    _judge(data)


def _alone(data: bytes) -> None:
    for read, fault in ((read_certificate, MalformedCertificate), (read_crl, MalformedCrl)):
        try:
            read(data)
        except fault:
            continue
    try:
        opened = open_opaque(data, trust=TRUST, at=AT)
    except MalformedCms:
        return
    assert not opened.report.good or opened.content in KNOWN


def _read(read: Callable[[bytes], SignedData], octets: bytes) -> SignedData | str:
    try:
        return read(octets)
    except MalformedCms as fault:
        return str(fault)


def _judge(octets: bytes) -> None:
    report: SealReport = verify_seal(octets, trust=TRUST, directory=DIRECTORY, at=AT)
    assert [step.step for step in report.steps] == list(SealStep)
    try:
        parts = split_signed(octets)
        inside = read_signed_data(parts.cms).content
    except (NotSigned, MalformedSignature, MalformedCms):
        assert not report.good
        return
    if report.good:
        assert report.signer is not None
        assert (inside or bytes(parts.entity)).replace(b"\r\n", b"\n") == ENTITY.replace(b"\r\n", b"\n")


if __name__ == "__main__":
    import sys

    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
