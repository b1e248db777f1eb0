import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import asn1crypto.tsp  # noqa: F401 fills the maps of CMS before the first seal is parsed
import pytest
from asn1crypto import cms
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.clock import NOON
from ceralacca.testing.keys import private_key
from ceralacca.testing.zoo import detached_seal, zoo
from ceralacca.trust.cms_writer import SealTemplate, sign_opaque

AUTHORITY = Authority.create()
PROVIDER = AUTHORITY.provider("Gestore Alfa S.p.A.", Address("posta-certificata@gestore-alfa.example"))
TEMPLATE = SealTemplate(PROVIDER)
CONTENT = b"Content-Type: text/plain\r\n\r\nBuongiorno.\r\n"
DIGEST = sha256(CONTENT).digest()
FAR = datetime(2050, 1, 1, tzinfo=UTC)


def seal(template=TEMPLATE, instant=NOON, digest=DIGEST):
    return template.sign(digest, instant)


def parsed(octets):
    info = cms.ContentInfo.load(octets, strict=True)
    assert info["content_type"].native == "signed_data"
    return info["content"]


def encoded_again(octets):
    info = cms.ContentInfo.load(octets, strict=True)
    assert info.native  # parses every field, so that every field is encoded anew
    return info.dump(force=True)


def attributes(signed_data):
    (signer,) = signed_data["signer_infos"]
    return {item["type"].native: item["values"] for item in signer["signed_attrs"]}


@pytest.mark.requirement("GE-1", "GE-2", "GE-4")
def test_a_seal_is_detached_signed_data_with_one_signer_and_both_certificates():
    data = parsed(seal())
    assert data["version"].native == "v1"
    assert [item["algorithm"].native for item in data["digest_algorithms"]] == ["sha256"]
    assert data["encap_content_info"]["content_type"].native == "data"
    assert data["encap_content_info"]["content"].native is None
    assert {item.chosen.dump() for item in data["certificates"]} == {PROVIDER.certificate, *PROVIDER.intermediates}
    (signer,) = data["signer_infos"]
    assert signer["sid"].chosen["serial_number"].native == PROVIDER.x509.serial_number
    assert signer["sid"].chosen["issuer"].dump() == PROVIDER.x509.issuer.public_bytes()
    assert signer["digest_algorithm"]["algorithm"].native == "sha256"


@pytest.mark.requirement("GE-1", "GE-23")
def test_the_signed_attributes_are_type_time_and_digest():
    found = attributes(parsed(seal()))
    assert list(found) == ["content_type", "signing_time", "message_digest"]
    assert found["content_type"][0].native == "data"
    assert found["signing_time"][0].native == NOON
    assert found["message_digest"][0].native == DIGEST


@pytest.mark.requirement("GE-1")
@pytest.mark.parametrize("signing_certificate", [False, True])
@pytest.mark.parametrize("instant", [NOON, FAR])
def test_the_octets_are_der(signing_certificate, instant):
    octets = seal(SealTemplate(PROVIDER, signing_certificate=signing_certificate), instant)
    assert encoded_again(octets) == octets


@pytest.mark.requirement("GE-1")
def test_another_writer_of_cms_signs_the_same_attributes_to_the_same_signature():
    """asn1crypto composes the attributes anew: PKCS#1 v1.5 over equal octets gives equal signatures."""
    ours, theirs = parsed(seal()), parsed(detached_seal(CONTENT, PROVIDER, at=NOON))
    assert ours["signer_infos"][0]["signature"].native == theirs["signer_infos"][0]["signature"].native


@given(seconds=st.floats(-600_000_000, 4_000_000_000))
def test_every_signing_time_comes_back_to_the_second(seconds):
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    time = attributes(parsed(seal(instant=instant)))["signing_time"][0]
    assert time.native == instant.replace(microsecond=0)
    assert time.name == ("utc_time" if instant.year < 2050 else "generalized_time")  # RFC 5652, 11.3


def test_the_signing_time_is_written_in_utc():
    rome = NOON.astimezone(timezone(timedelta(hours=1)))
    assert seal(instant=rome) == seal(instant=NOON)


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="aware"):
        seal(instant=datetime(2026, 11, 5))  # noqa: DTZ001 that is the point


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_a_digest_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="SHA-256"):
        seal(digest=bytes(length))


