from datetime import timedelta

import pytest
from asn1crypto.core import OctetString

from ceralacca.formats import cms_alike
from ceralacca.formats.cms import MalformedCms, SignedData, read_signed_data
from ceralacca.formats.cms_alike import read_seal
from ceralacca.testing.authority import Authority
from ceralacca.testing.seals import ENTITY, Make, as_ber, attribute, cms_seal

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
SIGNER = AUTHORITY.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
OTHER = AUTHORITY.provider("Gestore Beta", "posta-certificata@gestore-beta.example")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(cms_alike, "_known", {})
    monkeypatch.setattr(cms_alike, "_openings", {})


def seal(content: bytes = ENTITY, *, seconds: int = 0, signer=SIGNER, **make: object) -> bytes:
    return cms_seal(content, signer, AT + timedelta(seconds=seconds), Make(**make))  # type: ignore[arg-type]


def outcome(read, octets: bytes) -> SignedData | str:
    try:
        return read(octets)
    except MalformedCms as fault:
        return str(fault)


@pytest.fixture
def read_whole(monkeypatch):
    """Gives what was read as if nothing were known."""
    whole: list[bytes] = []

    def reading(octets: bytes) -> SignedData:
        whole.append(octets)
        return read_signed_data(octets)

    monkeypatch.setattr(cms_alike, "read_signed_data", reading)
    return whole


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("make", [{}, {"digest": "sha512"}, {"family": "rsa-pss"}, {"by_key_identifier": True}])
def test_a_second_seal_of_a_signer_is_read_by_comparison_to_the_same_answer(read_whole, make):
    first, second = seal(**make), seal(b"something else", seconds=3601, **make)
    assert read_seal(first) == read_signed_data(first)
    assert read_seal(second) == read_signed_data(second)
    assert read_seal(first) == read_signed_data(first)
    assert read_whole == [first]


def test_signers_are_told_apart(read_whole):
    seals = [seal(signer=signer, seconds=each) for each in range(3) for signer in (SIGNER, OTHER)]
    assert [read_seal(one) for one in seals] == [read_signed_data(one) for one in seals]
    assert read_whole == seals[:2]


@pytest.mark.requirement("IP-6", "TO-1")
def test_whatever_is_different_has_the_answer_that_it_has_by_itself():
    known = seal()
    read_seal(known)
    for at in range(len(known)):
        for other in {known[at] ^ 1, known[at] ^ 0x80, 0}:
            changed = known[:at] + bytes((other,)) + known[at + 1 :]
            assert outcome(read_seal, changed) == outcome(read_signed_data, changed)
            read_seal(known)
    for changed in (known[:-1], known + b"\0", known[1:], b"", known * 2):
        assert outcome(read_seal, changed) == outcome(read_signed_data, changed)


@pytest.mark.requirement("TO-1")
@pytest.mark.parametrize(
    "octets",
    [
        as_ber(seal()),
        as_ber(seal(), attributes=True),
        seal(inside=ENTITY),
        seal(signed_attributes=False),
        seal(signing_time=False),
        seal(attributes=lambda usual: [*usual, usual[0]]),
        seal(attributes=lambda usual: [*usual, attribute("1.2.3.4", OctetString(bytes(20_000)))]),
    ],
    ids=["ber", "ber-attributes", "content-inside", "no-attributes", "no-time", "attribute-twice", "large"],
)
def test_what_is_of_another_form_is_read_whole_each_time(read_whole, octets):
    assert read_seal(octets) == read_seal(octets) == read_signed_data(octets)
    assert read_whole == [octets, octets]


def test_a_time_that_is_none_is_a_fault_of_its_own():
    known = seal()
    read_seal(known)
    time = AT.strftime("%y%m%d%H%M%SZ").encode()
    wrong = known.replace(b"\x17\x0d" + time, b"\x17\x0d" + b"9" * 12 + b"Z")
    read = read_seal(wrong)
    assert read == read_signed_data(wrong)
    assert read.signers[0].attributes_fault


def test_strangers_cannot_fill_the_memory(monkeypatch):
    monkeypatch.setattr(cms_alike, "_MOST_SIGNERS", 2)
    for number in range(5):
        signer = AUTHORITY.provider(f"Gestore {number}", f"posta-certificata@gestore-{10**number}.example")
        read_seal(seal(signer=signer))
        assert len(cms_alike._known) <= 2
        assert sum(map(len, cms_alike._openings.values())) <= 2
