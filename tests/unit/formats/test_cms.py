from datetime import UTC, datetime

import pytest
from asn1crypto.core import OctetString

from ceralacca.formats.ber import MalformedBer
from ceralacca.formats.cms import (
    ID_DATA,
    MOST_CERTIFICATES,
    MalformedCms,
    SignatureScheme,
    read_signed_data,
    read_time,
)
from ceralacca.testing.authority import Authority
from ceralacca.testing.seals import ENTITY, Make, as_ber, attribute, cms_seal, content_info, signer_info

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
SIGNER = AUTHORITY.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")


def seal(**make: object) -> bytes:
    return cms_seal(ENTITY, SIGNER, AT, Make(**make))  # type: ignore[arg-type]


@pytest.mark.requirement("IP-6", "GE-2")
def test_the_outline_of_a_detached_seal():
    read = read_signed_data(seal())
    assert read.content is None
    assert read.content_type == ID_DATA
    assert set(read.certificates) == {SIGNER.certificate, *SIGNER.intermediates}
    (signer,) = read.signers
    assert signer.digest == "sha256"
    assert signer.scheme == SignatureScheme(family="rsa", digest="")
    assert signer.attributes is not None
    assert signer.attributes.signing_time == AT
    assert len(signer.attributes.message_digest) == 32
    assert signer.attributes.octets[0] == 0x31
    assert len(signer.signature) == 256


@pytest.mark.requirement("TO-1")
@pytest.mark.parametrize("make", [{}, {"inside": ENTITY * 5}, {"signed_attributes": False}, {"digest": "sha1"}])
def test_ber_and_der_read_alike(make):
    der = seal(**make)
    assert as_ber(der) != der
    assert read_signed_data(as_ber(der)) == read_signed_data(der)


def test_signed_attributes_of_indefinite_length_are_signed_as_der():
    der = seal()
    assert read_signed_data(as_ber(der, attributes=True)) == read_signed_data(der)
    many = seal(attributes=lambda usual: [*usual, attribute("1.2.3.4", OctetString(bytes(200)))])
    assert read_signed_data(as_ber(many, attributes=True)) == read_signed_data(many)


@pytest.mark.parametrize(
    ("make", "scheme"),
    [
        ({"family": "rsa-named"}, SignatureScheme(family="rsa", digest="sha256")),
        ({"family": "rsa-named", "digest": "sha1"}, SignatureScheme(family="rsa", digest="sha1")),
        ({"family": "rsa-pss", "digest": "sha512"}, SignatureScheme(family="rsa-pss", digest="sha512", salt_octets=32)),
    ],
)
def test_signature_algorithms(make, scheme):
    assert read_signed_data(seal(**make)).signers[0].scheme == scheme


def test_unknown_algorithms_have_no_name():
    der = seal()
    unknown = der.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d010163"))
    assert read_signed_data(unknown).signers[0].scheme.family == ""
    unknown = der.replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040263"))
    assert read_signed_data(unknown).signers[0].digest == ""


def test_pss_with_parameters_out_of_the_usual_has_no_name():
    der = seal(family="rsa-pss")
    assert read_signed_data(der.replace(b"\x02\x01\x20", b"\x02\x01\xff")).signers[0].scheme.family == ""


def test_no_signer_and_many_are_read_as_they_are():
    assert read_signed_data(content_info([], SIGNER)).signers == ()
    infos = [signer_info(ENTITY, SIGNER, AT) for _ in range(3)]
    assert len(read_signed_data(content_info(infos, SIGNER)).signers) == 3


def test_more_certificates_than_a_seal_can_need_are_refused():
    certificates = (SIGNER.certificate,) * (MOST_CERTIFICATES + 1)
    with pytest.raises(MalformedCms):
        read_signed_data(seal(certificates=certificates))


def test_every_prefix_and_every_suffix_is_refused():
    der = seal()
    for cut in range(len(der)):
        with pytest.raises(MalformedCms):
            read_signed_data(der[:cut])
    for tail in (b"\0", b"\r\n", der):
        with pytest.raises(MalformedCms):
            read_signed_data(der + tail)


@pytest.mark.parametrize(
    ("octets", "long", "instant"),
    [
        (b"261105120000Z", False, datetime(2026, 11, 5, 12, tzinfo=UTC)),
        (b"491231235959Z", False, datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (b"500101000000Z", False, datetime(1950, 1, 1, tzinfo=UTC)),
        (b"20500101000000Z", True, datetime(2050, 1, 1, tzinfo=UTC)),
        (b"261105130000+0100", False, datetime(2026, 11, 5, 12, tzinfo=UTC)),
        (b"261105113000-0030", False, datetime(2026, 11, 5, 12, tzinfo=UTC)),
    ],
)
def test_signing_times(octets, long, instant):
    assert read_time(octets, long=long) == instant


@pytest.mark.parametrize(
    "octets",
    [b"", b"2611051200Z", b"261305120000Z", b"261105120000", b"261105120000z", b"26110512000\xb2Z", b"261105120000+1"],
)
def test_what_is_no_time_is_refused(octets):
    with pytest.raises(MalformedBer):
        read_time(octets, long=False)
