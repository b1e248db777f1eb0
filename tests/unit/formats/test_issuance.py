"""What all messages have in common: the subject chosen, the data repeated, the label of the embedded message."""

from dataclasses import replace

import pytest

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.issuance import certified_entity, message_part
from ceralacca.formats.splice import Splice
from ceralacca.testing.scenario import Scenario


@pytest.fixture
def issuance():
    return Scenario().transaction().by_sender()


@pytest.mark.requirement("GE-28")
def test_subject_is_the_octets_given_or_else_the_certified_text(issuance):
    row = MessageRow.ACCEPTANCE
    assert issuance.subject_field(row) == b"Subject: ACCETTAZIONE: =?utf-8?q?Citt=C3=A0?= & controprova <urgente>\r\n"
    by_text = replace(issuance, subject_body=None).subject_field(row)
    assert by_text == b"Subject: ACCETTAZIONE: =?utf-8?q?Citt=C3=A0?= & controprova <urgente>\r\n"
    nothing = replace(issuance, subject_body=None, original=replace(issuance.original, subject=None))
    assert nothing.subject_field(row) == b"Subject: ACCETTAZIONE:\r\n"


@pytest.mark.requirement("XM-7", "GE-23", "TI-2")
def test_certification_repeats_the_original_and_shows_the_instant(issuance):
    data = issuance.certification(MessageRow.ACCEPTANCE)
    assert data.original is issuance.original
    assert (data.instant, data.issuer) == (issuance.instant, "Gestore Alfa S.p.A.")


@pytest.mark.requirement("GE-16")
def test_an_anomaly_is_never_certified(issuance):
    with pytest.raises(AssertionError):
        issuance.certification(MessageRow.ANOMALY_ENVELOPE)


@pytest.mark.requirement("GE-12")
def test_without_html_the_text_is_one_part(issuance):
    row = MessageRow.ACCEPTANCE
    data = issuance.certification(row)
    assert b"multipart/alternative" not in bytes(certified_entity(issuance, row, data))
    assert b"multipart/alternative" in bytes(certified_entity(replace(issuance, with_html=True), row, data))


@pytest.mark.requirement("BA-5", "GE-14")
@pytest.mark.parametrize(
    ("octets", "label"),
    [
        (b"ciao", b"7bit"),
        (b"\xe8", b"8bit"),
        (memoryview(b"ciao" * 100_000), b"7bit"),
        (memoryview(b"ciao" * 100_000 + b"\xe8"), b"8bit"),
        (Splice.of(b"ciao", memoryview(b"\xe8")), b"8bit"),
        (Splice.of(), b"7bit"),
    ],
)
def test_label_says_what_the_message_is(octets, label):
    part = message_part(octets)
    assert b"Content-Transfer-Encoding: " + label + b"\r\n\r\n" in part.pieces[0]
    assert len(part) == len(part.pieces[0]) + len(octets)


@pytest.mark.requirement("GE-31")
def test_embedding_copies_nothing():
    octets = b"x" * 1_000_000
    assert message_part(octets).pieces[1] is octets
