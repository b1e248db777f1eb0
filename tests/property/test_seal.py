"""What no change to a sealed message can do: make the verifier raise, or say good of what was not sealed.

A change is harmless when the verifier still has before it the very same signed octets, signer's certificate, signed
attributes and signature: white space in the base64, certificates that nobody needs, text outside of the seal. Any
other change must not be good.
"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.core.model.outcome import SealReport, SealStep, SealVerdict
from ceralacca.formats.cms import read_signed_data
from ceralacca.formats.smime import canonical_lines, canonical_pieces, split_signed
from ceralacca.testing.authority import Authority
from ceralacca.testing.seals import ENTITY, Make, as_ber, cms_seal, message, opaque_message
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.verifier import JudgedAt, verify_seal

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
SIGNER = AUTHORITY.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
TRUST = TrustStore(anchors=AUTHORITY.anchors(), intermediates=SIGNER.intermediates, crls=AUTHORITY.crls())
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


def verify(octets: bytes) -> SealReport:
    report = verify_seal(octets, trust=TRUST, directory=DIRECTORY, at=JudgedAt.now(AT))
    assert [step.step for step in report.steps] == list(SealStep)
    return report


def essence(octets: bytes) -> tuple[object, ...]:
    """What the seal is about: signed octets in canonical form, certificate, signed attributes, signature."""
    parts = split_signed(octets)
    data = read_signed_data(parts.cms)
    signer = data.signers[0]
    content = canonical_lines(parts.entity) if data.content is None else data.content
    attributes = signer.attributes.octets if signer.attributes else b""
    report = verify(octets)
    assert report.signer is not None
    return content, report.signer.sha256, attributes, signer.signature, len(data.signers)


@cache
def sealed(kind: str) -> bytes:
    if kind == "opaque":
        return opaque_message(cms_seal(ENTITY, SIGNER, AT, Make(inside=ENTITY)), sender=SIGNER.address.text)
    make = {"pss": Make(family="rsa-pss"), "bare": Make(signed_attributes=False)}.get(kind, Make())
    cms = cms_seal(ENTITY, SIGNER, AT, make)
    octets = message(as_ber(cms) if kind == "ber" else cms, sender=SIGNER.address.text)
    return octets.replace(b"\r\n", b"\n") if kind == "lf" else octets


KINDS = ["der", "ber", "lf", "pss", "bare", "opaque"]


def assert_harmless_or_not_good(kind: str, octets: bytes) -> None:
    report = verify(octets)
    assert not report.good or essence(octets) == essence(sealed(kind))


@pytest.mark.requirement("IP-8", "GE-5")
@pytest.mark.parametrize("kind", ["der", "ber", "lf", "pss"])
@settings(max_examples=80)
@given(st.data())
def test_any_octet_of_the_signed_part_changed_is_altered(kind, data):
    octets = sealed(kind)
    parts = split_signed(octets)
    place = parts.entity_start + data.draw(st.integers(0, len(parts.entity) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != octets[place]))
    changed = octets[:place] + bytes((value,)) + octets[place + 1 :]
    is_cut = b"\n--S" in changed[parts.entity_start : parts.entity_start + len(parts.entity)]  # it makes a boundary
    assert verify(changed).verdict is (SealVerdict.MALFORMED if is_cut else SealVerdict.ALTERED)


@pytest.mark.requirement("IP-8")
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80)
@given(st.data())
def test_any_octet_of_the_message_changed_is_harmless_or_not_good(kind, data):
    octets = sealed(kind)
    place = data.draw(st.integers(0, len(octets) - 1))
    changed = octets[:place] + bytes((data.draw(st.integers(0, 255)),)) + octets[place + 1 :]
    assert_harmless_or_not_good(kind, changed)


@pytest.mark.requirement("IP-6", "IP-7", "IP-8")
@pytest.mark.parametrize("make", [Make(), Make(family="rsa-pss"), Make(signed_attributes=False)])
@settings(max_examples=80)
@given(st.data())
def test_any_octet_of_the_cms_changed_is_harmless_or_not_good(make, data):
    cms = cms_seal(ENTITY, SIGNER, AT, make)
    place = data.draw(st.integers(0, len(cms) - 1))
    changed = cms[:place] + bytes((cms[place] ^ data.draw(st.integers(1, 255)),)) + cms[place + 1 :]
    octets = message(changed, sender=SIGNER.address.text)
    if verify(octets).good:
        assert essence(octets) == essence(message(cms, sender=SIGNER.address.text))


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(st.data())
def test_pieces_cut_out_doubled_or_swapped_are_harmless_or_not_good(kind, data):
    octets = sealed(kind)
    one, two, three = sorted(data.draw(st.tuples(*[st.integers(0, len(octets))] * 3)))
    head, first, second, tail = octets[:one], octets[one:two], octets[two:three], octets[three:]
    for changed in (head, head + tail, head + first + first + tail, head + second + first + tail):
        assert_harmless_or_not_good(kind, changed)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.sampled_from([b"", b"\r\n--S\r\n", b"--S--", b"\n\n", b"0\x80", b"boundary=S"]))
def test_any_octets_are_judged_and_never_raise(octets, seam):
    head = b'From: a@b.example\r\nContent-Type: multipart/signed; boundary="S"; protocol="application/pkcs7-signature"'
    for message_octets in (octets, octets + seam + octets, head + b"\r\n\r\n--S\r\n" + octets + seam + octets):
        assert not verify(message_octets).good
    assert not verify(message(octets, sender="a@b.example")).good


@pytest.mark.requirement("TO-4")
@given(st.binary(max_size=200))
def test_canonical_lines_leave_no_bare_lf_and_settle_at_once(octets):
    once = canonical_lines(octets)
    assert once.count(b"\n") == once.count(b"\r\n")
    assert canonical_lines(once) == once
    assert b"".join(canonical_pieces(once)) == once
    assert once.replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")
