import base64
from datetime import timedelta

import pytest

from ceralacca.core.model.outcome import Mark, SealStep, SealVerdict
from ceralacca.core.model.reason import Reason
from ceralacca.formats.cms import MalformedCms
from ceralacca.testing.authority import Authority
from ceralacca.testing.seals import Make, as_ber, cms_seal
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.cms_writer import sign_opaque
from ceralacca.trust.instant import JudgedAt
from ceralacca.trust.opaque import open_opaque

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
MANAGER = AUTHORITY.directory_manager()
LDIF = b"version: 1\n\ndn: o=postacert\n" + b"# riga di prova\n" * 40
P7M = sign_opaque(MANAGER, LDIF, AT)
TRUST = TrustStore(anchors=AUTHORITY.anchors(), crls=AUTHORITY.crls())
NOW = JudgedAt.now(AT)


@pytest.mark.requirement("DI-2", "DI-5")
def test_content_and_report_under_a_pinned_certificate():
    opened = open_opaque(P7M, trust=None, at=NOW, pinned=[MANAGER.certificate])
    assert opened.content == LDIF
    assert opened.report.verdict is SealVerdict.VALID
    assert opened.report.signing_time == AT
    marks = {step.step: step.mark for step in opened.report.steps}
    assert marks[SealStep.PATH] is Mark.PASSED
    assert marks[SealStep.ADDRESS] is marks[SealStep.DIRECTORY] is Mark.NOT_REACHED


@pytest.mark.requirement("DI-5", "SE-5")
def test_a_good_certificate_that_is_not_the_pinned_one_is_refused():
    other = AUTHORITY.provider("altro", "altro@prova.example")
    opened = open_opaque(sign_opaque(other, LDIF, AT), trust=TRUST, at=NOW, pinned=[MANAGER.certificate])
    assert (opened.report.verdict, opened.report.reason) == (SealVerdict.UNTRUSTED, Reason.NOT_PINNED)


@pytest.mark.requirement("DI-2")
def test_without_a_pin_the_path_decides():
    assert open_opaque(P7M, trust=TRUST, at=NOW).report.verdict is SealVerdict.VALID
    assert open_opaque(P7M, trust=None, at=NOW).report.verdict is SealVerdict.INDETERMINATE


@pytest.mark.requirement("DI-5")
def test_a_tampered_file_is_altered_and_an_expired_manager_expired():
    tampered = open_opaque(P7M.replace(b"riga", b"riva", 1), trust=None, at=NOW, pinned=[MANAGER.certificate])
    assert tampered.report.verdict is SealVerdict.ALTERED
    later = JudgedAt.now(MANAGER.x509.not_valid_after_utc + timedelta(days=1))
    assert open_opaque(P7M, trust=None, at=later, pinned=[MANAGER.certificate]).report.verdict is SealVerdict.EXPIRED


@pytest.mark.requirement("DI-2")
@pytest.mark.parametrize(
    "dress",
    [
        as_ber,
        base64.encodebytes,
        lambda der: b"-----BEGIN PKCS7-----\n" + base64.encodebytes(der) + b"-----END PKCS7-----\n",
    ],
    ids=["ber", "base64", "pem"],
)
def test_other_dresses_of_the_same_file(dress):
    opened = open_opaque(dress(P7M), trust=TRUST, at=NOW)
    assert (opened.content, opened.report.verdict) == (LDIF, SealVerdict.VALID)


def test_line_ends_inside_are_never_converted():
    p7m = cms_seal(LDIF.replace(b"\n", b"\r\n"), MANAGER, AT, Make(inside=LDIF))
    assert open_opaque(p7m, trust=TRUST, at=NOW).report.verdict is SealVerdict.ALTERED


@pytest.mark.parametrize(
    "octets", [b"", b"ciao", P7M[:-1], P7M + b"\0", LDIF, cms_seal(LDIF, MANAGER, AT), base64.encodebytes(P7M)[:-9]]
)
def test_without_content_there_is_nothing_to_hand_out(octets):
    with pytest.raises(MalformedCms):
        open_opaque(octets, trust=TRUST, at=NOW)
