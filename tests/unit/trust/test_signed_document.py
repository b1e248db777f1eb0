"""Signed documents opened: who signed, what holds, by whose list; and never more than was checked."""

import base64
from datetime import timedelta

import pytest

from ceralacca.formats.cms import MalformedCms
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import NOON
from ceralacca.testing.seals import Make, content_info, signer_info
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.cms_writer import sign_opaque
from ceralacca.trust.signed_document import MOST_LAYERS, PathState, SignatureState, open_document

TEXT = b"Contratto di prova\n"
AUTHORITY = Authority.create()
SIGNER, OTHER = AUTHORITY.log_signer(), AUTHORITY.directory_manager()
LATER = NOON + timedelta(days=3)


def listed():
    return TrustStore(anchors=AUTHORITY.anchors(), intermediates=SIGNER.intermediates)


def signed(content=TEXT, signer=SIGNER, at=NOON):
    return sign_opaque(signer, content, at)


def test_a_good_signature_tells_who_when_and_by_whose_list():
    opened = open_document(signed(), trust=listed(), present=LATER)
    assert (opened.content, opened.layers) == (TEXT, 1)
    (one,) = opened.signatures
    assert (one.state, one.path, one.in_period, one.weak_digest) == (
        SignatureState.HOLDS,
        PathState.LISTED,
        True,
        False,
    )
    assert one.signed == NOON
    assert one.signer is not None
    assert "CN=" in one.signer.subject


@pytest.mark.parametrize("store", [None, "another"])
def test_without_a_list_or_on_another_nobody_vouches(store):
    trust = TrustStore(anchors=Authority.create(name="altra").anchors()) if store else None
    (one,) = open_document(signed(), trust=trust, present=LATER).signatures
    assert one.state is SignatureState.HOLDS
    assert one.path is (PathState.NOT_LISTED if store else PathState.NO_LIST)


def test_an_altered_document_is_told_and_nobody_vouches_for_it():
    octets = signed()
    place = octets.index(TEXT)
    opened = open_document(octets[:place] + b"X" + octets[place + 1 :], trust=listed(), present=LATER)
    (one,) = opened.signatures
    assert (one.state, one.path) == (SignatureState.ALTERED, PathState.NOT_LISTED)


def test_every_signer_is_told():
    make = Make(inside=TEXT)
    infos = [signer_info(TEXT, SIGNER, NOON), signer_info(TEXT + b"!", SIGNER, NOON), signer_info(TEXT, OTHER, NOON)]
    opened = open_document(content_info(infos, SIGNER, make), trust=listed(), present=LATER)
    states = sorted(one.state for one in opened.signatures)
    assert states == [SignatureState.ALTERED, SignatureState.HOLDS, SignatureState.UNREADABLE]  # no certificate inside


def test_a_signer_after_the_end_of_the_certificate_is_told():
    late = SIGNER.x509.not_valid_after_utc + timedelta(days=1)
    (one,) = open_document(signed(at=late), trust=listed(), present=late + timedelta(days=1)).signatures
    assert one.in_period is False


def test_signatures_around_signatures_are_opened_to_a_depth():
    octets = TEXT
    for _ in range(MOST_LAYERS + 2):
        octets = signed(octets)
    opened = open_document(octets, trust=None, present=LATER)
    assert opened.layers == MOST_LAYERS
    assert [one.layer for one in opened.signatures] == list(range(MOST_LAYERS))


@pytest.mark.parametrize("wrap", [base64.b64encode, base64.encodebytes])
def test_base64_is_borne(wrap):
    assert open_document(wrap(signed()), trust=None, present=LATER).content == TEXT


@pytest.mark.parametrize("octets", [b"", b"%PDF-1.4", b"0\x80" * 5000, signed()[:-30], b"MIIB" + b"A" * 500])
def test_what_is_no_signed_document_is_refused(octets):
    with pytest.raises(MalformedCms):
        open_document(octets, trust=None, present=LATER)