def test_signing_certificate_names_the_certificate_by_hash():
    found = attributes(parsed(seal(SealTemplate(PROVIDER, signing_certificate=True))))
    assert found["signing_certificate_v2"][0]["certs"][0]["cert_hash"].native == sha256(PROVIDER.certificate).digest()


def test_only_digest_time_and_signature_vary():
    first, second = TEMPLATE.seal(DIGEST, NOON), TEMPLATE.seal(bytes(32), NOON + timedelta(days=400))
    assert first.pieces[0] is second.pieces[0]
    assert len(first) == len(second)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_keys_of_the_sizes_in_use_seal(bits):
    signer = AUTHORITY.provider(
        "Gestore Alfa S.p.A.",
        PROVIDER.address,
        key=private_key("Gestore Alfa S.p.A.", bits),
    )
    octets = seal(SealTemplate(signer))
    assert encoded_again(octets) == octets
    assert len(parsed(octets)["signer_infos"][0]["signature"].native) == bits // 8


@pytest.mark.requirement("CE-8")
def test_a_weak_key_may_not_seal():
    with pytest.raises(UserError, match="1024 bits") as caught:
        SealTemplate(zoo(AUTHORITY)["weak-key"])
    assert "2048" in caught.value.remedy


def test_a_signature_that_does_not_hold_never_leaves():
    """A key that is not the certificate's, or a token that errs."""
    stranger = replace(PROVIDER, key=private_key("zoo"))
    with pytest.raises(WorldError, match="does not hold"):
        seal(SealTemplate(stranger))
    with pytest.raises(WorldError, match="does not hold"):
        sign_opaque(stranger, CONTENT, NOON)


def test_the_certificates_stand_in_der_order():
    certificates = [item.chosen.dump() for item in parsed(seal())["certificates"]]
    assert certificates == sorted(certificates)


@pytest.mark.requirement("DI-2")
@pytest.mark.parametrize("content", [b"", b"version: 1\n", bytes(70_000)])
def test_an_opaque_seal_is_der_with_the_content_inside(content):
    octets = sign_opaque(PROVIDER, content, NOON)
    data = parsed(octets)
    assert data["encap_content_info"]["content"].native == content
    assert attributes(data)["message_digest"][0].native == sha256(content).digest()
    assert PROVIDER.certificate in {item.chosen.dump() for item in data["certificates"]}
    assert encoded_again(octets) == octets


@pytest.mark.system
@pytest.mark.scenario("T-20")
@pytest.mark.requirement("GE-1")
@pytest.mark.parametrize("signing_certificate", [False, True])
@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_openssl_verifies_a_detached_seal(tmp_path, bits, signing_certificate):
    signer = AUTHORITY.provider(PROVIDER.name, PROVIDER.address, key=private_key(PROVIDER.name, bits))
    (tmp_path / "content").write_bytes(CONTENT)
    octets = seal(SealTemplate(signer, signing_certificate=signing_certificate))
    extra = ["-content", str(tmp_path / "content"), *(["-cades"] if signing_certificate else [])]
    assert openssl_accepts(tmp_path, octets, *extra)
    (tmp_path / "content").write_bytes(CONTENT + b" ")
    assert not openssl_accepts(tmp_path, octets, *extra)


@pytest.mark.system
@pytest.mark.scenario("T-20")
@pytest.mark.requirement("DI-2")
def test_openssl_verifies_an_opaque_seal(tmp_path):
    assert openssl_accepts(tmp_path, sign_opaque(PROVIDER, CONTENT, NOON))
    assert (tmp_path / "out").read_bytes() == CONTENT


def openssl_accepts(folder, octets, *extra):
    (folder / "seal.der").write_bytes(octets)
    (folder / "root.pem").write_bytes(pem(AUTHORITY.anchors()[0]))
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(folder / "seal.der")]
    command += ["-CAfile", str(folder / "root.pem"), "-attime", str(int(NOON.timestamp()))]
    return (
        subprocess.run([*command, "-out", str(folder / "out"), *extra], capture_output=True, check=False).returncode
        == 0
    )
